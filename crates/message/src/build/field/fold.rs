//! Lines of a field (RFC 5322 §2.1.1, §2.2.3): broken before white space, so that unfolding gives back what
//! was written.

/// What is never broken, with the blanks before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::build) struct Piece {
    pub(in crate::build) blanks: usize,
    pub(in crate::build) text: String,
    /// An encoded word: on no line of more than 76 octets (RFC 2047 §2).
    pub(in crate::build) is_encoded: bool,
}

impl Piece {
    /// With one blank before it.
    pub(in crate::build) fn word(text: String) -> Piece {
        Piece { blanks: 1, text, is_encoded: false }
    }
}

/// Octets of a line that are not passed where it can be broken. RFC 5322 §2.1.1 says 78, RFC 2047 §2 says 76
/// for lines with encoded words.
const LINE_OCTETS: usize = 76;
/// RFC 5322 §2.1.1.
const LINE_OCTETS_MAX: usize = 998;

/// Appends the field `name` with one blank before the first piece.
pub(in crate::build) fn fold(name: &str, pieces: &[Piece], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut column = name.len() + 1;
    for (at, piece) in pieces.iter().enumerate() {
        let blanks = if at == 0 { 1 } else { piece.blanks };
        let end = column + blanks + piece.text.len();
        // Some readers do not expect the first line to be empty: only what must not be on a long line goes
        // to the next one.
        let must = piece.is_encoded || end > LINE_OCTETS_MAX;
        if blanks > 0 && end > LINE_OCTETS && (at > 0 || must) {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.extend(std::iter::repeat_n(b' ', blanks));
        out.extend_from_slice(piece.text.as_bytes());
        column += blanks + piece.text.len();
    }
    out.extend_from_slice(b"\r\n");
}
