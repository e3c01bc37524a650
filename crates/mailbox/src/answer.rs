//! Answers while an account's owner is away (RFC 8621 §8, RFC 3834, RFC 5230).
//!
//! The transaction that delivers a message writes down that it is to be answered; housekeeping answers it, in
//! one transaction with taking that note away and with noting who was answered. So a crash neither loses an
//! answer nor repeats it, and a delivery costs one small row more, of those alone who are away. Must not:
//! answer senders elsewhere; there is no queue yet.

use std::cell::RefCell;
use std::sync::Arc;

use koi_message::build::Given;
use koi_message::vacation::{self, Arrived, Vacation};
use koi_message::{EmailAddress, Structure};
use koi_store::kv::{Txn, transact};
use koi_store::mail::answer::{self, Waiting};
use koi_store::mail::{AccountTxn, directory, object, short_hash};
use koi_store::record::answer::{AnswerRecord, AnsweredRecord};
use koi_store::record::vacation::VacationRecord;
use koi_types::{AccountId, Address, EmailId, ErrorKind, ObjectId, Result, ReversePath, Timestamp, limits};

use crate::deliver::{To, deliver_one, is_about_one_account};
use crate::emails::OWN_IDENTITY;
use crate::incoming::{Incoming, Stage};
use crate::outcome::Delivery;
use crate::placement::Arriving;
use crate::service::Inner;
use crate::snapshot::Snapshot;
use crate::trace::{Trace, date};

/// Emails answered in one transaction.
const ANSWERS_MAX: usize = 32;
/// Octets of a header that are looked at.
const HEADER_OCTETS_MAX: u64 = 256 * 1024;

/// Notes that a message that was just delivered is to be answered, if its owner is away now. What the message
/// itself has against it is looked at later.
pub(crate) fn note(account: &mut AccountTxn<'_>, email: EmailId, arriving: &Arriving<'_>) -> Result<()> {
    // Most accounts never had an answer: that costs nothing.
    if account.states().vacation == 0 || arriving.message.is_disposition_notification {
        return Ok(());
    }
    // RFC 3834 §2: without a sender there is nobody to answer.
    let ReversePath::Address(sender) = arriving.sender else { return Ok(()) };
    let stored = account.vacation()?;
    let now = account.now();
    if !stored.as_deref().and_then(VacationRecord::decode).is_some_and(|vacation| vacation.is_away(now)) {
        return Ok(());
    }
    account.put_answer(email, &AnswerRecord { at: now, sender: sender.to_string().into() })
}

/// An email that waits, and its answer if it gets one.
struct Ready {
    email: EmailId,
    answer: Option<Answer>,
}

struct Answer {
    to: To,
    /// Stands for the sender who is answered.
    sender: u64,
    /// Stands for what the answer says.
    text: u64,
    message: Arc<Incoming>,
}

