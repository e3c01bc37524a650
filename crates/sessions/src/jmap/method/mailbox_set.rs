//! Mailbox/set (RFC 8620 §5.3, RFC 8621 §2.5).
//!
//! Each change is a transaction of its own, one after the other: what is created, what is changed, what is
//! destroyed, the innermost first. What refers to a mailbox that is created in the same call waits for it.
//! What is refused because of another mailbox (its name is taken, it has a child) is tried again when
//! something else of the call has succeeded: what counts is whether the end is valid.

mod words;

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};

use koi_mailbox::Account;
use koi_mailbox::emails::{Emails, MailboxChange, MailboxChanged, MailboxInTurn, MailboxRefused};
use koi_proto::jmap::object::mailbox::{MailboxCreate, MailboxSetExtra, MailboxUpdate, Mailboxes};
use koi_proto::jmap::standard::{Outcome, SetArguments, SetResponse};
use koi_proto::jmap::{Arguments, CreatedIds, Id, IdRef, MethodError, SetError, SetErrorKind};
use koi_types::MailboxId;
use koi_types::name::SEPARATOR;

use super::email_write::{mailbox_id, mixed_up};
use super::writing::{Changed, Failure, Piece, Task, Writing, expected_state, tasks};
use crate::jmap::call::{Call, Ran, Started};
use crate::jmap::context::Context;

/// How often what was refused is tried again.
const ROUNDS_MAX: usize = 32;

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let SetArguments { account_id, if_in_state, objects, extra } =
        SetArguments::<Mailboxes>::read(arguments, &cx.reading())?;
    let account = cx.account(&account_id)?;
    let writing = Writing::new(expected_state(if_in_state.as_deref())?);
    let MailboxSetExtra { on_destroy_remove_emails } = extra;
    let mut outcome = Outcome::default();
    let tasks = tasks(objects, &mut outcome);
    Ok(Box::new(MailboxSet {
        account,
        account_id,
        removes_emails: on_destroy_remove_emails,
        writing,
        tasks,
        changes: Vec::new(),
        submitted: Vec::new(),
        again: Vec::new(),
        has_progressed: false,
        rounds_left: ROUNDS_MAX,
        made: Vec::new(),
        changed: Vec::new(),
        outcome,
    }))
}

struct MailboxSet {
    account: Account,
    account_id: Id,
    removes_emails: bool,
    writing: Writing<MailboxChanged, MailboxRefused>,
    tasks: VecDeque<Task<Mailboxes>>,
    /// The next piece, and what it is about.
    changes: Vec<MailboxChange>,
    submitted: Vec<Submitted>,
    /// Refused because of another mailbox.
    again: Vec<Refused>,
    /// Something succeeded since.
    has_progressed: bool,
    rounds_left: usize,
    made: Vec<Made>,
    changed: Vec<Altered>,
    outcome: Outcome,
}

/// What a change is about.
enum Submitted {
    Alone(Task<Mailboxes>),
    /// Updates that stand in each other's way.
    Together(Vec<Refused>),
}

struct Refused {
    task: Task<Mailboxes>,
    why: MailboxRefused,
}

/// An update, and the mailbox that is in its way.
struct Turn {
    mailbox: MailboxId,
    blocker: MailboxId,
    refused: Refused,
}

/// A mailbox that was created.
struct Made {
    creation_id: Id,
    mailbox: MailboxId,
    object: MailboxCreate,
}

/// A mailbox that was changed.
struct Altered {
    mailbox: MailboxId,
    update: MailboxUpdate,
}

impl Call for MailboxSet {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        match self.writing.piece(cx)? {
            Piece::Waiting(ran) => return Ok(ran),
            Piece::Written(results) => self.note(results, cx)?,
            Piece::Wanted => {}
        }
        let account = self.account.clone();
        let emails = account.emails().map_err(|error| self.writing.failed(&error, cx))?;
        let Some(emails) = emails else { return Ok(Ran::Yield) };
        self.gather(&emails, cx)?;
        if self.changes.is_empty() && self.writing.is_begun() {
            self.respond(&emails, cx)?;
            return Ok(Ran::Done);
        }
        drop(emails);
        // Even when there is nothing to change: then it tells the states.
        let expected = self.writing.expected();
        self.writing.begin(self.account.set_mailboxes(expected, std::mem::take(&mut self.changes)));
        self.run(cx)
    }
}

