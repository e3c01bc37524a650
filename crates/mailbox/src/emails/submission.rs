//! Submissions of emails (RFC 8621 §7): an email that is there already is delivered to local accounts, at
//! once or at its time, as [`outgoing`] says. Until then it can be taken back; it is sent whatever becomes of
//! the email and of the object meanwhile.
//!
//! What is refused is looked at before anything is written. A recipient whose account is full or gone says
//! so in its own delivery status. Must not: send to other servers; there is no queue yet.

use std::collections::HashSet;
use std::sync::Arc;

use koi_store::kv::{Read, Txn, transact};
use koi_store::mail::AccountTxn;
use koi_store::mail::directory;
use koi_store::mail::object::{self, ObjectKind};
use koi_store::mail::sent_counts::SentShares;
use koi_types::{
    AccountId, Address, BlobName, EmailId, ErrorKind, MailError, ObjectId, Result, ReversePath, Timestamp,
    limits,
};

mod outgoing;
mod sending;

pub use koi_store::record::submission::{
    DeliveredStatus, DeliveryRecord, EnvelopeAddress, EnvelopeParameter, SubmissionRecord, UndoStatus,
};

use super::changes::{Changed, Told};
use super::state::State;
use crate::account::Account;
use crate::deliver::{To, peer};
use crate::incoming::{Incoming, Stage};
use crate::outcome::Pending;
use crate::service::Inner;
use crate::snapshot::Snapshot;
use crate::trace::{Trace, date};
use outgoing::{Added, Outgoing};
pub(crate) use sending::{Due, send_due};
use sending::{deliver, delivery};

/// An email to be submitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSubmission {
    pub identity: ObjectId,
    pub email: EmailId,
    /// Without one it follows from the header (RFC 8621 §7).
    pub envelope: Option<Envelope>,
    /// Nothing for now.
    pub send_at: Option<Timestamp>,
}

/// Who sends it to whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    pub mail_from: EnvelopeAddress,
    pub rcpt_to: Vec<EnvelopeAddress>,
}

impl Envelope {
    /// Each recipient once, and no more parameters than are remembered.
    fn plain(mut self) -> Refusable<Self> {
        let mut seen = HashSet::new();
        self.rcpt_to.retain(|to| seen.insert(to.email.clone()));
        let mut left = limits::SUBMISSION_PARAMETERS_OCTETS_MAX;
        let mut fits = |address: &EnvelopeAddress| {
            let octets = |one: &EnvelopeParameter| one.name.len() + one.value.as_ref().map_or(0, |v| v.len());
            let octets = address.parameters.iter().map(octets).sum();
            left = left.saturating_sub(octets);
            left > 0
        };
        if !fits(&self.mail_from) {
            return Err(SubmissionRefused::ForbiddenMailFrom);
        }
        match self.rcpt_to.iter().find(|to| !fits(to)) {
            Some(to) => {
                let unknown = vec![to.email.clone()];
                Err(SubmissionRefused::InvalidRecipients { unknown, remote: Vec::new() })
            }
            None => Ok(self),
        }
    }
}

/// A submission and its id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubmissionView {
    pub id: ObjectId,
    pub submission: SubmissionRecord,
}

