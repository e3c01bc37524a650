//! Keys of what was submitted, and of the copies of sent mail: table F.
//!
//! Must not: read or write a row.

use koi_types::AccountId;

use super::{joined, prefix, table};

/// F: a message that was submitted, by the hash of its Message-ID.
#[must_use]
pub fn submitted(account: AccountId, message_id: u64) -> [u8; 14] {
    joined(&[&sent(account, 0), &message_id.to_be_bytes()])
}

/// F: a client known to append what it sends.
#[must_use]
pub fn appending_client(account: AccountId, client: u64) -> [u8; 14] {
    joined(&[&sent(account, 1), &client.to_be_bytes()])
}

/// F: whether the server files sent mail.
#[must_use]
pub fn sent_setting(account: AccountId) -> [u8; 6] {
    sent(account, 2)
}

/// F: how much was sent.
#[must_use]
pub fn sent_counts(account: AccountId) -> [u8; 6] {
    sent(account, 3)
}

/// F: the beginning of all rows of one kind.
#[must_use]
pub fn sent(account: AccountId, kind: u8) -> [u8; 6] {
    joined(&[&prefix(account, table::SENT), &[kind]])
}
