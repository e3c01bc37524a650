//! Z: the search index. One octet after the letter says what a row is.

use koi_types::AccountId;

use super::{KeyRange, joined, part, prefix, table};

/// The head: how far the index has come, and its segments.
pub const HEAD: u8 = 0;
/// Emails of a segment, by number of the row.
pub const DOCS: u8 = 1;
/// Terms of a segment and their postings, by number of the row.
pub const TERMS: u8 = 2;
/// How many emails were purged.
pub const PURGED: u8 = 3;

#[must_use]
pub fn head(account: AccountId) -> [u8; 6] {
    kind(account, HEAD)
}

#[must_use]
pub fn purged(account: AccountId) -> [u8; 6] {
    kind(account, PURGED)
}

#[must_use]
pub fn docs(account: AccountId, segment: u32, row: u32) -> [u8; 14] {
    joined(&[&kind(account, DOCS), &segment.to_be_bytes(), &row.to_be_bytes()])
}

#[must_use]
pub fn terms(account: AccountId, segment: u32, row: u32) -> [u8; 14] {
    joined(&[&kind(account, TERMS), &segment.to_be_bytes(), &row.to_be_bytes()])
}

/// All rows of one kind of the segments from `first` up to but without `end`.
#[must_use]
pub fn segments(account: AccountId, of_kind: u8, first: u32, end: u32) -> KeyRange {
    let at = |segment: u32| [kind(account, of_kind).as_slice(), &segment.to_be_bytes()].concat();
    KeyRange { from: at(first), end: at(end) }
}

/// The number of the row at the end of a key of emails or terms.
#[must_use]
pub fn row_of(key: &[u8]) -> Option<u32> {
    part(key, 10).map(u32::from_be_bytes)
}

/// Whether a key of the table has the form of one of these.
#[must_use]
pub fn is_known(key: &[u8]) -> bool {
    match key.get(5) {
        Some(&(HEAD | PURGED)) => key.len() == 6,
        Some(&(DOCS | TERMS)) => key.len() == 14,
        _ => false,
    }
}

fn kind(account: AccountId, kind: u8) -> [u8; 6] {
    joined(&[&prefix(account, table::INDEX), &[kind]])
}
