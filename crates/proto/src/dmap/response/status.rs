//! Status responses and continuation requests (DMAP-00 §8.1 and §8.5).

use super::Code;
use crate::dmap::command::words;
use crate::line::Tag;
use crate::line::lex::{Cursor, SyntaxError};
use crate::sasl;

words! {
    /// First word of a status response (DMAP-00 §8.1).
    Condition {
        Ok = "OK",
        No = "NO",
        Bad = "BAD",
        /// Never tagged.
        PreAuth = "PREAUTH",
        /// Never tagged.
        Bye = "BYE",
    }
}

/// A status response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Of the command it answers; untagged without one.
    pub tag: Option<Tag>,
    pub condition: Condition,
    pub code: Option<Code>,
    /// For people.
    pub text: Box<str>,
}

/// ```abnf
/// done      = tag SP ("OK" / "NO" / "BAD") SP resp-text CRLF
/// bye       = "*" SP "BYE" SP resp-text CRLF
/// resp-text = ["[" resp-code "]" SP] *CHAR8     ; no CR LF
/// ```
/// The text may be missing with the space before it, which a client can live with.
pub(super) fn read(cursor: &mut Cursor<'_>, tag: Option<Tag>) -> Result<Status, SyntaxError> {
    let before = cursor.error("expected OK, NO or BAD");
    let condition = Condition::parse(cursor.atom(before.what)?).ok_or(before)?;
    if tag.is_some() && matches!(condition, Condition::PreAuth | Condition::Bye) {
        return Err(before);
    }
    let mut code = None;
    if cursor.take(b' ') && cursor.take(b'[') {
        code = Some(Code::read(cursor)?);
        cursor.expect(b']', "expected ]")?;
        cursor.take(b' ');
    }
    Ok(Status { tag, condition, code, text: rest_of_line(cursor) })
}

/// Everything that is left, for people.
pub(super) fn rest_of_line(cursor: &mut Cursor<'_>) -> Box<str> {
    String::from_utf8_lossy(cursor.run(|_| true)).into()
}

impl Status {
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        status(self.tag.as_ref(), self.condition, self.code.as_ref(), &self.text, out);
    }
}

/// Tagged, or untagged without a tag. What a line cannot have is replaced by `?`.
pub fn status(tag: Option<&Tag>, condition: Condition, code: Option<&Code>, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(tag.map_or("*", Tag::as_str).as_bytes());
    out.push(b' ');
    out.extend_from_slice(condition.name().as_bytes());
    out.push(b' ');
    if let Some(code) = code {
        out.push(b'[');
        code.push(out);
        out.extend_from_slice(b"] ");
    }
    // A text must not be taken for a code.
    let from = out.len();
    push_line(text, out);
    if let Some(first @ b'[') = out.get_mut(from).filter(|_| code.is_none()) {
        *first = b'(';
    }
    out.extend_from_slice(b"\r\n");
}

/// `+ text`
pub fn continuation(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"+ ");
    push_line(text, out);
    out.extend_from_slice(b"\r\n");
}

/// `+ base64`: a challenge of SASL; empty for "go on".
pub fn challenge(octets: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"+ ");
    out.extend_from_slice(sasl::base64_encode(octets).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// UTF-8, with `?` for CR, LF and NUL.
pub(super) fn push_line(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().map(|b| if matches!(b, b'\r' | b'\n' | 0) { b'?' } else { b }));
}
