//! APPEND, whose message is streamed (DMAP-00 §7.3.10): what comes before the message.

use koi_types::{Flags, limits};

use super::mailbox::META_TOO_LARGE;
use super::{Encoded, Tag};
use crate::dmap::flag::{Unknown, flag_list, push_flags};
use crate::dmap::name::{self, MailboxArg};
use crate::dmap::text;
use crate::line::date::{DateTime, date_time, push_date_time};
use crate::line::lex::{Cursor, Fault, SyntaxError};
use crate::line::tag::tag;
use crate::line::{LiteralMarker, literal_marker};

/// APPEND up to its message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Append {
    pub mailbox: MailboxArg,
    pub flags: Flags,
    pub internal_date: Option<DateTime>,
    pub meta: Option<Vec<u8>>,
    /// So many octets of the message follow.
    pub octets: u64,
    /// They may hold NUL: the usual form. A `literal`, which may not, is for RFC 5322 text.
    pub literal8: bool,
}

/// What a literal at the end of an unfinished command is.
pub(in crate::dmap) enum Opening {
    /// The message of APPEND.
    Message { tag: Tag, append: Append },
    /// An argument.
    Argument,
}

/// Judges a command that ends with the announcement of a literal, without its line end. An error saves the
/// client from sending the literal (DMAP-00 §3.2.1).
pub(in crate::dmap) fn opening(octets: &[u8]) -> Result<Opening, SyntaxError> {
    let mut cursor = Cursor::new(octets, true);
    let tag = tag(&mut cursor)?;
    cursor.space()?;
    let read = match cursor.take_word("APPEND ") {
        true => append(&mut cursor).map(|append| Opening::Message { tag, append }),
        false => super::parse(octets).and_then(|_| cursor.fail("no literal belongs here")),
    };
    match read {
        Err(error) if error.fault == Fault::CutOff => Ok(Opening::Argument),
        read => read,
    }
}

/// ```abnf
/// append = "APPEND" SP mailbox [SP flag-list] [SP date-time] [SP "META" SP literal8] SP (literal8 / literal)
/// ```
fn append(cursor: &mut Cursor<'_>) -> Result<Append, SyntaxError> {
    let mailbox = name::mailbox(cursor)?;
    let (mut flags, mut internal_date, mut meta) = (Flags::default(), None, None);
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        flags = flag_list(cursor, Unknown::Refused)?;
        cursor.space()?;
    }
    if cursor.peek() == Some(b'"') {
        internal_date = Some(date_time(cursor)?);
        cursor.space()?;
    }
    if cursor.take_word("META ") {
        meta = Some(text::literal8(cursor, limits::DMAP_META_OCTETS_MAX, META_TOO_LARGE)?);
        cursor.space()?;
    }
    match literal_marker(cursor.rest()).filter(|marker| marker.at == 0) {
        Some(LiteralMarker { octets, literal8, .. }) => {
            Ok(Append { mailbox, flags, internal_date, meta, octets, literal8 })
        }
        None => cursor.fail("expected the message as a literal"),
    }
}

impl Append {
    /// As a client sends it, up to the message: its octets and then CRLF follow, after `+` if the last piece
    /// is empty.
    #[must_use]
    pub fn encode(&self, tag: &Tag) -> Encoded {
        let mut out = Encoded::default();
        out.push(tag.as_str());
        out.with_name(" APPEND ", self.mailbox.as_str());
        if self.flags != Flags::default() {
            out.push(" ");
            out.with(|out| push_flags(&self.flags, out));
        }
        if let Some(date) = self.internal_date {
            out.push(" ");
            out.with(|out| push_date_time(date, out));
        }
        if let Some(meta) = &self.meta {
            out.push(" META ");
            out.literal8(meta);
        }
        out.push(" ");
        out.announce(if self.literal8 { "~{" } else { "{" }, self.octets);
        out
    }
    /// The whole command with this message, whose octets are counted here.
    #[must_use]
    pub fn encode_with(&self, tag: &Tag, message: &[u8]) -> Encoded {
        let mut out = Self { octets: message.len() as u64, ..self.clone() }.encode(tag);
        out.with(|out| {
            out.extend_from_slice(message);
            out.extend_from_slice(b"\r\n");
        });
        out
    }
}
