//! Access rights of others to a mailbox (RFC 4314): rows `Q`, and rows `S` of account 0, by which a user
//! finds what is shared with it. Who may change them is the caller's to know.

use std::ops::ControlFlow;

use koi_types::{
    AccountId, AclEntry, CommitNotice, ErrorKind, Identifier, MailError, MailboxId, ModSeq, Result, Rights,
    Who, limits,
};

use super::account::AccountTxn;
use crate::body::Scope;
use crate::key::{self, Reason, SharedKey};
use crate::kv::{Read, Txn};
use crate::record::VERSION;
use crate::record::account::AccountRecord;
use crate::record::corrupt;
use crate::record::log::Event;
use crate::record::sharing::{decode_changes, decode_rights, encode_changes, encode_rights};

/// Somebody who is not the owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct User {
    pub id: AccountId,
    /// Of its domain: `anyone` means those of the owner's domain.
    pub scope: Scope,
}

/// A mailbox of another account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SharedMailbox {
    pub owner: AccountId,
    pub mailbox: MailboxId,
}

/// What is shared with a user is the same as long as this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SharingStamp {
    named: u64,
    anyone: u64,
}

/// The scope of an account; nothing when there is no such account.
pub fn scope_of(read: &(impl Read + ?Sized), account: AccountId) -> Result<Option<Scope>> {
    let key = key::account(account);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    AccountRecord::decode(&row).map(|record| Some(record.scope)).ok_or_else(|| corrupt("account", &key))
}

/// What a user may do with a mailbox: all that the user and `anyone` are given, but what is taken away from
/// the user or from `anyone`. A row that cannot be read gives nothing, and takes everything.
pub fn rights(
    read: &(impl Read + ?Sized),
    owner: AccountId,
    owner_scope: Scope,
    mailbox: MailboxId,
    user: User,
) -> Result<Rights> {
    let of = |who, negative| -> Result<Rights> {
        let row = read.get(&key::rights(owner, mailbox, Identifier { who, negative }))?;
        let unreadable = if negative { Rights::ALL } else { Rights::NONE };
        Ok(row.map_or(Rights::NONE, |row| decode_rights(&row).unwrap_or(unreadable)))
    };
    let named = Who::User(user.id);
    let (mut given, mut taken) = (of(named, false)?, of(named, true)?);
    if user.scope == owner_scope {
        given = given.union(of(Who::Anyone, false)?);
        taken = taken.union(of(Who::Anyone, true)?);
    }
    Ok(given.without(taken))
}

/// The same, and nothing once the owner's account was removed: its rows are still there for a while.
pub fn rights_now(
    read: &(impl Read + ?Sized),
    owner: AccountId,
    owner_scope: Scope,
    mailbox: MailboxId,
    user: User,
) -> Result<Rights> {
    match read.get(&key::directory(key::table::global::DIRECTORY, owner))? {
        Some(_) => rights(read, owner, owner_scope, mailbox, user),
        None => Ok(Rights::NONE),
    }
}

/// The access control list of a mailbox, in the order of its rows. What cannot be read is left out.
pub fn acl(read: &(impl Read + ?Sized), owner: AccountId, mailbox: MailboxId) -> Result<Vec<AclEntry>> {
    let range = key::below(&key::rights_of(owner, mailbox));
    let mut entries = Vec::new();
    read.scan(&range.from, &range.end, &mut |key, row| {
        if let (Some(identifier), Some(rights)) = (key::identifier_of(key), decode_rights(row)) {
            entries.push(AclEntry { identifier, rights });
        }
        ControlFlow::Continue(())
    })?;
    Ok(entries)
}

/// Mailboxes of others whose access control list may concern the user, each once, at most `max`.
pub fn shared_with(read: &(impl Read + ?Sized), user: User, max: usize) -> Result<Vec<SharedMailbox>> {
    shared(read, user, max, |reason| key::shared_by(reason).to_vec())
}

/// Those of one owner.
pub fn shared_from(
    read: &(impl Read + ?Sized),
    user: User,
    owner: AccountId,
    max: usize,
) -> Result<Vec<SharedMailbox>> {
    shared(read, user, max, |reason| key::shared_from(reason, owner).to_vec())
}

