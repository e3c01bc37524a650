//! Building a group: transactions are run one after the other, each over what those before it did, also over
//! what is not yet durable. Nothing of it can be seen, and nobody is answered, before it is.
//!
//! The open group belongs to whoever holds `live`: several threads run transactions into it, one after the
//! other, and the one who finds the disk free closes it.
//!
//! Must not: touch the file; that is for `complete.rs`, and for making the next segment.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use koi_types::{CommitNotice, ErrorKind, MailError, Result};
use parking_lot::MutexGuard;

use super::commit::{Job, Queue, disk_full};
use super::counters::add;
use super::draft::Draft;
use super::group::Placing;
use super::index::Position;
use super::journal::{Ahead, Live, LiveFile, now_millis};
use super::known::Known;
use super::run::Run;
use super::shared::Shared;
use super::snapshot::Snapshot;
use super::txn::{EngineTxn, Stage};
use crate::body::BodyRef;
use crate::vfs::is_full;

/// A group of so many is written at once when the disk is free.
const LINGER_MAX: usize = 16;

/// A group of so many octets does not grow while the disk is free: what waits is built while it is written.
const WRITE_AT: usize = 512 * 1024;

/// Who may commit at the moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    All,
    /// The disk is full: only transactions that free space.
    Freeing,
}

/// A group that waits for its write, with those who wait for it.
#[derive(Default)]
pub(crate) struct Built {
    pub(crate) jobs: Vec<Job>,
    /// Of the jobs, in their order.
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) notices: Vec<CommitNotice>,
    pub(crate) dead: Vec<BodyRef>,
    /// Nothing when no transaction wrote anything.
    pub(crate) sealed: Option<Sealed>,
    /// Whether it has the turn to write, and has to give it back.
    pub(crate) has_turn: bool,
}

/// What became of a transaction.
pub(crate) struct Outcome {
    pub(crate) result: Result<()>,
    /// It says that it gives back more room than it takes.
    pub(crate) freeing: bool,
}

/// The octets of a group and where they go.
pub(crate) struct Sealed {
    pub(crate) octets: Vec<u8>,
    pub(crate) operation_octets: u64,
    pub(crate) transactions: u32,
    pub(crate) run: Arc<Run>,
    pub(crate) file: Arc<LiveFile>,
    pub(crate) before: Position,
    pub(crate) after: Position,
}

/// Rows of the group so far, and of the transaction that runs.
#[derive(Default)]
struct Drafts {
    group: Draft,
    own: Draft,
}

/// A group while transactions are run.
pub(crate) struct Open {
    snapshot: Snapshot,
    known: Known,
    admission: Admission,
    drafts: Drafts,
    built: Built,
}

/// Whom a leader takes along who finds the disk free.
#[derive(Default)]
struct Gathering {
    /// Of those who waited at the last look: the disk does not wait for all who come later.
    left: Option<usize>,
    /// How many the group had when it was last lingered for.
    lingered_at: usize,
}

impl Gathering {
    fn next(&mut self, queue: &mut Queue, octets: usize) -> Option<Job> {
        if queue.full {
            return None;
        }
        if !queue.writing {
            if octets >= WRITE_AT {
                return None;
            }
            let left = self.left.get_or_insert(queue.waiting.len());
            *left = left.checked_sub(1)?;
        }
        queue.waiting.pop_front()
    }
    /// A write costs about as much processor as three transactions, whatever is in it. Where others are about
    /// to come, as after a group of many was answered, they may go first as long as that brings any.
    fn should_linger(&mut self, queue: &Queue, have: usize) -> bool {
        let brought = have > self.lingered_at;
        let lingers = !queue.writing && !queue.full && brought && have < queue.last.min(LINGER_MAX);
        if lingers {
            (self.left, self.lingered_at) = (None, have);
        }
        lingers
    }
}

