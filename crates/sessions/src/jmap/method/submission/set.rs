//! EmailSubmission/set (RFC 8621 §7.5).
//!
//! Each object is a transaction of its own, one after the other. What becomes of the Emails then is one
//! Email/set behind the response.

use std::collections::{BTreeSet, VecDeque};

use koi_mailbox::emails::{
    Changed, DataType, Envelope, EnvelopeAddress, EnvelopeParameter, NewSubmission, State, SubmissionRefused,
    SubmissionView, Told, UndoStatus as Stored,
};
use koi_mailbox::{Account, Pending, Ticket};
use koi_proto::jmap::object::email::update::EmailUpdate;
use koi_proto::jmap::object::submission::{
    EmailSubmissions, Envelope as Given, SmtpAddress, SubmissionCreate, SubmissionProperty,
    SubmissionSetExtra, SubmissionUpdate, UndoStatus,
};
use koi_proto::jmap::standard::{Outcome, SetArguments, SetResponse, Update};
use koi_proto::jmap::{Arguments, Change, Id, IdRef, MethodError, Raw, SetError, SetErrorKind};
use koi_types::{EmailId, ObjectId};

use super::super::email_set;
use super::super::writing::{Failure, Task, tasks};
use super::{hold, shown};
use crate::account_rates::Counted;
use crate::jmap::call::{Call, Ran, Started};
use crate::jmap::context::Context;
use crate::jmap::few;

pub(in super::super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let SetArguments { account_id, if_in_state, objects, extra } =
        SetArguments::<EmailSubmissions>::read(arguments, &cx.reading())?;
    let account = cx.personal(&account_id)?;
    let old_state = state(&account, cx)?;
    if if_in_state.is_some_and(|expected| *expected != *old_state.to_string()) {
        return Err(MethodError::StateMismatch);
    }
    let mut outcome = Outcome::default();
    let tasks = tasks(objects, &mut outcome);
    Ok(Box::new(SubmissionSet {
        account,
        account_id,
        old_state,
        tasks,
        under_way: None,
        changed: BTreeSet::new(),
        succeeded: Vec::new(),
        extra,
        outcome,
        implicit: None,
    }))
}

fn state(account: &Account, cx: &mut Context<'_>) -> Result<State, MethodError> {
    let state = account.snapshot().map(|snapshot| snapshot.state(DataType::EmailSubmission));
    state.map_err(|error| cx.failed(&error))
}

/// What is being written.
enum UnderWay {
    Create {
        creation_id: Id,
        is_envelope_given: bool,
        counted: Option<Counted>,
        pending: Pending<SubmissionView>,
    },
    Update {
        id: IdRef,
        view: SubmissionView,
        pending: Pending<Result<(), SubmissionRefused>>,
    },
    Destroy {
        id: IdRef,
        view: SubmissionView,
        pending: Pending<Result<(), SubmissionRefused>>,
    },
}

/// A submission for which something was done, and the Email it is about.
struct Succeeded {
    creation_id: Option<Id>,
    submission: ObjectId,
    email: EmailId,
}

struct SubmissionSet {
    account: Account,
    account_id: Id,
    old_state: State,
    tasks: VecDeque<Task<EmailSubmissions>>,
    under_way: Option<UnderWay>,
    /// What this call has changed.
    changed: BTreeSet<ObjectId>,
    succeeded: Vec<Succeeded>,
    extra: SubmissionSetExtra,
    outcome: Outcome,
    /// The Email/set that follows.
    implicit: Option<Box<dyn Call>>,
}

impl Call for SubmissionSet {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        if let Some(implicit) = &mut self.implicit {
            return implicit.run(cx);
        }
        let ran = self.advance(cx);
        // Something may have been sent already (RFC 8620 §3.6.2).
        ran.map_err(|error| if self.changed.is_empty() { error } else { MethodError::ServerPartialFail })
    }
}

