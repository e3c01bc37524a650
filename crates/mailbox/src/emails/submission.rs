//! Submissions of emails (RFC 8621 §7): an email that is there already is delivered to local accounts, at
//! once or at its time, without its Bcc fields. Until then it can be taken back; it is sent whatever
//! becomes of the email and of the object meanwhile.
//!
//! What is refused is looked at before anything is written. A recipient whose account is full or gone says
//! so in its own delivery status. Must not: send to other servers; there is no queue yet.

use std::sync::Arc;

use koi_message::Fields;
use koi_store::kv::{Read, Txn, transact};
use koi_store::mail::directory;
use koi_store::mail::object::{self, ObjectKind};
use koi_store::mail::{AccountTxn, Quota};
use koi_types::{
    AccountId, Address, BlobName, EmailId, ErrorKind, MailError, ObjectId, Result, ReversePath, Timestamp,
    limits,
};

pub use koi_store::record::submission::{
    DeliveredStatus, DeliveryRecord, EnvelopeAddress, EnvelopeParameter, SubmissionRecord, UndoStatus,
};

use super::changes::{Changed, Told};
use super::identity::OWN_IDENTITY;
use super::state::State;
use crate::BodyRef;
use crate::account::Account;
use crate::deliver::{To, deliver_one, is_about_one_account};
use crate::incoming::{Incoming, Stage};
use crate::outcome::{Delivery, Pending};
use crate::service::{Inner, Options};
use crate::snapshot::Snapshot;

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
    /// These are no addresses, or nobody has them here.
    InvalidRecipients(Vec<Box<str>>),
    /// These are other servers' to deliver to.
    RemoteRecipients(Vec<Box<str>>),
    /// What is wrong with the email.
    InvalidEmail(&'static str),
    /// Later than anybody may put it off.
    TooLate,
    /// It was sent, or taken back before.
    CannotUnsend,
    TooMany,
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
    /// Submits an email. What comes of it for each recipient stands in the submission.
    pub fn submit_email(&self, new: &NewSubmission) -> Refusable<Pending<SubmissionView>> {
        let ready = self.prepare(new)?;
        let accounts = ready.recipients.clone();
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
            sender.put_object(ObjectKind::Submission, ready.id, encoded)?;
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
        let identity = snapshot.identities()?.into_iter().any(|view| view.id == new.identity);
        if !identity && new.identity != OWN_IDENTITY {
            return Err(SubmissionRefused::IdentityNotFound);
        }
        let row = snapshot.email(new.email)?.ok_or(SubmissionRefused::EmailNotFound)?;
        let mut octets = Vec::new();
        let blob = snapshot.blob(&BlobName::Message(new.email))?.ok_or(SubmissionRefused::EmailNotFound)?;
        snapshot.read_blob(&blob, 0..blob.octets, &mut octets)?;
        let header = Addresses::of(&octets);
        if header.from.is_empty() {
            return Err(SubmissionRefused::InvalidEmail("from"));
        }
        let own = |address: &str| is_own(&*snapshot.view, self.id, address);
        for from in &header.from {
            if !own(from)? {
                return Err(SubmissionRefused::ForbiddenFrom);
            }
        }
        let Envelope { mail_from, rcpt_to } = new.envelope.clone().unwrap_or_else(|| header.envelope());
        let sender = match &*mail_from.email {
            "" => ReversePath::Null,
            email if own(email)? => {
                let address = Address::parse(email).ok_or(SubmissionRefused::ForbiddenMailFrom)?;
                ReversePath::Address(address)
            }
            _ => return Err(SubmissionRefused::ForbiddenMailFrom),
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
        };
        drop(row);
        drop(snapshot);
        let message = staged(&self.inner, &without_bcc(&octets))?;
        let id = ObjectId(self.inner.new_email_id().0);
        Ok(Ready { id, record, sender, recipients, message, delayed })
    }
}

fn staged(inner: &Inner, octets: &[u8]) -> Result<Arc<Incoming>> {
    let mut stage = Stage::new(Arc::clone(&inner.kv), inner.options.message_octets_max);
    stage.write(octets)?;
    stage.finish().map(Arc::new)
}

fn delivery(sender: &ReversePath, message: &Arc<Incoming>, received_at: Timestamp) -> Delivery {
    let (sender, message) = (sender.clone(), Arc::clone(message));
    Delivery { sender, recipients: Vec::new(), message, received_at }
}

