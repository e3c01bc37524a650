//! What Email/copy and Email/import have in common (RFC 8621 §4.7, §4.8): emails that are made from whole
//! messages, piece by piece, and what became of each.

use std::collections::VecDeque;

use koi_mailbox::Account;
use koi_mailbox::emails::{EmailChange, EmailChanged, EmailCreation, EmailRefused, State};
use koi_proto::jmap::standard::{Create, Table};
use koi_proto::jmap::{Id, MethodError, Raw, SetError};

use super::email_write::{EmailWriting, HELD_OCTETS_MAX, created, mixed_up, refusal, weight};
use super::writing::{Changed, Failure, Piece, Writing};
use crate::jmap::call::{Ran, SLICE};
use crate::jmap::context::Context;

/// Emails on their way into an account; `T` is what is asked for one of them.
pub(super) struct EmailMaking<T> {
    account: Account,
    writing: EmailWriting,
    items: VecDeque<Item<T>>,
    /// The next piece, and its creation ids.
    changes: Vec<EmailChange>,
    submitted: Vec<Id>,
    held_octets: usize,
    pub(super) created: Table<Raw>,
    pub(super) not_created: Table<SetError>,
}

struct Item<T> {
    creation_id: Id,
    given: T,
}

/// How far it is.
pub(super) enum Making {
    /// A piece is being written.
    Begun,
    /// The step has done enough.
    Interrupted,
    /// Everything is written or refused.
    Done,
}

impl<T> EmailMaking<T> {
    pub(super) fn new(account: Account, if_in_state: Option<State>, asked: Vec<Create<T>>) -> Self {
        let mut not_created = Table::default();
        let mut items = VecDeque::new();
        for Create { creation_id, object } in asked {
            match object {
                Ok(given) => items.push_back(Item { creation_id, given }),
                Err(why) => not_created.put(&creation_id, why),
            }
        }
        let writing = Writing::new(if_in_state);
        let (changes, submitted) = Default::default();
        Self {
            account,
            writing,
            items,
            changes,
            submitted,
            held_octets: 0,
            created: Table::default(),
            not_created,
        }
    }
    pub(super) const fn writing(&self) -> &EmailWriting {
        &self.writing
    }
    /// Notes what became of the last piece; what to wait for while that is not known.
    pub(super) fn note(&mut self, cx: &mut Context<'_>) -> Result<Option<Ran>, MethodError> {
        match self.writing.piece(cx)? {
            Piece::Waiting(ran) => return Ok(Some(ran)),
            Piece::Written(results) => self.written(results, cx)?,
            Piece::Wanted => {}
        }
        Ok(None)
    }
    /// Gathers the next piece with `make`, which reads a message, and begins to write it.
    pub(super) fn go_on(
        &mut self,
        cx: &mut Context<'_>,
        mut make: impl FnMut(&Id, T, &mut Context<'_>) -> Result<EmailCreation, Failure>,
    ) -> Result<Making, MethodError> {
        let mut done = 0;
        while self.held_octets < HELD_OCTETS_MAX {
            if done >= SLICE {
                return Ok(Making::Interrupted);
            }
            let Some(Item { creation_id, given }) = self.items.pop_front() else { break };
            match make(&creation_id, given, cx) {
                Ok(creation) => {
                    done += weight(usize::try_from(creation.message.octets()).unwrap_or(usize::MAX));
                    self.held_octets += creation.message.held_octets();
                    self.changes.push(EmailChange::Create(creation));
                    self.submitted.push(creation_id);
                }
                Err(Failure::Object(why)) => self.not_created.put(&creation_id, why),
                Err(Failure::Call(_)) if self.writing.is_begun() => {
                    return Err(MethodError::ServerPartialFail);
                }
                Err(Failure::Call(error)) => return Err(error),
            }
        }
        if self.changes.is_empty() && self.writing.is_begun() {
            return Ok(Making::Done);
        }
        // Even when there is nothing to change: then it tells the states.
        self.held_octets = 0;
        let expected = self.writing.expected();
        self.writing.begin(self.account.set_emails(expected, std::mem::take(&mut self.changes)));
        Ok(Making::Begun)
    }
    fn written(
        &mut self,
        results: Vec<Changed<EmailChanged, EmailRefused>>,
        cx: &mut Context<'_>,
    ) -> Result<(), MethodError> {
        for (creation_id, result) in std::mem::take(&mut self.submitted).into_iter().zip(results) {
            match result {
                Ok(EmailChanged::Created { email, thread, octets }) => {
                    let told = created(creation_id.clone(), email, thread, octets, cx);
                    self.created.put(&creation_id, told);
                }
                Ok(_) => return Err(mixed_up()),
                Err(refused) => match refusal(refused, cx) {
                    Failure::Object(why) => self.not_created.put(&creation_id, why),
                    Failure::Call(_) => return Err(MethodError::ServerPartialFail),
                },
            }
        }
        Ok(())
    }
}
