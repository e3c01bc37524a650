//! The lower of the two levels of the store: ordered keys, transactions, bodies.
//!
//! A write is a *transaction function*. The one writer of the shard runs it against everything committed
//! before it, so its decisions (UIDs, MODSEQ, quota, does this mailbox exist) need no locks, no asserts and
//! no retries in the caller; what it wrote is put into the journal as final keys and values. Its result is
//! released by a [`Pending`] once the group it went with is durable. See
//! docs/decisions/0002-transaction-functions.md.
//!
//! Keys begin with the account in four octets, big-endian, then a table letter (see `key.rs`). Account 0
//! holds rows that belong to nobody; its table `B` (bodies) is the store's own.
//!
//! Must not: know what a mailbox is; block a reader on the writer; show anything that is not yet durable.

use std::borrow::Cow;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread::Thread;

use koi_types::{BlobId, CommitNotice, MailError, Result};
use parking_lot::Mutex;

use crate::body::{BodyRef, NewBody, Scope};

/// Visits one row; `Break` ends the scan.
pub type Visit<'v> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'v;

/// Reads rows: a consistent view of everything that was durable when it was opened, or the inside of a
/// transaction.
pub trait Read {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>>;
    /// All rows with `from <= key < end`, ascending. Both ends lie in the same account.
    fn scan(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()>;
    /// The same, descending.
    fn scan_back(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()>;
}

/// A snapshot. Lives for one step of a session, because it pins pages of the index.
pub trait View: Read + Send {
    /// Appends the octets `range` of a body to `out`; a range past the end is cut.
    fn read_body(&self, body: &BodyRef, range: std::ops::Range<u64>, out: &mut Vec<u8>) -> Result<()>;
}

/// Inside a transaction function: reads see its own writes.
pub trait Txn: Read {
    /// Key at most `limits::KEY_OCTETS_MAX`.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()>;
    fn delete(&mut self, key: &[u8]) -> Result<()>;
    /// Adds a reference to a body: to the one already there in this scope, or the new octets go with this
    /// commit.
    fn put_body(&mut self, scope: Scope, body: &NewBody) -> Result<BodyRef>;
    /// Adds one more reference to a body that some row already refers to (COPY between accounts of one
    /// scope).
    fn share_body(&mut self, scope: Scope, blob: &BlobId) -> Result<BodyRef>;
    /// Takes one reference away; the octets are reclaimed after the last.
    fn release_body(&mut self, scope: Scope, blob: &BlobId) -> Result<()>;
    /// Tells listeners after the commit is durable, in commit order.
    fn notice(&mut self, notice: CommitNotice);
    /// Says that this transaction gives back more room than it takes (DELETE, EXPUNGE), so that it may use
    /// the reserve when the disk is full. Call it first.
    fn frees_space(&mut self) {}
}

/// A transaction function. May run more than once on engines that detect conflicts; an `Err` leaves no trace.
pub type TxnFn = dyn FnMut(&mut dyn Txn) -> Result<()> + Send;

/// Who hears of commits; called in commit order by the writer, so it must be short.
pub trait Commits: Send + Sync {
    fn committed(&self, notices: &[CommitNotice]);
}

/// An engine: the embedded one (journal and index) or the memory oracle.
pub trait Kv: Send + Sync {
    fn view(&self) -> Result<Box<dyn View + '_>>;
    /// Queues a transaction. The ticket resolves when its group is durable or has failed.
    fn submit(&self, run: Box<TxnFn>) -> Ticket;
    /// Queues a transaction and stays until it is durable; may do the group's work on this thread.
    fn submit_and_wait(&self, run: Box<TxnFn>) -> Result<()>;
    /// Begins a body too large for a group; its octets go to their own segment.
    fn stage_body(&self) -> Result<Box<dyn StageBody>>;
}

/// A large body while it arrives. Dropping it leaves octets that nothing refers to; the compactor takes them.
pub trait StageBody: Send {
    /// After an error it cannot be finished any more.
    fn write(&mut self, octets: &[u8]) -> Result<()>;
    /// Flushes; the body can then be referred to by a transaction.
    fn finish(self: Box<Self>) -> Result<NewBody>;
}

/// When a group becomes durable. Cheap to clone; a future, and a thing to wait for on a thread.
#[derive(Clone, Default)]
pub struct Ticket(Arc<TicketState>);

/// Threads wait by parking themselves: a whole group of them is woken by whoever wrote it, so waking one must
/// cost as little as can be.
#[derive(Default)]
struct TicketState {
    result: OnceLock<Result<()>>,
    waiting: Mutex<Waiting>,
}

/// Mostly one waits.
#[derive(Default)]
struct Waiting {
    first: Option<Waiter>,
    more: Vec<Waiter>,
}

enum Waiter {
    Task(Waker),
    Thread(Thread),
}

impl Waiting {
    fn add(&mut self, waiter: Waiter) {
        match &self.first {
            None => self.first = Some(waiter),
            Some(_) => self.more.push(waiter),
        }
    }
    fn has(&self, waker: &Waker) -> bool {
        let same = |waiter: &Waiter| matches!(waiter, Waiter::Task(have) if have.will_wake(waker));
        self.first.iter().chain(&self.more).any(same)
    }
}

impl Ticket {
    /// One that waits for `resolve`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// One that is already durable (nothing had to be written).
    #[must_use]
    pub fn done() -> Self {
        let ticket = Self::new();
        ticket.resolve(Ok(()));
        ticket
    }
    /// The engine's side: once.
    pub fn resolve(&self, result: Result<()>) {
        let first_time = self.0.result.set(result).is_ok();
        debug_assert!(first_time, "a ticket resolves once");
        // Whoever looks for the result and then waits does both under this lock.
        let Waiting { first, more } = std::mem::take(&mut *self.0.waiting.lock());
        for waiter in first.into_iter().chain(more) {
            match waiter {
                Waiter::Task(waker) => waker.wake(),
                Waiter::Thread(thread) => thread.unpark(),
            }
        }
    }
    /// The result, if it is known.
    #[must_use]
    pub fn peek(&self) -> Option<Result<()>> {
        self.0.result.get().cloned()
    }
    /// Blocks this thread. Never on a thread that runs session steps.
    pub fn wait(&self) -> Result<()> {
        if let Some(result) = self.peek() {
            return result;
        }
        {
            let mut waiting = self.0.waiting.lock();
            if self.0.result.get().is_none() {
                waiting.add(Waiter::Thread(std::thread::current()));
            }
        }
        loop {
            if let Some(result) = self.peek() {
                return result;
            }
            // May return too early.
            std::thread::park();
        }
    }
}

impl Future for Ticket {
    type Output = Result<()>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let mut waiting = self.0.waiting.lock();
        if let Some(result) = self.peek() {
            return Poll::Ready(result);
        }
        if !waiting.has(cx.waker()) {
            waiting.add(Waiter::Task(cx.waker().clone()));
        }
        Poll::Pending
    }
}

/// What a transaction returned, to be had once its ticket is durable.
pub struct Pending<T> {
    ticket: Ticket,
    value: Arc<Mutex<Option<T>>>,
}

impl<T> Pending<T> {
    /// A value that needed no write.
    pub fn ready(value: T) -> Self {
        Self { ticket: Ticket::done(), value: Arc::new(Mutex::new(Some(value))) }
    }
    /// Await this, then `take`.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.ticket.clone()
    }
    /// The value after the ticket resolved; its error if that failed; `Internal` when called too early.
    pub fn take(self) -> Result<T> {
        let early = || MailError::new(koi_types::ErrorKind::Internal, "result taken before it was durable");
        self.ticket.peek().ok_or_else(early)??;
        self.value.lock().take().ok_or_else(early)
    }
    /// Blocks until durable. For tools and tests.
    pub fn wait(self) -> Result<T> {
        self.ticket.wait()?;
        self.take()
    }
}

/// Queues `run` and keeps what it returns for the caller.
pub fn transact<T: Send + 'static>(
    kv: &dyn Kv,
    mut run: impl FnMut(&mut dyn Txn) -> Result<T> + Send + 'static,
) -> Pending<T> {
    let value = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&value);
    let ticket = kv.submit(Box::new(move |txn| {
        let made = run(txn)?;
        *slot.lock() = Some(made);
        Ok(())
    }));
    Pending { ticket, value }
}

/// The same, staying until durable.
pub fn transact_and_wait<T: Send + 'static>(
    kv: &dyn Kv,
    mut run: impl FnMut(&mut dyn Txn) -> Result<T> + Send + 'static,
) -> Result<T> {
    let value = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&value);
    kv.submit_and_wait(Box::new(move |txn| {
        *slot.lock() = Some(run(txn)?);
        Ok(())
    }))?;
    let made = value.lock().take();
    made.ok_or_else(|| MailError::new(koi_types::ErrorKind::Internal, "transaction returned nothing"))
}
