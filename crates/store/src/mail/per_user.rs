//! Flags that are one user's own in a mailbox of another: `\Seen` (RFC 4314 §4), in rows `Y` of the owner's
//! account.
//!
//! The owner's own `\Seen` lies on the message, so that a mailbox that is not shared has no such rows. A
//! change takes a MODSEQ of the owner's account, but only this user is told of it: what the user sees as the
//! MODSEQ of a message or a mailbox is the larger of its own and everybody's. A row goes with its message.

use std::ops::ControlFlow;

use koi_types::{
    AccountId, ErrorKind, MailError, MailboxId, Result, Rights, SystemFlags, Uid, UidSet, limits,
};

use super::account::{AccountTxn, At};
use super::flags::{FlagChange, FlagOp, FlagsSet, changed_keywords, changed_system};
use crate::key::{self, PerUserKey, Reason};
use crate::kv::{Read, Txn};
use crate::record::VERSION;
use crate::record::membership::Membership;
use crate::record::sharing::{PerUserRecord, PerUserTotals};

/// Somebody who is not the owner, and what it may do with the mailbox that is written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guest {
    pub user: AccountId,
    pub rights: Rights,
}

impl Guest {
    /// The flags it may change that are everybody's (RFC 4314 §4).
    #[must_use]
    pub const fn shared_flags(&self) -> SystemFlags {
        let mut flags = SystemFlags::NONE;
        if self.rights.contains(Rights::DELETE_MESSAGES) {
            flags = flags.union(SystemFlags::DELETED);
        }
        if self.rights.contains(Rights::WRITE) {
            flags = flags.union(SystemFlags::ALL.without(SystemFlags::SEEN.union(SystemFlags::DELETED)));
        }
        flags
    }
    /// Those of `flags` that it may set for everybody.
    pub(super) const fn shared_of(&self, flags: SystemFlags) -> SystemFlags {
        flags.without(SystemFlags::ALL.without(self.shared_flags()))
    }
    pub(super) const fn keeps_seen(&self) -> bool {
        self.rights.contains(Rights::SEEN)
    }
}

/// What the rows of a user add up to; nothing at all when there are none.
pub fn totals(
    read: &(impl Read + ?Sized),
    owner: AccountId,
    mailbox: MailboxId,
    user: AccountId,
) -> Result<PerUserTotals> {
    let row = read.get(&key::per_user_totals(owner, mailbox, user))?;
    Ok(row.and_then(|row| PerUserTotals::decode(&row)).unwrap_or_default())
}

/// One message as a user has it; a row that cannot be read says nothing.
pub fn row(
    read: &(impl Read + ?Sized),
    owner: AccountId,
    mailbox: MailboxId,
    user: AccountId,
    uid: Uid,
) -> Result<Option<PerUserRecord>> {
    let row = read.get(&key::per_user(owner, mailbox, user, uid.value()))?;
    Ok(row.and_then(|row| PerUserRecord::decode(&row)))
}

/// A user's rows of one mailbox in one transaction.
pub(super) struct UserRows {
    user: AccountId,
    totals: PerUserTotals,
    /// The user had rows here before.
    known: bool,
    /// Messages whose flags changed, which the user is told of.
    pub(super) changed: UidSet,
    /// Messages that left, and that it had seen.
    pub(super) left_seen: UidSet,
}

