//! What the server sends (DMAP-00 §8): one `Response` with everything in it, from octets and back to octets.
//!
//! A server that answers a FETCH of 50,000 messages, or with a message of 50 MB, writes it with `FetchLine`
//! instead, straight into the output and in pieces.

mod code;
mod fetch;
mod key;
mod mailbox;
mod search;
mod signet;
mod status;

pub use code::Code;
pub use fetch::{ChunkEntry, FetchLine, Fetched, FetchedItem, Of};
pub use key::{Key, KeyItem, KeyState};
pub use mailbox::{ListEntry, ListExtra, MailboxAttr, StatusValue};
pub use search::{Esearch, SearchResult};
pub use signet::{Check, Realm, ShardForm, Signet, SignetItem, SignetState, Source};
pub use status::{Condition, Status, challenge, continuation, status};

use koi_types::{Flags, SeqNum, UidSet};

use super::capability::{Capability, capabilities, push_capabilities};
use super::flag::{Unknown, flag_list, push_flags};
use super::name::{self, MailboxArg};
use super::text;
use crate::line::lex::{Cursor, SyntaxError, is_atom_char};
use crate::line::number::push_number;
use crate::line::set::{known_set, push_set};
use crate::line::tag::tag;
use crate::sasl::base64_decode;

/// One response with its literals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Response {
    /// DMAP-00 §8.1: OK, NO, BAD, PREAUTH, BYE.
    Status(Status),
    /// DMAP-00 §8.5: the text behind `+`; see `Response::challenge`.
    Continue(Box<str>),
    /// DMAP-00 §8.2.1; at least one.
    Capability(Vec<Capability>),
    /// RFC 9051 §7.2.1
    Enabled(Vec<Capability>),
    /// DMAP-00 §8.2.3
    Flags(Flags),
    /// DMAP-00 §7.3.8
    List(ListEntry),
    /// DMAP-00 §8.2.2
    MailboxStatus {
        mailbox: MailboxArg,
        values: Vec<StatusValue>,
    },
    MailboxMeta {
        mailbox: MailboxArg,
        meta: Option<Vec<u8>>,
    },
    /// DMAP-00 §7.6.3
    Search(SearchResult),
    /// RFC 9051 §7.3.4
    Esearch(Esearch),
    /// DMAP-00 §8.3.1
    Exists(u32),
    /// DMAP-00 §7.6.2
    Expunge(SeqNum),
    /// RFC 7162 §3.2.10; not empty.
    Vanished {
        earlier: bool,
        uids: UidSet,
    },
    /// DMAP-00 §8.4.1
    Fetch(Fetched),
    /// DMAP-00 §7.4
    Key(Key),
    /// DMAP-00 §7.5
    Signet(Signet),
    Realm(Realm),
    /// DMAP-00 §7.7.1: an experimental response; the name in upper case.
    Experimental {
        name: Box<str>,
        text: Box<str>,
    },
    /// Some other response, which a client ignores (DMAP-00 §8); the word it began with, in upper case.
    Unknown(Box<str>),
}

/// Reads a complete response, without its last line end.
///
/// ```abnf
/// response = *(continue / data) (done / bye)
/// greeting = "*" SP ("OK" / "PREAUTH" / "BYE") SP resp-text CRLF
/// continue = "+" [SP (resp-text / base64)] CRLF
/// ```
pub fn parse(octets: &[u8]) -> Result<Response, SyntaxError> {
    let mut cursor = Cursor::new(octets, true);
    if cursor.take(b'+') {
        cursor.take(b' ');
        return Ok(Response::Continue(status::rest_of_line(&mut cursor)));
    }
    if !cursor.take(b'*') {
        let tag = tag(&mut cursor)?;
        cursor.space()?;
        return status::read(&mut cursor, Some(tag)).map(Response::Status);
    }
    cursor.space()?;
    let response = untagged(&mut cursor)?;
    match response {
        Response::Unknown(_) => {}
        _ => text::end(&cursor)?,
    }
    Ok(response)
}

fn untagged(cursor: &mut Cursor<'_>) -> Result<Response, SyntaxError> {
    if cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
        return numbered(cursor);
    }
    let mut ahead = cursor.clone();
    let name = ahead.word(is_atom_char, "expected a response")?.to_ascii_uppercase();
    if Condition::parse(&name).is_some() {
        return status::read(cursor, None).map(Response::Status);
    }
    *cursor = ahead;
    if let Some(response) = on_mailboxes(cursor, &name)? {
        return Ok(response);
    }
    match name.as_str() {
        "CAPABILITY" => capabilities(cursor).map(Response::Capability),
        "ENABLED" if cursor.peek().is_none() => Ok(Response::Enabled(Vec::new())),
        "ENABLED" => capabilities(cursor).map(Response::Enabled),
        "SEARCH" => search::search(cursor).map(Response::Search),
        "ESEARCH" => search::esearch(cursor).map(Response::Esearch),
        "VANISHED" => vanished(cursor),
        "KEY" => key::key(cursor).map(Response::Key),
        "SIGNET" => signet::signet(cursor).map(Response::Signet),
        "REALM" => signet::realm(cursor).map(Response::Realm),
        name if name.starts_with('X') => {
            cursor.take(b' ');
            Ok(Response::Experimental { name: name.into(), text: status::rest_of_line(cursor) })
        }
        name => Ok(Response::Unknown(name.into())),
    }
}

