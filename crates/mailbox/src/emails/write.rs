//! Changes of emails (RFC 8620 §5.3, RFC 8621 §4.6): each alone, with precise refusals, many in one
//! transaction.
//!
//! Everything that may be refused of a change is looked at before anything of it is written, so that one that
//! is refused leaves no trace beside others that are not. Keywords are written to every message of the email
//! that is shown; a mailbox that is added gets a copy of one of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use koi_store::kv::{Txn, transact};
use koi_store::mail::AccountTxn;
use koi_store::record::account::TypeStates;
use koi_types::{EmailId, MailError, MailboxId, Result, ThreadId, Timestamp};
use parking_lot::Mutex;

use super::filter::EmailKeyword;
use super::state::State;
use super::writer::Writer;
use crate::account::Account;
use crate::incoming::Incoming;
use crate::outcome::Pending;

/// Changes in one transaction.
const CHANGES_PER_COMMIT: usize = 200;

/// One change of one email.
#[derive(Clone, Debug)]
pub enum EmailChange {
    Create(EmailCreation),
    Update { email: EmailId, update: EmailUpdate },
    Destroy(EmailId),
}

/// A new email.
#[derive(Clone, Debug)]
pub struct EmailCreation {
    pub message: Arc<Incoming>,
    /// At least one.
    pub mailboxes: BTreeSet<MailboxId>,
    pub keywords: Vec<EmailKeyword>,
    /// Nothing for now.
    pub received_at: Option<Timestamp>,
}

/// What is to be changed of an email.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EmailUpdate {
    pub keywords: Option<SetUpdate<EmailKeyword>>,
    pub mailboxes: Option<SetUpdate<MailboxId>>,
}

/// A change of a set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetUpdate<T> {
    /// It is to be this one.
    Replace(Vec<T>),
    /// These come, and these go (RFC 8620 §5.3, PatchObject).
    Patch { add: Vec<T>, remove: Vec<T> },
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EmailChanged {
    Created { email: EmailId, thread: ThreadId, octets: u32 },
    Updated,
    Destroyed,
}

/// Why an email was not changed.
#[derive(Clone, Debug)]
pub enum EmailRefused {
    /// There is no such email.
    NotFound,
    MailboxNotFound(MailboxId),
    /// It would be in none.
    NoMailbox,
    /// For the message or the account; or too many users keep `\Seen` of their own in a shared mailbox.
    TooManyKeywords,
    OverQuota,
    /// A right is missing.
    Forbidden,
    Failed(MailError),
}

/// What came of a number of changes.
#[derive(Clone, Debug)]
pub enum SetOutcome<Done, Refused> {
    Done {
        /// Nothing when more changed than was asked for: somebody else changed something in between, threads
        /// were joined, or seen chat has moved. Then the client has to ask what changed.
        old_state: Option<State>,
        new_state: State,
        /// In the order of the changes.
        results: Vec<std::result::Result<Done, Refused>>,
    },
    /// The data are not in the state they were to be in; nothing was done.
    StateMismatch,
}

type Changed = std::result::Result<EmailChanged, EmailRefused>;

/// One transaction of several.
struct Piece {
    /// Nothing changed but what was asked for.
    only_asked: bool,
    before: TypeStates,
    after: TypeStates,
    results: Vec<Changed>,
}

