//! Email/set (RFC 8620 §5.3, RFC 8621 §4.6), asked for by name or following from another method (RFC 8620
//! §5.4, RFC 8621 §7.5).
//!
//! Everything is written in one transaction as far as it goes; a change that refers to an email made in the
//! same call waits until that is written. Must not: decide what may be changed, that is `mailbox`.

mod claims;
mod create;
mod form;

use std::collections::VecDeque;

use koi_mailbox::Account;
use koi_mailbox::emails::{self, EmailChange, EmailChanged, SetUpdate};
use koi_proto::jmap::object::email::Emails;
use koi_proto::jmap::object::email::update::EmailUpdate;
use koi_proto::jmap::standard::{Outcome, SetArguments, SetObjects, SetResponse, Update};
use koi_proto::jmap::{Arguments, Id, IdRef, MethodError, SetChange, SetError};
use koi_types::EmailId;

use super::email_write::{
    EmailWriting, HELD_OCTETS_MAX, created, email_id, keyword, mailbox_id, mailbox_ids, mixed_up, refusal,
    weight,
};
use super::writing::{Changed, Failure, Piece, Task, Writing, expected_state, tasks};
use crate::jmap::call::{Call, Ran, SLICE, Started};
use crate::jmap::context::Context;

const NAME: &str = "Email/set";

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let SetArguments { account_id, if_in_state, objects, extra: () } =
        SetArguments::<Emails>::read(arguments, &cx.reading())?;
    begin(account_id, if_in_state.as_deref(), objects, cx)
}

/// An Email/set that nobody called by name; it responds under its own name, behind the response of the method
/// it follows from.
pub(super) fn implicit(
    account_id: Id,
    if_in_state: Option<&str>,
    update: Vec<Update<EmailUpdate>>,
    destroy: Vec<IdRef>,
    cx: &mut Context<'_>,
) -> Started {
    begin(account_id, if_in_state, SetObjects { create: Vec::new(), update, destroy }, cx)
}

fn begin(
    account_id: Id,
    if_in_state: Option<&str>,
    objects: SetObjects<Emails>,
    cx: &mut Context<'_>,
) -> Started {
    let account = cx.account(&account_id)?;
    let writing = Writing::new(expected_state(if_in_state)?);
    let mut outcome = Outcome::default();
    let tasks = tasks(objects, &mut outcome);
    Ok(Box::new(EmailSet { account, account_id, writing, tasks, piece: Gathered::default(), outcome }))
}

/// What a change is told about.
enum Subject {
    Creation(Id),
    Update { id: IdRef, email: EmailId },
    Destroy { id: IdRef, email: EmailId },
}

struct EmailSet {
    account: Account,
    account_id: Id,
    writing: EmailWriting,
    tasks: VecDeque<Task<Emails>>,
    piece: Gathered,
    outcome: Outcome,
}

/// The next piece.
#[derive(Default)]
struct Gathered {
    changes: Vec<EmailChange>,
    subjects: Vec<Subject>,
    held_octets: usize,
}

/// How far the next piece is.
enum Gathering {
    Complete,
    /// The step has done enough, or has to wait for what it reads.
    Interrupted,
}

impl Call for EmailSet {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        match self.writing.piece(cx)? {
            Piece::Waiting(ran) => return Ok(ran),
            Piece::Written(results) => self.tell(results, cx)?,
            Piece::Wanted => {}
        }
        let gathering = self.gather(cx).map_err(|error| self.partly(error))?;
        if matches!(gathering, Gathering::Interrupted) {
            return Ok(Ran::Yield);
        }
        if self.piece.changes.is_empty() && self.writing.is_begun() {
            self.respond(cx);
            return Ok(Ran::Done);
        }
        // Even when there is nothing to change: then it tells the states.
        let changes = std::mem::take(&mut self.piece.changes);
        self.piece.held_octets = 0;
        let expected = self.writing.expected();
        self.writing.begin(self.account.set_emails(expected, changes));
        self.run(cx)
    }
}