/// Answers some of what waits. Answers whether there was anything.
pub(crate) fn answer_due(inner: &Inner, account: AccountId, now: Timestamp) -> Result<bool> {
    let waiting = answer::waiting(&*inner.kv.view()?, account, ANSWERS_MAX)?;
    if waiting.is_empty() {
        return Ok(false);
    }
    let ready = prepare(inner, account, waiting, now)?;
    for answer in ready.iter().filter_map(|ready| ready.answer.as_ref()) {
        inner.prepare(&answer.message, &[answer.to.account], None)?;
    }
    let (options, quota) = (Arc::clone(&inner.options), inner.options.quota);
    let told = transact(&*inner.kv, move |txn: &mut dyn Txn| {
        let mut own = AccountTxn::open(txn, account, quota, now)?;
        let mut answers = Vec::new();
        for Ready { email, answer } in &ready {
            // Answered by a housekeeping that was thought to have failed.
            let waits = own.take_answer(*email)?;
            let Some(answer) = answer.as_ref().filter(|_| waits) else { continue };
            if is_answered(own.answered(answer.sender)?, answer.text, now) {
                continue;
            }
            let record = AnsweredRecord { at: now, text: answer.text };
            own.put_answered(answer.sender, record, now.minus_secs(limits::ANSWER_INTERVAL_SECS))?;
            answers.push(answer);
        }
        own.finish()?;
        let mut told = Vec::new();
        for Answer { to, message, .. } in answers {
            // RFC 3834 §3.3, RFC 5230 §5.1: nobody answers an answer.
            let (sender, message) = (ReversePath::Null, Arc::clone(message));
            let delivery = Delivery { sender, recipients: Vec::new(), message, received_at: now };
            match deliver_one(txn, &options, &delivery, *to, now) {
                Ok(_) => told.push(to.account),
                // There is nobody to be told that the one who wrote has no room.
                Err(error) if is_about_one_account(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(told)
    });
    told.wait()?.into_iter().for_each(|account| inner.changed(account));
    Ok(true)
}

/// RFC 3834 §2, RFC 5230 §4.2: the same is said to the same sender only after a while.
fn is_answered(last: Option<AnsweredRecord>, text: u64, now: Timestamp) -> bool {
    last.is_some_and(|last| last.text == text && last.at > now.minus_secs(limits::ANSWER_INTERVAL_SECS))
}

/// Looks at the emails and makes the answers, before any transaction.
fn prepare(inner: &Inner, account: AccountId, waiting: Vec<Waiting>, now: Timestamp) -> Result<Vec<Ready>> {
    let snapshot = Snapshot::open(inner, account, None)?;
    let record = snapshot.vacation()?;
    let none = |waiting: Waiting| Ready { email: waiting.email, answer: None };
    if !record.enabled {
        return Ok(waiting.into_iter().map(none).collect());
    }
    let away = Away {
        from: own_address(&snapshot)?,
        text: short_hash(&object::vacation(&*snapshot.view, account)?.unwrap_or_default()),
        vacation: vacation(record),
        snapshot,
        inner,
        now,
    };
    let mut ready = Vec::with_capacity(waiting.len());
    for Waiting { email, record } in waiting {
        let answer = match away.answer(email, &record) {
            Ok(answer) => answer,
            // What cannot be read now will not be later.
            Err(error) if matches!(error.kind, ErrorKind::Corrupt | ErrorKind::TooLarge) => None,
            Err(error) => return Err(error),
        };
        ready.push(Ready { email, answer });
    }
    Ok(ready)
}

/// An account whose owner is away.
struct Away<'a> {
    inner: &'a Inner,
    snapshot: Snapshot<'a>,
    vacation: Vacation,
    text: u64,
    from: EmailAddress,
    now: Timestamp,
}

impl Away<'_> {
    fn answer(&self, email: EmailId, record: &AnswerRecord) -> Result<Option<Answer>> {
        let view = &*self.snapshot.view;
        let Some(sender) = Address::parse(&record.sender) else { return Ok(None) };
        // Senders elsewhere are not reached yet.
        let Some(account) = directory::account_of(view, &sender)? else { return Ok(None) };
        let hash = short_hash(sender.account_key().to_string().as_bytes());
        let last = answer::answered(view, self.snapshot.account, hash)?;
        if is_answered(last, self.text, self.now) {
            return Ok(None);
        }
        let Some(header) = self.header(email)? else { return Ok(None) };
        if !self.is_personal(&header, &sender)? {
            return Ok(None);
        }
        let Some(message) = self.message(&header, &sender)? else { return Ok(None) };
        let to = To { account, email: self.inner.new_email_id() };
        Ok(Some(Answer { to, sender: hash, text: self.text, message }))
    }
    fn header(&self, email: EmailId) -> Result<Option<Vec<u8>>> {
        let Some(row) = self.snapshot.email(email)? else { return Ok(None) };
        let Ok(structure) = Structure::decode(row.structure()) else { return Ok(None) };
        let end = u64::from(structure.root.header.end).min(HEADER_OCTETS_MAX);
        let mut header = Vec::new();
        self.snapshot.read_body(&row.body, 0..end, &mut header)?;
        Ok(Some(header))
    }
    /// Whether a person sent it to the owner of the account.
    fn is_personal(&self, header: &[u8], sender: &Address) -> Result<bool> {
        let failed = RefCell::new(None);
        let is_own = |address: &Address| match directory::account_of(&*self.snapshot.view, address) {
            Ok(account) => account == Some(self.snapshot.account),
            Err(error) => {
                *failed.borrow_mut() = Some(error);
                false
            }
        };
        let reverse_path = ReversePath::Address(sender.clone());
        let arrived = Arrived { header, reverse_path: &reverse_path, is_own: &is_own };
        let is_personal = vacation::reply_to(&arrived).is_ok();
        match failed.take() {
            Some(error) => Err(error),
            None => Ok(is_personal),
        }
    }
    /// Nothing where the settings make no message.
    fn message(&self, header: &[u8], to: &Address) -> Result<Option<Arc<Incoming>>> {
        let (inner, id) = (self.inner, self.inner.new_email_id());
        let hostname = &inner.options.hostname;
        let message_id = format!("{id}@{hostname}");
        let octets_max = usize::try_from(inner.options.message_octets_max).unwrap_or(usize::MAX);
        let random = inner.new_email_id().0;
        let given = Given { message_id: &message_id, date: date(self.now), random, octets_max };
        let Ok(octets) = self.vacation.reply(header, &self.from, to, &given) else { return Ok(None) };
        let trace = Trace { from: &ReversePath::Null, hostname, id: ObjectId(id.0), at: self.now };
        let mut stage = Stage::new(Arc::clone(&inner.kv), inner.options.message_octets_max);
        stage.write_own(trace.lines().as_bytes())?;
        stage.write(&octets)?;
        stage.finish().map(|message| Some(Arc::new(message)))
    }
}

/// RFC 5230 §5.4: the address of whoever is away, with the name that is sent under.
fn own_address(snapshot: &Snapshot<'_>) -> Result<EmailAddress> {
    let identities = snapshot.identities()?;
    let own = identities.into_iter().find(|view| view.id == OWN_IDENTITY).map(|view| view.identity);
    let own = own.unwrap_or_default();
    let name = Some(own.name.to_string()).filter(|name| !name.is_empty());
    Ok(EmailAddress { name, email: own.email.into() })
}

fn vacation(record: VacationRecord) -> Vacation {
    let text = |text: Option<Box<str>>| text.map(String::from);
    Vacation {
        is_enabled: record.enabled,
        from_date: record.from,
        to_date: record.to,
        subject: text(record.subject),
        text_body: text(record.text_body),
        html_body: text(record.html_body),
    }
}
