//! Group commit: the queue, and who leads (docs/STORE.md, "Commit").
//!
//! A leader runs what waits, one transaction after the other, into the open group (`build.rs`), and gives the
//! lead away as soon as nothing waits. While the group before is being written, the open group stays open
//! for the next leader; the one who finds the disk free closes it and makes it durable, visible and known
//! (`complete.rs`). A thread that waits for its own transaction leads when nobody does, so that mostly
//! nobody has to be woken; otherwise a writer thread does.
//!
//! Must not: write a group before the one before it is durable; merge before the flush; answer in any other
//! order than that of the groups.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use koi_types::{ErrorKind, MailError, Result};

use super::build::Built;
use super::index::Position;
use super::shared::Shared;
use crate::kv::{Ticket, TxnFn};

/// Writer threads: one may build while another waits for the disk and a third makes known what is durable.
pub(crate) const WRITERS: usize = 3;

/// While the disk is busy a writer thread is woken when so many transactions wait: each waking costs a
/// switch of threads, and what is not run while the disk works is run while it idles.
const JOIN_MIN: usize = 16;

/// A transaction that waits.
pub(crate) struct Job {
    pub(crate) run: Box<TxnFn>,
    pub(crate) ticket: Ticket,
}

/// Transactions that wait, in the order they came, and how far the groups before them are.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) waiting: VecDeque<Job>,
    /// Somebody takes from `waiting`.
    pub(crate) leading: bool,
    /// There is an open group, with transactions in it.
    pub(crate) open: bool,
    /// It takes no more.
    pub(crate) full: bool,
    /// A group is being written.
    pub(crate) writing: bool,
    /// A group could not be written: what was built on it is void, and the next one begins here.
    pub(crate) back_to: Option<Position>,
    /// Transactions of the group that was closed last.
    pub(crate) last: usize,
    /// Groups that were closed and not yet answered.
    pub(crate) under_way: usize,
    /// Of a group that was written.
    pub(crate) room: Vec<u8>,
    /// Nothing more is taken.
    pub(crate) closing: bool,
    /// A writer thread was called and has not looked yet.
    called: bool,
}

impl Queue {
    /// The next write is of whoever closes the open group: of whom holds `live`.
    pub(crate) fn take_turn(&mut self) {
        debug_assert!(!self.writing, "one group is written at a time");
        (self.writing, self.open, self.full) = (true, false, false);
    }
    /// Whether somebody should lead who does not.
    fn wants_leader(&self) -> bool {
        !self.leading
            && match self.writing {
                true => self.waiting.len() >= JOIN_MIN && !self.full,
                false => self.open || !self.waiting.is_empty(),
            }
    }
    fn is_done(&self) -> bool {
        self.closing && !self.leading && !self.open && self.waiting.is_empty() && self.under_way == 0
    }
}

impl Shared {
    pub(crate) fn submit(self: &Arc<Self>, run: Box<TxnFn>) -> Ticket {
        let ticket = Ticket::new();
        let mut queue = self.queue.lock();
        if queue.closing {
            drop(queue);
            ticket.resolve(Err(closing()));
            return ticket;
        }
        queue.waiting.push_back(Job { run, ticket: ticket.clone() });
        self.call_writer(&mut queue);
        ticket
    }
    pub(crate) fn submit_and_wait(self: &Arc<Self>, run: Box<TxnFn>) -> Result<()> {
        let ticket = Ticket::new();
        let mut queue = self.queue.lock();
        if queue.closing {
            return Err(closing());
        }
        queue.waiting.push_back(Job { run, ticket: ticket.clone() });
        let leads = !(queue.leading || queue.writing && queue.full);
        queue.leading |= leads;
        drop(queue);
        if leads {
            self.lead(Some(&ticket));
        }
        ticket.wait()
    }
    /// A writer thread: leads whenever something is to be done and nobody leads.
    pub(crate) fn write_until_closed(self: &Arc<Self>) {
        loop {
            let mut queue = self.queue.lock();
            loop {
                queue.called = false;
                if queue.wants_leader() {
                    break;
                }
                if queue.is_done() {
                    return;
                }
                self.work.wait(&mut queue);
            }
            queue.leading = true;
            drop(queue);
            self.lead(None);
        }
    }
    /// Runs what waits, and commits groups until the disk is busy, nothing is left, or `own` is answered.
    fn lead(self: &Arc<Self>, own: Option<&Ticket>) {
        while let Some(built) = self.build() {
            self.finish_group(built);
            let mut queue = self.queue.lock();
            queue.under_way -= 1;
            let answered = own.is_some_and(|own| own.peek().is_some());
            if answered || !queue.wants_leader() {
                self.call_writer(&mut queue);
                return;
            }
            queue.leading = true;
        }
    }
    /// Wakes a writer thread if there is something to do for it.
    pub(crate) fn call_writer(&self, queue: &mut Queue) {
        if queue.closing {
            self.work.notify_all();
        } else if !queue.called && queue.wants_leader() {
            queue.called = true;
            self.work.notify_one();
        }
    }
    fn finish_group(self: &Arc<Self>, built: Built) {
        let mut retry = self.complete(built);
        // What frees space is tried once more with the reserve.
        while !retry.is_empty() {
            let built = self.build_freeing(std::mem::take(&mut retry));
            retry = self.complete(built);
        }
    }
}

fn closing() -> MailError {
    MailError::new(ErrorKind::Unavailable, "the store is shutting down")
}

pub(crate) fn disk_full() -> MailError {
    MailError::new(ErrorKind::Unavailable, "the disk is full, or nearly")
}

/// How long a thread of the engine sleeps when nothing tells it to wake.
pub(crate) const IDLE: Duration = Duration::from_secs(3600);
