//! What a write was asked to do and what came of it, when that is not the store's own word.

use std::sync::Arc;

use koi_store::kv;
use koi_store::mail::sent_counts::SentShares;
use koi_types::{
    EmailId, Flags, MailError, MailboxId, ModSeq, Result, ReversePath, Timestamp, Uid, UidSet, UidValidity,
    ZoneOffset,
};
use parking_lot::Mutex;

use crate::Ticket;
use crate::incoming::Incoming;

/// A message to be appended to a mailbox.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub message: Arc<Incoming>,
    pub flags: Flags,
    /// INTERNALDATE.
    pub received_at: Timestamp,
    pub received_zone: ZoneOffset,
}

/// A message to be delivered to several accounts.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Who sends it, as the envelope says it.
    pub sender: ReversePath,
    pub recipients: Vec<koi_types::AccountId>,
    pub message: Arc<Incoming>,
    pub received_at: Timestamp,
}

/// A message that one of our users sends.
#[derive(Clone, Debug)]
pub struct Submission {
    pub sender: koi_types::AccountId,
    /// What the envelope says of it.
    pub reverse_path: ReversePath,
    /// Each once. May hold the sender.
    pub recipients: Vec<koi_types::AccountId>,
    pub message: Arc<Incoming>,
    /// What is filed in Sent when that is not `message`: the form with Bcc.
    pub own_form: Option<Arc<Incoming>>,
    /// Stands for the way in and the program: see `koi_store::mail::sent`.
    pub client: u64,
    /// What it takes of what the account may send.
    pub counts: SentShares,
    pub received_at: Timestamp,
}

/// What came of a delivery that stands or falls together.
#[derive(Clone, Debug)]
pub enum Whole {
    /// In the order of the recipients.
    Delivered(Vec<Delivered>),
    /// Nobody has it, because of this account.
    Refused { account: koi_types::AccountId, error: MailError },
}

/// Where a delivered message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivered {
    pub mailbox: MailboxId,
    pub uidvalidity: UidValidity,
    pub uid: Uid,
    pub email: EmailId,
    pub modseq: ModSeq,
    /// Whether it is news: not of mail from somebody who is blocked, nor of what was there already.
    pub announce: bool,
}

/// What changed in a mailbox since a modseq.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Changes {
    Listed(ChangedMessages),
    /// More than was asked for, or longer ago than the log reaches: compare the `uids` of a snapshot with
    /// what is known, and scan its rows for a greater `modseq`.
    TooMany {
        upto: ModSeq,
    },
    /// The mailbox was deleted.
    MailboxGone,
}

/// The first three sets are disjoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangedMessages {
    /// Came after `since` and are still there.
    pub added: UidSet,
    /// Flags or keywords of messages that were there at `since` and still are.
    pub flags: UidSet,
    /// Everything that left after `since`, also what came after it.
    pub vanished: UidSet,
    /// Those of `vanished` whose flags changed in the very commit in which they left: moved because they were
    /// seen.
    pub flagged_last: UidSet,
    /// Everything up to here is in it: the next `since`.
    pub upto: ModSeq,
}

/// What a write will return when it is durable. Await the ticket, then `take`.
#[must_use = "a write has happened only when its ticket says so"]
pub struct Pending<T> {
    ticket: Ticket,
    finish: Box<dyn FnOnce() -> Result<T> + Send>,
    commit: Option<CommitCell>,
}

/// Where a transaction leaves its modseq.
pub(crate) type CommitCell = Arc<Mutex<Option<ModSeq>>>;

impl<T: Send + 'static> Pending<T> {
    pub(crate) fn of(pending: kv::Pending<T>) -> Self {
        Self { ticket: pending.ticket(), finish: Box::new(move || pending.take()), commit: None }
    }
    /// With something made of the result when it is taken.
    pub(crate) fn mapped<P: Send + 'static>(
        pending: kv::Pending<P>,
        map: impl FnOnce(Result<P>) -> Result<T> + Send + 'static,
    ) -> Self {
        Self { ticket: pending.ticket(), finish: Box::new(move || map(pending.take())), commit: None }
    }
    /// Something refused before any transaction.
    pub(crate) fn failed(error: MailError) -> Self {
        Self { ticket: Ticket::done(), finish: Box::new(move || Err(error)), commit: None }
    }
    pub(crate) fn ready(value: T) -> Self {
        Self { ticket: Ticket::done(), finish: Box::new(move || Ok(value)), commit: None }
    }
    /// Several transactions that ran one after the other, joined to one result. Tickets resolve in the order
    /// of submission, so the last one's is the ticket of all. Only one that was refused may be early: then
    /// its error is the answer, and `join` may find others too early to have a value.
    pub(crate) fn joined<P: Send + 'static>(
        parts: Vec<kv::Pending<P>>,
        join: impl FnOnce(Vec<Result<P>>) -> Result<T> + Send + 'static,
    ) -> Self {
        let ticket = parts.last().map_or_else(Ticket::done, kv::Pending::ticket);
        let finish = move || {
            let early = parts.last().and_then(|last| last.ticket().peek()).and_then(Result::err);
            let joined = join(parts.into_iter().map(kv::Pending::take).collect());
            match (joined, early) {
                (Err(_), Some(error)) => Err(error),
                (joined, _) => joined,
            }
        };
        Self { ticket, finish: Box::new(finish), commit: None }
    }
    pub(crate) fn committing_at(self, commit: CommitCell) -> Self {
        Self { commit: Some(commit), ..self }
    }
    /// The modseq of its transaction, once the ticket has resolved: by it a session knows its own change in
    /// the log. Nothing when nothing changed; of a write of several transactions that of the first, or
    /// nothing.
    #[must_use]
    pub fn commit(&self) -> Option<ModSeq> {
        self.commit.as_ref().and_then(|commit| *commit.lock())
    }
    /// Resolves when the write is durable or has failed.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.ticket.clone()
    }
    /// The value after the ticket resolved, or why there is none.
    pub fn take(self) -> Result<T> {
        (self.finish)()
    }
    /// Blocks. For tools and tests, never for a session.
    pub fn wait(self) -> Result<T> {
        // The result says the same, with the value.
        let _ = self.ticket.wait();
        self.take()
    }
}
