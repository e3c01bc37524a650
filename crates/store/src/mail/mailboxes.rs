//! Mailboxes and their names: CREATE, DELETE, RENAME, SUBSCRIBE (RFC 9051 §6.3.4 to §6.3.8).
//!
//! Every name has its superiors, except where one of those was deleted later: then it is a name without
//! mailbox. A UIDVALIDITY is given out once in an account. A name whose earlier bearer had a higher one than
//! the mailbox that is renamed to it would go backwards, so that mailbox gets a new one (RFC 9051 §2.3.1.1).

use std::ops::ControlFlow;

use koi_types::{AccountId, ErrorKind, MailError, MailboxId, MailboxName, Result, Role, UidValidity, limits};

use super::account::AccountTxn;
use super::rows::any_row;
use crate::key::{self, table};
use crate::record::corrupt;
use crate::record::log::Event;
use crate::record::mailbox::{MailboxRecord, NameRecord};
use crate::record::small::{ReclaimRecord, decode_mailbox_id, encode_mailbox_id};

/// A new mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Created {
    pub mailbox: MailboxId,
    pub uidvalidity: UidValidity,
}

/// What RENAME has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renamed {
    Done,
    /// RENAME of INBOX made this mailbox; INBOX's messages are still to be moved into it (RFC 9051 §6.3.6).
    Inbox(Created),
}

