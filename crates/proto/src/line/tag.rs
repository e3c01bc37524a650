//! Tags, by which an answer names its command (RFC 9051 §2.2.1, DMAP-00 §3.2.1).

use std::fmt;

use koi_types::limits;

use super::lex::{Cursor, SyntaxError, is_astring_char};

/// The tag of a command: 1 to 128 octets of `ASTRING-CHAR` without `+` (RFC 9051 §2.2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag(Box<str>);

impl Tag {
    /// `None` for what cannot be a tag.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        tag_of(text.as_bytes()).filter(|tag| tag.as_str() == text)
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The tag in front, if there is one that can be sent back.
#[must_use]
pub fn tag_of(octets: &[u8]) -> Option<Tag> {
    let mut cursor = Cursor::new(octets, false);
    let tag = tag(&mut cursor).ok()?;
    matches!(cursor.peek(), None | Some(b' ' | b'\r' | b'\n')).then_some(tag)
}

/// ```abnf
/// tag = 1*<any ASTRING-CHAR except "+">   ; RFC 9051 §9
/// ```
pub fn tag(cursor: &mut Cursor<'_>) -> Result<Tag, SyntaxError> {
    let before = cursor.error("tag is too long");
    let tag = cursor.word(|b| is_astring_char(b) && b != b'+', "expected a tag")?;
    if tag.len() > limits::IMAP_TAG_OCTETS_MAX {
        return Err(before);
    }
    Ok(Tag(tag.into()))
}
