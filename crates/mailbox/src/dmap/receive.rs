//! Messages that organisations hand over: from another server, or by one of our own users (docs/DIME.md,
//! handing over; docs/DMAP.md, other organisations). One door for both: what is checked stands here once.
//!
//! Of a message from outside the octets are kept while they arrive, behind the tracing object that will stand
//! before them; a large one goes to the disk, encrypted as it is, and is forgotten unless it is delivered.
//! Must not: look for a recipient before the origin's signature is verified; deliver anything that is not as
//! it came.

use std::sync::Arc;

use koi_dime::message::{HandoverError, Scanner, Tracing};
use koi_dime::{Fingerprint, Message, OrgSignet, Organisation};
use koi_message::DateTime;
use koi_store::kv::{Txn, transact};
use koi_store::mail::dmap::organisation;
use koi_store::mail::{AccountTxn, INBOX, directory};
use koi_types::{
    AccountId, Cause, EmailId, ErrorKind, KeyId, MailError, ObjectId, Result, SystemFlags, Timestamp,
};

use super::prime::{bad, check, key_of};
use super::seal::{Sealed, rows, suite_number};
use super::{not_offered, placeholder};
use crate::incoming::{Stage, Whole};
use crate::outcome::Pending;
use crate::push::announce::{Arrived, announce};
use crate::service::{Inner, MailboxService, Options};

/// Who hands a message over to whom.
pub(super) struct Handover<'a> {
    pub(super) origin: &'a OrgSignet,
    pub(super) origin_domain: &'a str,
    pub(super) destination: &'a Organisation,
}

/// Whose a message is, and by which key it opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Recipient {
    pub(super) account: AccountId,
    pub(super) key: KeyId,
}

/// A message on its way to one of our own.
pub(super) struct Arrival {
    pub(super) to: AccountId,
    pub(super) email: EmailId,
    pub(super) message: Sealed,
}

impl Handover<'_> {
    /// What the recipient's organisation checks, by what it alone can open. Who is not the origin learns
    /// nothing of our users.
    pub(super) fn recipient(&self, inner: &Inner, message: &Message<'_>) -> Result<Recipient> {
        let delivery = self.destination.delivery(message).map_err(bad)?;
        if !delivery.envelope().origin.eq_ignore_ascii_case(self.origin_domain) {
            let text = "the envelope names another origin than who brings the message";
            return Err(MailError::new(ErrorKind::NoPermission, text).because(Cause::BadSignature));
        }
        let envelope = delivery.verify(self.origin).map_err(|error| match error {
            HandoverError::Signet => {
                refused("the envelope names another signet of its origin", Cause::BadSignature)
            }
            other => refused(other, Cause::BadSignature),
        })?;
        let view = inner.kv.view()?;
        let no_such_user = || MailError::new(ErrorKind::NotFound, "the recipient has no account here");
        let account = directory::account_of(&*view, &envelope.recipient)?
            .filter(|_| envelope.recipient.domain().eq_ignore_ascii_case(self.destination.domain()))
            .ok_or_else(no_such_user)?;
        let not_current = || {
            let text = "the message names no signet that the recipient has";
            MailError::new(ErrorKind::NoPermission, text).because(Cause::NotCurrent)
        };
        let key = key_of(&*view, account, &envelope.recipient_signet)?.ok_or_else(not_current)?;
        Ok(Recipient { account, key })
    }
}

pub(super) fn refused(error: impl std::fmt::Display, cause: Cause) -> MailError {
    MailError::new(ErrorKind::InvalidInput, error.to_string()).because(cause)
}

/// The object that is put before a message.
pub(super) fn tracing(from: &str, at: Timestamp, transaction: ObjectId) -> Vec<u8> {
    let at = DateTime { unix_s: at.secs(), zone_min: 0 }.to_rfc3339().unwrap_or_default();
    Tracing { received_from: from, received_at: &at, transaction: &transaction.to_string() }.object()
}

impl Arrival {
    /// The account, if it is there and has room: `NotFound`, `OverQuota`.
    pub(super) fn account<'t>(
        &self,
        txn: &'t mut dyn Txn,
        options: &Options,
        now: Timestamp,
    ) -> Result<AccountTxn<'t>> {
        let to = AccountTxn::open(txn, self.to, options.quota, now)?;
        let octets = self.message.octets().saturating_add(u64::from(placeholder()?.octets()));
        to.has_room_for(1, octets)?;
        Ok(to)
    }
    /// Puts it into INBOX, and has it pushed.
    pub(super) fn put(&self, mut to: AccountTxn<'_>, options: &Options, now: Timestamp) -> Result<()> {
        let appended = self.message.append(&mut to, INBOX, self.email, now, SystemFlags::NONE)?;
        if let Some(push) = &options.push {
            let message = placeholder()?;
            announce(&mut to, push, &Arrived { mailbox: INBOX, appended, is_chat: false, message })?;
        }
        to.finish().map(drop)
    }
}