/// Delivers to each; what is about one account alone does not fail the others.
fn deliver(
    txn: &mut dyn Txn,
    options: &Options,
    delivery: &Delivery,
    recipients: &[To],
    now: Timestamp,
) -> Result<Vec<DeliveryRecord>> {
    let mut deliveries = Vec::with_capacity(recipients.len());
    for to in recipients {
        let (reply, delivered) = match deliver_one(txn, options, delivery, *to, now) {
            Ok(_) => ("250 2.1.5 Delivered", DeliveredStatus::Yes),
            Err(error) if !is_about_one_account(&error) => return Err(error),
            Err(error) if error.kind == ErrorKind::NotFound => {
                ("550 5.1.1 No such user", DeliveredStatus::No)
            }
            Err(_) => ("552 5.2.2 The mailbox is full", DeliveredStatus::No),
        };
        deliveries.push(DeliveryRecord { reply: reply.into(), delivered });
    }
    Ok(deliveries)
}

/// Sends what has waited for its time. Answers when it tried to.
pub(crate) fn send_due(inner: &Inner, account: AccountId, now: Timestamp) -> Result<Due> {
    let waiting = koi_store::mail::pending::first(&*inner.kv.view()?, account)?;
    let Some(waiting) = waiting else { return Ok(Due::Nothing) };
    if waiting.record.send_at > now {
        return Ok(Due::Later);
    }
    let (id, body) = (waiting.id, waiting.record.body);
    let record = SubmissionRecord::decode(&waiting.record.submission);
    let message = match read(inner, &body) {
        Ok(message) => Some(message),
        // It will never be readable: whoever sent it is to know.
        Err(error) if matches!(error.kind, ErrorKind::Corrupt | ErrorKind::TooLarge) => None,
        Err(error) => return Err(error),
    };
    let email = |_: &EnvelopeAddress| inner.new_email_id();
    let emails: Vec<EmailId> = record.iter().flat_map(|record| &record.rcpt_to).map(email).collect();
    let (options, quota): (_, Quota) = (Arc::clone(&inner.options), inner.options.quota);
    let told = transact(&*inner.kv, move |txn: &mut dyn Txn| {
        let mut sender = AccountTxn::open(txn, account, quota, now)?;
        // Taken back, or sent already.
        if !sender.take_pending(id)? {
            return Ok(Vec::new());
        }
        sender.finish()?;
        let Some(record) = &record else { return Ok(Vec::new()) };
        let (recipients, deliveries) = match &message {
            Some(message) => send(txn, &options, record, message, &emails, now)?,
            None => (Vec::new(), record.rcpt_to.iter().map(|_| unreadable()).collect()),
        };
        let mut sender = AccountTxn::open(txn, account, quota, now)?;
        if sender.object(ObjectKind::Submission, id)?.is_some() {
            let sent = SubmissionRecord { status: UndoStatus::Final, deliveries, ..record.clone() };
            sender.put_object(ObjectKind::Submission, id, sent.encode().into())?;
        }
        sender.finish()?;
        Ok(recipients)
    });
    told.wait()?.into_iter().for_each(|account| inner.changed(account));
    Ok(Due::Sent)
}

fn read(inner: &Inner, body: &BodyRef) -> Result<Arc<Incoming>> {
    let mut octets = Vec::new();
    inner.kv.view()?.read_body(body, 0..body.octets, &mut octets)?;
    staged(inner, &octets)
}

fn unreadable() -> DeliveryRecord {
    DeliveryRecord { reply: "554 5.3.0 The message cannot be read".into(), delivered: DeliveredStatus::No }
}

/// What of an account waits to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    Nothing,
    Later,
    Sent,
}

/// Delivers to whoever has the addresses now.
fn send(
    txn: &mut dyn Txn,
    options: &Options,
    record: &SubmissionRecord,
    message: &Arc<Incoming>,
    emails: &[EmailId],
    now: Timestamp,
) -> Result<(Vec<AccountId>, Vec<DeliveryRecord>)> {
    let sender = Address::parse(&record.mail_from.email).map_or(ReversePath::Null, ReversePath::Address);
    let delivery = delivery(&sender, message, now);
    let (mut accounts, mut deliveries) = (Vec::new(), Vec::new());
    for (address, email) in record.rcpt_to.iter().zip(emails) {
        let account = match Address::parse(&address.email) {
            Some(address) => directory::account_of(&*txn, &address)?,
            None => None,
        };
        // An account that is gone is nobody's.
        let to = To { account: account.unwrap_or(AccountId::GLOBAL), email: *email };
        deliveries.extend(deliver(txn, options, &delivery, &[to], now)?);
        accounts.extend(account);
    }
    Ok((accounts, deliveries))
}

