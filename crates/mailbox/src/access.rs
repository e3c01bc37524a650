//! Who may do what with a mailbox: the one place where rights are looked at (RFC 4314 §4, RFC 6851 §4.2,
//! RFC 5464 §3.3).
//!
//! An [`Account`] is always one as somebody may use it: its owner, who may do everything, or a guest, who may
//! do with each mailbox what its access control list says at that moment, in the very transaction. What a
//! guest may not know of is answered as if it were not there. The owner's chats, pushes, settings and names
//! are the owner's alone, and so is INBOX as a name.
//!
//! The names a guest uses are the ones it sees: below `Other Users/` and the owner's address (RFC 2342 §5).

use std::sync::Arc;

use koi_store::kv::Read;
use koi_store::mail::per_user::Guest as Acting;
use koi_store::mail::rights::{self, User};
use koi_store::mail::{AccountTxn, FlagChange, FlagOp, directory};
use koi_types::name::SEPARATOR;
use koi_types::{
    AccountId, Address, ErrorKind, MailError, MailboxId, MailboxName, Result, Rights, SystemFlags,
};

use crate::account::Account;
use crate::snapshot::{Snapshot, no_such_mailbox};

/// Below this name lie the mailboxes that others share.
pub const OTHER_USERS: &str = "Other Users";

/// Somebody who uses an account that is not its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Guest {
    pub(crate) user: User,
    /// What the owner's names begin with for this user, with the separator at its end.
    prefix: Box<str>,
}

/// Who uses an account: nothing for its owner.
pub(crate) type Visitor = Option<Arc<Guest>>;

impl Guest {
    /// A name of the owner as this user sees it; nothing when it is too long for a name.
    pub(crate) fn outer(&self, inner: &MailboxName) -> Option<MailboxName> {
        MailboxName::new(&format!("{}{inner}", self.prefix)).ok()
    }
    /// The owner's name of what this user calls `outer`.
    pub(crate) fn inner(&self, outer: &MailboxName) -> Option<MailboxName> {
        MailboxName::new(outer.as_str().strip_prefix(&*self.prefix)?).ok()
    }
}

/// Whether a name lies below the names of others, where no mailbox of one's own can be.
pub(crate) fn is_of_others(name: &MailboxName) -> bool {
    name.as_str() == OTHER_USERS || rest(name).is_some()
}

fn rest(name: &MailboxName) -> Option<&str> {
    name.as_str().strip_prefix(OTHER_USERS)?.strip_prefix(SEPARATOR)
}

impl Account {
    /// The account that has, or would have, the mailbox of a name, as this user may use it. The user's names
    /// are good for it as they are. `NotFound` when there cannot be such a mailbox.
    pub fn whose(&self, name: &MailboxName) -> Result<Self> {
        if !is_of_others(name) {
            return Ok(self.clone());
        }
        let rest = rest(name).unwrap_or_default();
        let view = self.inner.kv.view()?;
        // An address may have the separator in it.
        for (at, _) in rest.match_indices(SEPARATOR) {
            let address = rest.get(..at).filter(|text| text.contains('@')).and_then(Address::parse);
            let Some(address) = address else { continue };
            let owner = directory::account_of(&*view, &address)?;
            let is_exact = address.account_key() == address;
            if let Some(owner) = owner.filter(|owner| is_exact && *owner != self.id) {
                return self.as_guest(&*view, owner, &address);
            }
        }
        Err(no_such_mailbox())
    }
    /// The account of another user, as this user may use it.
    pub fn of(&self, owner: AccountId) -> Result<Self> {
        if owner == self.id {
            return Ok(self.clone());
        }
        let view = self.inner.kv.view()?;
        let record = directory::directory_record(&*view, owner)?.ok_or_else(no_such_mailbox)?;
        self.as_guest(&*view, owner, &record.address.account_key())
    }
    fn as_guest(&self, read: &(impl Read + ?Sized), owner: AccountId, address: &Address) -> Result<Self> {
        let guest = Guest { user: user(read, self.id)?, prefix: prefix(address) };
        Ok(Self { inner: Arc::clone(&self.inner), id: owner, guest: Some(Arc::new(guest)) })
    }
    /// The address of the account; nothing when it was removed.
    pub fn owner(&self) -> Result<Option<Address>> {
        let record = directory::directory_record(&*self.inner.kv.view()?, self.id)?;
        Ok(record.map(|record| record.address.account_key()))
    }
    /// Whether this is the account of somebody else than who uses it.
    #[must_use]
    pub const fn is_others(&self) -> bool {
        self.guest.is_some()
    }
    /// Refused to all but the owner.
    pub(crate) fn owner_only(&self) -> Result<()> {
        self.guest.as_ref().map_or(Ok(()), |_| Err(not_yours()))
    }
}

