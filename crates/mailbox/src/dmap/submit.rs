//! SUBMIT: a message its author signed is taken, checked, signed by the organisation and delivered, in two
//! transactions that a crash in between does not tear apart (DMAP-00 §7.6.7, docs/DMAP.md, "submission").
//!
//! The first takes the message and keeps it beside the mailbox; the second delivers it, marks the original
//! and files a copy, all at once. What was taken and not ended is ended by housekeeping after the next start;
//! what is held until a time, when it has come. What goes to another organisation is put on its way by the
//! second (see `queue`). Must not: end a submission twice; open anything but the envelope that is for the
//! organisation.

use std::sync::Arc;

use koi_dime::message::{Bounces, HandoverError, OriginEnvelope, retitled};
use koi_dime::{Magic, Message, Organisation, Outline};
use koi_store::kv::{Txn, transact};
use koi_store::mail::dmap::keys;
use koi_store::mail::dmap::outbox::{self, Ending, NewOutgoing};
use koi_store::mail::dmap::queue::NewQueued;
use koi_store::mail::sent_counts::SentShares;
use koi_store::mail::{AccountTxn, Appended, NewEmail, directory};
use koi_store::record::dmap::{OutboxRecord, OutboxState};
use koi_store::record::email::Place;
use koi_types::{
    AccountId, Cause, EmailId, ErrorKind, Flags, MailError, MailboxId, ModSeq, ObjectId, Result, Timestamp,
    Uid, ZoneOffset,
};

use super::keys::signet_of;
use super::prime::{bad, check};
use super::receive::{Arrival, Handover, Recipient, refused, tracing};
use super::seal::{Sealed, stored};
use super::{not_offered, placeholder};
use crate::account::Account;
use crate::outcome::Pending;
use crate::service::{Inner, Options};

/// What is asked for with a submission.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubmitOptions {
    /// Not before then; nothing: now.
    pub hold_until: Option<Timestamp>,
    /// What may come back when it cannot be delivered.
    pub bounces: Bounces,
    /// Where a copy is filed once it is sent, with these flags.
    pub save_to: Option<MailboxId>,
    pub sent_flags: Flags,
    /// What it takes of what the account may send.
    pub counts: SentShares,
}

/// A message that was taken for submission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// What the submission is known by.
    pub id: ObjectId,
    pub modseq: ModSeq,
    /// It waits until then: there is nothing more to do now.
    pub held_until: Option<Timestamp>,
    /// What was counted with it, and is given back if it is refused.
    counts: SentShares,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Submitted {
    Done {
        transaction: ObjectId,
        /// Of the change that says so.
        modseq: Option<ModSeq>,
        saved: Option<Appended>,
    },
    /// Nobody has it, and the message does not wait to be submitted any more.
    Refused { error: MailError, modseq: Option<ModSeq> },
}

/// A submission that was taken so long ago is nobody's any more who waits for it.
const ABANDONED_SECS: u32 = 600;
/// The numbers in [`OutboxRecord::bounces`].
const BOUNCES_META: u8 = 1;
const BOUNCES_DISPLAY: u8 = 2;

impl Account {
    /// Takes a message that has `$SubmitPending`, and not `$Submitted`: it has both then. `Conflict` with
    /// [`Cause::SubmissionRace`] when it does not wait, or somebody else has taken it.
    pub fn claim_submission(&self, mailbox: MailboxId, uid: Uid, options: SubmitOptions) -> Pending<Claim> {
        if let Err(error) = self.owner_only().and_then(|()| self.inner.organisation_of(self.id)) {
            return Pending::failed(error);
        }
        let id = ObjectId(self.inner.new_email_id().0);
        let (meta, display) = (options.bounces.meta, options.bounces.display);
        let bit = |bit: u8, is_set: bool| if is_set { bit } else { 0 };
        let counts = options.counts;
        let held_until = options.hold_until.filter(|until| *until > self.inner.env.now());
        let new = NewOutgoing {
            held_until,
            bounces: bit(BOUNCES_META, meta) | bit(BOUNCES_DISPLAY, display),
            save_to: options.save_to,
            flags: options.sent_flags.system,
            keywords: options.sent_flags.keywords,
        };
        self.change(move |account| {
            if let Some(save_to) = new.save_to.filter(|save_to| *save_to != mailbox)
                && !account.mailbox_exists(save_to)?
            {
                return Err(crate::snapshot::no_such_mailbox());
            }
            account.claim_submission(Place { mailbox, uid }, id, &new)?;
            account.count_sent(counts)?;
            Ok(Claim { id, modseq: account.modseq(), held_until, counts })
        })
    }
    /// Checks what was taken, and delivers it. A few milliseconds of arithmetic, then one transaction.
    pub fn finish_submission(&self, claim: &Claim) -> Result<Pending<Submitted>> {
        self.owner_only()?;
        finish(&self.inner, self.id, claim.id, claim.counts)
    }
}

