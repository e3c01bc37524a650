//! Submissions on their way: to each recipient now, or to whoever has the addresses when their time has come.
//!
//! What is about one recipient stands in that one's delivery status. Who has put off a submission is not
//! there to try again when a recipient cannot be reached in that moment: it is tried again here, for days.
//! Must not: send a submission twice.

use std::sync::Arc;

use koi_store::kv::{Read, Txn, transact};
use koi_store::mail::directory;
use koi_store::mail::object::ObjectKind;
use koi_store::mail::{AccountTxn, Quota};
use koi_types::{AccountId, Address, Cause, EmailId, ErrorKind, MailError, Result, ReversePath, Timestamp};

use super::{DeliveredStatus, DeliveryRecord, EnvelopeAddress, SubmissionRecord, UndoStatus, staged};
use crate::BodyRef;
use crate::deliver::{To, deliver_one, is_about_one_account};
use crate::incoming::Incoming;
use crate::outcome::Delivery;
use crate::service::{Inner, Options};

/// The shortest and the longest wait before a recipient is tried again; between them as long as was waited.
const RETRY_SECS_MIN: i64 = 60;
const RETRY_SECS_MAX: i64 = 2 * 3600;
/// So long after its time it is given up (RFC 5321 §4.5.4.1).
const GIVE_UP_SECS: i64 = 5 * 24 * 3600;

pub(super) fn delivery(sender: &ReversePath, message: &Arc<Incoming>, received_at: Timestamp) -> Delivery {
    let (sender, message) = (sender.clone(), Arc::clone(message));
    Delivery { sender, recipients: Vec::new(), message, received_at }
}

/// Delivers to each; what is about one account alone does not fail the others. Who has several of the
/// addresses gets it once.
pub(super) fn deliver(
    txn: &mut dyn Txn,
    options: &Options,
    delivery: &Delivery,
    recipients: &[To],
    now: Timestamp,
) -> Result<Vec<DeliveryRecord>> {
    let mut deliveries: Vec<DeliveryRecord> = Vec::with_capacity(recipients.len());
    for (at, to) in recipients.iter().enumerate() {
        let before = recipients.iter().take(at).position(|other| other.account == to.account);
        if let Some(same) = before.and_then(|before| deliveries.get(before)).cloned() {
            deliveries.push(same);
            continue;
        }
        let delivered = match deliver_one(txn, options, delivery, *to, now) {
            Ok(_) => DeliveryRecord { reply: "250 2.1.5 Delivered".into(), delivered: DeliveredStatus::Yes },
            Err(error) if !is_about_one_account(&error) => return Err(error),
            Err(error) => DeliveryRecord { reply: refusal(&error).into(), delivered: DeliveredStatus::No },
        };
        deliveries.push(delivered);
    }
    Ok(deliveries)
}

/// What LMTP would have said of this recipient (RFC 3463 §3). What may pass is 4yz: who has sent it at once
/// sees that, and may try again; what was put off is tried again here.
const fn refusal(error: &MailError) -> &'static str {
    match (error.cause, error.kind) {
        (Some(Cause::NoSignet), _) => "451 4.7.5 Mail cannot be encrypted for this user now",
        (Some(_), _) => "550 5.7.1 This user does not take the message",
        (None, ErrorKind::NotFound) => "550 5.1.1 No such user",
        (None, ErrorKind::OverQuota) => "552 5.2.2 The mailbox is full",
        (None, ErrorKind::LimitReached) => "452 4.5.3 The account has too many of something",
        (None, _) => "451 4.3.0 The mailbox cannot be used now",
    }
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
    if let (Some(record), Some(message)) = (&record, &message) {
        inner.prepare(message, &own_accounts(&*inner.kv.view()?, record)?, None)?;
    }
    let email = |_: &EnvelopeAddress| inner.new_email_id();
    let emails: Vec<EmailId> = record.iter().flat_map(|record| &record.rcpt_to).map(email).collect();
    let (options, quota): (_, Quota) = (Arc::clone(&inner.options), inner.options.quota);
    let told = transact(&*inner.kv, move |txn: &mut dyn Txn| {
        // Taken back, or sent already.
        if !AccountTxn::open(txn, account, quota, now)?.waits(id)? {
            return Ok(Vec::new());
        }
        let (recipients, deliveries) = match (&record, &message) {
            (Some(record), Some(message)) => send(txn, &options, record, message, &emails, now)?,
            (Some(record), None) => (Vec::new(), after(record, std::iter::repeat_with(unreadable))),
            (None, _) => (Vec::new(), Vec::new()),
        };
        let sent = record.clone().map(|record| tried(record, deliveries, now));
        let mut sender = AccountTxn::open(txn, account, quota, now)?;
        match &sent {
            Some(sent) if waits(sent) => {
                sender.postpone_pending(id, next(sent.send_at, now), sent.encode().into())?;
            }
            _ => {
                sender.take_pending(id)?;
            }
        }
        if let Some(sent) = sent
            && sender.object(ObjectKind::Submission, id)?.is_some()
        {
            sender.put_object(ObjectKind::Submission, id, sent.encode().into())?;
        }
        sender.finish()?;
        Ok(recipients)
    });
    told.wait()?.into_iter().for_each(|account| inner.changed(account));
    Ok(Due::Sent)
}

