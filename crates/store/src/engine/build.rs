//! Building a group: transactions are run one after the other, each over what those before it did, also over
//! what is not yet durable. Nothing of it can be seen, and nobody is answered, before it is.
//!
//! Must not: touch the file; that is for `complete.rs`, and for making the next segment.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use koi_types::{CommitNotice, ErrorKind, MailError, Result};

use super::commit::{Job, disk_full};
use super::counters::add;
use super::draft::Draft;
use super::group::Placing;
use super::index::Position;
use super::journal::{Live, LiveFile, Start, create_segment, now_millis};
use super::run::Run;
use super::shared::Shared;
use super::snapshot::Snapshot;
use super::txn::{EngineTxn, Stage};
use crate::body::BodyRef;

/// A leader who waits for the disk looks again when so many transactions wait: each look costs a switch of
/// threads, and what is not run while the disk works is run while it idles.
const JOIN_MIN: usize = 16;

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
    /// Whether the turn to write was waited for, and has to be given back.
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
struct Building<'a> {
    snapshot: &'a Snapshot,
    admission: Admission,
    drafts: Drafts,
    built: Built,
    /// No more may come in.
    full: bool,
}

/// Whether the disk is free for this group.
enum Turn {
    Ours,
    /// The group before it failed, so that this one has to be built again.
    Void,
}

impl Shared {
    /// Runs `jobs`, and with the lead (`leads`) what else comes until the disk is free. The lead is given
    /// away.
    pub(crate) fn build(self: &Arc<Self>, mut jobs: Vec<Job>, least: Admission, leads: bool) -> Built {
        let mut live = self.live.lock();
        let built = loop {
            let begun = self.admit(least).and_then(|admission| {
                self.rotate_if_full(&mut live)?;
                Ok((admission, Snapshot::open_ahead(self)?))
            });
            let (admission, snapshot) = match begun {
                Ok(begun) => begun,
                Err(error) => break Built::refused(jobs, &error),
            };
            let mut group = Building {
                snapshot: &snapshot,
                admission,
                drafts: Drafts::default(),
                built: Built::default(),
                full: false,
            };
            live.builder.clear();
            self.run_all(&mut live, &mut group, jobs);
            match self.run_more_until_free(&mut live, &mut group, leads) {
                Turn::Ours => break self.seal(&mut live, group),
                Turn::Void => jobs = group.built.jobs,
            }
        };
        drop(live);
        if leads {
            self.give_lead_away();
        }
        built
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
        // The header of a segment certifies the groups before it.
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
            None => create_segment(&self.vfs, &self.layout, Start { store: self.store, segment, after }),
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
    /// Waits until every group is durable and visible; then `live` ends where the journal does.
    pub(crate) fn settle(&self, live: &mut Live) {
        let mut queue = self.queue.lock();
        while queue.writing {
            self.built.wait(&mut queue);
        }
        if let Some(position) = queue.back_to.take() {
            live.position = position;
        }
        drop(queue);
        drop(self.publishing.lock());
    }
    fn run_all(&self, live: &mut Live, group: &mut Building<'_>, jobs: Vec<Job>) {
        let mut jobs = jobs.into_iter();
        while live.builder.octets() <= self.options.group_octets_max
            && let Some(mut job) = jobs.next()
        {
            let outcome = self.run_one(live, group, &mut job);
            group.built.outcomes.push(outcome);
            group.built.jobs.push(job);
        }
        group.full = live.builder.octets() > self.options.group_octets_max
            || group.built.jobs.len() >= self.options.group_transactions_max;
        if jobs.len() > 0 {
            let mut queue = self.queue.lock();
            jobs.rev().for_each(|job| queue.waiting.push_front(job));
        }
    }
    fn run_one(&self, live: &mut Live, group: &mut Building<'_>, job: &mut Job) -> Outcome {
        let mark = live.builder.mark();
        let drafts = &mut group.drafts;
        drafts.own.clear();
        let mut txn = EngineTxn {
            snapshot: group.snapshot,
            group: &drafts.group,
            own: &mut drafts.own,
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
        let wrote = !drafts.own.is_empty();
        if result.is_ok() && group.admission == Admission::Freeing && !stage.frees_space && wrote {
            result = Err(disk_full());
        }
        if result.is_err() {
            live.builder.back_to(mark);
            add(&self.counters.transactions_refused, 1);
        } else {
            live.builder.transactions += u32::from(wrote);
            let operations = live.builder.operations();
            drafts.own.iter().for_each(|slot| drafts.group.insert(operations, *slot));
            group.built.notices.extend(stage.notices);
            group.built.dead.extend(stage.dead);
        }
        Outcome { result, freeing: stage.frees_space }
    }
    /// While the group before is being written there is time for those who come meanwhile.
    fn run_more_until_free(&self, live: &mut Live, group: &mut Building<'_>, leads: bool) -> Turn {
        loop {
            let mut queue = self.queue.lock();
            let joins = leads && !group.full;
            while queue.writing && !(joins && queue.waiting.len() >= JOIN_MIN) {
                queue.wake_at = if joins { JOIN_MIN } else { 0 };
                self.built.wait(&mut queue);
                queue.wake_at = 0;
            }
            if let Some(position) = queue.back_to.take() {
                live.position = position;
                return Turn::Void;
            }
            let ours = !queue.writing;
            if ours {
                queue.writing = true;
                group.built.has_turn = true;
            }
            let have = group.built.jobs.len();
            let more = if joins { self.take_jobs(&mut queue, have) } else { Vec::new() };
            drop(queue);
            self.run_all(live, group, more);
            if ours {
                return Turn::Ours;
            }
        }
    }
    /// Closes the group; the next one may be built on it.
    fn seal(&self, live: &mut Live, group: Building<'_>) -> Built {
        let Building { drafts, mut built, .. } = group;
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

impl Built {
    fn refused(jobs: Vec<Job>, error: &MailError) -> Self {
        let outcome = |_: &Job| Outcome { result: Err(error.clone()), freeing: false };
        Self { outcomes: jobs.iter().map(outcome).collect(), jobs, ..Self::default() }
    }
}
