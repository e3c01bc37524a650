//! Messages on their way to other organisations: what is due, and what came of it (docs/DMAP.md, other
//! organisations).
//!
//! A message stays until its destination has said that it has it, or never will: then its author gets a
//! bounce, in the same transaction. Must not: open a connection; look into a message.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_dime::{Fingerprint, Magic, Organisation, Outline, base64url};
use koi_message::DateTime;
use koi_store::kv::{Txn, transact};
use koi_store::mail::dmap::keys;
use koi_store::mail::dmap::queue;
use koi_store::mail::{AccountTxn, INBOX};
use koi_store::record::dmtp::QueuedRecord;
use koi_types::{AccountId, EmailId, ErrorKind, MailError, ObjectId, Result, SystemFlags, Timestamp};

use super::keys::signet_of;
use super::placeholder;
use super::random::EnvRandom;
use super::seal::Sealed;
use crate::outcome::Pending;
use crate::push::announce::{Arrived, announce};
use crate::service::{Inner, MailboxService, Options};

/// A message that is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueMail {
    pub account: AccountId,
    pub id: ObjectId,
    /// The domain.
    pub destination: Box<str>,
}

/// What a look found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FoundMail {
    pub due: Vec<DueMail>,
    /// When the next is due that is not yet.
    pub next_at: Option<Timestamp>,
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct OutgoingMail {
    /// Whose organisation sends it.
    pub origin: Arc<Organisation>,
    pub destination: Box<str>,
    /// The signet of the destination that the message names.
    pub signet: Fingerprint,
    pub queued_at: Timestamp,
    pub attempts: u32,
    pub octets: Vec<u8>,
}

/// What came of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailSettled {
    /// The destination has it.
    Sent,
    /// Not now, for this reason; again then.
    Later { until: Timestamp, said: Box<str> },
    /// Never: the author is told why. While he cannot be told it stays, and is tried again.
    Failed { said: Box<str> },
    /// Never, and nobody is told.
    Dropped,
}

/// When the author cannot be told, it is tried again after.
const UNTOLD_SECS: u32 = 24 * 3600;
/// Characters of a reason that are kept.
const SAID_CHARS_MAX: usize = 400;