/// What is known after an attempt: whoever may be reached later waits, until it is too late.
fn tried(record: SubmissionRecord, mut deliveries: Vec<DeliveryRecord>, now: Timestamp) -> SubmissionRecord {
    let is_late = now.secs().saturating_sub(record.send_at.secs()) >= GIVE_UP_SECS;
    let may_pass =
        |one: &&mut DeliveryRecord| one.delivered == DeliveredStatus::No && one.reply.starts_with('4');
    for one in deliveries.iter_mut().filter(may_pass) {
        match is_late {
            false => one.delivered = DeliveredStatus::Queued,
            true => {
                let why = one.reply.splitn(3, ' ').nth(2).unwrap_or_default();
                one.reply = format!("554 5.4.7 Given up after five days: {why}").into();
            }
        }
    }
    SubmissionRecord { status: UndoStatus::Final, deliveries, ..record }
}

/// Somebody is to be tried again.
pub(super) fn waits(record: &SubmissionRecord) -> bool {
    record.deliveries.iter().any(|one| one.delivered == DeliveredStatus::Queued)
}

fn next(send_at: Timestamp, now: Timestamp) -> Timestamp {
    let waited = now.secs().saturating_sub(send_at.secs());
    let wait = waited.clamp(RETRY_SECS_MIN, RETRY_SECS_MAX);
    now.plus_secs(u32::try_from(wait).unwrap_or(u32::MAX))
}

fn read(inner: &Inner, body: &BodyRef) -> Result<Arc<Incoming>> {
    let mut octets = Vec::new();
    inner.kv.view()?.read_body(body, 0..body.octets, &mut octets)?;
    staged(inner, &octets, octets.len())
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

/// Delivers to whoever has the addresses now, of those that still wait.
fn send(
    txn: &mut dyn Txn,
    options: &Options,
    record: &SubmissionRecord,
    message: &Arc<Incoming>,
    emails: &[EmailId],
    now: Timestamp,
) -> Result<(Vec<AccountId>, Vec<DeliveryRecord>)> {
    let sender = Address::from_path(&record.mail_from.email).map_or(ReversePath::Null, ReversePath::Address);
    let delivery = delivery(&sender, message, now);
    let mut recipients = Vec::with_capacity(record.rcpt_to.len());
    for (address, email) in waiting(record).zip(emails) {
        let account = match Address::from_path(&address.email) {
            Some(address) => directory::account_of(&*txn, &address)?,
            None => None,
        };
        // An account that is gone is nobody's.
        recipients.push(To { account: account.unwrap_or(AccountId::GLOBAL), email: *email });
    }
    let deliveries = after(record, deliver(txn, options, &delivery, &recipients, now)?.into_iter());
    let accounts = recipients.iter().map(|to| to.account).filter(|to| *to != AccountId::GLOBAL).collect();
    Ok((accounts, deliveries))
}

/// What is known of all recipients, after those that waited were tried.
fn after(record: &SubmissionRecord, mut tried: impl Iterator<Item = DeliveryRecord>) -> Vec<DeliveryRecord> {
    let one = |before: &DeliveryRecord| match before.delivered {
        DeliveredStatus::Queued => tried.next().unwrap_or_else(|| before.clone()),
        _ => before.clone(),
    };
    record.deliveries.iter().map(one).collect()
}

/// Recipients that are still to be tried.
fn waiting(record: &SubmissionRecord) -> impl Iterator<Item = &EnvelopeAddress> {
    let both = record.rcpt_to.iter().zip(&record.deliveries);
    both.filter(|(_, delivery)| delivery.delivered == DeliveredStatus::Queued).map(|(address, _)| address)
}

/// Those of them that are ours.
fn own_accounts(read: &(impl Read + ?Sized), record: &SubmissionRecord) -> Result<Vec<AccountId>> {
    let mut accounts = Vec::new();
    for address in waiting(record).filter_map(|to| Address::from_path(&to.email)) {
        accounts.extend(directory::account_of(read, &address)?);
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 8621 §7; RFC 3463 §3
    #[test]
    fn each_refusal_says_what_it_is() {
        let said = |kind, cause: Option<Cause>| {
            refusal(&MailError { cause, ..MailError::new(kind, "text") }).get(..9).unwrap()
        };
        assert_eq!(said(ErrorKind::NoPermission, Some(Cause::PolicyDenied)), "550 5.7.1");
        assert_eq!(said(ErrorKind::Unavailable, Some(Cause::NoSignet)), "451 4.7.5");
        assert_eq!(said(ErrorKind::OverQuota, None), "552 5.2.2");
        assert_eq!(said(ErrorKind::NotFound, None), "550 5.1.1");
        assert_eq!(said(ErrorKind::Corrupt, None), "451 4.3.0");
    }
}
