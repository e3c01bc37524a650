//! Group commit: the queue, and who leads (docs/STORE.md, "Commit").
//!
//! A leader takes what waits and runs it, one transaction after the other, into a group (`build.rs`); while
//! the group before is being written, it goes on taking. Then it gives the lead away and makes its group
//! durable, visible and known (`complete.rs`), while the next leader builds on it. The leader is a writer
//! thread, or a thread that waits for its own transaction anyway.
//!
//! Must not: write a group before the one before it is durable; merge before the flush; answer in any other
//! order than that of the groups.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use koi_types::{ErrorKind, MailError, Result};

use super::build::{Admission, Built};
use super::index::Position;
use super::shared::Shared;
use crate::kv::{Ticket, TxnFn};

/// Writer threads: one may build while another waits for the disk and a third makes known what is durable.
pub(crate) const WRITERS: usize = 3;

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
    /// So many that wait make a leader who waits for the disk look again; 0 when none does.
    pub(crate) wake_at: usize,
    /// A group is being written.
    pub(crate) writing: bool,
    /// A group could not be written: what was built on it is void, and the next one begins here.
    pub(crate) back_to: Option<Position>,
    /// Groups that were begun and not yet answered.
    pub(crate) under_way: usize,
    /// Of a group that was written.
    pub(crate) room: Vec<u8>,
    /// Nothing more is taken.
    pub(crate) closing: bool,
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
        if queue.leading {
            self.wake_leader(&queue);
        } else {
            self.work.notify_one();
        }
        ticket
    }
    pub(crate) fn submit_and_wait(self: &Arc<Self>, run: Box<TxnFn>) -> Result<()> {
        let ticket = Ticket::new();
        let mut queue = self.queue.lock();
        if queue.closing {
            return Err(closing());
        }
        queue.waiting.push_back(Job { run, ticket: ticket.clone() });
        if queue.leading {
            self.wake_leader(&queue);
            drop(queue);
        } else {
            queue.leading = true;
            drop(queue);
            self.lead(Some(&ticket));
        }
        ticket.wait()
    }
    fn wake_leader(&self, queue: &Queue) {
        if queue.wake_at > 0 && queue.waiting.len() >= queue.wake_at {
            self.built.notify_one();
        }
    }
    /// A writer thread: leads whenever something waits and nobody leads.
    pub(crate) fn write_until_closed(self: &Arc<Self>) {
        loop {
            let mut queue = self.queue.lock();
            while queue.leading || queue.waiting.is_empty() {
                if queue.closing && !queue.leading && queue.under_way == 0 {
                    return;
                }
                self.work.wait(&mut queue);
            }
            queue.leading = true;
            drop(queue);
            self.lead(None);
        }
    }
    /// Commits groups until nothing waits, somebody else leads, or `own` is answered.
    fn lead(self: &Arc<Self>, own: Option<&Ticket>) {
        loop {
            let mut queue = self.queue.lock();
            let jobs = self.take_jobs(&mut queue, 0);
            queue.under_way += 1;
            drop(queue);
            let built = self.build(jobs, Admission::All, true);
            self.finish_group(built);
            let mut queue = self.queue.lock();
            queue.under_way -= 1;
            if queue.leading {
                return;
            }
            let done = own.is_some_and(|own| own.peek().is_some());
            if done || queue.waiting.is_empty() {
                self.wake_writer(&queue);
                return;
            }
            queue.leading = true;
        }
    }
    /// What fits into a group of `have` transactions.
    pub(crate) fn take_jobs(&self, queue: &mut Queue, have: usize) -> Vec<Job> {
        let room = self.options.group_transactions_max.saturating_sub(have);
        let count = queue.waiting.len().min(room);
        queue.waiting.drain(..count).collect()
    }
    /// Somebody else may lead now.
    pub(crate) fn give_lead_away(&self) {
        let mut queue = self.queue.lock();
        queue.leading = false;
        self.wake_writer(&queue);
    }
    fn wake_writer(&self, queue: &Queue) {
        if queue.closing {
            self.work.notify_all();
        } else if !queue.waiting.is_empty() {
            self.work.notify_one();
        }
    }
    fn finish_group(self: &Arc<Self>, built: Built) {
        let mut retry = self.complete(built);
        // What frees space is tried once more with the reserve.
        while !retry.is_empty() {
            let built = self.build(std::mem::take(&mut retry), Admission::Freeing, false);
            retry = self.complete(built);
        }
    }
}

fn closing() -> MailError {
    MailError::new(ErrorKind::Unavailable, "the store is shutting down")
}

pub(crate) fn disk_full() -> MailError {
    MailError::new(ErrorKind::Unavailable, "the disk is full")
}

/// How long a thread of the engine sleeps when nothing tells it to wake.
pub(crate) const IDLE: Duration = Duration::from_secs(3600);