/// Ends what of an account was taken and left, and takes what was held and whose time has come. Answers
/// whether something is left that waits.
pub(crate) fn finish_due(inner: &Inner, account: AccountId, now: Timestamp) -> Result<Due> {
    let waiting = outbox::outbox(&*inner.kv.view()?, account)?;
    let mut due = if waiting.is_empty() { Due::Nothing } else { Due::Later };
    for each in waiting {
        let is_due = match each.record.state {
            OutboxState::Claimed => {
                each.record.at < inner.started_at || each.record.at.plus_secs(ABANDONED_SECS) <= now
            }
            OutboxState::Held => each.record.at <= now,
            OutboxState::Queued => false,
        };
        if !is_due {
            continue;
        }
        if each.record.state == OutboxState::Held {
            let (quota, id) = (inner.options.quota, each.id);
            let taken = transact(&*inner.kv, move |txn: &mut dyn Txn| {
                let mut own = AccountTxn::open(txn, account, quota, now)?;
                let taken = own.release_held(id)?;
                own.finish()?;
                Ok(taken.is_some())
            });
            if !taken.wait()? {
                continue;
            }
        }
        // What was counted for it stays counted, whatever becomes of it.
        match finish(inner, account, each.id, SentShares::default()) {
            Ok(pending) => pending.wait().map(drop)?,
            // Somebody else has ended it meanwhile.
            Err(error) if error.cause == Some(Cause::SubmissionRace) => {}
            // It cannot be checked now: the keys are not here.
            Err(error) if error.is_temporary() || error.kind == ErrorKind::Unsupported => continue,
            Err(error) => return Err(error),
        }
        due = Due::Done;
    }
    Ok(due)
}

/// What of an account waits to be submitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    Nothing,
    Later,
    Done,
}

fn race() -> MailError {
    let text = "the message is not being submitted any more";
    MailError::new(ErrorKind::Conflict, text).because(Cause::SubmissionRace)
}

fn finish(inner: &Inner, account: AccountId, id: ObjectId, counts: SentShares) -> Result<Pending<Submitted>> {
    let record = outbox::outgoing(&*inner.kv.view()?, account, id)?.ok_or_else(race)?;
    let mut octets = Vec::new();
    let read = inner.kv.view()?.read_body(&record.body, 0..record.body.octets, &mut octets);
    let checked = match read {
        Ok(()) => Submission { inner, account, id, record: &record, octets: &octets }.checked(),
        // It will not come back, and nobody else must wait for it.
        Err(error) if matches!(error.kind, ErrorKind::Corrupt | ErrorKind::NotFound) => {
            let text = "the message cannot be read any more: what the server kept of it is damaged";
            Ok(Outcome::Refused(MailError { text: text.into(), ..error }))
        }
        Err(error) => Err(error),
    };
    let outcome = match checked {
        Ok(outcome) => outcome,
        // Not the message's fault: it stays taken, and is looked at again.
        Err(error) if error.is_temporary() || error.kind == ErrorKind::Unsupported => return Err(error),
        Err(error) => Outcome::Refused(error),
    };
    let to = match &outcome {
        Outcome::Deliver(deliver) => Some(deliver.arrival.to),
        Outcome::Queue(..) | Outcome::Refused(_) => None,
    };
    let (options, now) = (Arc::clone(&inner.options), inner.env.now());
    let ending = End { options, now, account, id, counts, outcome, saved_as: inner.new_email_id() };
    let pending = transact(&*inner.kv, move |txn: &mut dyn Txn| ending.run(txn));
    [Some(account), to].into_iter().flatten().for_each(|account| inner.changed(account));
    Ok(Pending::of(pending))
}