/// Why an email was not submitted, or a submission not changed.
#[derive(Clone, Debug)]
pub enum SubmissionRefused {
    /// There is no such submission.
    NotFound,
    IdentityNotFound,
    EmailNotFound,
    /// Somebody else is in From.
    ForbiddenFrom,
    /// The reverse path is somebody else's.
    ForbiddenMailFrom,
    NoRecipients,
    /// So many are allowed.
    TooManyRecipients(usize),
    /// Mail cannot be sent to all addresses.
    InvalidRecipients {
        /// These are no addresses, or nobody has them here.
        unknown: Vec<Box<str>>,
        /// These are other servers' to deliver to.
        remote: Vec<Box<str>>,
    },
    /// The properties of the Email that are wrong, all of them.
    InvalidEmail(Vec<&'static str>),
    /// So many octets are allowed.
    TooLarge(u64),
    /// Later than anybody may put it off.
    TooLate,
    /// It was sent, or taken back before.
    CannotUnsend,
    TooMany,
    /// More in a time than the account may send.
    TooFast,
    Forbidden,
    Failed(MailError),
}

impl From<MailError> for SubmissionRefused {
    fn from(error: MailError) -> Self {
        match error.kind {
            ErrorKind::LimitReached => Self::TooMany,
            ErrorKind::NoPermission => Self::Forbidden,
            _ => Self::Failed(error),
        }
    }
}

type Refusable<T> = std::result::Result<T, SubmissionRefused>;

impl Snapshot<'_> {
    /// All submissions that are remembered, in the order in which they were made; none of a guest.
    pub fn submissions(&self) -> Result<Vec<SubmissionView>> {
        if self.guest.is_some() {
            return Ok(Vec::new());
        }
        let stored = object::objects(&*self.view, self.account, ObjectKind::Submission)?.objects;
        let view = |object: object::Object| {
            let submission = SubmissionRecord::decode(object.record.value.as_deref()?)?;
            Some(SubmissionView { id: object.id, submission })
        };
        Ok(stored.into_iter().filter_map(view).collect())
    }
    /// Submissions that changed after `since`, at most `max`.
    pub fn submission_changes(&self, since: State, max: usize) -> Result<Told<Changed<ObjectId>>> {
        self.object_changes(ObjectKind::Submission, since, max)
    }
}

/// An email that may be submitted, with everything that was found out.
struct Ready {
    id: ObjectId,
    record: SubmissionRecord,
    sender: ReversePath,
    recipients: Vec<AccountId>,
    message: Arc<Incoming>,
    delayed: bool,
}