impl MailboxSet {
    /// Takes tasks into the next piece: none when there is nothing left that may succeed.
    fn gather(&mut self, emails: &Emails<'_>, cx: &mut Context<'_>) -> Result<(), MethodError> {
        loop {
            self.take_ready(emails, cx)?;
            if !self.changes.is_empty() || !self.try_again() {
                break;
            }
        }
        if self.changes.is_empty() {
            self.take_exchange(emails, cx)?;
        }
        if self.changes.is_empty() {
            // They wait for what was refused, or for each other.
            for task in std::mem::take(&mut self.tasks) {
                let why = match &task {
                    Task::Create { .. } => words::no_parent(),
                    _ => SetErrorKind::NotFound.into(),
                };
                self.refuse(&task, why);
            }
        }
        Ok(())
    }
    /// What is created comes first, what is destroyed last.
    fn take_ready(&mut self, emails: &Emails<'_>, cx: &mut Context<'_>) -> Result<(), MethodError> {
        let kinds: [fn(&Task<Mailboxes>) -> bool; 3] = [
            |task| matches!(task, Task::Create { .. }),
            |task| matches!(task, Task::Update { .. }),
            |task| matches!(task, Task::Destroy(_)),
        ];
        for (kind, is_destroy) in kinds.into_iter().zip([false, false, true]) {
            let creations = self.expected_creations();
            let is_ready = |task: &Task<Mailboxes>| kind(task) && !waits(task, &creations);
            let (mut ready, left): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.tasks).into_iter().partition(is_ready);
            self.tasks = left.into();
            if is_destroy {
                ready.sort_by_cached_key(|task| Reverse(depth(task, emails, cx.created)));
            }
            for task in ready {
                match words::change(&task, self.removes_emails, emails, cx) {
                    Ok(change) => {
                        self.changes.push(change);
                        self.submitted.push(Submitted::Alone(task));
                    }
                    Err(Failure::Object(why)) => self.refuse(&task, why),
                    Err(Failure::Call(error)) => return Err(error),
                }
            }
            if self.tasks.iter().any(kind) {
                break;
            }
        }
        Ok(())
    }
    /// Two mailboxes that exchange their names or roles, or more in a ring: each is in the way of another one
    /// that is itself to change. They go together, and what was refused for something else stays.
    fn take_exchange(&mut self, emails: &Emails<'_>, cx: &mut Context<'_>) -> Result<(), MethodError> {
        let mut ring: Vec<Turn> = Vec::new();
        let mut others = Vec::new();
        for refused in std::mem::take(&mut self.again) {
            let blocker = words::taken_by(&refused.task, &refused.why, emails, cx)?;
            match (words::updated_mailbox(&refused.task, cx.created), blocker) {
                (Some(mailbox), Some(blocker)) => ring.push(Turn { mailbox, blocker, refused }),
                _ => others.push(refused),
            }
        }
        loop {
            let members: BTreeSet<MailboxId> = ring.iter().map(|turn| turn.mailbox).collect();
            let (inside, outside): (Vec<Turn>, Vec<Turn>) =
                ring.into_iter().partition(|turn| members.contains(&turn.blocker));
            ring = inside;
            if outside.is_empty() {
                break;
            }
            others.extend(outside.into_iter().map(|turn| turn.refused));
        }
        self.again = others;
        let mut turns = Vec::with_capacity(ring.len());
        for Turn { mailbox, refused, .. } in &ring {
            match words::change(&refused.task, self.removes_emails, emails, cx) {
                Ok(MailboxChange::Update { update, .. }) => {
                    turns.push(MailboxInTurn { mailbox: *mailbox, update });
                }
                Ok(_) | Err(Failure::Object(_)) => return Err(mixed_up()),
                Err(Failure::Call(error)) => return Err(error),
            }
        }
        if !turns.is_empty() {
            self.changes.push(MailboxChange::Together(turns));
            self.submitted.push(Submitted::Together(ring.into_iter().map(|turn| turn.refused).collect()));
        }
        Ok(())
    }
    /// Creation ids of what is not created yet.
    fn expected_creations(&self) -> BTreeSet<Id> {
        let again = self.again.iter().map(|refused| &refused.task);
        let submitted = self.submitted.iter().filter_map(|submitted| match submitted {
            Submitted::Alone(task) => Some(task),
            Submitted::Together(_) => None,
        });
        let all = self.tasks.iter().chain(submitted).chain(again);
        let creations = all.filter_map(|task| match task {
            Task::Create { creation_id, .. } => Some(creation_id.clone()),
            _ => None,
        });
        creations.collect()
    }
    /// Answers whether there is something to be tried again.
    fn try_again(&mut self) -> bool {
        if self.again.is_empty() || !self.has_progressed || self.rounds_left == 0 {
            return false;
        }
        self.has_progressed = false;
        self.rounds_left -= 1;
        let again = std::mem::take(&mut self.again).into_iter().map(|refused| refused.task);
        self.tasks = again.chain(std::mem::take(&mut self.tasks)).collect();
        true
    }
    /// Notes what became of a piece.
    fn note(
        &mut self,
        results: Vec<Changed<MailboxChanged, MailboxRefused>>,
        cx: &mut Context<'_>,
    ) -> Result<(), MethodError> {
        for (submitted, result) in std::mem::take(&mut self.submitted).into_iter().zip(results) {
            self.has_progressed |= result.is_ok();
            match (submitted, result) {
                (Submitted::Alone(task), Ok(changed)) => self.succeeded(task, changed, cx)?,
                (Submitted::Alone(task), Err(why)) => self.again.push(Refused { task, why }),
                (Submitted::Together(turns), Ok(changed)) => {
                    for Refused { task, .. } in turns {
                        self.succeeded(task, changed, cx)?;
                    }
                }
                (Submitted::Together(_), Err(MailboxRefused::Failed(error))) => {
                    return Err(self.writing.failed(&error, cx));
                }
                // Together or alone, it cannot be.
                (Submitted::Together(turns), Err(_)) => {
                    for Refused { task, why } in turns {
                        let why = self.refusal(why, cx)?;
                        self.refuse(&task, why);
                    }
                }
            }
        }
        self.settle(cx)
    }
    fn succeeded(
        &mut self,
        task: Task<Mailboxes>,
        changed: MailboxChanged,
        cx: &mut Context<'_>,
    ) -> Result<(), MethodError> {
        match (task, changed) {
            (Task::Create { creation_id, object }, MailboxChanged::Created(mailbox)) => {
                cx.created.insert(creation_id.clone(), mailbox.into());
                self.made.push(Made { creation_id, mailbox, object });
            }
            (Task::Update { id, update }, MailboxChanged::Updated) => {
                let mailbox = mailbox_id(&id, cx.created).ok_or_else(mixed_up)?;
                self.changed.push(Altered { mailbox, update });
            }
            (Task::Destroy(id), MailboxChanged::Destroyed) => {
                self.outcome.destroyed.extend(cx.created.resolve(&id).cloned());
            }
            _ => return Err(mixed_up()),
        }
        Ok(())
    }
    /// What will be refused again whatever else happens is refused now.
    fn settle(&mut self, cx: &mut Context<'_>) -> Result<(), MethodError> {
        let (again, settled): (Vec<Refused>, Vec<Refused>) =
            std::mem::take(&mut self.again).into_iter().partition(|refused| words::may_pass(&refused.why));
        self.again = again;
        for Refused { task, why } in settled {
            let why = self.refusal(why, cx)?;
            self.refuse(&task, why);
        }
        Ok(())
    }
    fn refusal(&self, why: MailboxRefused, cx: &mut Context<'_>) -> Result<SetError, MethodError> {
        match words::refusal(why) {
            Ok(why) => Ok(why),
            Err(error) => Err(self.writing.failed(&error, cx)),
        }
    }
    fn refuse(&mut self, task: &Task<Mailboxes>, why: SetError) {
        task.refuse(why, &mut self.outcome);
    }
    fn respond(&mut self, emails: &Emails<'_>, cx: &mut Context<'_>) -> Result<(), MethodError> {
        for Refused { task, why } in std::mem::take(&mut self.again) {
            let why = match words::taken_by(&task, &why, emails, cx)? {
                Some(other) if matches!(why, MailboxRefused::NameTaken) => {
                    SetErrorKind::AlreadyExists { existing_id: other.into() }.into()
                }
                _ => self.refusal(why, cx)?,
            };
            self.refuse(&task, why);
        }
        for Made { creation_id, mailbox, object } in std::mem::take(&mut self.made) {
            let told = words::created(mailbox, &object, emails, cx)?;
            self.outcome.created.put(&creation_id, told);
        }
        for Altered { mailbox, update } in std::mem::take(&mut self.changed) {
            let told = words::updated(mailbox, &update, emails, cx)?;
            self.outcome.updated.put(&mailbox, told);
        }
        cx.respond(&SetResponse {
            account_id: Some(self.account_id.clone()),
            old_state: self.writing.old_state(),
            new_state: Some(self.writing.new_state()),
            outcome: std::mem::take(&mut self.outcome),
        });
        Ok(())
    }
}

/// Whether it is about a mailbox that is still to be created.
fn waits(task: &Task<Mailboxes>, creations: &BTreeSet<Id>) -> bool {
    let awaited = |id: &IdRef| matches!(id, IdRef::Creation(id) if creations.contains(id));
    match task {
        Task::Create { object, .. } => object.parent_id.as_ref().is_some_and(awaited),
        Task::Update { id, update } => {
            let parent = update.parent_id.clone().into_option().flatten();
            awaited(id) || parent.as_ref().is_some_and(awaited)
        }
        Task::Destroy(id) => awaited(id),
    }
}

/// Levels above a mailbox that is to be destroyed.
fn depth(task: &Task<Mailboxes>, emails: &Emails<'_>, created: &CreatedIds) -> usize {
    let Task::Destroy(id) = task else { return 0 };
    let view = mailbox_id(id, created).and_then(|id| emails.mailbox(id).ok().flatten());
    view.map_or(0, |view| view.full_name.as_str().matches(SEPARATOR).count())
}
