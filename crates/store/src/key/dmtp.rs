//! Keys of what there is for other organisations: kinds 4 and 6 of table d, tables N and O of account 0.
//!
//! Must not: read or write a row.

use koi_types::{AccountId, ObjectId, Timestamp};

use super::{DMAP_QUEUE, DMAP_TAKEN, dmap, joined, part, prefix, table};

/// d: a message on its way to another organisation.
#[must_use]
pub fn dmtp_queued(account: AccountId, id: ObjectId) -> [u8; 22] {
    joined(&[&dmap(account, DMAP_QUEUE), &id.0])
}

/// d: a message that another organisation has brought, by the hash of its octets.
#[must_use]
pub fn dmtp_taken(account: AccountId, hash: &[u8; 64]) -> [u8; 70] {
    joined(&[&dmap(account, DMAP_TAKEN), hash])
}

/// N: that such a message is to be sent at a time.
#[must_use]
pub fn send_due(at: Timestamp, account: AccountId, id: ObjectId) -> [u8; 33] {
    let millis = u64::try_from(at.0).unwrap_or(0);
    let due = prefix(AccountId::GLOBAL, table::global::SEND_DUE);
    joined(&[&due, &millis.to_be_bytes(), &account.0.to_be_bytes(), &id.0])
}

/// What an N key says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendDue {
    pub at: Timestamp,
    pub account: AccountId,
    pub id: ObjectId,
}

/// Reads an N key.
#[must_use]
pub fn send_due_of(key: &[u8]) -> Option<SendDue> {
    let at = Timestamp(i64::from_be_bytes(part(key, 5)?));
    let account = AccountId(u32::from_be_bytes(part(key, 13)?));
    (key.len() == 33).then_some(SendDue { at, account, id: ObjectId(part(key, 17)?) })
}

/// O: another organisation, by its domain in lower case.
#[must_use]
pub fn organisation(domain: &str) -> Vec<u8> {
    [&prefix(AccountId::GLOBAL, table::global::ORGANISATION), domain.as_bytes()].concat()
}

/// The domain of such a key.
#[must_use]
pub fn organisation_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(5..)?).ok().filter(|domain| !domain.is_empty())
}
