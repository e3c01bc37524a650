//! KEY responses (DMAP-00 §7.4).

use crate::dmap::command::words;
use crate::dmap::id::{KeyId, key_id};
use crate::dmap::text::{self, nbin, push_list, push_nbin};
use crate::line::date::{DateTime, date_time, push_date_time};
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::number::push_number;

/// A key of the key ring. LISTKEYS says nothing but its id (DMAP-00 §7.4.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    pub key: KeyId,
    pub items: Vec<KeyItem>,
}

/// One item; `None` for a part that is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyItem {
    /// The signing request as it was uploaded.
    Public(Option<Vec<u8>>),
    /// The private part as it was uploaded.
    Private(Option<Vec<u8>>),
    /// The signet once the organisation has signed it.
    Signet(Option<Vec<u8>>),
    Status(KeyState),
    Created(DateTime),
    /// `None`: never.
    Expires(Option<DateTime>),
    /// How many messages are encrypted to it.
    Messages(u32),
}

words! {
    /// Where a key is in its life.
    KeyState {
        /// The organisation has not signed it yet.
        Pending = "PENDING",
        Current = "CURRENT",
        Previous = "PREVIOUS",
        Expired = "EXPIRED",
    }
}

/// ```abnf
/// key-resp = "KEY" SP key-id [SP "(" key-att *(SP key-att) ")"]
/// ```
pub(super) fn key(cursor: &mut Cursor<'_>) -> Result<Key, SyntaxError> {
    cursor.space()?;
    let key = key_id(cursor)?;
    let items = text::optional(cursor, |cursor| cursor.list(item))?.unwrap_or_default();
    Ok(Key { key, items })
}

/// ```abnf
/// key-att = "PUBLIC" SP nbin / "PRIVATE" SP nbin / "SIGNET" SP nbin /
///           "STATUS" SP ("PENDING" / "CURRENT" / "PREVIOUS" / "EXPIRED") /
///           "CREATED" SP date-time / "EXPIRES" SP (date-time / nil) / "MESSAGES" SP number
/// ```
fn item(cursor: &mut Cursor<'_>) -> Result<KeyItem, SyntaxError> {
    let before = cursor.error("unknown item of a key");
    let name = cursor.atom(before.what)?.to_ascii_uppercase();
    cursor.space()?;
    match name.as_str() {
        "PUBLIC" => nbin(cursor, usize::MAX, "").map(KeyItem::Public),
        "PRIVATE" => nbin(cursor, usize::MAX, "").map(KeyItem::Private),
        "SIGNET" => nbin(cursor, usize::MAX, "").map(KeyItem::Signet),
        "STATUS" => {
            let before = cursor.error("unknown state of a key");
            KeyState::parse(cursor.atom(before.what)?).map(KeyItem::Status).ok_or(before)
        }
        "CREATED" => date_time(cursor).map(KeyItem::Created),
        "EXPIRES" if cursor.take_word("NIL") => Ok(KeyItem::Expires(None)),
        "EXPIRES" => date_time(cursor).map(|date| KeyItem::Expires(Some(date))),
        "MESSAGES" => cursor.number().map(KeyItem::Messages),
        _ => Err(before),
    }
}

impl Key {
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("KEY {}", self.key).as_bytes());
        if !self.items.is_empty() {
            out.push(b' ');
            push_list(&self.items, |item, out| item.push(out), out);
        }
    }
}

impl KeyItem {
    fn push(&self, out: &mut Vec<u8>) {
        match self {
            Self::Public(octets) => push_part("PUBLIC ", octets.as_deref(), out),
            Self::Private(octets) => push_part("PRIVATE ", octets.as_deref(), out),
            Self::Signet(octets) => push_part("SIGNET ", octets.as_deref(), out),
            Self::Status(state) => out.extend_from_slice(format!("STATUS {}", state.name()).as_bytes()),
            Self::Created(date) => {
                out.extend_from_slice(b"CREATED ");
                push_date_time(*date, out);
            }
            Self::Expires(None) => out.extend_from_slice(b"EXPIRES NIL"),
            Self::Expires(Some(date)) => {
                out.extend_from_slice(b"EXPIRES ");
                push_date_time(*date, out);
            }
            Self::Messages(count) => {
                out.extend_from_slice(b"MESSAGES ");
                push_number(u64::from(*count), out);
            }
        }
    }
}

pub(super) fn push_part(name: &str, octets: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    push_nbin(octets, out);
}
