//! Keys of what is shared: access rights, flags that are one user's own, and who is to look where.

use koi_types::{AccountId, Identifier, MailboxId, Uid, Who};

use super::{joined, part, prefix, table};
use crate::body::Scope;

/// Q: one entry of the access control list of a mailbox.
#[must_use]
pub fn rights(account: AccountId, mailbox: MailboxId, identifier: Identifier) -> [u8; 14] {
    // No user has the number 0.
    let who = match identifier.who {
        Who::Anyone => 0,
        Who::User(user) => user.0,
    };
    let negative = [u8::from(identifier.negative)];
    joined(&[&rights_of(account, mailbox), &who.to_be_bytes(), &negative])
}

/// The first octets of all of a mailbox's `Q` rows.
#[must_use]
pub fn rights_of(account: AccountId, mailbox: MailboxId) -> [u8; 9] {
    super::mailbox(account, table::RIGHTS, mailbox)
}

/// The identifier of a `Q` key.
#[must_use]
pub fn identifier_of(key: &[u8]) -> Option<Identifier> {
    let who = match part(key, 9).map(u32::from_be_bytes)? {
        0 => Who::Anyone,
        user => Who::User(AccountId(user)),
    };
    match key.get(13..)? {
        [0] => Some(Identifier { who, negative: false }),
        [1] => Some(Identifier { who, negative: true }),
        _ => None,
    }
}

/// Y: the flags of a message that are one user's own.
#[must_use]
pub fn per_user(account: AccountId, mailbox: MailboxId, user: AccountId, uid: u32) -> [u8; 17] {
    joined(&[&per_user_of(account, mailbox, user), &uid.to_be_bytes()])
}

/// Y: what the user's rows of a mailbox add up to. No message has UID 0, so that it is the first of them.
#[must_use]
pub fn per_user_totals(account: AccountId, mailbox: MailboxId, user: AccountId) -> [u8; 17] {
    per_user(account, mailbox, user, 0)
}

/// The first octets of all of a user's `Y` rows of a mailbox.
#[must_use]
pub fn per_user_of(account: AccountId, mailbox: MailboxId, user: AccountId) -> [u8; 13] {
    joined(&[&super::mailbox(account, table::PER_USER, mailbox), &user.0.to_be_bytes()])
}

/// What a `Y` key says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PerUserKey {
    pub mailbox: MailboxId,
    pub user: AccountId,
    /// Nothing for the totals.
    pub uid: Option<Uid>,
}

impl PerUserKey {
    #[must_use]
    pub fn of(key: &[u8]) -> Option<Self> {
        let (mailbox, user) = (part(key, 5)?, part(key, 9)?);
        let uid = u32::from_be_bytes(key.get(13..)?.try_into().ok()?);
        let (mailbox, user) = (u32::from_be_bytes(mailbox), u32::from_be_bytes(user));
        Some(Self { mailbox: MailboxId(mailbox), user: AccountId(user), uid: Uid::new(uid) })
    }
}

/// Why a user has something to do with a mailbox of another account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// It is shared with everybody of a domain; the user is the number of the domain's scope.
    Anyone(Scope),
    /// An entry of its access control list names the user.
    Named(AccountId),
    /// The user has flags of its own there.
    OwnFlags(AccountId),
}

impl Reason {
    const fn octet_and_number(self) -> (u8, u32) {
        match self {
            Self::Anyone(scope) => (0, scope.0),
            Self::Named(user) => (1, user.0),
            Self::OwnFlags(user) => (2, user.0),
        }
    }
    const fn of(octet: u8, number: u32) -> Option<Self> {
        match octet {
            0 => Some(Self::Anyone(Scope(number))),
            1 => Some(Self::Named(AccountId(number))),
            2 => Some(Self::OwnFlags(AccountId(number))),
            _ => None,
        }
    }
}

/// S: a mailbox of another account somebody has something to do with.
#[must_use]
pub fn shared(reason: Reason, owner: AccountId, mailbox: MailboxId) -> [u8; 18] {
    joined(&[&shared_by(reason), &owner.0.to_be_bytes(), &mailbox.0.to_be_bytes()])
}

/// The first octets of all `S` rows of one reason.
#[must_use]
pub fn shared_by(reason: Reason) -> [u8; 10] {
    let (octet, number) = reason.octet_and_number();
    joined(&[&prefix(AccountId::GLOBAL, table::global::SHARED), &[octet], &number.to_be_bytes()])
}

/// The first octets of all `S` rows of one reason that lead to an owner.
#[must_use]
pub fn shared_from(reason: Reason, owner: AccountId) -> [u8; 14] {
    joined(&[&shared_by(reason), &owner.0.to_be_bytes()])
}

/// C of account 0: how often what is shared for a reason has changed.
#[must_use]
pub fn sharing_changes(reason: Reason) -> [u8; 10] {
    let (octet, number) = reason.octet_and_number();
    let table = prefix(AccountId::GLOBAL, table::global::SHARING_CHANGES);
    joined(&[&table, &[octet], &number.to_be_bytes()])
}

/// The reason of such a key.
#[must_use]
pub fn sharing_changes_of(key: &[u8]) -> Option<Reason> {
    let number = part(key, 6).map(u32::from_be_bytes)?;
    let reason = Reason::of(*key.get(5)?, number)?;
    (key.len() == 10).then_some(reason)
}

/// What an `S` key says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SharedKey {
    pub reason: Reason,
    pub owner: AccountId,
    pub mailbox: MailboxId,
}

impl SharedKey {
    #[must_use]
    pub fn of(key: &[u8]) -> Option<Self> {
        let number = |at| part(key, at).map(u32::from_be_bytes);
        let reason = Reason::of(*key.get(5)?, number(6)?)?;
        let found = Self { reason, owner: AccountId(number(10)?), mailbox: MailboxId(number(14)?) };
        (key.len() == 18).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_out_of_keys() {
        let (owner, mailbox, user) = (AccountId(7), MailboxId(3), AccountId(9));
        for who in [Who::Anyone, Who::User(user)] {
            for negative in [false, true] {
                let identifier = Identifier { who, negative };
                let key = rights(owner, mailbox, identifier);
                assert_eq!(
                    (identifier_of(&key), super::super::mailbox_of(&key)),
                    (Some(identifier), Some(mailbox))
                );
            }
        }
        let row = PerUserKey::of(&per_user(owner, mailbox, user, 5));
        assert_eq!(row, Some(PerUserKey { mailbox, user, uid: Uid::new(5) }));
        assert_eq!(PerUserKey::of(&per_user_totals(owner, mailbox, user)).unwrap().uid, None);
        for reason in [Reason::Anyone(Scope(2)), Reason::Named(user), Reason::OwnFlags(user)] {
            let key = shared(reason, owner, mailbox);
            assert_eq!(SharedKey::of(&key), Some(SharedKey { reason, owner, mailbox }));
            assert!(key.starts_with(&shared_by(reason)) && key.starts_with(&shared_from(reason, owner)));
            assert_eq!(sharing_changes_of(&sharing_changes(reason)), Some(reason));
        }
    }
}
