//! Group commit: the queue, who leads, and how a group comes to be (docs/STORE.md, "Commit").
//!
//! One leader at a time runs the waiting transactions one after the other, writes what they wrote as one
//! group with one flush, merges it into the overlay, tells listeners, and only then answers. The leader is
//! the writer thread, or a thread that waits for its own transaction anyway.
//!
//! Must not: merge before the flush; have two groups in flight; answer in any other order than that of the
//! groups.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use koi_types::{CommitNotice, ErrorKind, MailError, Result};

use super::Shared;
use super::counters::add;
use super::group::Placing;
use super::index::Position;
use super::journal::{Live, Start, create_segment, now_millis};
use super::overlay::{Entry, Overlay, RowAt};
use super::snapshot::Snapshot;
use super::txn::{EngineTxn, Stage};
use crate::body::BodyRef;
use crate::kv::{Ticket, TxnFn};
use crate::vfs::is_full;

/// A transaction that waits.
pub(crate) struct Job {
    pub(crate) run: Box<TxnFn>,
    pub(crate) ticket: Ticket,
}

/// Transactions that wait, in the order they came.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) waiting: VecDeque<Job>,
    pub(crate) leading: bool,
    /// Nothing more is taken.
    pub(crate) closing: bool,
}

/// Who may commit at the moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Admission {
    All,
    /// The disk is full: only transactions that free space.
    Freeing,
}