fn is_own(read: &(impl Read + ?Sized), account: AccountId, address: &str) -> Result<bool> {
    let Some(address) = Address::parse(address) else { return Ok(false) };
    Ok(directory::account_of(read, &address)? == Some(account))
}

/// The accounts of the recipients, in order.
fn recipients(read: &(impl Read + ?Sized), rcpt_to: &[EnvelopeAddress]) -> Refusable<Vec<AccountId>> {
    if rcpt_to.is_empty() {
        return Err(SubmissionRefused::NoRecipients);
    }
    if rcpt_to.len() > limits::SUBMISSION_RECIPIENTS_MAX {
        return Err(SubmissionRefused::TooManyRecipients(limits::SUBMISSION_RECIPIENTS_MAX));
    }
    let (mut accounts, mut invalid, mut remote) = (Vec::new(), Vec::new(), Vec::new());
    for to in rcpt_to {
        let address = Address::parse(&to.email);
        let account = address.as_ref().map(|address| directory::account_of(read, address)).transpose()?;
        match (address, account.flatten()) {
            (_, Some(account)) => accounts.push(account),
            (Some(address), None) if directory::scope_of(read, address.domain())?.is_none() => {
                remote.push(to.email.clone());
            }
            _ => invalid.push(to.email.clone()),
        }
    }
    match (invalid.is_empty(), remote.is_empty()) {
        (false, _) => Err(SubmissionRefused::InvalidRecipients(invalid)),
        (true, false) => Err(SubmissionRefused::RemoteRecipients(remote)),
        (true, true) => Ok(accounts),
    }
}

/// Who is named in the header.
struct Addresses {
    from: Vec<Box<str>>,
    sender: Vec<Box<str>>,
    to: Vec<Box<str>>,
}

impl Addresses {
    fn of(octets: &[u8]) -> Self {
        let envelope = koi_message::parse(octets).facts.envelope;
        let text = |address: &koi_message::Address| {
            let part = |part: &Option<Vec<u8>>| part.clone().filter(|part| !part.is_empty());
            let text = [part(&address.mailbox)?, part(&address.host)?].join(&b'@');
            String::from_utf8(text).ok().map(Into::into)
        };
        let texts =
            |list: &[koi_message::Address]| -> Vec<Box<str>> { list.iter().filter_map(text).collect() };
        let mut to: Vec<Box<str>> = Vec::new();
        for address in [&envelope.to, &envelope.cc, &envelope.bcc].into_iter().flat_map(|list| texts(list)) {
            if !to.contains(&address) {
                to.push(address);
            }
        }
        Self { from: texts(&envelope.from), sender: texts(&envelope.sender), to }
    }
    /// RFC 8621 §7, envelope: what there is when none is given.
    fn envelope(&self) -> Envelope {
        let plain = |email: &str| EnvelopeAddress { email: email.into(), parameters: Vec::new() };
        let from = self.sender.first().or(self.from.first()).map(|email| &**email);
        let rcpt_to = self.to.iter().map(|email| plain(email)).collect();
        Envelope { mail_from: plain(from.unwrap_or_default()), rcpt_to }
    }
}

/// RFC 8621 §7.5: Bcc is nobody's to see.
fn without_bcc(octets: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(octets.len());
    let mut from = 0;
    for field in Fields::new(octets).filter(|field| field.is(b"Bcc")) {
        let (start, end) = (field.range.start as usize, field.range.end as usize);
        kept.extend_from_slice(octets.get(from..start).unwrap_or_default());
        from = end;
    }
    kept.extend_from_slice(octets.get(from..).unwrap_or_default());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 8621 §7.5
    #[test]
    fn bcc_goes_with_its_continuations() {
        let message = b"From: a@x\r\nBCC: b@x,\r\n c@x\r\nTo: d@x\r\nBcc: e@x\r\n\r\nBcc: body\r\n";
        assert_eq!(without_bcc(message), b"From: a@x\r\nTo: d@x\r\n\r\nBcc: body\r\n");
        assert_eq!(without_bcc(b"To: d@x\r\n\r\n"), b"To: d@x\r\n\r\n");
    }
}