/// What the names of an owner begin with for others.
pub(crate) fn prefix(owner: &Address) -> Box<str> {
    format!("{OTHER_USERS}{SEPARATOR}{owner}{SEPARATOR}").into()
}

/// Somebody, as access control lists know it.
pub(crate) fn user(read: &(impl Read + ?Sized), id: AccountId) -> Result<User> {
    let missing = || MailError::new(ErrorKind::NotFound, "no such account");
    Ok(User { id, scope: rights::scope_of(read, id)?.ok_or_else(missing)? })
}

/// What a visitor may do with a mailbox, inside a transaction.
fn rights_in(visitor: &Visitor, account: &AccountTxn<'_>, mailbox: MailboxId) -> Result<Rights> {
    match visitor {
        None => Ok(Rights::ALL),
        Some(guest) => account.rights_of(mailbox, guest.user),
    }
}

/// Refuses a transaction to who has not all the rights it needs.
pub(crate) fn require(
    visitor: &Visitor,
    account: &AccountTxn<'_>,
    mailbox: MailboxId,
    needed: Rights,
) -> Result<()> {
    refuse(rights_in(visitor, account, mailbox)?, needed)
}

/// The same, and says as whom to write: nothing for the owner.
pub(crate) fn acting(
    visitor: &Visitor,
    account: &AccountTxn<'_>,
    mailbox: MailboxId,
    needed: Rights,
) -> Result<Option<Acting>> {
    let rights = rights_in(visitor, account, mailbox)?;
    refuse(rights, needed)?;
    Ok(visitor.as_ref().map(|guest| Acting { user: guest.user.id, rights }))
}

/// Who knows of the mailbox is told that it may not; for others there is none (RFC 4314 §6).
pub(crate) fn refuse(rights: Rights, needed: Rights) -> Result<()> {
    if rights.contains(needed) {
        Ok(())
    } else if rights.has_any(Rights::LOOKUP.union(Rights::READ)) {
        Err(not_allowed())
    } else {
        Err(no_such_mailbox())
    }
}

/// RFC 4314 §4, STORE: one right to one of the flags is enough.
pub(crate) fn refuse_flags(rights: Rights, change: &FlagChange) -> Result<()> {
    let others = SystemFlags::ALL.without(SystemFlags::SEEN.union(SystemFlags::DELETED));
    let all = change.op == FlagOp::Replace;
    let has = |flags: SystemFlags| change.system.without(flags) != change.system;
    let concerned = [
        (Rights::SEEN, has(SystemFlags::SEEN)),
        (Rights::DELETE_MESSAGES, has(SystemFlags::DELETED)),
        (Rights::WRITE, has(others) || !change.keywords.is_empty()),
    ];
    let concerned = concerned.into_iter().filter(|(_, named)| all || *named);
    let concerned = concerned.fold(Rights::NONE, |rights, (right, _)| rights.union(right));
    if concerned.is_empty() || rights.has_any(concerned) { Ok(()) } else { Err(not_allowed()) }
}

