//! Keys of chat by IMAP: table J.
//!
//! Must not: read or write a row.

use koi_types::AccountId;

use super::{joined, prefix, table};

/// J: the settings of COI.
#[must_use]
pub fn coi_settings(account: AccountId) -> [u8; 6] {
    coi(account, 0)
}

/// The kind of [`coi`] that says where submitted chat messages are.
pub const COI_FILED: u8 = 1;

/// J: where a submitted chat message is, by the hash of its Message-ID.
#[must_use]
pub fn filed_chat(account: AccountId, message_id: u64) -> [u8; 14] {
    joined(&[&coi(account, COI_FILED), &message_id.to_be_bytes()])
}

/// J: the beginning of all rows of one kind.
#[must_use]
pub fn coi(account: AccountId, kind: u8) -> [u8; 6] {
    joined(&[&prefix(account, table::COI), &[kind]])
}
