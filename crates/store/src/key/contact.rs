//! Keys of contact storage messages and of the addresses they are about: table H.
//!
//! Must not: read or write a row.

use koi_types::{AccountId, AddressHash, EmailId, MailboxId};

use super::{joined, part, prefix, table};

/// H: what an email says as a contact storage message.
#[must_use]
pub fn contact(account: AccountId, email: EmailId) -> [u8; 22] {
    joined(&[&contacts(account), &email.0])
}

/// The first octets of all of an account's contact storage messages.
#[must_use]
pub fn contacts(account: AccountId) -> [u8; 6] {
    joined(&[&prefix(account, table::CONTACT), &[0]])
}

/// H: a contact storage message about an address is in a mailbox.
#[must_use]
pub fn contact_address(
    account: AccountId,
    hash: &AddressHash,
    mailbox: MailboxId,
    blocked: bool,
    email: EmailId,
) -> [u8; 59] {
    joined(&[&contact_addresses_in(account, hash, mailbox, blocked), &email.0])
}

/// The first octets of an address's rows of one mailbox, blocked or not.
#[must_use]
pub fn contact_addresses_in(
    account: AccountId,
    hash: &AddressHash,
    mailbox: MailboxId,
    blocked: bool,
) -> [u8; 43] {
    joined(&[&contact_addresses(account, hash), &mailbox.0.to_be_bytes(), &[u8::from(blocked)]])
}

/// The first octets of all rows of an address.
#[must_use]
pub fn contact_addresses(account: AccountId, hash: &AddressHash) -> [u8; 38] {
    joined(&[&prefix(account, table::CONTACT), &[1], &hash.0])
}

/// What the key of an `H` row of an address says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContactAddress {
    pub hash: AddressHash,
    pub mailbox: MailboxId,
    pub blocked: bool,
    pub email: EmailId,
}

impl ContactAddress {
    /// `None` for any other key.
    #[must_use]
    pub fn of(key: &[u8]) -> Option<Self> {
        let found = Self {
            hash: AddressHash(part(key, 6)?),
            mailbox: MailboxId(u32::from_be_bytes(part(key, 38)?)),
            blocked: part(key, 42)? == [1],
            email: EmailId(part(key, 43)?),
        };
        let account = AccountId(u32::from_be_bytes(part(key, 0)?));
        (contact_address(account, &found.hash, found.mailbox, found.blocked, found.email) == key)
            .then_some(found)
    }
}
