//! The grammar that both sides share (RFC 5802 §7): attributes, names, nonces.

use koi_types::limits;

/// One attribute: a letter, `=`, and a value that is not empty.
///
/// ```abnf
/// attr-val   = ALPHA "=" value        ; RFC 5802 §7
/// value-char = value-safe-char / "="  ; UTF8-char except NUL and ","
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Attribute<'a> {
    pub(super) letter: u8,
    pub(super) value: &'a str,
}

impl<'a> Attribute<'a> {
    /// `text` has no comma in it.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (name, value) = text.split_once('=')?;
        let [letter] = name.as_bytes() else { return None };
        let valid = letter.is_ascii_alphabetic() && !value.is_empty() && !value.contains('\0');
        valid.then_some(Self { letter: *letter, value })
    }
    /// The value, when it is this attribute.
    pub(super) fn of(letter: u8, text: &'a str) -> Option<&'a str> {
        Self::parse(text).filter(|a| a.letter == letter).map(|a| a.value)
    }
}

/// `saslname` with `=2C` and `=3D` as they are meant (RFC 5802 §5.1); nothing else may follow a `=`.
pub(super) fn name_from(text: &str) -> Option<Box<str>> {
    let mut name = String::with_capacity(text.len());
    let mut pieces = text.split('=');
    name.push_str(pieces.next()?);
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2)?;
        name.push(match code {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        name.push_str(rest);
    }
    Some(name.into())
}

/// The other way.
pub(super) fn name_to(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// `1*printable`, bounded.
pub(super) fn is_nonce(text: &str) -> bool {
    let printable = |b: u8| (0x21..=0x7e).contains(&b) && b != b',';
    !text.is_empty() && text.len() <= limits::SCRAM_NONCE_OCTETS_MAX && text.bytes().all(printable)
}