/// Octets of a message from another organisation while they arrive.
pub struct BroughtStage {
    stage: Stage,
    scanner: Scanner,
    /// Those that we have put before it.
    tracing_octets: usize,
    transaction: ObjectId,
}

/// One that has arrived, and what its bringer says of it.
pub struct Brought<'a> {
    /// The signet of the domain it says to come from, as we know it.
    pub origin: &'a OrgSignet,
    pub origin_domain: &'a str,
    /// The domain it is for.
    pub destination: &'a str,
    /// SHA-512 of its octets, where that was said.
    pub hash: Option<&'a Fingerprint>,
    pub message: BroughtStage,
}

impl BroughtStage {
    /// The next octets. `InvalidInput` with [`Cause::BadMessage`] as soon as the frame is broken, `TooLarge`
    /// past the limit, `Unavailable` when the disk is full. After an error drop it.
    pub fn write(&mut self, octets: &[u8]) -> Result<()> {
        self.scanner.feed(octets).map_err(bad)?;
        self.stage.write(octets)
    }
    /// Octets that came.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.stage.octets().saturating_sub(self.tracing_octets as u64)
    }
}

impl MailboxService {
    /// Takes in the octets of a message that another organisation brings.
    pub fn stage_brought(&self, origin_domain: &str) -> Result<BroughtStage> {
        let inner = &self.inner;
        let transaction = ObjectId(inner.new_email_id().0);
        let tracing = tracing(origin_domain, inner.env.now(), transaction);
        let octets_max = inner.options.message_octets_max.saturating_add(tracing.len() as u64);
        let mut stage = Stage::new(Arc::clone(&inner.kv), octets_max);
        let mut scanner = Scanner::new();
        scanner.feed(&tracing).map_err(bad)?;
        stage.write(&tracing)?;
        Ok(BroughtStage { stage, scanner, tracing_octets: tracing.len(), transaction })
    }
    /// Checks a message, and delivers it as it came. A few milliseconds of arithmetic, then one transaction;
    /// what is refused leaves nothing behind. Answers what the delivery is known by; the same again for a
    /// message that was taken before, which is not delivered twice.
    pub fn receive(&self, brought: Brought<'_>) -> Result<Pending<ObjectId>> {
        let inner = &self.inner;
        let Brought { origin, origin_domain, destination, hash, message } = brought;
        let dmap = inner.options.dmap.as_ref().ok_or_else(not_offered)?;
        let destination = inner.organisation(destination).ok_or_else(not_offered)?;
        let BroughtStage { stage, scanner, tracing_octets, transaction } = message;
        let outline = scanner.finish().map_err(bad)?;
        check(&outline, dmap.takes_suite_one)?;
        let Whole { body, octets } = stage.whole()?;
        let came = octets.get(tracing_octets..).unwrap_or_default();
        let came = Fingerprint::of(came);
        if hash.is_some_and(|hash| *hash != came) {
            let text = "the message is not the one whose hash was given";
            return Err(MailError::new(ErrorKind::Unavailable, text));
        }
        let message = Message::parse(&octets).map_err(bad)?;
        let handover = Handover { origin, origin_domain, destination: &destination };
        let Recipient { account, key } = handover.recipient(inner, &message)?;
        let message = Sealed {
            body,
            magic: outline.magic().number(),
            suite: suite_number(outline.ephemeral().suite),
            key: Some(key),
            peer: Some(origin_domain.into()),
            chunks: rows(&outline),
        };
        let arrival = Arrival { to: account, email: inner.new_email_id(), message };
        let (options, now) = (Arc::clone(&inner.options), inner.env.now());
        let origin = origin_domain.to_ascii_lowercase();
        let pending = transact(&*inner.kv, move |txn: &mut dyn Txn| {
            // Its bringer has not heard the answer: whatever became of it since, it is not there again.
            if let Some(before) = AccountTxn::open(txn, account, options.quota, now)?.taken(&came.0)? {
                return Ok(before.transaction);
            }
            let mut to = arrival.account(txn, &options, now)?;
            to.remember_taken(&came.0, transaction)?;
            arrival.put(to, &options, now)?;
            // Whom somebody has heard from is known from now on.
            organisation::keep(txn, &origin)?;
            Ok(transaction)
        });
        inner.changed(account);
        Ok(Pending::of(pending))
    }
}