/// A message that was taken, before it is believed.
struct Submission<'a> {
    inner: &'a Inner,
    account: AccountId,
    id: ObjectId,
    record: &'a OutboxRecord,
    octets: &'a [u8],
}

/// What the second transaction is to do.
enum Outcome {
    Deliver(Box<Deliver>),
    /// It goes to another organisation.
    Queue(Box<NewQueued>, Filed),
    Refused(MailError),
}

/// The author's copy, and where it is filed.
struct Filed {
    sent: Option<Sealed>,
    save_to: Option<MailboxId>,
    flags: Flags,
}

/// A message on its way to one of our own.
struct Deliver {
    arrival: Arrival,
    filed: Filed,
}

impl Submission<'_> {
    fn checked(&self) -> Result<Outcome> {
        let organisation = self.inner.organisation_of(self.account)?;
        let dmap = self.inner.options.dmap.as_ref().ok_or_else(not_offered)?;
        let message = Message::parse(self.octets).map_err(bad)?;
        check(message.outline(), dmap.takes_suite_one)?;
        let envelope = self.verified(&organisation, &message)?;
        let bounces = Bounces {
            meta: self.record.bounces & BOUNCES_META != 0,
            display: self.record.bounces & BOUNCES_DISPLAY != 0,
        };
        let signed = organisation.sign_submitted(self.octets, bounces).map_err(bad)?;
        let Some(destination) = self.inner.organisation(&envelope.destination) else {
            return self.for_others(dmap.sends, &envelope, signed);
        };
        if destination.signet().core_fingerprint() != envelope.destination_signet {
            let text = "the message is for another key of the recipient's organisation";
            return Err(MailError::new(ErrorKind::NoPermission, text).because(Cause::NotCurrent));
        }
        self.for_ours(&organisation, &destination, &signed).map(|deliver| Outcome::Deliver(Box::new(deliver)))
    }
    /// That the author is who has submitted it, and has signed it with the current key.
    fn verified(&self, organisation: &Organisation, message: &Message<'_>) -> Result<OriginEnvelope> {
        let submission = organisation.submission(message).map_err(|error| match error {
            HandoverError::Open(error) => refused(error, Cause::BadSignature),
            other => bad(other),
        })?;
        let view = self.inner.kv.view()?;
        let author = directory::account_of(&*view, &submission.envelope().author)?;
        if author != Some(self.account) {
            let text = "the author of the message is somebody else";
            return Err(MailError::new(ErrorKind::NoPermission, text).because(Cause::PolicyDenied));
        }
        let not_current = || {
            let text = "the message names another signet of its author than the current one";
            MailError::new(ErrorKind::NoPermission, text).because(Cause::NotCurrent)
        };
        let current = keys::current(&*view, self.account)?.ok_or_else(not_current)?;
        let signet = signet_of(&current)?;
        submission.verify(&signet).map_err(|error| match error {
            HandoverError::Signet => not_current(),
            other => refused(other, Cause::BadSignature),
        })
    }
    /// As our own organisation takes it in: by what it alone can open.
    fn for_ours(&self, origin: &Organisation, destination: &Organisation, signed: &[u8]) -> Result<Deliver> {
        let message = Message::parse(signed).map_err(bad)?;
        let handover = Handover { origin: origin.signet(), origin_domain: origin.domain(), destination };
        let Recipient { account, key } = handover.recipient(self.inner, &message)?;
        let hop = tracing(origin.domain(), self.inner.env.now(), self.id);
        let traced = self.sealed([&hop, signed].concat())?;
        Ok(Deliver {
            arrival: Arrival {
                to: account,
                email: self.inner.new_email_id(),
                message: Sealed { key: Some(key), peer: Some(origin.domain().into()), ..traced },
            },
            filed: self.filed()?,
        })
    }
    /// As it is sent to another organisation. Who that is, whoever sends it finds out.
    fn for_others(&self, sends: bool, envelope: &OriginEnvelope, signed: Vec<u8>) -> Result<Outcome> {
        if !sends {
            let text = "this server sends no messages to other organisations";
            return Err(MailError::new(ErrorKind::NoPermission, text).because(Cause::PolicyDenied));
        }
        let new = NewQueued {
            destination: envelope.destination.to_ascii_lowercase().into(),
            signet: envelope.destination_signet.0,
            bounces: self.record.bounces,
            body: stored(signed, &*self.inner.kv)?,
        };
        Ok(Outcome::Queue(Box::new(new), self.filed()?))
    }
    fn filed(&self) -> Result<Filed> {
        let sent = match self.record.save_to {
            None => None,
            Some(_) => {
                retitled(self.octets, Magic::SentMessage).map(|octets| self.sealed(octets)).transpose()?
            }
        };
        let flags = Flags { system: self.record.flags, keywords: self.record.keywords.clone() };
        Ok(Filed { sent, save_to: self.record.save_to, flags })
    }
    fn sealed(&self, octets: Vec<u8>) -> Result<Sealed> {
        let outline = Outline::of(&octets).map_err(bad)?;
        Sealed::of(octets, &outline, &*self.inner.kv)
    }
}

