//! Changes of mailboxes (RFC 8621 §2.5): each alone, in a transaction of its own, with precise refusals.
//!
//! They do what CREATE, RENAME, DELETE, SUBSCRIBE and special uses of IMAP do; what follows from them for
//! chats follows here too. Must not: change what IMAP would not.

use std::sync::Arc;

use koi_store::kv::{Txn, transact};
use koi_store::mail::{AccountTxn, Renamed};
use koi_store::record::mailbox::NameRecord;
use koi_types::name::SEPARATOR;
use koi_types::{ErrorKind, MailError, MailboxId, MailboxName, Result, Rights, Role};
use parking_lot::Mutex;

use super::mailboxes::MailboxRole;
use super::state::State;
use super::write::SetOutcome;
use crate::INBOX;
use crate::access::{Visitor, is_of_others};
use crate::account::Account;
use crate::coi;
use crate::outcome::Pending;
use crate::service::Lent;

/// One change of one mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailboxChange {
    Create(MailboxCreation),
    Update {
        mailbox: MailboxId,
        update: MailboxUpdate,
    },
    Destroy {
        mailbox: MailboxId,
        /// With what is in it.
        remove_emails: bool,
    },
    /// Updates that are possible only together: two mailboxes exchange their names (RFC 8620 §5.3). All or
    /// none.
    Together(Vec<MailboxInTurn>),
}

/// One of several mailboxes that change together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxInTurn {
    pub mailbox: MailboxId,
    pub update: MailboxUpdate,
}

/// A new mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxCreation {
    /// Of one level.
    pub name: Box<str>,
    pub parent: Option<MailboxId>,
    pub role: Option<MailboxRole>,
    pub sort_order: u32,
    pub subscribed: bool,
}

/// What is to be changed of a mailbox; nothing of the rest.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MailboxUpdate {
    pub name: Option<Box<str>>,
    pub parent: Option<Option<MailboxId>>,
    pub role: Option<Option<MailboxRole>>,
    pub sort_order: Option<u32>,
    pub subscribed: Option<bool>,
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailboxChanged {
    Created(MailboxId),
    Updated,
    Destroyed,
}

/// Why a mailbox was not changed.
#[derive(Clone, Debug)]
pub enum MailboxRefused {
    /// There is no such mailbox.
    NotFound,
    ParentNotFound,
    /// The parent is the mailbox itself, or lies below it.
    Loop,
    /// What is wrong with the name.
    InvalidName(Box<str>),
    /// Another mailbox of the same parent has the name.
    NameTaken,
    /// Another mailbox has the role.
    RoleTaken,
    /// The mailbox cannot have that role, or must have the one it has.
    InvalidRole,
    /// There are mailboxes below it.
    HasChild,
    /// There are emails in it.
    HasEmail,
    /// The account has as many as it may.
    TooMany,
    Forbidden,
    Failed(MailError),
}

impl From<MailError> for MailboxRefused {
    fn from(error: MailError) -> Self {
        match error.kind {
            ErrorKind::OverQuota | ErrorKind::LimitReached => Self::TooMany,
            ErrorKind::NoPermission | ErrorKind::Unsupported => Self::Forbidden,
            _ => Self::Failed(error),
        }
    }
}

type Refusable<T> = std::result::Result<T, MailboxRefused>;