impl Account {
    /// Submits an email. What comes of it for each recipient stands in the submission. `may_send` is asked
    /// last, with the number of recipients; it says what that takes of what the account may send.
    pub fn submit_email(
        &self,
        new: &NewSubmission,
        may_send: impl FnOnce(usize) -> Option<SentShares>,
    ) -> Refusable<Pending<SubmissionView>> {
        let ready = self.prepare(new)?;
        let counts = may_send(ready.record.rcpt_to.len()).ok_or(SubmissionRefused::TooFast)?;
        let accounts = ready.recipients.clone();
        self.inner.prepare(&ready.message, &accounts, peer(&ready.sender))?;
        let (account, now, inner) = (self.id, self.inner.env.now(), &self.inner);
        let to = |account: &AccountId| To { account: *account, email: inner.new_email_id() };
        let recipients: Vec<To> = accounts.iter().map(to).collect();
        let (options, quota) = (Arc::clone(&inner.options), inner.options.quota);
        let pending = transact(&*inner.kv, move |txn: &mut dyn Txn| {
            let mut record = ready.record.clone();
            if !ready.delayed {
                let delivery = delivery(&ready.sender, &ready.message, now);
                record.deliveries = deliver(txn, &options, &delivery, &recipients, now)?;
            }
            let mut sender = AccountTxn::open(txn, account, quota, now)?;
            let encoded: Box<[u8]> = record.encode().into();
            if ready.delayed {
                sender.put_pending(ready.id, record.send_at, &ready.message.body, encoded.clone())?;
            }
            make_room(&mut sender)?;
            sender.put_object(ObjectKind::Submission, ready.id, encoded)?;
            sender.count_sent(counts)?;
            sender.finish()?;
            Ok(SubmissionView { id: ready.id, submission: record })
        });
        accounts.into_iter().chain([account]).for_each(|account| inner.changed(account));
        Ok(Pending::of(pending))
    }
    /// Takes a submission back that waits for its time.
    pub fn cancel_submission(&self, id: ObjectId) -> Pending<Refusable<()>> {
        self.change_submission(move |account| {
            let stored = account.object(ObjectKind::Submission, id)?;
            let record = stored.as_deref().and_then(SubmissionRecord::decode);
            let Some(record) = record else { return Ok(Err(SubmissionRefused::NotFound)) };
            if record.status != UndoStatus::Pending || !account.take_pending(id)? {
                return Ok(Err(SubmissionRefused::CannotUnsend));
            }
            let record = SubmissionRecord { status: UndoStatus::Canceled, ..record };
            account.put_object(ObjectKind::Submission, id, record.encode().into())?;
            Ok(Ok(()))
        })
    }
    /// Forgets a submission; one that waits is sent all the same.
    pub fn destroy_submission(&self, id: ObjectId) -> Pending<Refusable<()>> {
        self.change_submission(move |account| {
            let there = account.destroy_object(ObjectKind::Submission, id)?;
            Ok(if there { Ok(()) } else { Err(SubmissionRefused::NotFound) })
        })
    }
    fn change_submission(
        &self,
        run: impl Fn(&mut AccountTxn<'_>) -> Result<Refusable<()>> + Send + 'static,
    ) -> Pending<Refusable<()>> {
        match self.owner_only() {
            Ok(()) => self.change(run),
            Err(error) => Pending::failed(error),
        }
    }
    fn prepare(&self, new: &NewSubmission) -> Refusable<Ready> {
        self.owner_only()?;
        let now = self.inner.env.now();
        let send_at = new.send_at.unwrap_or(now);
        if send_at > now.plus_secs(limits::SUBMISSION_DELAY_SECS_MAX) {
            return Err(SubmissionRefused::TooLate);
        }
        let snapshot = self.snapshot()?;
        let identity = snapshot.identities()?.into_iter().find(|view| view.id == new.identity);
        let identity = identity.ok_or(SubmissionRefused::IdentityNotFound)?.identity;
        // What was destroyed can be read for a while, but is not there any more.
        if !snapshot.is_shown(new.email)? {
            return Err(SubmissionRefused::EmailNotFound);
        }
        let row = snapshot.email(new.email)?.ok_or(SubmissionRefused::EmailNotFound)?;
        let mut octets = Vec::new();
        let blob = snapshot.blob(&BlobName::Message(new.email))?.ok_or(SubmissionRefused::EmailNotFound)?;
        snapshot.read_blob(&blob, 0..blob.octets, &mut octets)?;
        let outgoing = Outgoing::of(&octets);
        if !outgoing.wrong.is_empty() {
            return Err(SubmissionRefused::InvalidEmail(outgoing.wrong));
        }
        let own = |address: &Address| is_own(&*snapshot.view, self.id, address);
        for author in outgoing.authors() {
            if !own(author)? {
                return Err(SubmissionRefused::ForbiddenFrom);
            }
        }
        let envelope = match new.envelope.clone() {
            Some(envelope) => Ok(envelope),
            None => outgoing.envelope(&identity.email),
        };
        let Envelope { mail_from, rcpt_to } =
            envelope.map_err(|property| SubmissionRefused::InvalidEmail(vec![property]))?.plain()?;
        let sender = match &*mail_from.email {
            "" => ReversePath::Null,
            email => match Address::from_path(email) {
                Some(address) if own(&address)? => ReversePath::Address(address),
                _ => return Err(SubmissionRefused::ForbiddenMailFrom),
            },
        };
        let recipients = recipients(&*snapshot.view, &rcpt_to)?;
        let delayed = send_at > now;
        let status = if delayed { UndoStatus::Pending } else { UndoStatus::Final };
        let queued = DeliveryRecord { reply: "250 2.0.0 Queued".into(), delivered: DeliveredStatus::Queued };
        let record = SubmissionRecord {
            identity: new.identity,
            email: new.email,
            thread: row.thread,
            send_at,
            status,
            deliveries: rcpt_to.iter().map(|_| queued.clone()).collect(),
            mail_from,
            rcpt_to,
            message_id: None,
            notices: Vec::new(),
        };
        drop(row);
        drop(snapshot);
        let id = ObjectId(self.inner.new_email_id().0);
        let message = self.outgoing(&outgoing, &octets, &sender, id)?;
        let record = SubmissionRecord { message_id: message.message_id, ..record };
        Ok(Ready { id, record, sender, recipients, message, delayed })
    }
}

impl Account {
    /// The message as it goes out.
    fn outgoing(
        &self,
        outgoing: &Outgoing,
        octets: &[u8],
        sender: &ReversePath,
        id: ObjectId,
    ) -> Refusable<Arc<Incoming>> {
        let Inner { options, env, .. } = &*self.inner;
        let (hostname, at) = (&*options.hostname, env.now());
        let added = Added {
            trace: &Trace { from: sender, hostname, id, at }.lines(),
            date: &date(at).to_rfc5322().unwrap_or_default(),
            message_id: &format!("{id}@{hostname}"),
        };
        // What may be in the account may be sent: what is added to it does not count.
        staged(&self.inner, &outgoing.octets(octets, &added), octets.len()).map_err(|error| {
            match error.kind {
                ErrorKind::TooLarge => SubmissionRefused::TooLarge(options.message_octets_max),
                _ => error.into(),
            }
        })
    }
}

/// RFC 8621 §7: what was sent may be forgotten. Of too many that is the oldest; nothing that still waits.
fn make_room(account: &mut AccountTxn<'_>) -> Result<()> {
    let there = account.objects(ObjectKind::Submission)?;
    let there: Vec<_> = there.into_iter().filter(|object| object.record.value.is_some()).collect();
    if there.len() < limits::SUBMISSIONS_MAX {
        return Ok(());
    }
    let waits = |object: &object::Object| {
        let record = object.record.value.as_deref().and_then(SubmissionRecord::decode);
        record.is_some_and(|record| record.status == UndoStatus::Pending || sending::waits(&record))
    };
    let oldest = there.iter().filter(|object| !waits(object)).min_by_key(|object| object.record.created);
    oldest.map_or(Ok(()), |oldest| account.destroy_object(ObjectKind::Submission, oldest.id).map(drop))
}

/// Octets of a message that stand for so many of one that was stored.
fn staged(inner: &Inner, octets: &[u8], stored: usize) -> Result<Arc<Incoming>> {
    let mut stage = Stage::new(Arc::clone(&inner.kv), inner.options.message_octets_max).stored();
    stage.write_for(octets, stored)?;
    stage.finish().map(Arc::new)
}

fn is_own(read: &(impl Read + ?Sized), account: AccountId, address: &Address) -> Result<bool> {
    Ok(directory::account_of(read, address)? == Some(account))
}

/// The accounts of the recipients, in order.
fn recipients(read: &(impl Read + ?Sized), rcpt_to: &[EnvelopeAddress]) -> Refusable<Vec<AccountId>> {
    if rcpt_to.is_empty() {
        return Err(SubmissionRefused::NoRecipients);
    }
    if rcpt_to.len() > limits::SUBMISSION_RECIPIENTS_MAX {
        return Err(SubmissionRefused::TooManyRecipients(limits::SUBMISSION_RECIPIENTS_MAX));
    }
    let (mut accounts, mut unknown, mut remote) = (Vec::new(), Vec::new(), Vec::new());
    for to in rcpt_to {
        let address = Address::from_path(&to.email);
        let account = address.as_ref().map(|address| directory::account_of(read, address)).transpose()?;
        match (address, account.flatten()) {
            (_, Some(account)) => accounts.push(account),
            (Some(address), None) if directory::scope_of(read, address.domain())?.is_none() => {
                remote.push(to.email.clone());
            }
            _ => unknown.push(to.email.clone()),
        }
    }
    match unknown.is_empty() && remote.is_empty() {
        true => Ok(accounts),
        false => Err(SubmissionRefused::InvalidRecipients { unknown, remote }),
    }
}