/// What a group did so far.
struct Ran {
    /// The rows of this group alone, for the transactions behind.
    group: Overlay,
    /// Where its rows lie, in their order.
    rows: Vec<RowAt>,
    notices: Vec<CommitNotice>,
    dead: Vec<BodyRef>,
    results: Vec<Result<()>>,
    freeing: Vec<bool>,
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
        if !queue.leading {
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
        let lead = !queue.leading;
        queue.leading = true;
        drop(queue);
        if lead {
            self.lead(Some(&ticket));
        }
        ticket.wait()
    }
    /// The writer thread: leads whenever something waits and nobody leads.
    pub(crate) fn write_until_closed(self: &Arc<Self>) {
        loop {
            let mut queue = self.queue.lock();
            while queue.leading || queue.waiting.is_empty() {
                if queue.closing && !queue.leading {
                    return;
                }
                self.work.wait(&mut queue);
            }
            queue.leading = true;
            drop(queue);
            self.lead(None);
        }
    }
    /// Writes groups until nothing waits, or until `own` is answered.
    fn lead(self: &Arc<Self>, own: Option<&Ticket>) {
        loop {
            let jobs = {
                let mut queue = self.queue.lock();
                let done = own.is_some_and(|own| own.peek().is_some());
                if done || queue.waiting.is_empty() {
                    queue.leading = false;
                    if !queue.waiting.is_empty() || queue.closing {
                        self.work.notify_all();
                    }
                    return;
                }
                let count = queue.waiting.len().min(self.options.group_transactions_max);
                queue.waiting.drain(..count).collect::<Vec<_>>()
            };
            self.commit(jobs, Admission::All);
        }
    }
    fn commit(self: &Arc<Self>, mut jobs: Vec<Job>, least: Admission) {
        let mut live = self.live.lock();
        let begun = self.admit(least).and_then(|admission| {
            self.rotate_if_full(&mut live)?;
            Ok((admission, Snapshot::open(self)?))
        });
        let (admission, snapshot) = match begun {
            Ok(begun) => begun,
            Err(error) => return answer_all(jobs, &error),
        };
        let mut ran = self.run_all(&mut live, &snapshot, &mut jobs, admission);
        // Before the merge, so that it finds nobody else at the pending rows and need not copy them.
        drop(snapshot);
        let mut again = Vec::new();
        let group_operations = live.builder.operation_octets();
        let operations = live.builder.share_operations();
        if !live.builder.is_empty() {
            match self.write_group(&mut live) {
                Ok(position) => self.merge(&mut ran, &operations, position),
                Err(failure) => {
                    live.file.disown(live.position.offset);
                    again = self.fail(&mut ran, &mut jobs, failure);
                }
            }
        }
        drop(live);
        if !ran.notices.is_empty() {
            self.commits.committed(&ran.notices);
        }
        for (job, result) in jobs.into_iter().zip(ran.results) {
            job.ticket.resolve(result);
        }
        let dead: u64 = ran.dead.iter().map(|body| body.octets).sum();
        self.dead_hint.fetch_add(dead + group_operations / 2, Ordering::Relaxed);
        if !again.is_empty() {
            self.commit(again, Admission::Freeing);
        }
    }
    /// Waits while too much is not yet in the index; refuses when that cannot change.
    fn admit(&self, least: Admission) -> Result<Admission> {
        let mut state = self.state.lock();
        let began = Instant::now();
        let mut held = false;
        let admission = loop {
            if let Some(why) = &state.read_only {
                let error =
                    MailError::new(ErrorKind::Unavailable, "the store is read-only until it is restarted");
                return Err(error.context(why));
            }
            let (rows, octets) = (state.current.rows(), state.current.octets());
            let (rows_max, octets_max) = (self.options.overlay_rows_max, self.options.overlay_octets_max);
            let full = |times: usize| rows >= rows_max * times || octets >= octets_max * times;
            if !full(1) {
                break least;
            }
            if state.apply_failure.is_some() {
                if full(2) {
                    return Err(disk_full());
                }
                break Admission::Freeing;
            }
            held = true;
            self.apply_wanted.notify_one();
            self.applied.wait(&mut state);
        };
        if held {
            add(&self.counters.held_commits, 1);
            add(&self.counters.held_micros, u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        Ok(admission)
    }
    /// Begins the next segment when the live one has its length.
    fn rotate_if_full(&self, live: &mut Live) -> Result<()> {
        if live.position.offset < self.options.segment_octets {
            return Ok(());
        }
        self.rotate(live)
    }
    pub(crate) fn rotate(&self, live: &mut Live) -> Result<()> {
        if live.position.offset == live.header.room() {
            return Ok(());
        }
        let start = Start { store: self.store, segment: live.position.segment + 1, after: live.position };
        let mut next = create_segment(&self.vfs, &self.layout, start).map_err(|error| {
            let error =
                MailError::new(ErrorKind::Unavailable, "no further segment could be made").context(error);
            self.note_disk(&error);
            error
        })?;
        std::mem::swap(&mut next.builder, &mut live.builder);
        self.state.lock().add_segment(next.header, &next.file.file);
        let old = std::mem::replace(live, next);
        // Zeros behind the last group are legal; a failure to cut them only wastes room.
        let _ = old.file.seal(old.position.offset);
        Ok(())
    }
    fn run_all(
        self: &Arc<Self>,
        live: &mut Live,
        snapshot: &Snapshot,
        jobs: &mut Vec<Job>,
        admission: Admission,
    ) -> Ran {
        live.builder.clear();
        let mut ran = Ran {
            group: Overlay::default(),
            rows: Vec::new(),
            notices: Vec::new(),
            dead: Vec::new(),
            results: Vec::with_capacity(jobs.len()),
            freeing: Vec::with_capacity(jobs.len()),
        };
        for at in 0..jobs.len() {
            if live.builder.octets() > self.options.group_octets_max {
                let rest = jobs.split_off(at);
                let mut queue = self.queue.lock();
                rest.into_iter().rev().for_each(|job| queue.waiting.push_front(job));
                break;
            }
            if let Some(job) = jobs.get_mut(at) {
                self.run_one(live, snapshot, job, admission, &mut ran);
            }
        }
        ran
    }
    fn run_one(
        &self,
        live: &mut Live,
        snapshot: &Snapshot,
        job: &mut Job,
        admission: Admission,
        ran: &mut Ran,
    ) {
        let mark = live.builder.mark();
        let mut txn = EngineTxn {
            snapshot,
            group: &ran.group,
            octets_max: self.options.transaction_octets_max + live.builder.octets(),
            builder: &mut live.builder,
            segment: live.position.segment,
            group_offset: live.position.offset,
            stage: Stage::default(),
        };
        // A panic in a caller's function must not take the shard with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| (job.run)(&mut txn)));
        let stage = txn.stage;
        let mut result =
            outcome.unwrap_or_else(|_| Err(MailError::new(ErrorKind::Internal, "a transaction panicked")));
        if result.is_ok() && admission == Admission::Freeing && !stage.frees_space && !stage.rows.is_empty() {
            result = Err(disk_full());
        }
        ran.freeing.push(stage.frees_space);
        if result.is_err() {
            live.builder.back_to(mark);
            add(&self.counters.transactions_refused, 1);
        } else if !stage.rows.is_empty() {
            live.builder.transactions += 1;
            for entry in stage.rows.iter() {
                ran.rows.push(live.builder.operation(entry.row()));
                ran.group.insert(entry.clone());
            }
        }
        if result.is_ok() {
            ran.notices.extend(stage.notices);
            ran.dead.extend(stage.dead);
        }
        ran.results.push(result);
    }
    /// Makes the group durable: one write, one flush.
    fn write_group(&self, live: &mut Live) -> std::result::Result<Position, std::io::Error> {
        let placing = Placing {
            sequence: live.position.sequence + 1,
            segment: live.position.segment,
            chain: live.position.chain,
            seed: live.header.seed(),
            millis: now_millis(),
        };
        let transactions = live.builder.transactions;
        let finished = live.builder.finish(placing);
        let octets = finished.octets.len() as u64;
        let began = Instant::now();
        live.file.write(finished.octets, live.position.offset, self.options.durability)?;
        self.counters.commit_flush.record(began.elapsed());
        add(&self.counters.groups, 1);
        add(&self.counters.transactions, u64::from(transactions));
        add(&self.counters.group_octets, octets);
        live.position = Position {
            sequence: placing.sequence,
            offset: live.position.offset + octets,
            chain: finished.chain,
            ..live.position
        };
        if live.file.wants_zeros(octets, self.options.fill_ahead_octets) {
            self.want_zeros(&live.file);
        }
        Ok(live.position)
    }
    /// Makes a durable group visible: rows go into the pending ones in place. A copy of the tree with the
    /// group in it could be made ahead and only swapped in, but then every node on the way is copied in every
    /// group: that was two thirds of what a delivery cost the processor.
    fn merge(&self, ran: &mut Ran, operations: &Arc<[u8]>, position: Position) {
        let rows = std::mem::take(&mut ran.rows);
        let mut state = self.state.lock();
        debug_assert!(position.sequence == state.durable.sequence + 1, "groups are merged in their order");
        rows.into_iter().for_each(|place| state.current.insert(Entry::inside(operations, place)));
        state.durable = position;
        state.disk_note = None;
        if state.oldest.is_none() {
            state.oldest = Some(Instant::now());
            self.apply_wanted.notify_one();
        } else if state.current.rows() >= self.options.apply_rows {
            self.apply_wanted.notify_one();
        }
        drop(state);
    }
    /// A group could not be written: nothing of it happened. Returns what may be tried again with the
    /// reserve.
    fn fail(&self, ran: &mut Ran, jobs: &mut Vec<Job>, failure: std::io::Error) -> Vec<Job> {
        add(&self.counters.group_failures, 1);
        ran.notices.clear();
        ran.dead.clear();
        let full = is_full(&failure);
        let error = if full { disk_full() } else { broken() }.context(&failure);
        if !full {
            self.stop(format!("writing the journal failed: {failure}"));
        } else {
            self.note_disk(&error);
        }
        let again = full && ran.freeing.contains(&true) && self.release_reserve();
        let mut retry = Vec::new();
        let (mut kept, mut results) = (Vec::new(), Vec::new());
        let outcomes = std::mem::take(&mut ran.results).into_iter().zip(ran.freeing.drain(..));
        for (job, (result, freeing)) in jobs.drain(..).zip(outcomes) {
            if again && freeing && result.is_ok() {
                retry.push(job);
                continue;
            }
            kept.push(job);
            results.push(result.and(Err(error.clone())));
        }
        *jobs = kept;
        ran.results = results;
        retry
    }
}

fn answer_all(jobs: Vec<Job>, error: &MailError) {
    jobs.into_iter().for_each(|job| job.ticket.resolve(Err(error.clone())));
}

fn closing() -> MailError {
    MailError::new(ErrorKind::Unavailable, "the store is shutting down")
}

fn disk_full() -> MailError {
    MailError::new(ErrorKind::Unavailable, "the disk is full")
}

fn broken() -> MailError {
    MailError::new(ErrorKind::Unavailable, "the disk failed; the store is read-only until it is restarted")
}

/// How long a thread of the engine sleeps when nothing tells it to wake.
pub(crate) const IDLE: Duration = Duration::from_secs(3600);