impl Account {
    /// Changes mailboxes one after the other, if they are in the state `if_in_state` where it is given.
    pub fn set_mailboxes(
        &self,
        if_in_state: Option<State>,
        changes: Vec<MailboxChange>,
    ) -> Pending<SetOutcome<MailboxChanged, MailboxRefused>> {
        let mismatch: Arc<Mutex<bool>> = Arc::default();
        // A transaction that changes nothing tells the states.
        let refusals: Vec<Refusal> = (0..=changes.len()).map(|_| Refusal::default()).collect();
        let changes = std::iter::once(None).chain(changes.into_iter().map(Some));
        let commit = |(change, refusal): (Option<MailboxChange>, &Refusal)| {
            let expected = if_in_state.filter(|_| change.is_none());
            self.mailbox_commit(change, expected, &mismatch, refusal)
        };
        let parts = changes.zip(&refusals).map(commit).collect();
        Pending::joined(parts, move |parts| {
            if *mismatch.lock() {
                return Ok(SetOutcome::StateMismatch);
            }
            let (mut old_state, mut new_state, mut results) = (None, State::default(), Vec::new());
            let mut alone = true;
            for (part, refusal) in parts.into_iter().zip(refusals) {
                // It left no trace, and says nothing of the others.
                if let Some(why) = refusal.lock().take() {
                    results.push(Err(why));
                    continue;
                }
                let part: Part = match part {
                    Ok(part) => part,
                    // Those before it are done.
                    Err(error) if old_state.is_some() => {
                        results.push(Err(MailboxRefused::Failed(error)));
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                match old_state {
                    None => old_state = Some(part.before),
                    Some(_) => alone &= part.before == new_state,
                }
                new_state = part.after;
                results.extend(part.result.map(Ok));
            }
            Ok(SetOutcome::Done { old_state: old_state.filter(|_| alone), new_state, results })
        })
    }
    fn mailbox_commit(
        &self,
        change: Option<MailboxChange>,
        expected: Option<State>,
        mismatch: &Arc<Mutex<bool>>,
        refusal: &Refusal,
    ) -> koi_store::kv::Pending<Part> {
        let (id, quota, now) = (self.id, self.inner.options.quota, self.inner.env.now());
        let (lent, visitor, mismatch) = (self.inner.lend(), self.guest.clone(), Arc::clone(mismatch));
        let refusal = Arc::clone(refusal);
        let pending = transact(&*self.inner.kv, move |txn: &mut dyn Txn| {
            // It may be run again, where what it was built on could not be written.
            *refusal.lock() = None;
            let mut account = AccountTxn::open(txn, id, quota, now)?;
            let before = State::at(account.states().mailbox);
            if expected.is_some_and(|expected| expected != before) {
                *mismatch.lock() = true;
            }
            let change = change.as_ref().filter(|_| !*mismatch.lock());
            let Some(change) = change else { return Ok(Part { before, after: before, result: None }) };
            let mut writer = Writer { account: &mut account, lent: &lent, visitor: &visitor };
            match writer.change(change) {
                Ok(Done { changed, subscribed }) => {
                    let after = State::at(account.finish_telling()?.states.mailbox);
                    for subscribed in &subscribed {
                        subscribe_guest(txn, &lent, &visitor, subscribed)?;
                    }
                    Ok(Part { before, after, result: Some(changed) })
                }
                // What it may have written goes with the transaction.
                Err(why) => {
                    *refusal.lock() = Some(why);
                    Err(MailError::new(ErrorKind::Conflict, "the change of a mailbox is refused"))
                }
            }
        });
        self.inner.changed(self.id);
        pending
    }
}

struct Part {
    before: State,
    after: State,
    result: Option<MailboxChanged>,
}

/// Why a transaction was given up.
type Refusal = Arc<Mutex<Option<MailboxRefused>>>;

struct Done {
    changed: MailboxChanged,
    /// A guest's subscriptions lie in its own account.
    subscribed: Vec<Subscribed>,
}

struct Subscribed {
    name: MailboxName,
    subscribed: bool,
}

/// The names of others that a guest is subscribed to are among its own.
fn subscribe_guest(txn: &mut dyn Txn, lent: &Lent, visitor: &Visitor, to: &Subscribed) -> Result<()> {
    let Some(guest) = visitor else { return Ok(()) };
    let Some(name) = guest.outer(&to.name) else { return Ok(()) };
    let mut account = AccountTxn::open(txn, guest.user.id, lent.options.quota, lent.env.now())?;
    account.subscribe(&name, to.subscribed)?;
    account.finish().map(drop)
}

struct Writer<'w, 't> {
    account: &'w mut AccountTxn<'t>,
    lent: &'w Lent,
    visitor: &'w Visitor,
}

impl Writer<'_, '_> {
    fn change(&mut self, change: &MailboxChange) -> Refusable<Done> {
        match change {
            MailboxChange::Create(creation) => self.create(creation),
            MailboxChange::Update { mailbox, update } => self.update(*mailbox, update),
            MailboxChange::Destroy { mailbox, remove_emails } => {
                self.destroy(*mailbox, *remove_emails)?;
                Ok(Done { changed: MailboxChanged::Destroyed, subscribed: Vec::new() })
            }
            MailboxChange::Together(turns) => self.together(turns),
        }
    }
    fn rights(&self, mailbox: MailboxId) -> Refusable<Rights> {
        Ok(match self.visitor {
            None => Rights::ALL,
            Some(guest) => self.account.rights_of(mailbox, guest.user)?,
        })
    }
    fn require(&self, mailbox: MailboxId, needed: Rights) -> Refusable<()> {
        if self.rights(mailbox)?.contains(needed) { Ok(()) } else { Err(MailboxRefused::Forbidden) }
    }
    /// A mailbox whoever asks may know of.
    fn known(&self, mailbox: MailboxId) -> Refusable<NameRecord> {
        let record = self.account.named(mailbox)?.ok_or(MailboxRefused::NotFound)?;
        if self.rights(mailbox)?.contains(Rights::LOOKUP) {
            Ok(record)
        } else {
            Err(MailboxRefused::NotFound)
        }
    }
    /// The full name of a mailbox below a parent.
    fn full_name(&self, parent: Option<MailboxId>, name: &str) -> Refusable<MailboxName> {
        let invalid = |text: &str| MailboxRefused::InvalidName(text.into());
        if name.contains(SEPARATOR) {
            return Err(invalid("a mailbox name cannot have a slash in it"));
        }
        let full = match parent {
            None => name.to_owned(),
            Some(parent) => {
                let missing = |refused| match refused {
                    MailboxRefused::NotFound => MailboxRefused::ParentNotFound,
                    other => other,
                };
                let above = self.known(parent).map_err(missing)?;
                self.require(parent, Rights::CREATE)?;
                format!("{}{SEPARATOR}{name}", above.name)
            }
        };
        let full = MailboxName::new(&full).map_err(invalid)?;
        if self.visitor.is_some() && parent.is_none() {
            return Err(MailboxRefused::Forbidden);
        }
        if self.visitor.is_none() && is_of_others(&full) {
            return Err(invalid("names below \"Other Users\" are those of other users"));
        }
        Ok(full)
    }
    fn role(&mut self, mailbox: MailboxId, role: Option<MailboxRole>) -> Refusable<()> {
        let special: Option<Role> = match (mailbox, role) {
            (INBOX, Some(MailboxRole::Inbox)) => return Ok(()),
            (INBOX, _) | (_, Some(MailboxRole::Inbox)) => return Err(MailboxRefused::InvalidRole),
            (_, Some(MailboxRole::Special(role))) => Some(role),
            (_, None) => None,
        };
        if self.visitor.is_some() {
            return Err(MailboxRefused::Forbidden);
        }
        match self.account.set_role(mailbox, special) {
            Err(error) if error.kind == ErrorKind::AlreadyExists => Err(MailboxRefused::RoleTaken),
            other => Ok(other?),
        }
    }
    fn create(&mut self, creation: &MailboxCreation) -> Refusable<Done> {
        let name = self.full_name(creation.parent, &creation.name)?;
        if self.account.mailbox_named(&name)?.is_some() {
            return Err(MailboxRefused::NameTaken);
        }
        if let Some(role) = creation.role {
            self.refuse_role(role)?;
        }
        let created = match self.visitor {
            None => coi::names::create(self.account, &self.lent.options, &name, None)?,
            Some(guest) => {
                guest.may_make(self.account, &self.lent.options, &name)?;
                self.account.create(&name, None)?
            }
        };
        let mailbox = created.mailbox;
        if creation.role.is_some() {
            self.role(mailbox, creation.role)?;
        }
        self.account.set_sort_order(mailbox, creation.sort_order)?;
        let subscribed = self.subscribe(&name, creation.subscribed)?;
        Ok(Done { changed: MailboxChanged::Created(mailbox), subscribed })
    }
    /// Before anything is written.
    fn refuse_role(&self, role: MailboxRole) -> Refusable<()> {
        let MailboxRole::Special(role) = role else { return Err(MailboxRefused::InvalidRole) };
        if self.visitor.is_some() {
            return Err(MailboxRefused::Forbidden);
        }
        if self.account.name_with_role(role)?.is_some() { Err(MailboxRefused::RoleTaken) } else { Ok(()) }
    }
    fn subscribe(&mut self, name: &MailboxName, subscribed: bool) -> Refusable<Vec<Subscribed>> {
        if self.visitor.is_some() {
            return Ok(vec![Subscribed { name: name.clone(), subscribed }]);
        }
        self.account.subscribe(name, subscribed)?;
        Ok(Vec::new())
    }
    /// All step aside first, so that none is in the way of another.
    fn together(&mut self, turns: &[MailboxInTurn]) -> Refusable<Done> {
        let mut updates = Vec::with_capacity(turns.len());
        for turn in turns {
            updates.push(self.step_aside(turn)?);
        }
        let mut all = Done { changed: MailboxChanged::Updated, subscribed: Vec::new() };
        for MailboxInTurn { mailbox, update } in &updates {
            all.subscribed.extend(self.update(*mailbox, update)?.subscribed);
        }
        Ok(all)
    }
    /// Gives up the role and the name that are to change; answers the update from there.
    fn step_aside(&mut self, turn: &MailboxInTurn) -> Refusable<MailboxInTurn> {
        let MailboxInTurn { mailbox, update } = turn;
        let (mailbox, mut update) = (*mailbox, update.clone());
        let record = self.known(mailbox)?;
        if update.role.is_some() {
            self.check_role_of(mailbox)?;
            self.account.set_role(mailbox, None)?;
        }
        if update.name.is_some() || update.parent.is_some() {
            if mailbox == INBOX {
                return Err(MailboxRefused::Forbidden);
            }
            self.require(mailbox, Rights::DELETE)?;
            let leaf = || record.name.as_str().rsplit(SEPARATOR).next().unwrap_or_default().into();
            update.name.get_or_insert_with(leaf);
            if update.parent.is_none() {
                update.parent = Some(self.account.nearest_superior(&record.name)?);
            }
            let aside = MailboxName::new(&format!("~{mailbox}"))
                .map_err(|text| MailError::new(ErrorKind::Internal, text))?;
            if self.account.mailbox_named(&aside)?.is_some() {
                return Err(MailboxRefused::NameTaken);
            }
            self.rename(&record.name, &aside)?;
        }
        Ok(MailboxInTurn { mailbox, update })
    }
    /// Whether the role of a mailbox may change at all.
    fn check_role_of(&self, mailbox: MailboxId) -> Refusable<()> {
        match self.visitor {
            _ if mailbox == INBOX => Err(MailboxRefused::InvalidRole),
            Some(_) => Err(MailboxRefused::Forbidden),
            None => Ok(()),
        }
    }
    /// What may be refused is refused before anything is written.
    fn update(&mut self, mailbox: MailboxId, update: &MailboxUpdate) -> Refusable<Done> {
        let record = self.known(mailbox)?;
        let to = self.name_after(mailbox, &record, update)?;
        if let Some(role) = update.role {
            self.check_role(mailbox, &record, role)?;
        }
        if update.sort_order.is_some() && self.visitor.is_some() {
            return Err(MailboxRefused::Forbidden);
        }
        let mut name = record.name;
        if let Some(to) = to {
            self.rename(&name, &to)?;
            name = to;
        }
        if let Some(role) = update.role {
            self.role(mailbox, role)?;
        }
        if let Some(sort_order) = update.sort_order {
            self.account.set_sort_order(mailbox, sort_order)?;
        }
        let subscribed = match update.subscribed {
            Some(subscribed) => self.subscribe(&name, subscribed)?,
            None => Vec::new(),
        };
        Ok(Done { changed: MailboxChanged::Updated, subscribed })
    }
    fn check_role(
        &self,
        mailbox: MailboxId,
        record: &NameRecord,
        role: Option<MailboxRole>,
    ) -> Refusable<()> {
        match role {
            Some(MailboxRole::Inbox) if mailbox == INBOX => Ok(()),
            _ if mailbox == INBOX => Err(MailboxRefused::InvalidRole),
            Some(MailboxRole::Special(special)) if record.role == Some(special) => Ok(()),
            Some(role) => self.refuse_role(role),
            None if self.visitor.is_some() => Err(MailboxRefused::Forbidden),
            None => Ok(()),
        }
    }
    /// The new full name, if it changes.
    fn name_after(
        &self,
        mailbox: MailboxId,
        record: &NameRecord,
        update: &MailboxUpdate,
    ) -> Refusable<Option<MailboxName>> {
        if update.name.is_none() && update.parent.is_none() {
            return Ok(None);
        }
        let superior = self.account.nearest_superior(&record.name)?;
        let parent = update.parent.unwrap_or(superior);
        let leaf = record.name.as_str().rsplit(SEPARATOR).next().unwrap_or_default();
        let name = update.name.as_deref().unwrap_or(leaf);
        if parent == superior && name == leaf {
            return Ok(None);
        }
        // RFC 8621 §2.5: there is always an INBOX, and it has no superior.
        if mailbox == INBOX {
            return Err(MailboxRefused::Forbidden);
        }
        self.require(mailbox, Rights::DELETE)?;
        let to = self.full_name(parent, name)?;
        if to == record.name {
            return Ok(None);
        }
        if to.is_below(&record.name) || parent == Some(mailbox) {
            return Err(MailboxRefused::Loop);
        }
        match self.account.mailbox_named(&to)? {
            Some(_) => Err(MailboxRefused::NameTaken),
            None => Ok(Some(to)),
        }
    }
    fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Refusable<()> {
        let renamed = match self.visitor {
            None => coi::names::rename(self.account, &self.lent.options, from, to)?,
            Some(guest) => {
                guest.may_take(self.account, &self.lent.options, from)?;
                guest.may_make(self.account, &self.lent.options, to)?;
                self.account.rename(from, to)?
            }
        };
        match renamed {
            Renamed::Done => Ok(()),
            Renamed::Inbox(_) => Err(MailboxRefused::Forbidden),
        }
    }
    fn destroy(&mut self, mailbox: MailboxId, remove_emails: bool) -> Refusable<()> {
        let record = self.known(mailbox)?;
        if mailbox == INBOX {
            return Err(MailboxRefused::Forbidden);
        }
        self.require(mailbox, Rights::DELETE)?;
        if self.account.has_mailboxes_below(&record.name)? {
            return Err(MailboxRefused::HasChild);
        }
        if !remove_emails && self.account.shown_messages(mailbox)? > 0 {
            return Err(MailboxRefused::HasEmail);
        }
        self.account.frees_space();
        match self.visitor {
            None => coi::names::delete(self.account, &self.lent.options, &record.name)?,
            Some(guest) => {
                guest.may_take(self.account, &self.lent.options, &record.name)?;
                self.account.delete(&record.name)?
            }
        };
        Ok(())
    }
}
