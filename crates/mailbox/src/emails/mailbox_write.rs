//! Changes of mailboxes (RFC 8621 §2.5): each alone, in a transaction of its own, with precise refusals.
//!
//! They do what CREATE, RENAME, DELETE, SUBSCRIBE and special uses of IMAP do; what follows from them for
//! chats follows here too. Must not: change what IMAP would not.

use std::sync::Arc;

use koi_store::kv::{Txn, transact};
use koi_store::mail::AccountTxn;
use koi_types::{ErrorKind, MailError, MailboxId};
use parking_lot::Mutex;

use super::mailbox_writer::{Done, Subscribed, Writer};
use super::mailboxes::MailboxRole;
use super::state::State;
use super::write::SetOutcome;
use crate::account::Account;
use crate::outcome::Pending;
use crate::subscription::{SubscribedTo, subscribe_guest};

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

pub(super) type Refusable<T> = std::result::Result<T, MailboxRefused>;

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
                    let mut after = State::at(account.finish_telling()?.states.mailbox);
                    for Subscribed { name, subscribed } in &subscribed {
                        let Some(guest) = &visitor else { continue };
                        let to = SubscribedTo { owner: id, inner: name, subscribed: *subscribed };
                        after = subscribe_guest(txn, &lent, guest, &to)?.owner.map_or(after, State::at);
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