impl AccountTxn<'_> {
    /// The mailbox of a name.
    pub fn mailbox_named(&self, name: &MailboxName) -> Result<Option<MailboxId>> {
        let key = key::name(self.id, table::NAME, name);
        let Some(row) = self.txn.get(&key)? else { return Ok(None) };
        decode_mailbox_id(&row).map(Some).ok_or_else(|| corrupt("name", &key))
    }
    /// Whether a mailbox has the name, be its row readable or not.
    pub fn is_named(&self, name: &MailboxName) -> Result<bool> {
        Ok(self.txn.get(&key::name(self.id, table::NAME, name))?.is_some())
    }
    /// Makes a mailbox and the superior names it lacks.
    pub fn create(&mut self, name: &MailboxName, role: Option<Role>) -> Result<Created> {
        self.refuse_name(name, role)?;
        self.create_superiors(name)?;
        self.create_one(name, role)
    }
    /// Makes a mailbox and nothing above it: what is none there stays a level of names (`\NonExistent`).
    pub fn create_alone(&mut self, name: &MailboxName, role: Option<Role>) -> Result<Created> {
        self.refuse_name(name, role)?;
        self.create_one(name, role)
    }
    /// A name that a mailbox has, or a role that another has.
    fn refuse_name(&self, name: &MailboxName, role: Option<Role>) -> Result<()> {
        match self.mailbox_named(name)? {
            Some(_) => Err(already_exists()),
            None => role.map_or(Ok(()), |role| self.refuse_second(role)),
        }
    }
    fn create_superiors(&mut self, name: &MailboxName) -> Result<()> {
        let mut missing = Vec::new();
        let mut above = name.parent();
        while let Some(parent) = above {
            if self.mailbox_named(&parent)?.is_none() {
                missing.push(parent.clone());
            }
            above = parent.parent();
        }
        for parent in missing.iter().rev() {
            self.create_one(parent, None)?;
        }
        Ok(())
    }
    fn create_one(&mut self, name: &MailboxName, role: Option<Role>) -> Result<Created> {
        self.refuse_too_many()?;
        let mailbox = self.record.next_mailbox;
        let used_up = || MailError::new(ErrorKind::LimitReached, "the numbers for new mailboxes are used up");
        self.record.next_mailbox = MailboxId(mailbox.0.checked_add(1).ok_or_else(used_up)?);
        let uidvalidity = self.record.take_uidvalidity(self.now.secs()).ok_or_else(used_up)?;
        let record = NameRecord { name: name.clone(), role, created_at: self.now, sort_order: 0 };
        self.txn.put(&key::mailbox(self.id, table::MAILBOX_NAME, mailbox), &record.encode())?;
        self.txn.put(&key::name(self.id, table::NAME, name), &encode_mailbox_id(mailbox))?;
        self.opened(mailbox, MailboxRecord::new(uidvalidity, self.modseq), true);
        if let Some(superior) = self.nearest_superior(name)? {
            self.inherit_rights(superior, mailbox)?;
        }
        self.event(Some(mailbox), Event::MailboxCreated);
        self.names_changed = true;
        Ok(Created { mailbox, uidvalidity })
    }
    /// The mailbox next above a name.
    pub fn nearest_superior(&self, name: &MailboxName) -> Result<Option<MailboxId>> {
        let mut above = name.parent();
        while let Some(parent) = above {
            if let Some(mailbox) = self.mailbox_named(&parent)? {
                return Ok(Some(mailbox));
            }
            above = parent.parent();
        }
        Ok(None)
    }
    /// All mailboxes below a name.
    pub fn mailboxes_below(&self, name: &MailboxName) -> Result<Vec<MailboxId>> {
        let mut below = Vec::new();
        let mut bad = None;
        self.scan_below(name, &mut |key, row| match decode_mailbox_id(row) {
            Some(mailbox) => {
                below.push(mailbox);
                ControlFlow::Continue(())
            }
            None => {
                bad = Some(corrupt("name", key));
                ControlFlow::Break(())
            }
        })?;
        bad.map_or(Ok(below), Err)
    }
    /// Gives a mailbox a role, or takes it away (RFC 6154 §4). `AlreadyExists` when another mailbox has it.
    pub fn set_role(&mut self, mailbox: MailboxId, role: Option<Role>) -> Result<()> {
        let key = key::mailbox(self.id, table::MAILBOX_NAME, mailbox);
        let Some(row) = self.txn.get(&key)? else { return Err(super::account::no_such_mailbox()) };
        let mut record = NameRecord::decode(&row).ok_or_else(|| corrupt("mailbox name", &key))?;
        drop(row);
        if record.role == role {
            return Ok(());
        }
        if let Some(role) = role {
            self.refuse_second(role)?;
        }
        let is_about_trash = [record.role, role].contains(&Some(Role::Trash));
        record.role = role;
        self.txn.put(&key, &record.encode())?;
        self.event(Some(mailbox), Event::MailboxRenamed);
        if is_about_trash {
            self.event(Some(mailbox), Event::Trash);
        }
        self.names_changed = true;
        Ok(())
    }
    /// A role belongs to one mailbox (RFC 8621 §2).
    fn refuse_second(&self, role: Role) -> Result<()> {
        let range = key::all(self.id, table::MAILBOX_NAME);
        let mut taken = false;
        self.txn.scan(&range.from, &range.end, &mut |_, row| {
            taken |= NameRecord::decode(row).is_some_and(|name| name.role == Some(role));
            ControlFlow::Continue(())
        })?;
        if taken {
            return Err(MailError::new(ErrorKind::AlreadyExists, "another mailbox has this special use"));
        }
        Ok(())
    }
    fn refuse_too_many(&self) -> Result<()> {
        let max = self.quota.mailboxes_max.min(limits::MAILBOXES_PER_ACCOUNT_MAX as u64);
        // Ids are given in order, so there are at most as many mailboxes as ids: counting is rarely needed.
        if u64::from(self.record.next_mailbox.0) <= max {
            return Ok(());
        }
        let range = key::all(self.id, table::MAILBOX_NAME);
        let mut count = 0u64;
        self.txn.scan(&range.from, &range.end, &mut |_, _| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        if count >= self.quota.mailboxes_max {
            // RFC 9208 §5.3
            return Err(MailError::new(ErrorKind::OverQuota, "the account is over its quota of mailboxes"));
        }
        if count >= max {
            return Err(MailError::new(ErrorKind::LimitReached, "the account has too many mailboxes"));
        }
        Ok(())
    }
    /// Deletes a mailbox. What is below it stays, and its name with it (RFC 9051 §6.3.5). Its rows are
    /// reclaimed afterwards, in pieces.
    pub fn delete(&mut self, name: &MailboxName) -> Result<MailboxId> {
        if name.is_inbox() {
            return Err(MailError::new(ErrorKind::NoPermission, "INBOX cannot be deleted"));
        }
        let Some(mailbox) = self.mailbox_named(name)? else {
            let text = "there is no such mailbox, only names below it";
            let below = self.has_names_below(name)?;
            return Err(if below {
                MailError::new(ErrorKind::InUse, text)
            } else {
                super::account::no_such_mailbox()
            });
        };
        let at = self.mailbox(mailbox)?;
        let record = self.at(at)?.record.clone();
        self.closed(mailbox);
        self.txn.frees_space();
        self.forget_rights(mailbox)?;
        self.record.messages = self.record.messages.saturating_sub(u64::from(record.messages));
        let stored = record.octets.saturating_add(record.dmap_octets);
        self.record.octets = self.record.octets.saturating_sub(stored);
        self.release_uidvalidity(record.uidvalidity);
        self.txn.delete(&key::mailbox(self.id, table::MAILBOX, mailbox))?;
        self.txn.delete(&key::mailbox(self.id, table::MAILBOX_NAME, mailbox))?;
        self.txn.delete(&key::mailbox(self.id, table::RECENT, mailbox))?;
        self.txn.delete(&key::url_key(self.id, self.id, mailbox))?;
        self.txn.delete(&key::name(self.id, table::NAME, name))?;
        let reclaim = ReclaimRecord { deleted_at: self.now, modseq: self.modseq };
        self.txn.put(&key::mailbox(self.id, table::RECLAIM, mailbox), &reclaim.encode())?;
        self.touched.email |= record.messages > 0;
        self.touched.thread |= record.messages > 0;
        self.event(Some(mailbox), Event::MailboxDeleted);
        self.names_changed = true;
        Ok(mailbox)
    }
    /// Renames a mailbox and everything below it; makes the superiors of the new name.
    pub fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<Renamed> {
        if self.mailbox_named(to)?.is_some() {
            return Err(already_exists());
        }
        if from.is_inbox() {
            let created = self.create(to, None)?;
            self.copy_annotations(super::INBOX, created.mailbox)?;
            return Ok(Renamed::Inbox(created));
        }
        if to.is_below(from) {
            return Err(MailError::new(ErrorKind::InvalidInput, "a mailbox cannot be moved below itself"));
        }
        let mailbox = self.mailbox_named(from)?.ok_or_else(super::account::no_such_mailbox)?;
        let mut moves = vec![Move { mailbox, from: from.clone(), to: to.clone() }];
        self.moves_below(from, to, &mut moves)?;
        for each in &moves {
            self.txn.delete(&key::name(self.id, table::NAME, &each.from))?;
        }
        self.create_superiors(to)?;
        let released = self.record.released_uidvalidity;
        for each in &moves {
            if self.mailbox_named(&each.to)?.is_some() {
                return Err(already_exists());
            }
            self.rename_one(each, released)?;
        }
        self.names_changed = true;
        Ok(Renamed::Done)
    }
    fn moves_below(&self, from: &MailboxName, to: &MailboxName, moves: &mut Vec<Move>) -> Result<()> {
        let mut bad = None;
        self.scan_below(from, &mut |key, row| {
            let name = key.get(5..).and_then(|name| std::str::from_utf8(name).ok());
            let name = name.and_then(|name| MailboxName::new(name).ok());
            let (Some(name), Some(mailbox)) = (name, decode_mailbox_id(row)) else {
                bad = Some(corrupt("name", key));
                return ControlFlow::Break(());
            };
            let moved = name.moved(from, to).map(|moved| MailboxName::new(moved.as_str()));
            match moved {
                Some(Ok(moved)) => moves.push(Move { mailbox, from: name, to: moved }),
                Some(Err(text)) => bad = Some(MailError::new(ErrorKind::InvalidInput, text)),
                None => {}
            }
            if bad.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        bad.map_or(Ok(()), Err)
    }
    fn rename_one(&mut self, each: &Move, released: u32) -> Result<()> {
        let at = self.mailbox(each.mailbox)?;
        let old = self.at(at)?.record.uidvalidity;
        self.release_uidvalidity(old);
        if old.value() <= released {
            let used_up =
                || MailError::new(ErrorKind::LimitReached, "the numbers for UIDVALIDITY are used up");
            let fresh = self.record.take_uidvalidity(self.now.secs()).ok_or_else(used_up)?;
            let open = self.at(at)?;
            open.record.uidvalidity = fresh;
            open.touch();
            self.event(Some(each.mailbox), Event::UidValidity);
        }
        let key = key::mailbox(self.id, table::MAILBOX_NAME, each.mailbox);
        let row = self.txn.get(&key)?.ok_or_else(|| corrupt("mailbox name", &key))?;
        let mut record = NameRecord::decode(&row).ok_or_else(|| corrupt("mailbox name", &key))?;
        drop(row);
        record.name = each.to.clone();
        self.txn.put(&key, &record.encode())?;
        self.txn.put(&key::name(self.id, table::NAME, &each.to), &encode_mailbox_id(each.mailbox))?;
        self.event(Some(each.mailbox), Event::MailboxRenamed);
        Ok(())
    }
    fn release_uidvalidity(&mut self, uidvalidity: UidValidity) {
        self.record.released_uidvalidity = self.record.released_uidvalidity.max(uidvalidity.value());
    }
    pub(super) fn has_names_below(&self, name: &MailboxName) -> Result<bool> {
        any_row(&*self.txn, &names_below(&key::name(self.id, table::NAME, name)))
    }
    fn scan_below(&self, name: &MailboxName, visit: &mut crate::kv::Visit<'_>) -> Result<()> {
        let range = names_below(&key::name(self.id, table::NAME, name));
        self.txn.scan(&range.from, &range.end, visit)
    }
    /// Adds a name to the subscriptions, or takes it away; the mailbox need not exist (RFC 9051 §6.3.7), and
    /// neither RENAME nor DELETE touches subscriptions. Answers whether it was otherwise.
    pub fn subscribe(&mut self, name: &MailboxName, subscribed: bool) -> Result<bool> {
        let key = key::name(self.id, table::SUBSCRIPTION, name);
        if self.txn.get(&key)?.is_some() == subscribed {
            return Ok(false);
        }
        if subscribed {
            self.txn.put(&key, &[crate::record::VERSION])?;
        } else {
            self.txn.delete(&key)?;
        }
        let mailbox = self.mailbox_named(name)?;
        self.event(mailbox, Event::SubscriptionTo(name.clone()));
        self.names_changed = true;
        Ok(true)
    }
    /// A user who is not the owner has subscribed to a mailbox, or does no more: the name is among its own.
    pub fn subscribed_by(&mut self, mailbox: MailboxId, user: AccountId) {
        self.event(Some(mailbox), Event::SubscriptionOf(user));
    }
}

struct Move {
    mailbox: MailboxId,
    from: MailboxName,
    to: MailboxName,
}

fn names_below(name_key: &[u8]) -> key::KeyRange {
    let mut prefix = name_key.to_vec();
    prefix.push(b'/');
    key::below(&prefix)
}

fn already_exists() -> MailError {
    MailError::new(ErrorKind::AlreadyExists, "a mailbox of that name exists")
}