impl Shared {
    /// With the lead: runs what waits, and closes the group if the disk is free. The lead is given away.
    /// Nothing while the disk is busy, or when nothing is left to do.
    pub(crate) fn build(self: &Arc<Self>) -> Option<Built> {
        let mut live = self.live.lock();
        let mut gathering = Gathering::default();
        loop {
            let mut queue = self.queue.lock();
            take_back(&mut live, &mut queue);
            let octets = live.open.as_ref().map_or(0, |_| live.builder.octets());
            if let Some(job) = gathering.next(&mut queue, octets) {
                drop(queue);
                self.run(&mut live, job, Admission::All);
                continue;
            }
            let have = live.open.as_ref().map_or(0, |open| open.built.jobs.len());
            if gathering.should_linger(&queue, have) {
                let nobody_waits = queue.waiting.is_empty();
                drop(queue);
                if nobody_waits {
                    std::thread::yield_now();
                }
                continue;
            }
            let open = if queue.writing { None } else { live.open.take() };
            let built = open.map(|open| {
                queue.take_turn();
                (queue.last, queue.under_way) = (have, queue.under_way + 1);
                MutexGuard::unlocked(&mut queue, || self.seal(&mut live, open))
            });
            queue.leading = false;
            self.call_writer(&mut queue);
            return built;
        }
    }
    /// A group of its own for transactions that free space.
    pub(crate) fn build_freeing(self: &Arc<Self>, jobs: Vec<Job>) -> Built {
        let mut live = self.live.lock();
        self.settle(&mut live);
        jobs.into_iter().for_each(|job| self.run(&mut live, job, Admission::Freeing));
        let Some(open) = live.open.take() else { return Built::default() };
        self.queue.lock().take_turn();
        self.seal(&mut live, open)
    }
    /// Runs a transaction in the open group, or in a new one. Where none can be begun it is refused.
    fn run(self: &Arc<Self>, live: &mut Live, mut job: Job, least: Admission) {
        let mut open = match live.open.take().map_or_else(|| self.open_group(live, least), Ok) {
            Ok(open) => open,
            Err(error) => return job.ticket.resolve(Err(error)),
        };
        let outcome = self.run_one(live, &mut open, &mut job);
        open.built.outcomes.push(outcome);
        open.built.jobs.push(job);
        let full = live.builder.octets() > self.options.group_octets_max
            || open.built.jobs.len() >= self.options.group_transactions_max;
        live.open = Some(open);
        let mut queue = self.queue.lock();
        (queue.open, queue.full) = (true, full);
    }
    fn open_group(self: &Arc<Self>, live: &mut Live, least: Admission) -> Result<Open> {
        let mut admission = self.admit(least)?;
        self.rotate_if_full(live)?;
        if admission == Admission::All && !self.takes_mail() {
            admission = Admission::Freeing;
        }
        let snapshot = Snapshot::open_ahead(self)?;
        live.builder.clear();
        let known = self.known.now();
        Ok(Open { snapshot, known, admission, drafts: Drafts::default(), built: Built::default() })
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
            if let Some(when_held) = &self.options.when_held {
                when_held();
            }
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
        // What a segment begins with certifies the groups before it.
        self.settle(live);
        if live.position.offset == live.header.room() {
            return Ok(());
        }
        let mut next = self.next_segment(live.position)?;
        std::mem::swap(&mut next.builder, &mut live.builder);
        let old = std::mem::replace(live, next);
        // Zeros behind the last group are legal; a failure to cut them only wastes room.
        let _ = old.file.seal(old.position.offset);
        Ok(())
    }
    /// The one made ahead of need, or one made now.
    fn next_segment(&self, after: Position) -> Result<Live> {
        let segment = after.segment + 1;
        let mut ahead = self.ahead.lock();
        let next = match ahead.take_if(|ahead| ahead.segment() == segment) {
            Some(made) => Ok(made.begin(after)),
            None => {
                // Its header says nothing of the groups before it: where it can be neither finished nor
                // removed, they go on in the segment that is full, and this one is empty, not behind a hole.
                let create = || {
                    let made = Ahead::create(&self.vfs, &self.layout, self.store, segment)?;
                    Ok(made.begin(after))
                };
                // A deletion that needs it would not even be run.
                create().or_else(|error| match is_full(&error) && self.release_reserve() {
                    true => create(),
                    false => Err(error),
                })
            }
        };
        let next = next.map_err(|error| {
            let error =
                MailError::new(ErrorKind::Unavailable, "no further segment could be made").context(error);
            self.note_disk(&error);
            error
        })?;
        self.state.lock().add_segment(next.header, &next.file.file);
        Ok(next)
    }
    /// Waits until every group is durable and visible; then `live` ends where the journal does, and what was
    /// in the open group waits again.
    pub(crate) fn settle(&self, live: &mut Live) {
        let mut queue = self.queue.lock();
        while queue.writing {
            self.written.wait(&mut queue);
        }
        take_back(live, &mut queue);
        void(live, &mut queue);
        drop(queue);
        drop(self.publishing.lock());
    }
    fn run_one(&self, live: &mut Live, open: &mut Open, job: &mut Job) -> Outcome {
        let mark = live.builder.mark();
        let drafts = &mut open.drafts;
        drafts.own.clear();
        let mut txn = EngineTxn {
            snapshot: &open.snapshot,
            known: &open.known,
            group: &drafts.group,
            own: &mut drafts.own,
            octets_max: self.options.transaction_octets_max + live.builder.octets(),
            builder: &mut live.builder,
            segment: live.position.segment,
            group_offset: live.position.offset,
            rising: self.options.rising,
            stage: Stage::default(),
        };
        // A panic in a caller's function must not take the shard with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| (job.run)(&mut txn)));
        let stage = txn.stage;
        let mut result =
            outcome.unwrap_or_else(|_| Err(MailError::new(ErrorKind::Internal, "a transaction panicked")));
        let wrote = !drafts.own.is_empty();
        if result.is_ok() && open.admission == Admission::Freeing && !stage.frees_space && wrote {
            let error = disk_full();
            self.note_disk(&error);
            result = Err(error);
        }
        if result.is_err() {
            live.builder.back_to(mark);
            add(&self.counters.transactions_refused, 1);
        } else {
            live.builder.transactions += u32::from(wrote);
            let operations = live.builder.operations();
            drafts.group.take(&mut drafts.own, operations);
            open.built.notices.extend(stage.notices);
            open.built.dead.extend(stage.dead);
        }
        Outcome { result, freeing: stage.frees_space }
    }
    /// Closes the group; the next one may be built on it.
    fn seal(&self, live: &mut Live, open: Open) -> Built {
        let Open { known, drafts, mut built, .. } = open;
        add(&self.counters.vain_lookups_spared, self.known.note(&known, self.options.vain_lookups_max));
        built.has_turn = true;
        if live.builder.is_empty() {
            return built;
        }
        let placing = Placing {
            sequence: live.position.sequence + 1,
            segment: live.position.segment,
            chain: live.position.chain,
            seed: live.header.seed(),
            millis: now_millis(),
        };
        let operations = live.builder.share_operations();
        let operation_octets = operations.len() as u64;
        let run = Arc::new(Run::of_draft(&drafts.group, operations));
        let chain = live.builder.finish(placing).chain;
        let transactions = live.builder.transactions;
        let octets = live.builder.take_octets();
        live.builder.give_room(std::mem::take(&mut self.queue.lock().room));
        let before = live.position;
        let offset = before.offset + octets.len() as u64;
        live.position = Position { sequence: placing.sequence, offset, chain, ..before };
        if offset >= self.options.segment_octets / 2 && !live.next_wanted {
            live.next_wanted = true;
            self.want_segment(live.position.segment + 1);
        }
        self.state.lock().sealed.push(Arc::clone(&run));
        let (file, after) = (Arc::clone(&live.file), live.position);
        built.sealed = Some(Sealed { octets, operation_octets, transactions, run, file, before, after });
        built
    }
}

/// Where the group before could not be written, the journal goes on in its place, without what was built on
/// it.
fn take_back(live: &mut Live, queue: &mut Queue) {
    if let Some(position) = queue.back_to.take() {
        live.position = position;
        void(live, queue);
    }
}

/// The transactions of the open group wait again, to be run in another.
fn void(live: &mut Live, queue: &mut Queue) {
    let open = live.open.take().map(|open| open.built.jobs);
    open.into_iter().flatten().rev().for_each(|job| queue.waiting.push_front(job));
    (queue.open, queue.full) = (false, false);
}