/// RFC 5464 §3.3: `l`, and one of these.
pub(crate) fn refuse_annotations(rights: Rights) -> Result<()> {
    let one_of = [Rights::READ, Rights::SEEN, Rights::WRITE, Rights::INSERT, Rights::POST];
    let one_of = one_of.into_iter().fold(Rights::NONE, Rights::union);
    if !rights.contains(Rights::LOOKUP) {
        return Err(no_such_mailbox());
    }
    if rights.has_any(one_of) { Ok(()) } else { Err(not_allowed()) }
}

/// With one of these a user may ask what it may do (RFC 4314 §4, MYRIGHTS), and so knows of the mailbox.
pub(crate) fn may_ask(rights: Rights) -> bool {
    let some =
        [Rights::LOOKUP, Rights::READ, Rights::INSERT, Rights::CREATE, Rights::DELETE, Rights::ADMINISTER];
    some.into_iter().any(|right| rights.contains(right))
}

impl Snapshot<'_> {
    /// What whoever looks may do with a mailbox.
    pub fn rights(&self, mailbox: MailboxId) -> Result<Rights> {
        match &self.guest {
            None => Ok(Rights::ALL),
            Some(guest) => {
                rights::rights_now(&*self.view, self.account, self.record.scope, mailbox, guest.user)
            }
        }
    }
    /// Refuses to look to who may not.
    pub(crate) fn require(&self, mailbox: MailboxId, needed: Rights) -> Result<()> {
        match &self.guest {
            None => Ok(()),
            Some(_) => refuse(self.rights(mailbox)?, needed),
        }
    }
}

pub(crate) fn not_allowed() -> MailError {
    MailError::new(ErrorKind::NoPermission, "you have no right to do this with this mailbox")
}

fn not_yours() -> MailError {
    MailError::new(ErrorKind::NoPermission, "only the owner of the mailbox may do this")
}

#[cfg(test)]
mod tests {
    use super::*;
    use koi_types::Keyword;

    // spec: RFC 4314 §4
    #[test]
    fn one_right_to_one_flag_is_enough() {
        let change = |op, system, keywords: &[&str]| FlagChange {
            op,
            system,
            keywords: keywords.iter().filter_map(|k| Keyword::new(k)).collect(),
        };
        let (seen, deleted) = (SystemFlags::SEEN, SystemFlags::DELETED);
        let both = seen.union(deleted);
        for (rights, change, allowed) in [
            ("lr", change(FlagOp::Add, seen, &[]), false),
            ("lrs", change(FlagOp::Add, seen, &[]), true),
            ("lrs", change(FlagOp::Add, deleted, &[]), false),
            ("lrs", change(FlagOp::Add, both, &[]), true),
            ("lrst", change(FlagOp::Remove, SystemFlags::FLAGGED, &[]), false),
            ("lrst", change(FlagOp::Remove, SystemFlags::NONE, &["x"]), false),
            ("lrw", change(FlagOp::Remove, SystemFlags::NONE, &["x"]), true),
            ("lr", change(FlagOp::Replace, SystemFlags::NONE, &[]), false),
            ("lrt", change(FlagOp::Replace, SystemFlags::NONE, &[]), true),
            ("lr", change(FlagOp::Add, SystemFlags::NONE, &[]), true),
        ] {
            let rights = Rights::parse(rights).unwrap();
            assert_eq!(refuse_flags(rights, &change).is_ok(), allowed, "{rights} {change:?}");
        }
    }

    // spec: RFC 4314 §6
    #[test]
    fn what_is_not_seen_is_not_there() {
        let kind = |rights, needed| refuse(Rights::parse(rights).unwrap(), needed).err().map(|e| e.kind);
        assert_eq!(kind("li", Rights::INSERT), None);
        assert_eq!(kind("l", Rights::INSERT), Some(ErrorKind::NoPermission));
        assert_eq!(kind("sw", Rights::INSERT), Some(ErrorKind::NotFound));
    }
}