impl EmailSet {
    fn partly(&self, error: MethodError) -> MethodError {
        if self.writing.is_begun() { MethodError::ServerPartialFail } else { error }
    }
    /// Takes tasks into the next piece, as many as can be.
    fn gather(&mut self, cx: &mut Context<'_>) -> Result<Gathering, MethodError> {
        let mut done = 0;
        while self.piece.held_octets < HELD_OCTETS_MAX {
            let Some(task) = self.tasks.front() else { break };
            if self.waits(task) {
                break;
            }
            if done >= SLICE {
                return Ok(Gathering::Interrupted);
            }
            let Some(task) = self.tasks.pop_front() else { break };
            let held_before = self.piece.held_octets;
            if let Some(task) = self.take(task, cx)? {
                self.tasks.push_front(task);
                return Ok(Gathering::Interrupted);
            }
            done += weight(self.piece.held_octets - held_before);
        }
        Ok(Gathering::Complete)
    }
    /// Whether it is about an email that the piece makes.
    fn waits(&self, task: &Task<Emails>) -> bool {
        let (Task::Update { id: IdRef::Creation(creation), .. } | Task::Destroy(IdRef::Creation(creation))) =
            task
        else {
            return false;
        };
        let makes = |subject: &Subject| matches!(subject, Subject::Creation(id) if id == creation);
        self.piece.subjects.iter().any(makes)
    }
    /// Answers the task when it has to be taken again in the next step.
    fn take(
        &mut self,
        task: Task<Emails>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Task<Emails>>, MethodError> {
        match task {
            Task::Create { creation_id, object } => match create::creation(object, &self.account, cx) {
                Ok(creation) => {
                    self.piece.held_octets += creation.message.held_octets();
                    self.piece.push(EmailChange::Create(creation), Subject::Creation(creation_id));
                }
                Err(Failure::Object(why)) => self.outcome.not_created.put(&creation_id, why),
                Err(Failure::Call(error)) => return Err(error),
            },
            Task::Update { id, update } => match self.update(&id, &update, cx) {
                Ok(Some(Updating { email, update })) => {
                    self.piece.push(EmailChange::Update { email, update }, Subject::Update { id, email });
                }
                Ok(None) => return Ok(Some(Task::Update { id, update })),
                Err(Failure::Object(why)) => self.outcome.not_updated.put(&id, why),
                Err(Failure::Call(error)) => return Err(error),
            },
            Task::Destroy(id) => match email_id(&id, cx.created) {
                Ok(email) => self.piece.push(EmailChange::Destroy(email), Subject::Destroy { id, email }),
                Err(why) => self.outcome.not_destroyed.put(&id, why),
            },
        }
        Ok(None)
    }
    /// Nothing while it cannot be known whether what the client says of the email is true.
    fn update(
        &self,
        id: &IdRef,
        given: &EmailUpdate,
        cx: &mut Context<'_>,
    ) -> Result<Option<Updating>, Failure> {
        let email = email_id(id, cx.created)?;
        if !given.claims.is_empty() && !claims::are_true(&given.claims, email, &self.account, cx)? {
            return Ok(None);
        }
        let mailboxes = match &given.mailbox_ids {
            SetChange::Keep => None,
            SetChange::Replace(ids) => Some(SetUpdate::Replace(mailbox_ids(ids, cx.created)?)),
            SetChange::Edit { add, remove } => Some(SetUpdate::Patch {
                add: mailbox_ids(add, cx.created)?,
                // RFC 8620 §5.3: what is not there need not be removed.
                remove: remove.iter().filter_map(|id| mailbox_id(id, cx.created)).collect(),
            }),
        };
        let keywords = match &given.keywords {
            SetChange::Keep => None,
            SetChange::Replace(all) => Some(SetUpdate::Replace(all.iter().map(keyword).collect())),
            SetChange::Edit { add, remove } => Some(SetUpdate::Patch {
                add: add.iter().map(keyword).collect(),
                remove: remove.iter().map(keyword).collect(),
            }),
        };
        Ok(Some(Updating { email, update: emails::EmailUpdate { keywords, mailboxes } }))
    }
    /// Notes what became of a piece.
    fn tell(
        &mut self,
        results: Vec<Changed<EmailChanged, emails::EmailRefused>>,
        cx: &mut Context<'_>,
    ) -> Result<(), MethodError> {
        for (subject, result) in std::mem::take(&mut self.piece.subjects).into_iter().zip(results) {
            let outcome = &mut self.outcome;
            match (subject, result) {
                (Subject::Creation(creation), Ok(EmailChanged::Created { email, thread, octets })) => {
                    let told = created(creation.clone(), email, thread, octets, cx);
                    outcome.created.put(&creation, told);
                }
                (Subject::Update { email, .. }, Ok(EmailChanged::Updated)) => {
                    outcome.updated.put(&email, None);
                }
                (Subject::Destroy { email, .. }, Ok(EmailChanged::Destroyed)) => {
                    outcome.destroyed.push(email.into());
                }
                (_, Ok(_)) => return Err(self.partly(mixed_up())),
                (subject, Err(refused)) => {
                    let why = match refusal(refused, cx) {
                        Failure::Object(why) => why,
                        Failure::Call(error) => return Err(self.partly(error)),
                    };
                    refuse(outcome, &subject, why);
                }
            }
        }
        Ok(())
    }
    fn respond(&mut self, cx: &mut Context<'_>) {
        let response = SetResponse {
            account_id: Some(self.account_id.clone()),
            old_state: self.writing.old_state(),
            new_state: Some(self.writing.new_state()),
            outcome: std::mem::take(&mut self.outcome),
        };
        cx.respond_as(NAME, &response);
    }
}

/// An update in the service's words.
struct Updating {
    email: EmailId,
    update: emails::EmailUpdate,
}

fn refuse(outcome: &mut Outcome, subject: &Subject, why: SetError) {
    match subject {
        Subject::Creation(creation) => outcome.not_created.put(creation, why),
        Subject::Update { id, .. } => outcome.not_updated.put(id, why),
        Subject::Destroy { id, .. } => outcome.not_destroyed.put(id, why),
    }
}

impl Gathered {
    fn push(&mut self, change: EmailChange, subject: Subject) {
        self.changes.push(change);
        self.subjects.push(subject);
    }
}
