//! Keys of objects that are few and have an id of their own: tables i and s of an account.
//!
//! Must not: read or write a row.

use koi_types::{AccountId, ObjectId};

use super::{joined, part, prefix};

/// i and s: one object; the id 0 is of what is said of all.
#[must_use]
pub fn object(account: AccountId, table: u8, id: ObjectId) -> [u8; 21] {
    joined(&[&prefix(account, table), &id.0])
}

/// The object of such a key.
#[must_use]
pub fn object_of(key: &[u8]) -> Option<ObjectId> {
    part(key, 5).map(ObjectId)
}