fn shared(
    read: &(impl Read + ?Sized),
    user: User,
    max: usize,
    prefix: impl Fn(Reason) -> Vec<u8>,
) -> Result<Vec<SharedMailbox>> {
    let mut found = Vec::new();
    for reason in reasons(user) {
        let range = key::below(&prefix(reason));
        read.scan(&range.from, &range.end, &mut |key, _| {
            let shared = SharedKey::of(key).filter(|shared| shared.owner != user.id);
            found.extend(shared.map(|s| SharedMailbox { owner: s.owner, mailbox: s.mailbox }));
            if found.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Why something may be shared with a user.
const fn reasons(user: User) -> [Reason; 2] {
    [Reason::Named(user.id), Reason::Anyone(user.scope)]
}

/// Whether anything that is shared with a user may have changed since: rights, or that there is such a
/// mailbox. Its name and what is in it are in the log of its owner.
pub fn sharing_stamp(read: &(impl Read + ?Sized), user: User) -> Result<SharingStamp> {
    let [named, anyone] = reasons(user);
    let count = |reason| -> Result<u64> {
        let row = read.get(&key::sharing_changes(reason))?;
        Ok(row.and_then(|row| decode_changes(&row)).unwrap_or(0))
    };
    Ok(SharingStamp { named: count(named)?, anyone: count(anyone)? })
}

/// Tells those concerned that their stamp is another: a user by name, whoever is one of `anyone` as one that
/// listens to account 0.
fn changed(txn: &mut dyn Txn, reason: Reason) -> Result<()> {
    let key = key::sharing_changes(reason);
    let count = txn.get(&key)?.and_then(|row| decode_changes(&row)).unwrap_or(0);
    txn.put(&key, &encode_changes(count.wrapping_add(1)))?;
    let account = match reason {
        Reason::Named(user) | Reason::OwnFlags(user) => user,
        Reason::Anyone(_) => AccountId::GLOBAL,
    };
    txn.notice(CommitNotice { account, modseq: ModSeq::MIN, pushes: false, sends: false });
    Ok(())
}

impl AccountTxn<'_> {
    /// What another user may do with a mailbox.
    pub fn rights_of(&self, mailbox: MailboxId, user: User) -> Result<Rights> {
        rights_now(&*self.txn, self.id, self.record.scope, mailbox, user)
    }
    /// Gives an identifier exactly these rights; with none its entry goes. The owner has no entry.
    pub fn set_rights(&mut self, mailbox: MailboxId, identifier: Identifier, rights: Rights) -> Result<()> {
        self.mailbox(mailbox)?;
        let key = key::rights(self.id, mailbox, identifier);
        let before = self.txn.get(&key)?.map(|row| decode_rights(&row));
        match rights.is_empty() {
            true if before.is_none() => return Ok(()),
            false if before == Some(Some(rights)) => return Ok(()),
            true => self.txn.delete(&key)?,
            false => {
                if before.is_none() && acl(&*self.txn, self.id, mailbox)?.len() >= limits::ACL_ENTRIES_MAX {
                    let text = "the mailbox has too many access rights";
                    return Err(MailError::new(ErrorKind::LimitReached, text));
                }
                self.txn.put(&key, &encode_rights(rights))?;
            }
        }
        self.index(mailbox, identifier.who)?;
        self.event(Some(mailbox), Event::Rights);
        Ok(())
    }
    /// Changes the rights of an identifier: those it has now are the argument.
    pub fn update_rights(
        &mut self,
        mailbox: MailboxId,
        identifier: Identifier,
        update: impl FnOnce(Rights) -> Rights,
    ) -> Result<()> {
        let row = self.txn.get(&key::rights(self.id, mailbox, identifier))?;
        let now = row.and_then(|row| decode_rights(&row)).unwrap_or_default();
        self.set_rights(mailbox, identifier, update(now))
    }
    /// The row `S` is there as long as one of the two rows `Q` is.
    fn index(&mut self, mailbox: MailboxId, who: Who) -> Result<()> {
        let reason = reason(who, self.record.scope);
        let row = key::shared(reason, self.id, mailbox);
        let mut any = false;
        for negative in [false, true] {
            any |= self.txn.get(&key::rights(self.id, mailbox, Identifier { who, negative }))?.is_some();
        }
        if any {
            self.txn.put(&row, &[VERSION])?
        } else {
            self.txn.delete(&row)?
        }
        changed(self.txn, reason)
    }
    /// What is made below a mailbox has its rights (RFC 4314 §4, CREATE).
    pub(super) fn inherit_rights(&mut self, from: MailboxId, to: MailboxId) -> Result<()> {
        for entry in acl(&*self.txn, self.id, from)? {
            self.txn.put(&key::rights(self.id, to, entry.identifier), &encode_rights(entry.rights))?;
            self.index(to, entry.identifier.who)?;
        }
        Ok(())
    }
    /// The mailbox is deleted (RFC 4314 §4, DELETE).
    pub(super) fn forget_rights(&mut self, mailbox: MailboxId) -> Result<()> {
        let range = key::below(&key::rights_of(self.id, mailbox));
        let mut rows = Vec::new();
        self.txn.scan(&range.from, &range.end, &mut |key, _| {
            rows.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        for row in rows {
            forget_row(self.txn, self.id, self.record.scope, &row)?;
        }
        Ok(())
    }
}

/// Deletes a row `Q` and the row `S` that leads to it.
pub(super) fn forget_row(txn: &mut dyn Txn, owner: AccountId, scope: Scope, row: &[u8]) -> Result<()> {
    if let (Some(mailbox), Some(identifier)) = (key::mailbox_of(row), key::identifier_of(row)) {
        let reason = reason(identifier.who, scope);
        txn.delete(&key::shared(reason, owner, mailbox))?;
        changed(txn, reason)?;
    }
    txn.delete(row)
}

/// Which rows `S` an identifier is found by.
pub(super) const fn reason(who: Who, scope: Scope) -> Reason {
    match who {
        Who::Anyone => Reason::Anyone(scope),
        Who::User(user) => Reason::Named(user),
    }
}
