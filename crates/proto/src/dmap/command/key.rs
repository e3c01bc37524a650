//! The key ring: GETKEY, ADDKEY, DELETEKEY (DMAP-00 §7.4).

use koi_types::limits;

use super::list::words;
use super::{Command, Encoded, Secret};
use crate::dmap::id::{KeyId, key_id};
use crate::dmap::text;
use crate::line::date::{DateTime, date_time, push_date_time};
use crate::line::lex::{Cursor, SyntaxError};

words! {
    /// Which part of a key (DMAP-00 §7.4.1).
    KeyPart {
        Private = "PRIVATE",
        Public = "PUBLIC",
        Both = "BOTH",
    }
}

/// ADDKEY.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddKey {
    pub key: KeyId,
    /// The signet signing request; at most `DMAP_SIGNET_OCTETS_MAX` octets.
    pub request: Vec<u8>,
    /// NIL and nothing are the same; at most `DMAP_PRIVATE_KEY_OCTETS_MAX` octets.
    pub private: Option<Secret>,
    pub expires: Option<DateTime>,
}

/// ```abnf
/// getkey = "GETKEY" SP key-id SP ("PRIVATE" / "PUBLIC" / "BOTH")
/// ```
pub(super) fn get(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let key = key_id(cursor)?;
    cursor.space()?;
    let before = cursor.error("expected PRIVATE, PUBLIC or BOTH");
    let part = KeyPart::parse(cursor.atom(before.what)?).ok_or(before)?;
    Ok(Command::GetKey { key, part })
}

/// ```abnf
/// addkey = "ADDKEY" SP key-id SP literal8 [SP nbin] [SP "(" "EXPIRES" SP date-time ")"]
/// ```
pub(super) fn add(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let key = key_id(cursor)?;
    cursor.space()?;
    let request = text::literal8(cursor, limits::DMAP_SIGNET_OCTETS_MAX, "signing request is too large")?;
    let mut private = None;
    if matches!(cursor.rest(), [b' ', next, ..] if *next != b'(') {
        cursor.space()?;
        let max = limits::DMAP_PRIVATE_KEY_OCTETS_MAX;
        private = text::nbin(cursor, max, "private key is too large")?.map(Secret);
    }
    let mut expires = None;
    text::options(cursor, false, |cursor| {
        let before = cursor.error("unknown ADDKEY option");
        match cursor.take_word("EXPIRES ") {
            true => text::once(&mut expires, date_time(cursor)?, before),
            false => Err(before),
        }
    })?;
    Ok(Command::AddKey(Box::new(AddKey { key, request, private, expires })))
}

/// ```abnf
/// deletekey = "DELETEKEY" SP key-id
/// ```
pub(super) fn delete(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    Ok(Command::DeleteKey { key: key_id(cursor)? })
}

impl AddKey {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.push(&format!("ADDKEY {} ", self.key));
        out.literal8(&self.request);
        if let Some(Secret(private)) = &self.private {
            out.push(" ");
            out.literal8(private);
        }
        if let Some(expires) = self.expires {
            out.push(" (EXPIRES ");
            out.with(|out| push_date_time(expires, out));
            out.push(")");
        }
    }
}