impl MailboxService {
    /// Messages that are due, the longest waiting first, without those the caller skips.
    pub fn due_mail(&self, now: Timestamp, max: usize, skip: &dyn Fn(&DueMail) -> bool) -> Result<FoundMail> {
        let mut found = FoundMail::default();
        queue::due(&*self.inner.kv.view()?, &mut |due| {
            if due.due.at > now {
                found.next_at = Some(due.due.at);
                return ControlFlow::Break(());
            }
            let mail = DueMail { account: due.due.account, id: due.due.id, destination: due.destination };
            if !skip(&mail) {
                found.due.push(mail);
            }
            if found.due.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(found)
    }
    /// One message with its octets; nothing when it is not on its way any more. `Corrupt` when it cannot be
    /// read any more.
    pub fn outgoing_mail(&self, account: AccountId, id: ObjectId) -> Result<Option<OutgoingMail>> {
        let view = self.inner.kv.view()?;
        let Some(record) = queue::queued(&*view, account, id)? else { return Ok(None) };
        let mut octets = Vec::new();
        view.read_body(&record.body, 0..record.body.octets, &mut octets)?;
        drop(view);
        Ok(Some(OutgoingMail {
            origin: self.inner.organisation_of(account)?,
            destination: record.destination,
            signet: Fingerprint(record.signet),
            queued_at: record.queued_at,
            attempts: record.attempts,
            octets,
        }))
    }
    /// Writes down what came of an attempt. Answers whether it was still on its way.
    pub fn settle_mail(
        &self,
        account: AccountId,
        id: ObjectId,
        settled: MailSettled,
    ) -> Result<Pending<bool>> {
        let inner = &self.inner;
        let bounce = match &settled {
            MailSettled::Failed { said } => bounce(inner, account, id, &short(said))?,
            _ => Bounce::Needless,
        };
        let (options, now) = (Arc::clone(&inner.options), inner.env.now());
        let settle = Settle { options, now, account, id, settled, bounce };
        let pending = transact(&*inner.kv, move |txn: &mut dyn Txn| settle.run(txn));
        inner.changed(account);
        Ok(Pending::of(pending))
    }
}

/// The transaction.
struct Settle {
    options: Arc<Options>,
    now: Timestamp,
    account: AccountId,
    id: ObjectId,
    settled: MailSettled,
    bounce: Bounce,
}

/// What tells the author.
enum Bounce {
    /// There is nothing to tell.
    Needless,
    /// He has no current key (its row is damaged, or was taken away by a repair), so that nothing can be
    /// encrypted for him; in clear he must not be told.
    Keyless,
    Message(EmailId, Sealed),
}

impl Settle {
    fn run(&self, txn: &mut dyn Txn) -> Result<bool> {
        let mut own = match AccountTxn::open(txn, self.account, self.options.quota, self.now) {
            // Its account is being removed, and takes it along.
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        if let Some(why) = self.stays(&own)? {
            // It must not be lost unseen: until the author can be told, it stays, and `koi queue` shows why.
            let said = match &self.settled {
                MailSettled::Failed { said } => short(&format!("{why}: {said}")),
                _ => why.to_owned(),
            };
            let found = own.put_off(self.id, self.now.plus_secs(UNTOLD_SECS), &said)?;
            own.finish()?;
            return Ok(found.is_some());
        }
        let found = match &self.settled {
            MailSettled::Later { until, said } => own.put_off(self.id, *until, &short(said))?,
            MailSettled::Sent | MailSettled::Failed { .. } | MailSettled::Dropped => own.dequeue(self.id)?,
        };
        if found.is_some()
            && let Bounce::Message(email, bounce) = &self.bounce
        {
            let appended = bounce.append(&mut own, INBOX, *email, self.now, SystemFlags::NONE)?;
            if let Some(push) = &self.options.push {
                let message = placeholder()?;
                announce(&mut own, push, &Arrived { mailbox: INBOX, appended, is_chat: false, message })?;
            }
        }
        own.finish()?;
        Ok(found.is_some())
    }
    /// Why the author cannot be told, if so.
    fn stays(&self, own: &AccountTxn<'_>) -> Result<Option<&'static str>> {
        match &self.bounce {
            Bounce::Needless => Ok(None),
            Bounce::Keyless => Ok(Some("the author has no key to be told by")),
            Bounce::Message(_, bounce) => {
                let octets = bounce.octets() + u64::from(placeholder()?.octets);
                let is_full = own.has_room_for(1, octets).is_err();
                Ok(is_full.then_some("there is no room to tell the author"))
            }
        }
    }
}

/// What tells the author (1931), encrypted for the current key.
fn bounce(inner: &Inner, account: AccountId, id: ObjectId, said: &str) -> Result<Bounce> {
    let view = inner.kv.view()?;
    let Some(record) = queue::queued(&*view, account, id)? else { return Ok(Bounce::Needless) };
    let Some(key) = keys::current(&*view, account)? else { return Ok(Bounce::Keyless) };
    drop(view);
    let organisation = inner.organisation_of(account)?;
    let text = bounce_text(inner, &organisation, &record, id, said);
    let signet = signet_of(&key)?;
    let wrapped = organisation.wrap(
        text.as_bytes(),
        *signet.encryption(),
        Magic::BounceMessage,
        &mut EnvRandom(&*inner.env),
    );
    let internal =
        |error: &dyn std::fmt::Display| MailError::new(ErrorKind::Internal, "internal error").context(error);
    let octets = wrapped.map_err(|error| internal(&error))?;
    let outline = Outline::of(&octets).map_err(|error| internal(&error))?;
    let sealed = Sealed::of(octets, &outline, &*inner.kv)?;
    let peer = Some(record.destination);
    Ok(Bounce::Message(inner.new_email_id(), Sealed { key: Some(key.id), peer, ..sealed }))
}

/// The server knows the destination's domain and not the recipient.
fn bounce_text(
    inner: &Inner,
    organisation: &Organisation,
    record: &QueuedRecord,
    id: ObjectId,
    said: &str,
) -> String {
    let date = |at: Timestamp| DateTime { unix_s: at.secs(), zone_min: 0 }.to_rfc5322().unwrap_or_default();
    let (domain, to) = (organisation.domain(), &record.destination);
    let (now, queued_at) = (date(inner.env.now()), date(record.queued_at));
    let transaction = base64url(&id.0);
    let (octets, attempts) = (record.body.octets, record.attempts.saturating_add(1));
    format!(
        "Date: {now}\r\nFrom: Mail server <postmaster@{domain}>\r\n\
         Subject: Not delivered: a message to {to}\r\nMessage-ID: <{id}.bounce@{domain}>\r\n\
         Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n\
         A message that you submitted could not be delivered, and is not tried any more.\r\n\r\n\
         To:          {to} (this server does not know to whom there)\r\n\
         Submitted:   {queued_at}\r\n\
         Transaction: {transaction}, as it was called when it was submitted\r\n\
         Queue id:    {id}, for the administrator\r\n\
         Size:        {octets} octets, encrypted\r\n\
         Attempts:    {attempts}\r\n\r\n\
         Reason: {said}\r\n"
    )
}

/// On one line, not too long: others have written it.
fn short(said: &str) -> String {
    said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS_MAX).collect()
}
