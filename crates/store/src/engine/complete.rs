//! Completing a group: one write that is durable when it returns, then it becomes visible, listeners hear of
//! it, and its transactions are answered, in this order.
//!
//! Must not: make anything visible or answer anybody before the write has returned.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use koi_types::{ErrorKind, MailError};

use super::bodies::BODY_FILES_FROM;
use super::body_row::{self, BodyRow};
use super::build::{Built, Outcome, Sealed};
use super::commit::{Job, disk_full};
use super::counters::add;
use super::group::BodyHeader;
use super::index::Position;
use super::run::Run;
use super::shared::Shared;
use crate::vfs::is_full;

/// Runs of up to so many rows are made one by whoever committed; larger ones by a thread of their own, so
/// that the next group does not wait for them.
const MERGED_ROWS_MAX: usize = 512;

impl Shared {
    /// Returns what should be tried again.
    pub(crate) fn complete(self: &Arc<Self>, mut built: Built) -> Vec<Job> {
        let mut retry = Vec::new();
        let written = built.sealed.as_ref().map_or(Ok(()), |sealed| self.write(sealed));
        match written {
            Ok(()) => {
                // Taken before the turn is given back, so that groups come out in their order.
                let publishing = self.publishing.lock();
                self.give_turn_back(&mut built, None);
                if let Some(sealed) = &built.sealed {
                    self.publish(sealed);
                }
                if !built.notices.is_empty() {
                    self.commits.committed(&built.notices);
                }
                drop(publishing);
            }
            Err(failure) => retry = self.fail(&mut built, &failure),
        }
        let dead: u64 = built.dead.iter().map(|body| body.octets).sum();
        let operations = built.sealed.as_ref().map_or(0, |sealed| sealed.operation_octets);
        self.dead_hint.fetch_add(dead + operations / 2, Ordering::Relaxed);
        for (job, outcome) in built.jobs.into_iter().zip(built.outcomes) {
            job.ticket.resolve(outcome.result);
        }
        self.merge_runs(MERGED_ROWS_MAX);
        retry
    }
    /// One write, one flush.
    fn write(&self, sealed: &Sealed) -> std::io::Result<()> {
        let octets = sealed.octets.len() as u64;
        let began = Instant::now();
        sealed.file.write(&sealed.octets, sealed.before.offset, self.options.durability)?;
        self.counters.commit_flush.record(began.elapsed());
        add(&self.counters.groups, 1);
        add(&self.counters.transactions, u64::from(sealed.transactions));
        add(&self.counters.group_octets, octets);
        self.note_written(octets);
        if sealed.file.wants_zeros(octets, self.options.fill_ahead_octets) {
            self.want_zeros(&sealed.file);
        }
        Ok(())
    }
    /// The next group may be written; or has to be built again from `back_to` on.
    fn give_turn_back(&self, built: &mut Built, back_to: Option<Position>) {
        if !std::mem::take(&mut built.has_turn) {
            return;
        }
        let room = built.sealed.as_mut().map(|sealed| std::mem::take(&mut sealed.octets));
        let mut queue = self.queue.lock();
        queue.writing = false;
        queue.back_to = back_to;
        if let Some(mut room) = room {
            room.clear();
            queue.room = room;
        }
        self.written.notify_all();
    }
    /// Makes a durable group visible.
    fn publish(&self, sealed: &Sealed) {
        let mut state = self.state.lock();
        debug_assert!(sealed.after.sequence == state.durable.sequence + 1, "groups come in their order");
        debug_assert!(sealed.after.place() > state.durable.place(), "the journal's end never goes back");
        debug_assert!(lie_within(&sealed.run, sealed.after), "bodies are durable before rows refer to them");
        take_out(&mut state.sealed, &sealed.run);
        state.current.push(Arc::clone(&sealed.run));
        state.durable = sealed.after;
        state.disk_note = None;
        if state.oldest.is_none() {
            state.oldest = Some(Instant::now());
            self.apply_wanted.notify_one();
        } else if state.current.rows() >= self.options.apply_rows {
            self.apply_wanted.notify_one();
        }
    }
    /// A group could not be written: nothing of it happened. Returns what may be tried again with the
    /// reserve.
    fn fail(&self, built: &mut Built, failure: &std::io::Error) -> Vec<Job> {
        add(&self.counters.group_failures, 1);
        built.notices.clear();
        built.dead.clear();
        let full = is_full(failure);
        let error = if full { disk_full() } else { broken() }.context(failure);
        if !full {
            self.stop(format!("writing the journal failed: {failure}"));
        } else {
            self.note_disk(&error);
        }
        let before = built.sealed.as_ref().map(|sealed| {
            sealed.file.disown(sealed.before.offset);
            take_out(&mut self.state.lock().sealed, &sealed.run);
            sealed.before
        });
        self.give_turn_back(built, before);
        let again = full && built.outcomes.iter().any(|o| o.freeing) && self.release_reserve();
        let (mut retry, mut kept, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
        for (job, outcome) in built.jobs.drain(..).zip(built.outcomes.drain(..)) {
            if again && outcome.freeing && outcome.result.is_ok() {
                retry.push(job);
                continue;
            }
            kept.push(job);
            outcomes.push(Outcome { result: outcome.result.and(Err(error.clone())), freeing: false });
        }
        (built.jobs, built.outcomes) = (kept, outcomes);
        retry
    }
    /// Makes small runs of the overlay larger ones. Those that would take long are left to the thread for it.
    pub(crate) fn merge_runs(&self, rows_max: usize) {
        let Some(_merging) = self.merging.try_lock() else { return };
        loop {
            let Some(due) = self.state.lock().current.due() else { return };
            if due.iter().map(|run| run.rows()).sum::<usize>() > rows_max {
                self.runs.lock().wanted = true;
                self.runs_wanted.notify_one();
                return;
            }
            let merged = Arc::new(Run::merge(&due));
            self.state.lock().current.replace(&due, merged);
        }
    }
    /// The thread for large runs.
    pub(crate) fn merge_until_closed(&self) {
        loop {
            {
                let mut runs = self.runs.lock();
                while !runs.wanted && !runs.closing {
                    self.runs_wanted.wait(&mut runs);
                }
                if runs.closing {
                    return;
                }
                runs.wanted = false;
            }
            self.merge_runs(usize::MAX);
        }
    }
}

fn take_out(sealed: &mut Vec<Arc<Run>>, run: &Arc<Run>) {
    sealed.retain(|one| !Arc::ptr_eq(one, run));
}

/// Whether what the rows of bodies say lies inside a group, this one or one before it; or in a file of its
/// own.
fn lie_within(run: &Run, end: Position) -> bool {
    let places = run.iter().filter_map(|row| {
        let key = body_row::parse_key(row.key)?;
        BodyRow::decode(&key.blob, row.value?).ok().map(|row| row.body)
    });
    places.filter(|body| body.segment < BODY_FILES_FROM).all(|body| {
        let octets = BodyHeader::of_plain(body.blob, body.octets).record_octets();
        (body.segment, body.offset + octets) <= (end.segment, end.offset)
    })
}

fn broken() -> MailError {
    MailError::new(ErrorKind::Unavailable, "the disk failed; the store is read-only until it is restarted")
}
