//! Keys of push subscriptions and of what is to be pushed: tables D and R, and P of account 0.
//!
//! Must not: read or write a row.

use koi_types::{AccountId, PushId, Timestamp};

use super::{joined, prefix, table};

/// P: that an account has something to be pushed at a time.
#[must_use]
pub fn push_due(at: Timestamp, account: AccountId) -> [u8; 17] {
    let millis = u64::try_from(at.0).unwrap_or(0);
    let due = prefix(AccountId::GLOBAL, table::global::PUSH_DUE);
    joined(&[&due, &millis.to_be_bytes(), &account.0.to_be_bytes()])
}

/// D: what is known of all subscriptions of an account.
#[must_use]
pub fn push_account(account: AccountId) -> [u8; 5] {
    prefix(account, table::PUSH)
}

/// D: one subscription.
#[must_use]
pub fn push_subscription(account: AccountId, id: &PushId) -> Vec<u8> {
    [&prefix(account, table::PUSH), id.as_str().as_bytes()].concat()
}

/// The first octets of all of a subscription's `R` rows: no id has a NUL.
#[must_use]
pub fn push_tasks(account: AccountId, id: &PushId) -> Vec<u8> {
    [&prefix(account, table::PUSH_TASK), id.as_str().as_bytes(), &[0]].concat()
}

/// R: one thing to be pushed.
#[must_use]
pub fn push_task(account: AccountId, id: &PushId, number: u64) -> Vec<u8> {
    [push_tasks(account, id).as_slice(), &number.to_be_bytes()].concat()
}

/// The subscription of a `D` key; nothing for the account's own row.
#[must_use]
pub fn push_id_of(key: &[u8]) -> Option<PushId> {
    PushId::new(std::str::from_utf8(key.get(5..)?).ok()?)
}

/// The subscription and the number of an `R` key.
#[must_use]
pub fn push_task_of(key: &[u8]) -> Option<PushTaskKey> {
    let (rest, number) = key.get(5..)?.split_last_chunk::<8>()?;
    let (nul, id) = rest.split_last()?;
    let id = PushId::new(std::str::from_utf8(id).ok()?)?;
    (*nul == 0).then(|| PushTaskKey { id, number: u64::from_be_bytes(*number) })
}

/// What an `R` key says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushTaskKey {
    pub id: PushId,
    /// Ascends in the order of commits.
    pub number: u64,
}
