//! Keys of answers while an account's owner is away: table a.
//!
//! Must not: read or write a row.

use koi_types::{AccountId, EmailId};

use super::{joined, part, prefix, table};

/// a: an email that is to be answered.
#[must_use]
pub fn answer(account: AccountId, email: EmailId) -> [u8; 22] {
    joined(&[&answers(account, ANSWER), &email.0])
}

/// a: somebody who was answered, by a hash of the address.
#[must_use]
pub fn answered(account: AccountId, sender: u64) -> [u8; 14] {
    joined(&[&answers(account, ANSWERED), &sender.to_be_bytes()])
}

/// The kind of [`answers`] that are emails to be answered.
pub const ANSWER: u8 = 0;
/// The kind of [`answers`] that are those who were answered.
pub const ANSWERED: u8 = 1;

/// a: the beginning of all rows of one kind.
#[must_use]
pub fn answers(account: AccountId, kind: u8) -> [u8; 6] {
    joined(&[&prefix(account, table::ANSWER), &[kind]])
}

/// The email of a key of the first kind.
#[must_use]
pub fn answer_of(key: &[u8]) -> Option<EmailId> {
    part(key, 6).map(EmailId)
}