fn on_mailboxes(cursor: &mut Cursor<'_>, name: &str) -> Result<Option<Response>, SyntaxError> {
    let response = match name {
        "FLAGS" => {
            cursor.space()?;
            Response::Flags(flag_list(cursor, Unknown::Ignored)?)
        }
        "LIST" => Response::List(mailbox::list(cursor)?),
        "STATUS" => {
            let mailbox = name::spaced(cursor)?;
            cursor.space()?;
            Response::MailboxStatus { mailbox, values: mailbox::status_values(cursor)? }
        }
        "MBOXMETA" => {
            let mailbox = name::spaced(cursor)?;
            cursor.space()?;
            Response::MailboxMeta { mailbox, meta: text::nbin(cursor, usize::MAX, "")? }
        }
        _ => return Ok(None),
    };
    Ok(Some(response))
}

/// ```abnf
/// data =/ number SP "EXISTS" / nz-number SP "EXPUNGE" / nz-number SP "FETCH" SP "(" msg-att *(SP msg-att) ")"
/// ```
fn numbered(cursor: &mut Cursor<'_>) -> Result<Response, SyntaxError> {
    let before = cursor.error("number must not be 0");
    let number = cursor.number()?;
    let name = text::spaced_word(cursor, "expected EXISTS, EXPUNGE or FETCH")?;
    match name.as_str() {
        "EXISTS" => Ok(Response::Exists(number)),
        "EXPUNGE" => SeqNum::new(number).map(Response::Expunge).ok_or(before),
        "FETCH" | "UIDFETCH" => {
            let of = Of::new(number, name == "UIDFETCH").ok_or(before)?;
            cursor.space()?;
            fetch::items(cursor).map(|items| Response::Fetch(Fetched { of, items }))
        }
        name => Ok(Response::Unknown(name.into())),
    }
}

/// ```abnf
/// data =/ "VANISHED" [SP "(EARLIER)"] SP uid-set
/// ```
fn vanished(cursor: &mut Cursor<'_>) -> Result<Response, SyntaxError> {
    let earlier = cursor.take_word(" (EARLIER)");
    cursor.space()?;
    Ok(Response::Vanished { earlier, uids: UidSet(known_set(cursor)?) })
}

impl Response {
    /// The challenge in `+ base64`; nothing when it is no challenge.
    #[must_use]
    pub fn challenge(&self) -> Option<Vec<u8>> {
        match self {
            Self::Continue(text) => base64_decode(text.as_bytes()).ok(),
            _ => None,
        }
    }
    /// Appends it with its line end.
    pub fn push(&self, out: &mut Vec<u8>) {
        match self {
            Self::Status(status) => return status.push(out),
            Self::Continue(text) => return continuation(text, out),
            Self::Fetch(fetched) => return fetched.push(out),
            _ => out.extend_from_slice(b"* "),
        }
        self.push_data(out);
        out.extend_from_slice(b"\r\n");
    }
    fn push_data(&self, out: &mut Vec<u8>) {
        match self {
            Self::Capability(capabilities) => {
                out.extend_from_slice(b"CAPABILITY");
                push_capabilities(capabilities, out);
            }
            Self::Enabled(capabilities) => {
                out.extend_from_slice(b"ENABLED");
                push_capabilities(capabilities, out);
            }
            Self::Flags(flags) => {
                out.extend_from_slice(b"FLAGS ");
                push_flags(flags, out);
            }
            Self::List(entry) => entry.push(out),
            Self::MailboxStatus { mailbox, values } => mailbox::push_status(mailbox, values, out),
            Self::MailboxMeta { mailbox, meta } => {
                out.extend_from_slice(b"MBOXMETA ");
                text::push_text(mailbox.as_str(), out);
                out.push(b' ');
                text::push_nbin(meta.as_deref(), out);
            }
            Self::Search(result) => result.push(out),
            Self::Esearch(result) => result.push(out),
            Self::Exists(count) => numbered_line(*count, b" EXISTS", out),
            Self::Expunge(seq) => numbered_line(seq.value(), b" EXPUNGE", out),
            Self::Vanished { earlier, uids } => {
                out.extend_from_slice(if *earlier { b"VANISHED (EARLIER) " } else { b"VANISHED " });
                push_set(&uids.0, out);
            }
            Self::Key(key) => key.push(out),
            Self::Signet(signet) => signet.push(out),
            Self::Realm(realm) => realm.push(out),
            Self::Experimental { name, text } => {
                out.extend_from_slice(name.as_bytes());
                if !text.is_empty() {
                    out.push(b' ');
                    status::push_line(text, out);
                }
            }
            Self::Unknown(name) => out.extend_from_slice(name.as_bytes()),
            Self::Status(_) | Self::Continue(_) | Self::Fetch(_) => {}
        }
    }
}

fn numbered_line(number: u32, word: &[u8], out: &mut Vec<u8>) {
    push_number(u64::from(number), out);
    out.extend_from_slice(word);
}

#[cfg(test)]
mod tests;