impl AccountTxn<'_> {
    /// Changes the flags of messages for somebody who is not the owner: of those in the change, the ones it
    /// may (RFC 4314 §4, STORE). Otherwise like `set_flags`.
    pub fn set_flags_as(
        &mut self,
        guest: Guest,
        mailbox: MailboxId,
        uids: &UidSet,
        change: &FlagChange,
        unchanged_since: Option<u64>,
    ) -> Result<FlagsSet> {
        let at = self.mailbox(mailbox)?;
        let rows = self.collect_rows(mailbox, uids)?;
        let mut set = FlagsSet::default();
        let writes = guest.rights.contains(Rights::WRITE);
        let change = &*self.kept_of(change);
        let numbers = if writes && !rows.is_empty() { self.numbers_of(change)? } else { Vec::new() };
        let jobs = if writes { self.submissions_of(mailbox)? } else { Vec::new() };
        let (mut encoded, mut keywords) = (Vec::new(), Vec::new());
        for (uid, row) in rows.iter() {
            let Some(old) = Membership::decode(row) else { continue };
            let own = self::row(&*self.txn, self.id, mailbox, guest.user, uid)?;
            let modseq = own.map_or(old.modseq, |own| own.modseq.max(old.modseq));
            if unchanged_since.is_some_and(|since| modseq.value() > since) {
                set.modified.insert(uid);
                continue;
            }
            let changed = guest.shared_of(changed_system(old.flags, change));
            let flags = old.flags.without(guest.shared_flags()).union(changed);
            match writes {
                true => changed_keywords(old.keywords, change.op, &numbers, &mut keywords)?,
                false => keywords = old.keywords.iter().collect(),
            }
            self.guard_submission(uid, &old, &mut keywords, &jobs)?;
            if flags != old.flags || !keywords.iter().copied().eq(old.keywords.iter()) {
                encoded.clear();
                Membership { flags, modseq: self.modseq, ..old }.encode(&keywords, &mut encoded);
                self.txn.put(&key::membership(self.id, mailbox, uid.value()), &encoded)?;
                self.count_change(at, uid, &old, flags)?;
                set.changed.insert(uid);
            }
            let was_seen = own.is_some_and(|own| own.is_seen());
            if guest.keeps_seen() && is_seen_after(was_seen, change) != was_seen {
                self.set_seen(at, guest.user, uid, !was_seen)?;
                set.changed.insert(uid);
            }
        }
        if !set.changed.is_empty() {
            set.commits.push(self.modseq());
        }
        Ok(set)
    }
    /// A message comes that its user has seen elsewhere. Where too many users keep flags of their own, it is
    /// new here.
    pub(super) fn keep_seen(&mut self, at: At, user: AccountId, uid: Uid) -> Result<()> {
        match self.set_seen(at, user, uid, true) {
            Err(error) if error.kind == ErrorKind::LimitReached => Ok(()),
            kept => kept,
        }
    }
    /// Writes that a user has seen a message, or has not, which was otherwise before. `LimitReached`, and
    /// nothing written, where too many users keep flags of their own already.
    pub(super) fn set_seen(&mut self, at: At, user: AccountId, uid: Uid, seen: bool) -> Result<()> {
        let flags = if seen { SystemFlags::SEEN } else { SystemFlags::NONE };
        let (mailbox, modseq) = (self.at(at)?.id, self.modseq);
        let row = key::per_user(self.id, mailbox, user, uid.value());
        let rows = self.user_rows(at, user)?;
        rows.totals.seen =
            if seen { rows.totals.seen.saturating_add(1) } else { rows.totals.seen.saturating_sub(1) };
        rows.totals.highest_modseq = modseq.value();
        rows.changed.insert(uid);
        self.txn.put(&row, &PerUserRecord { flags, modseq }.encode())
    }
    /// Whether flags of a user's own can be kept in a mailbox: not where too many others keep theirs.
    pub fn has_room_for_own_flags(&mut self, mailbox: MailboxId, user: AccountId) -> Result<bool> {
        if self.txn.get(&key::per_user_totals(self.id, mailbox, user))?.is_some() {
            return Ok(true);
        }
        if self.crowded.contains(&mailbox) {
            return Ok(false);
        }
        let users = users(&*self.txn, self.id, mailbox)?;
        let has_room = users.contains(&user) || users.len() < limits::USERS_PER_MAILBOX_MAX;
        if !has_room {
            self.crowded.insert(mailbox);
        }
        Ok(has_room)
    }
    fn user_rows(&mut self, at: At, user: AccountId) -> Result<&mut UserRows> {
        let mailbox = self.at(at)?.id;
        if !self.at(at)?.users.iter().any(|rows| rows.user == user) {
            let row = self.txn.get(&key::per_user_totals(self.id, mailbox, user))?;
            let known = row.is_some();
            let totals = row.and_then(|row| PerUserTotals::decode(&row)).unwrap_or_default();
            if !known && users(&*self.txn, self.id, mailbox)?.len() >= limits::USERS_PER_MAILBOX_MAX {
                let text = "too many users keep flags of their own in this mailbox";
                return Err(MailError::new(ErrorKind::LimitReached, text));
            }
            let (changed, left_seen) = (UidSet::new(), UidSet::new());
            self.at(at)?.users.push(UserRows { user, totals, known, changed, left_seen });
        }
        let mut all = self.at(at)?.users.iter_mut();
        all.find(|rows| rows.user == user)
            .ok_or_else(|| MailError::new(ErrorKind::Internal, "internal error").context("no rows of a user"))
    }
    /// Messages have left the mailbox: nobody has flags on them any more. Costs one look where nobody has.
    pub(super) fn forget_own_flags(&mut self, at: At, gone: &UidSet) -> Result<()> {
        let mailbox = self.at(at)?.id;
        let (Some(first), Some(last)) = (gone.0.first(), gone.0.last()) else { return Ok(()) };
        for user in users(&*self.txn, self.id, mailbox)? {
            let from = key::per_user(self.id, mailbox, user, first);
            let end = key::below(&key::per_user(self.id, mailbox, user, last)).end;
            let mut seen = UidSet::new();
            let mut rows = Vec::new();
            self.txn.scan(&from, &end, &mut |key, row| {
                if let Some(uid) = key::uid_at_end(key).filter(|uid| gone.contains(*uid)) {
                    rows.push(key.to_vec());
                    if PerUserRecord::decode(row).is_some_and(|row| row.is_seen()) {
                        seen.insert(uid);
                    }
                }
                ControlFlow::Continue(())
            })?;
            if rows.is_empty() {
                continue;
            }
            for row in rows {
                self.txn.delete(&row)?;
            }
            let rows = self.user_rows(at, user)?;
            rows.totals.seen =
                rows.totals.seen.saturating_sub(u32::try_from(seen.count()).unwrap_or(u32::MAX));
            rows.left_seen = seen;
        }
        Ok(())
    }
    /// Writes what the rows of users add up to.
    pub(super) fn write_totals(&mut self, mailbox: MailboxId, users: &[UserRows]) -> Result<()> {
        for rows in users {
            self.txn.put(&key::per_user_totals(self.id, mailbox, rows.user), &rows.totals.encode())?;
            if !rows.known {
                self.txn.put(&key::shared(Reason::OwnFlags(rows.user), self.id, mailbox), &[VERSION])?;
            }
        }
        Ok(())
    }
}

