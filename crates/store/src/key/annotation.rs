//! Keys of annotations: table O.
//!
//! Must not: read or write a row.

use koi_types::annotation::{EntryName, Target};
use koi_types::{AccountId, MailboxId, limits};

use super::{joined, part, prefix, table};

/// O: what all annotations of an account add up to.
#[must_use]
pub fn annotation_totals(account: AccountId) -> [u8; 5] {
    prefix(account, table::ANNOTATION)
}

/// O: the first octets of all annotations of the server or of one mailbox.
#[must_use]
pub fn annotations(account: AccountId, target: Target) -> [u8; 9] {
    // No mailbox has the number 0.
    let number = match target {
        Target::Server => 0,
        Target::Mailbox(mailbox) => mailbox.0,
    };
    joined(&[&prefix(account, table::ANNOTATION), &number.to_be_bytes()])
}

/// O: one annotation.
#[must_use]
pub fn annotation(account: AccountId, target: Target, name: &EntryName) -> Vec<u8> {
    let mut key = annotations(account, target).to_vec();
    key.extend_from_slice(name.key().as_bytes());
    debug_assert!(key.len() <= limits::KEY_OCTETS_MAX);
    key
}

/// O: what an annotation belongs to, and its name in lower case; nothing for the totals.
#[must_use]
pub fn annotation_of(key: &[u8]) -> Option<(Target, EntryName)> {
    let target = match part(key, 5).map(u32::from_be_bytes)? {
        0 => Target::Server,
        number => Target::Mailbox(MailboxId(number)),
    };
    let name = EntryName::new(std::str::from_utf8(key.get(9..)?).ok()?).ok()?;
    Some((target, name))
}
