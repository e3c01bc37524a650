//! Which octets of a message: a chunk by its type and number, and a part of it (DMAP-00 §3.4 and §7.6.4).

use std::fmt;

use crate::line::lex::{Cursor, SyntaxError};
use crate::line::number::push_number;

/// The type of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChunkType(pub u8);

/// `67.2`: the second chunk of type 67. Chunks do not nest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Section {
    pub chunk: ChunkType,
    /// Counted from 1, among the chunks of this type.
    pub number: u32,
}

/// What octets are asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BodyForm {
    /// As they are stored.
    Stored,
    /// As they read once the server has decrypted them; only where the capability DECRYPT is shown.
    Plain,
}

/// A chunk or, without a section, the whole message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Body {
    pub form: BodyForm,
    pub section: Option<Section>,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.chunk.0, self.number)
    }
}

impl Body {
    /// `BODY[t.n]`, or `name` instead of BODY.
    pub(super) fn push(self, name: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(name.as_bytes());
        out.push(b'[');
        if let Some(section) = self.section {
            push_number(u64::from(section.chunk.0), out);
            out.push(b'.');
            push_number(u64::from(section.number), out);
        }
        out.push(b']');
    }
    pub(super) const fn name(self) -> &'static str {
        match self.form {
            BodyForm::Stored => "BODY",
            BodyForm::Plain => "PLAIN",
        }
    }
}

/// `"[" [section] "]"`
///
/// ```abnf
/// section    = chunk-type "." nz-number
/// chunk-type = number                            ; 0..255
/// ```
pub(super) fn bracketed(cursor: &mut Cursor<'_>) -> Result<Option<Section>, SyntaxError> {
    cursor.expect(b'[', "expected [")?;
    if cursor.take(b']') {
        return Ok(None);
    }
    let chunk = chunk_type(cursor)?;
    cursor.expect(b'.', "expected . and the number of the chunk")?;
    let number = cursor.nz_number()?;
    cursor.expect(b']', "expected ]")?;
    Ok(Some(Section { chunk, number }))
}

pub(super) fn chunk_type(cursor: &mut Cursor<'_>) -> Result<ChunkType, SyntaxError> {
    let before = cursor.error("a chunk type is at most 255");
    u8::try_from(cursor.number()?).map(ChunkType).map_err(|_| before)
}