impl SubmissionSet {
    fn advance(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        if let Some(under_way) = self.under_way.take() {
            let ticket = under_way.ticket();
            if ticket.peek().is_none() {
                self.under_way = Some(under_way);
                return Ok(Ran::Await(ticket));
            }
            self.finish(under_way, cx)?;
        }
        if let Some(task) = self.tasks.pop_front() {
            self.begin(task, cx)?;
            return Ok(Ran::Yield);
        }
        self.respond(cx)?;
        self.follow(cx)
    }
    fn begin(&mut self, task: Task<EmailSubmissions>, cx: &mut Context<'_>) -> Result<(), MethodError> {
        match task {
            Task::Create { creation_id, object } => match self.create(&creation_id, &object, cx) {
                Ok(under_way) => self.under_way = Some(under_way),
                Err(Failure::Object(why)) => self.outcome.not_created.put(&creation_id, why),
                Err(Failure::Call(error)) => return Err(error),
            },
            Task::Update { id, update } => match self.update(&id, update, cx) {
                Ok(under_way) => self.under_way = under_way,
                Err(Failure::Object(why)) => self.outcome.not_updated.put(&id, why),
                Err(Failure::Call(error)) => return Err(error),
            },
            Task::Destroy(id) => match self.known(&id, cx) {
                Ok(view) => {
                    let pending = self.account.destroy_submission(view.id);
                    self.under_way = Some(UnderWay::Destroy { id, view, pending });
                }
                Err(Failure::Object(why)) => self.outcome.not_destroyed.put(&id, why),
                Err(Failure::Call(error)) => return Err(error),
            },
        }
        Ok(())
    }
    fn create(
        &self,
        creation_id: &Id,
        object: &SubmissionCreate,
        cx: &mut Context<'_>,
    ) -> Result<UnderWay, Failure> {
        let SubmissionCreate { identity_id, email_id, envelope } = object;
        let nothing = |property: &str, id: &IdRef| {
            SetError::invalid_property(property, format!("{property}: there is no {id}"))
        };
        let identity = cx.created.resolve(identity_id).and_then(|id| ObjectId::parse(id.as_str()));
        let email = cx.created.resolve(email_id).and_then(|id| EmailId::parse(id.as_str()));
        let new = NewSubmission {
            identity: identity.ok_or_else(|| nothing("identityId", identity_id))?,
            email: email.ok_or_else(|| nothing("emailId", email_id))?,
            send_at: hold::send_at(envelope.as_ref(), cx.now)?,
            envelope: envelope.clone().map(stored),
        };
        let rates = &cx.jmap.account_rates;
        let mut counted = None;
        let may_send = |recipients| {
            counted = rates.take_message(recipients, self.account.id(), cx.now);
            counted.as_ref().map(Counted::shares)
        };
        let submitted = self.account.submit_email(&new, may_send);
        if let (Err(_), Some(counted)) = (&submitted, &counted) {
            rates.give_back(counted, cx.now);
        }
        let pending = submitted.map_err(|refused| refusal(refused, cx))?;
        let creation_id = creation_id.clone();
        Ok(UnderWay::Create { creation_id, is_envelope_given: envelope.is_some(), counted, pending })
    }
    /// Nothing when everything is already as it is to be.
    fn update(
        &mut self,
        id: &IdRef,
        update: SubmissionUpdate,
        cx: &mut Context<'_>,
    ) -> Result<Option<UnderWay>, Failure> {
        let view = self.known(id, cx)?;
        let is = super::undo_status(view.submission.status);
        few::check_claims(&update.claims, |slot| shown(view.clone()).write(SubmissionProperty::ALL, slot))?;
        match update.undo_status {
            Change::Set(UndoStatus::Canceled) if view.submission.status != Stored::Canceled => {
                let pending = self.account.cancel_submission(view.id);
                return Ok(Some(UnderWay::Update { id: id.clone(), view, pending }));
            }
            Change::Set(status) if status != is => {
                let why = "undoStatus can be set to canceled only";
                return Err(SetError::invalid_property("undoStatus", why).into());
            }
            Change::Set(_) | Change::Keep => {}
        }
        self.outcome.updated.put(&Id::from(view.id), None);
        self.succeeded(None, &view);
        Ok(None)
    }
    /// The submission there is under an id.
    fn known(&self, id: &IdRef, cx: &mut Context<'_>) -> Result<SubmissionView, Failure> {
        let submission = few::object_id(id, cx)?;
        let views = self.account.snapshot().and_then(|snapshot| snapshot.submissions());
        let views = views.map_err(|error| Failure::Call(cx.failed(&error)))?;
        let view = views.into_iter().find(|view| view.id == submission);
        view.ok_or_else(|| Failure::Object(SetErrorKind::NotFound.into()))
    }
    fn finish(&mut self, under_way: UnderWay, cx: &mut Context<'_>) -> Result<(), MethodError> {
        match under_way {
            UnderWay::Create { creation_id, is_envelope_given, counted, pending } => match pending.take() {
                Ok(view) => {
                    self.changed.insert(view.id);
                    self.succeeded(Some(creation_id.clone()), &view);
                    cx.created.insert(creation_id.clone(), view.id.into());
                    self.outcome.created.put(&creation_id, created(view, is_envelope_given));
                }
                Err(error) => {
                    if let Some(counted) = &counted {
                        cx.jmap.account_rates.give_back(counted, cx.now);
                    }
                    match refusal(error.into(), cx) {
                        Failure::Object(why) => self.outcome.not_created.put(&creation_id, why),
                        Failure::Call(error) => return Err(error),
                    }
                }
            },
            UnderWay::Update { id, view, pending } => match self.taken(pending, &view, cx) {
                Ok(()) => self.outcome.updated.put(&Id::from(view.id), None),
                Err(Failure::Object(why)) => self.outcome.not_updated.put(&id, why),
                Err(Failure::Call(error)) => return Err(error),
            },
            UnderWay::Destroy { id, view, pending } => match self.taken(pending, &view, cx) {
                Ok(()) => self.outcome.destroyed.push(view.id.into()),
                Err(Failure::Object(why)) => self.outcome.not_destroyed.put(&id, why),
                Err(Failure::Call(error)) => return Err(error),
            },
        }
        Ok(())
    }
    fn taken(
        &mut self,
        pending: Pending<Result<(), SubmissionRefused>>,
        view: &SubmissionView,
        cx: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let taken = pending.take().unwrap_or_else(|error| Err(error.into()));
        taken.map_err(|refused| refusal(refused, cx))?;
        self.changed.insert(view.id);
        self.succeeded(None, view);
        Ok(())
    }
    fn succeeded(&mut self, creation_id: Option<Id>, view: &SubmissionView) {
        let (submission, email) = (view.id, view.submission.email);
        self.succeeded.push(Succeeded { creation_id, submission, email });
    }
    fn respond(&mut self, cx: &mut Context<'_>) -> Result<(), MethodError> {
        let read = self.account.snapshot().and_then(|snapshot| {
            let told = snapshot.submission_changes(self.old_state, usize::MAX)?;
            Ok((snapshot.state(DataType::EmailSubmission), told))
        });
        let (new_state, told) = read.map_err(|error| cx.failed(&error))?;
        // When something else changed meanwhile, the client has to ask for changes.
        let is_ours = |told: &Told<Changed<ObjectId>>| match told {
            Told::Changes(Changed { created, updated, destroyed, .. }) => {
                [created, updated, destroyed].into_iter().flatten().all(|id| self.changed.contains(id))
            }
            Told::CannotCalculate => false,
        };
        let old_state = is_ours(&told).then(|| self.old_state.to_string().into());
        cx.respond(&SetResponse {
            account_id: Some(self.account_id.clone()),
            old_state,
            new_state: Some(new_state.to_string().into()),
            outcome: std::mem::take(&mut self.outcome),
        });
        Ok(())
    }
    /// The implicit Email/set, if there is anything for it to do.
    fn follow(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let SubmissionSetExtra { on_success_update_email, on_success_destroy_email } =
            std::mem::take(&mut self.extra);
        let mut update: Vec<Update<EmailUpdate>> = Vec::new();
        for Update { id, change } in on_success_update_email {
            if let Some(email) = self.email_of(&id, cx) {
                update.push(Update { id: IdRef::Id(email), change });
            }
        }
        let destroy: Vec<IdRef> =
            on_success_destroy_email.iter().filter_map(|id| self.email_of(id, cx)).map(IdRef::Id).collect();
        if update.is_empty() && destroy.is_empty() {
            return Ok(Ran::Done);
        }
        self.implicit = Some(email_set::implicit(self.account_id.clone(), None, update, destroy, cx)?);
        Ok(Ran::Yield)
    }
    /// The Email of a submission for which something was done.
    fn email_of(&self, id: &IdRef, cx: &Context<'_>) -> Option<Id> {
        let made = |one: &&Succeeded| matches!(id, IdRef::Creation(k) if one.creation_id.as_ref() == Some(k));
        let known = cx.created.resolve(id).and_then(|id| ObjectId::parse(id.as_str()));
        let found = self.succeeded.iter().find(made);
        let found = found.or_else(|| self.succeeded.iter().find(|one| Some(one.submission) == known));
        found.map(|one| one.email.into())
    }
}

