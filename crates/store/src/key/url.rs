//! Keys of mailbox access keys (RFC 4467 §2.2): table B of an account.
//!
//! Must not: read or write a row.

use koi_types::{AccountId, MailboxId};

use super::{joined, part, prefix, table};

/// B: the key that `account` has for a mailbox of `owner`, which may be itself.
#[must_use]
pub fn url_key(account: AccountId, owner: AccountId, mailbox: MailboxId) -> [u8; 13] {
    joined(&[&prefix(account, table::URL_KEY), &owner.0.to_be_bytes(), &mailbox.0.to_be_bytes()])
}

/// What the key of a `B` row says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UrlKeyOf {
    pub owner: AccountId,
    pub mailbox: MailboxId,
}

impl UrlKeyOf {
    /// `None` for any other key.
    #[must_use]
    pub fn of(key: &[u8]) -> Option<Self> {
        let account = AccountId(u32::from_be_bytes(part(key, 0)?));
        let owner = AccountId(u32::from_be_bytes(part(key, 5)?));
        let mailbox = MailboxId(u32::from_be_bytes(part(key, 9)?));
        (url_key(account, owner, mailbox) == key).then_some(Self { owner, mailbox })
    }
}