impl Account {
    /// Changes emails, if they are in the state `if_in_state` where it is given.
    pub fn set_emails(
        &self,
        if_in_state: Option<State>,
        changes: Vec<EmailChange>,
    ) -> Pending<SetOutcome<EmailChanged, EmailRefused>> {
        let mismatch: Arc<Mutex<bool>> = Arc::default();
        // Of several new ones, one could take the place of another whose id was told.
        let new = changes.iter().filter(|change| matches!(change, EmailChange::Create(_)));
        let joins = new.take(2).count() == 1;
        let (mut parts, mut lengths) = (Vec::new(), Vec::new());
        let mut changes = changes.into_iter().map(|change| self.numbered_change(change)).peekable();
        let mut first = true;
        while first || changes.peek().is_some() {
            let piece: Vec<Numbered> = changes.by_ref().take(CHANGES_PER_COMMIT).collect();
            let expected = if_in_state.filter(|_| first);
            lengths.push(piece.len());
            parts.push(self.submit_piece(piece, expected, joins, &mismatch));
            first = false;
        }
        Pending::joined(parts, move |parts| {
            if *mismatch.lock() {
                return Ok(SetOutcome::StateMismatch);
            }
            joined(parts, &lengths)
        })
    }
    fn numbered_change(&self, change: EmailChange) -> Numbered {
        Numbered { email: self.inner.new_email_id(), change }
    }
    fn submit_piece(
        &self,
        piece: Vec<Numbered>,
        expected: Option<State>,
        joins: bool,
        mismatch: &Arc<Mutex<bool>>,
    ) -> koi_store::kv::Pending<Option<Piece>> {
        let (id, quota, now) = (self.id, self.inner.options.quota, self.inner.env.now());
        let (lent, visitor, mismatch) = (self.inner.lend(), self.guest.clone(), Arc::clone(mismatch));
        let pending = transact(&*self.inner.kv, move |txn: &mut dyn Txn| {
            let mut account = AccountTxn::open(txn, id, quota, now)?;
            let before = account.states();
            if expected.is_some_and(|expected| expected != State::at(before.email)) {
                *mismatch.lock() = true;
            }
            if *mismatch.lock() {
                return Ok(None);
            }
            if joins {
                account.join_threads();
            }
            let mut results = Vec::with_capacity(piece.len());
            let mut settled = false;
            for Numbered { email, change } in &piece {
                let mut writer =
                    Writer { account: &mut account, lent: &lent, visitor: &visitor, settled: &mut settled };
                results.push(match writer.change(*email, change) {
                    Ok(changed) => Ok(changed),
                    // Something may be written of it, which must not stay.
                    Err(EmailRefused::Failed(error)) => return Err(error),
                    Err(refused) => Err(refused),
                });
            }
            let only_asked = !settled && !account.has_joined_threads();
            let after = account.finish_telling()?.states;
            Ok(Some(Piece { only_asked, before, after, results }))
        });
        self.inner.changed(self.id);
        pending
    }
}

/// A change, and the id of the email if it makes one.
struct Numbered {
    email: EmailId,
    change: EmailChange,
}

/// Of pieces that are `lengths` long. When one fails others may be done: then each of its changes has failed.
fn joined(
    parts: Vec<Result<Option<Piece>>>,
    lengths: &[usize],
) -> Result<SetOutcome<EmailChanged, EmailRefused>> {
    let (mut old_state, mut new_state, mut results) = (None, State::default(), Vec::new());
    let (mut alone, mut failure) = (true, None);
    for (part, length) in parts.into_iter().zip(lengths) {
        let piece = match part {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(SetOutcome::StateMismatch),
            Err(error) => {
                results.extend((0..*length).map(|_| Err(EmailRefused::Failed(error.clone()))));
                failure.get_or_insert(error);
                continue;
            }
        };
        match old_state {
            None => old_state = Some(State::at(piece.before.email)),
            Some(_) => alone &= State::at(piece.before.email) == new_state,
        }
        alone &= piece.only_asked;
        new_state = State::at(piece.after.email);
        results.extend(piece.results);
    }
    match failure.filter(|_| old_state.is_none()) {
        Some(nothing_is_done) => Err(nothing_is_done),
        None => Ok(SetOutcome::Done { old_state: old_state.filter(|_| alone), new_state, results }),
    }
}

#[cfg(test)]
mod tests {
    use koi_types::ErrorKind;

    use super::*;

    fn piece(before: u64, results: usize) -> Piece {
        let at = |email| TypeStates { email, ..TypeStates::default() };
        let results = (0..results).map(|_| Ok(EmailChanged::Updated)).collect();
        Piece { only_asked: true, before: at(before), after: at(before + 1), results }
    }

    // spec: RFC 8620 §5.3
    #[test]
    fn when_one_of_several_transactions_fails_the_others_are_told() {
        let error = || MailError::new(ErrorKind::Unavailable, "the disk is full");
        let parts = vec![Ok(Some(piece(5, 2))), Err(error()), Ok(Some(piece(6, 1)))];
        let Ok(SetOutcome::Done { old_state, new_state, results }) = joined(parts, &[2, 2, 1]) else {
            panic!("some of it is done")
        };
        assert_eq!((old_state, new_state), (Some(State::at(5)), State::at(7)));
        let done: Vec<bool> = results.iter().map(|result| result.is_ok()).collect();
        assert_eq!(done, [true, true, false, false, true]);
        assert!(joined(vec![Err(error()), Err(error())], &[2, 1]).is_err(), "nothing is done");
    }
}