impl UnderWay {
    fn ticket(&self) -> Ticket {
        match self {
            Self::Create { pending, .. } => pending.ticket(),
            Self::Update { pending, .. } | Self::Destroy { pending, .. } => pending.ticket(),
        }
    }
}

/// What the client did not say itself (RFC 8620 §5.3).
fn created(view: SubmissionView, is_envelope_given: bool) -> Raw {
    let said = |property: &SubmissionProperty| match property {
        SubmissionProperty::IdentityId | SubmissionProperty::EmailId => true,
        SubmissionProperty::Envelope => is_envelope_given,
        _ => false,
    };
    let properties: Vec<_> = SubmissionProperty::ALL.iter().copied().filter(|p| !said(p)).collect();
    let submission = shown(view);
    Raw::build(|slot| submission.write(&properties, slot))
}

fn stored(given: Given) -> Envelope {
    let address = |address: SmtpAddress| EnvelopeAddress {
        email: address.email,
        parameters: address
            .parameters
            .into_iter()
            .flatten()
            .map(|parameter| EnvelopeParameter { name: parameter.name, value: parameter.value })
            .collect(),
    };
    Envelope {
        mail_from: address(given.mail_from),
        rcpt_to: given.rcpt_to.into_iter().map(address).collect(),
    }
}

