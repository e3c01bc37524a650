//! Keys of what there is for DMAP: tables d, m and p.
//!
//! Must not: read or write a row.

use koi_types::{AccountId, EmailId, KeyId, MailboxId, ObjectId};

use super::{joined, part, prefix, table};

/// The kinds of rows of table d.
pub const DMAP_KEY: u8 = 0;
pub const DMAP_REALM: u8 = 1;
pub const DMAP_SIGNET: u8 = 2;
pub const DMAP_OUTBOX: u8 = 3;
pub const DMAP_QUEUE: u8 = 4;
pub const DMAP_KEY_EMAILS: u8 = 5;
pub const DMAP_TAKEN: u8 = 6;

/// d: the beginning of all rows of one kind.
#[must_use]
pub fn dmap(account: AccountId, kind: u8) -> [u8; 6] {
    joined(&[&prefix(account, table::DMAP), &[kind]])
}

/// d: a key of the account.
#[must_use]
pub fn dmap_key(account: AccountId, id: &KeyId) -> [u8; 70] {
    joined(&[&dmap(account, DMAP_KEY), &id.0])
}

/// d: how many emails open by a key of the account.
#[must_use]
pub fn dmap_key_emails(account: AccountId, id: &KeyId) -> [u8; 70] {
    joined(&[&dmap(account, DMAP_KEY_EMAILS), &id.0])
}

/// The id at the end of either.
#[must_use]
pub fn dmap_key_of(key: &[u8]) -> Option<KeyId> {
    part(key, 6).map(KeyId)
}

/// d: the beginning of all shards of a realm. No label has a NUL.
#[must_use]
pub fn dmap_realms(account: AccountId, label: &str) -> Vec<u8> {
    [&dmap(account, DMAP_REALM), label.as_bytes(), &[0]].concat()
}

/// d: the shard of a realm with this serial number.
#[must_use]
pub fn dmap_realm(account: AccountId, label: &str, serial: u16) -> Vec<u8> {
    [dmap_realms(account, label).as_slice(), &serial.to_be_bytes()].concat()
}

/// The label and the serial number of such a key.
#[must_use]
pub fn dmap_realm_of(key: &[u8]) -> Option<RealmOf<'_>> {
    let (label, serial) = key.get(6..)?.split_last_chunk::<2>()?;
    let (nul, label) = label.split_last()?;
    let label = std::str::from_utf8(label).ok().filter(|_| *nul == 0)?;
    Some(RealmOf { label, serial: u16::from_be_bytes(*serial) })
}

/// What the key of a shard says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RealmOf<'k> {
    pub label: &'k str,
    pub serial: u16,
}

/// d: the beginning of all signets of an address. No address has a NUL.
#[must_use]
pub fn dmap_signets(account: AccountId, address: &str) -> Vec<u8> {
    [&dmap(account, DMAP_SIGNET), address.as_bytes(), &[0]].concat()
}

/// d: a signet of somebody else.
#[must_use]
pub fn dmap_signet(account: AccountId, address: &str, fingerprint: &[u8; 64]) -> Vec<u8> {
    [dmap_signets(account, address).as_slice(), fingerprint].concat()
}

/// The address and the fingerprint of such a key.
#[must_use]
pub fn dmap_signet_of(key: &[u8]) -> Option<SignetOf<'_>> {
    let (address, fingerprint) = key.get(6..)?.split_last_chunk::<64>()?;
    let (nul, address) = address.split_last()?;
    let address = std::str::from_utf8(address).ok().filter(|_| *nul == 0)?;
    Some(SignetOf { address, fingerprint: *fingerprint })
}

/// What the key of a signet says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignetOf<'k> {
    pub address: &'k str,
    pub fingerprint: [u8; 64],
}

/// d: a message that is being submitted.
#[must_use]
pub fn dmap_outbox(account: AccountId, id: ObjectId) -> [u8; 22] {
    joined(&[&dmap(account, DMAP_OUTBOX), &id.0])
}

/// The id at the end of such a key, or of one of kind 4.
#[must_use]
pub fn dmap_outbox_of(key: &[u8]) -> Option<ObjectId> {
    part(key, 6).map(ObjectId)
}

/// m: the META block of a message, or with UID 0 that of the mailbox.
#[must_use]
pub fn meta(account: AccountId, mailbox: MailboxId, uid: u32) -> [u8; 13] {
    joined(&[&prefix(account, table::META), &mailbox.0.to_be_bytes(), &uid.to_be_bytes()])
}

/// p: the encrypted message that an email stands for.
#[must_use]
pub fn prime(account: AccountId, email: EmailId) -> [u8; 21] {
    joined(&[&prefix(account, table::PRIME), &email.0])
}