impl UserRows {
    pub(super) const fn user(&self) -> AccountId {
        self.user
    }
}

/// Users who have flags of their own in a mailbox.
pub fn users(read: &(impl Read + ?Sized), owner: AccountId, mailbox: MailboxId) -> Result<Vec<AccountId>> {
    let range = key::below(&key::mailbox(owner, key::table::PER_USER, mailbox));
    let (mut from, mut users) = (range.from, Vec::new());
    loop {
        let mut found = None;
        read.scan(&from, &range.end, &mut |key, _| {
            found = PerUserKey::of(key).map(|key| key.user);
            ControlFlow::Break(())
        })?;
        let Some(user) = found else { return Ok(users) };
        users.push(user);
        from = key::below(&key::per_user_of(owner, mailbox, user)).end;
    }
}

/// Takes up to `rows_max` rows away, of all users or of one. Answers whether there may be more.
pub(super) fn reclaim(txn: &mut dyn Txn, owner: AccountId, prefix: &[u8], rows_max: usize) -> Result<bool> {
    let range = key::below(prefix);
    let mut rows = Vec::new();
    txn.scan(&range.from, &range.end, &mut |key, _| {
        rows.push(key.to_vec());
        if rows.len() < rows_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    for row in &rows {
        // The first of a user's rows: whoever looks for the others finds them by this range.
        if let Some(PerUserKey { mailbox, user, uid: None }) = PerUserKey::of(row) {
            txn.delete(&key::shared(Reason::OwnFlags(user), owner, mailbox))?;
        }
        txn.delete(row)?;
    }
    Ok(rows.len() == rows_max)
}

const fn is_seen_after(was_seen: bool, change: &FlagChange) -> bool {
    let named = change.system.contains(SystemFlags::SEEN);
    match change.op {
        FlagOp::Add => was_seen || named,
        FlagOp::Remove => was_seen && !named,
        FlagOp::Replace => named,
    }
}