/// Why an Email was not sent, or a submission not changed, in JMAP's words (RFC 8621 §7.5).
fn refusal(refused: SubmissionRefused, cx: &mut Context<'_>) -> Failure {
    let kind = match refused {
        SubmissionRefused::NotFound => SetErrorKind::NotFound,
        SubmissionRefused::IdentityNotFound => {
            return SetError::invalid_property("identityId", "there is no such Identity").into();
        }
        SubmissionRefused::EmailNotFound => {
            return SetError::invalid_property("emailId", "there is no such Email").into();
        }
        SubmissionRefused::ForbiddenFrom => SetErrorKind::ForbiddenFrom,
        SubmissionRefused::ForbiddenMailFrom => SetErrorKind::ForbiddenMailFrom,
        SubmissionRefused::NoRecipients => SetErrorKind::NoRecipients,
        SubmissionRefused::TooManyRecipients(most) => {
            SetErrorKind::TooManyRecipients { max_recipients: most as u64 }
        }
        SubmissionRefused::InvalidRecipients { unknown, remote } => return invalid(unknown, remote).into(),
        SubmissionRefused::InvalidEmail(properties) => {
            SetErrorKind::InvalidEmail { properties: properties.into_iter().map(Into::into).collect() }
        }
        SubmissionRefused::TooLarge(most) => SetErrorKind::TooLarge { max_size: Some(most) },
        SubmissionRefused::TooLate => {
            return SetError::invalid_property("envelope", "later than maxDelayedSend allows").into();
        }
        SubmissionRefused::CannotUnsend => SetErrorKind::CannotUnsend,
        SubmissionRefused::TooMany => SetErrorKind::OverQuota,
        SubmissionRefused::TooFast => SetErrorKind::RateLimit,
        SubmissionRefused::Forbidden => SetErrorKind::ForbiddenToSend,
        SubmissionRefused::Failed(error) => return Failure::Call(cx.failed(&error)),
    };
    SetError::from(kind).into()
}

/// All addresses that cannot be sent to, and why.
fn invalid(unknown: Vec<Box<str>>, remote: Vec<Box<str>>) -> SetError {
    let mut why = Vec::new();
    if !unknown.is_empty() {
        why.push(format!("nobody has the address {}", unknown.join(", ")));
    }
    if !remote.is_empty() {
        why.push(format!("this server does not send to other servers, as to {}", remote.join(", ")));
    }
    let invalid_recipients = unknown.into_iter().chain(remote).collect();
    SetError::described(SetErrorKind::InvalidRecipients { invalid_recipients }, why.join("; "))
}