/// The second transaction.
struct End {
    options: Arc<Options>,
    now: Timestamp,
    account: AccountId,
    id: ObjectId,
    /// What is given back if it is refused.
    counts: SentShares,
    outcome: Outcome,
    /// The id of the copy.
    saved_as: EmailId,
}

impl End {
    fn run(&self, txn: &mut dyn Txn) -> Result<Submitted> {
        let deliver = match &self.outcome {
            Outcome::Refused(error) => return self.refuse(txn, error),
            Outcome::Queue(new, filed) => return self.queue(txn, new, filed),
            Outcome::Deliver(deliver) => deliver,
        };
        match deliver.arrival.account(txn, &self.options, self.now) {
            Ok(to) => deliver.arrival.put(to, &self.options, self.now)?,
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::OverQuota) => {
                return self.refuse(txn, &error);
            }
            Err(error) => return Err(error),
        }
        let own = AccountTxn::open(txn, self.account, self.options.quota, self.now)?;
        self.sent(own, &deliver.filed)
    }
    /// A submission ends once: whoever comes second leaves no trace.
    fn sent(&self, mut own: AccountTxn<'_>, filed: &Filed) -> Result<Submitted> {
        if own.end_submission(self.id, Ending::Sent)?.is_none() {
            return Err(race());
        }
        let saved = self.save(&mut own, filed)?;
        let modseq = own.finish()?;
        Ok(Submitted::Done { transaction: self.id, modseq, saved })
    }
    /// It is on its way when this is durable, under the id it was submitted with.
    fn queue(&self, txn: &mut dyn Txn, new: &NewQueued, filed: &Filed) -> Result<Submitted> {
        let mut own = AccountTxn::open(txn, self.account, self.options.quota, self.now)?;
        match own.enqueue(self.id, new) {
            Ok(()) => self.sent(own, filed),
            Err(error) if error.kind == ErrorKind::LimitReached => {
                drop(own);
                self.refuse(txn, &error)
            }
            Err(error) => Err(error),
        }
    }
    fn refuse(&self, txn: &mut dyn Txn, error: &MailError) -> Result<Submitted> {
        let mut own = AccountTxn::open(txn, self.account, self.options.quota, self.now)?;
        if own.end_submission(self.id, Ending::Refused)?.is_none() {
            return Err(race());
        }
        own.uncount_sent(self.counts)?;
        let modseq = own.finish()?;
        Ok(Submitted::Refused { error: error.clone(), modseq })
    }
    /// The copy is left out where there is no room for it: the message is sent.
    fn save(&self, own: &mut AccountTxn<'_>, filed: &Filed) -> Result<Option<Appended>> {
        let (Some(mailbox), Some(sent)) = (filed.save_to, &filed.sent) else { return Ok(None) };
        let shown = placeholder()?;
        let octets = sent.octets().saturating_add(u64::from(shown.octets()));
        if !own.mailbox_exists(mailbox)? || own.has_room_for(1, octets).is_err() {
            return Ok(None);
        }
        let new = NewEmail {
            email: self.saved_as,
            body: &shown.body,
            octets: shown.octets,
            facts: &shown.facts,
            flags: filed.flags.system,
            keywords: &filed.flags.keywords,
            received_at: self.now,
            received_zone: ZoneOffset(0),
        };
        let key = own.current_key()?;
        let prime = koi_store::mail::NewPrime { key, ..sent.as_new() };
        own.append_dmap(mailbox, &new, Some(&prime), None).map(Some)
    }
}
