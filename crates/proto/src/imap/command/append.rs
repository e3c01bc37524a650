//! APPEND (RFC 9051 §6.3.12): everything before the message literal. The message itself is streamed by the
//! decoder.

use koi_types::Flags;

use super::flag::flag_list;
use super::{MailboxArg, Opening, Tag, mailbox};
use crate::imap::date::{DateTime, date_time};
use crate::imap::lex::{Cursor, SyntaxError};

/// `APPEND mailbox [flags] [date-time] literal`, up to the announcement of the literal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppendBegin {
    pub tag: Tag,
    pub mailbox: MailboxArg,
    pub flags: Flags,
    /// Internal date, if the client gave one.
    pub date: Option<DateTime>,
    /// Size of the message as announced.
    pub octets: u64,
    /// The client waits for a continuation request; refusing such a literal costs nothing (RFC 9051 §4.3).
    pub synchronising: bool,
    /// `~{n}`: the message may contain NUL (RFC 3516 §4.4).
    pub literal8: bool,
}

/// Reads from behind the word APPEND to the announcement of a literal, which is that of the mailbox name or
/// that of the message.
///
/// ```abnf
/// append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal   ; RFC 9051 §9
/// ```
pub(super) fn opening(cursor: &mut Cursor<'_>, tag: Tag) -> Result<Opening, SyntaxError> {
    cursor.space()?;
    if cursor.rest().is_empty() {
        return Ok(Opening::Argument);
    }
    let mailbox = mailbox(cursor)?;
    cursor.space()?;
    let mut flags = Flags::default();
    if cursor.peek() == Some(b'(') {
        flags = flag_list(cursor)?;
        cursor.space()?;
    }
    let mut date = None;
    if cursor.peek() == Some(b'"') {
        date = Some(date_time(cursor)?);
        cursor.space()?;
    }
    if !cursor.rest().is_empty() {
        return cursor.fail("expected flags, a date or the message");
    }
    let unknown = AppendBegin { tag, mailbox, flags, date, octets: 0, synchronising: false, literal8: false };
    Ok(Opening::Message(unknown))
}
