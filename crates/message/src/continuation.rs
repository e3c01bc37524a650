//! Parameter value continuations (RFC 2231 §3, §4.1): `name*0`, `name*1*`, … become one parameter.
//! The extended notation is kept, not decoded: IMAP shows parameters as they are.

use crate::content::Param;

/// Joins the continuations among `params`, in the place of the first piece. Pieces without a piece 0, and
/// those behind a gap, stay as they are.
pub(crate) fn join(params: Vec<Param>) -> Vec<Param> {
    let pieces: Vec<Option<Piece>> = params.iter().map(|param| Piece::of(&param.name)).collect();
    let mut used = vec![false; params.len()];
    let mut joined = Vec::with_capacity(params.len());
    for (at, param) in params.iter().enumerate() {
        if used.get(at).copied().unwrap_or(true) {
            continue;
        }
        let Some(Some(piece)) = pieces.get(at) else {
            joined.push(param.clone());
            continue;
        };
        let run = run_of(&params, &pieces, piece.base(&param.name));
        if !run.contains(&at) {
            joined.push(param.clone());
            continue;
        }
        for &place in &run {
            if let Some(mark) = used.get_mut(place) {
                *mark = true;
            }
        }
        joined.extend(put_together(&params, &pieces, &run));
    }
    joined
}

/// The number and kind of one piece of a value.
struct Piece {
    base_octets: usize,
    number: u32,
    extended: bool,
}

impl Piece {
    /// `attribute "*" section ["*"]`; None if the name has no section number.
    fn of(name: &[u8]) -> Option<Piece> {
        let extended = name.ends_with(b"*");
        let stem = name.strip_suffix(b"*").unwrap_or(name);
        let star = memchr::memrchr(b'*', stem)?;
        let digits = stem.get(star + 1..)?;
        let well_formed = !digits.is_empty()
            && digits.len() <= 4
            && digits.iter().all(u8::is_ascii_digit)
            && (digits.len() == 1 || !digits.starts_with(b"0"));
        let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (well_formed && star > 0).then_some(Piece { base_octets: star, number, extended })
    }

    fn base<'a>(&self, name: &'a [u8]) -> &'a [u8] {
        name.get(..self.base_octets).unwrap_or_default()
    }
}

/// The places of pieces 0, 1, … of `base`, up to a gap.
fn run_of(params: &[Param], pieces: &[Option<Piece>], base: &[u8]) -> Vec<usize> {
    let mut run = Vec::new();
    while let Some(found) = position(params, pieces, base, run.len() as u32) {
        run.push(found);
    }
    run
}

/// One parameter made of the pieces at the places `run`.
fn put_together(params: &[Param], pieces: &[Option<Piece>], run: &[usize]) -> Option<Param> {
    let piece_at = |place: &usize| Some((pieces.get(*place)?.as_ref()?, params.get(*place)?));
    let run: Vec<(&Piece, &Param)> = run.iter().filter_map(piece_at).collect();
    let (first, named) = run.first()?;
    let mut joined = Param { name: first.base(&named.name).to_vec(), value: Vec::new() };
    let extended = run.iter().any(|(piece, _)| piece.extended);
    if extended {
        joined.name.push(b'*');
        if !first.extended {
            joined.value.extend_from_slice(b"''");
        }
    }
    for (piece, param) in run {
        if extended && !piece.extended {
            percent_encode(&param.value, &mut joined.value);
        } else {
            joined.value.extend_from_slice(&param.value);
        }
    }
    Some(joined)
}

fn position(params: &[Param], pieces: &[Option<Piece>], base: &[u8], number: u32) -> Option<usize> {
    params.iter().zip(pieces).position(|(param, piece)| {
        piece
            .as_ref()
            .is_some_and(|piece| piece.number == number && piece.base(&param.name).eq_ignore_ascii_case(base))
    })
}

/// RFC 2231 §7: everything but attribute-char becomes `%XX`.
fn percent_encode(value: &[u8], out: &mut Vec<u8>) {
    for &octet in value {
        let plain = octet.is_ascii_graphic()
            && crate::lexer::is_token(octet)
            && !matches!(octet, b'*' | b'\'' | b'%');
        if plain {
            out.push(octet);
        } else {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0') as u8;
            out.extend([
                b'%',
                digit(octet >> 4).to_ascii_uppercase(),
                digit(octet & 15).to_ascii_uppercase(),
            ]);
        }
    }
}
