//! The applier: moves the overlay into the index, in few and large transactions.
//!
//! Only durable groups are ever in the overlay, so the index cannot come to be ahead of the journal. The
//! frozen part is let go only after the index has committed it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::commit::IDLE;
use super::counters::add;
use super::index::{Index, IndexError, Position};
use super::overlay::Overlay;
use super::run::Run;
use super::shared::State;
use crate::vfs::Vfs;

/// Between attempts when the index cannot be written.
const RETRY: Duration = Duration::from_millis(500);

/// Whether everything that was durable at the call is in the index now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Applied {
    Everything,
    Failed,
}

struct Round {
    rows: Arc<Run>,
    index: Arc<Index>,
    position: Position,
}

impl Shared {
    /// The applier thread.
    pub(crate) fn apply_until_closed(self: &Arc<Self>) {
        while self.wait_for_rows() {
            if self.apply_due() == Applied::Failed {
                let mut state = self.state.lock();
                if !state.closing {
                    self.apply_wanted.wait_for(&mut state, RETRY);
                }
            }
        }
    }
    /// `false` when the store closes.
    fn wait_for_rows(&self) -> bool {
        let mut state = self.state.lock();
        loop {
            if state.closing {
                return false;
            }
            let Some(pause) = self.until_due(&state) else { return true };
            self.apply_wanted.wait_for(&mut state, pause);
        }
    }
    /// How long the rows that are pending may still wait; `None` when a round is due.
    fn until_due(&self, state: &State) -> Option<Duration> {
        let many = state.current.rows() >= self.options.apply_rows
            || state.current.octets() >= self.options.overlay_octets_max
            || state.current.rows() >= self.options.overlay_rows_max;
        if many || !state.frozen.is_empty() {
            return None;
        }
        let Some(oldest) = state.oldest else { return Some(IDLE) };
        let age = Duration::from_millis(self.options.apply_millis);
        let pause = (oldest + age).saturating_duration_since(Instant::now());
        (!pause.is_zero()).then_some(pause)
    }
    /// One round, if it is still due: while this thread waited, somebody else may have done it, and what came
    /// since may wait for its time.
    fn apply_due(self: &Arc<Self>) -> Applied {
        let _applying = self.applying.lock();
        if self.until_due(&self.state.lock()).is_some() {
            return Applied::Everything;
        }
        self.round()
    }
    /// One round. Waits for a round that is under way.
    pub(crate) fn apply_once(self: &Arc<Self>) -> Applied {
        let _applying = self.applying.lock();
        self.round()
    }
    /// Under `applying`.
    fn round(self: &Arc<Self>) -> Applied {
        let round = self.freeze();
        if round.rows.rows() == 0 {
            return Applied::Everything;
        }
        let wanted = self.options.before_apply.as_ref().is_none_or(|before| before());
        let written = match wanted {
            true => self.write_round(&round),
            false => Err(IndexError::Failed("refused by a test".to_owned())),
        };
        match written {
            Ok(()) => {
                add(&self.counters.applier_rounds, 1);
                add(&self.counters.applier_rows, round.rows.rows() as u64);
                self.thaw(&round);
                Applied::Everything
            }
            Err(error) => {
                add(&self.counters.applier_failures, 1);
                if let IndexError::Unusable(_) = error {
                    round.index.mark_damaged();
                }
                let error = error.into_mail();
                let mut state = self.state.lock();
                state.apply_failure = Some(error.to_string());
                self.applied.notify_all();
                drop(state);
                self.release_reserve_for_index();
                Applied::Failed
            }
        }
    }
    /// Takes what is pending out of the writers' way. What an earlier round left is taken first.
    fn freeze(&self) -> Round {
        let mut state = self.state.lock();
        if state.frozen.is_empty() {
            state.frozen = std::mem::take(&mut state.current);
            state.frozen_end = state.durable;
            state.oldest = None;
        }
        let mut position = state.frozen_end;
        position.next_body = self.body_files.next();
        let (frozen, index) = (state.frozen.clone(), Arc::clone(&state.index));
        drop(state);
        // Readers have one run to look into while the round lasts.
        let rows = frozen.as_one();
        if !frozen.is_empty() {
            self.state.lock().frozen = Overlay::from(Arc::clone(&rows));
        }
        Round { rows, index, position }
    }
    fn write_round(&self, round: &Round) -> Result<(), IndexError> {
        let mut index = Arc::clone(&round.index);
        loop {
            let committed = || self.vfs.index_committed();
            match index.apply(round.rows.iter(), round.position, self.options.apply_part_rows, &committed) {
                Err(IndexError::MapFull) => index = self.renew_index(index.map_octets().saturating_mul(2))?,
                other => return other,
            }
        }
    }
    fn thaw(&self, round: &Round) {
        self.note_applied(&round.rows, round.position);
        let mut state = self.state.lock();
        let rows = std::mem::take(&mut state.frozen);
        debug_assert!(round.position.place() <= state.durable.place(), "the index is never ahead");
        debug_assert!(round.position.place() >= state.applied.place(), "the index never goes back");
        state.applied = round.position;
        state.apply_failure = None;
        self.applied.notify_all();
        drop(state);
        // Freeing many rows takes a while: not under the lock.
        drop(rows);
    }
    /// Applies until nothing is pending, or the index fails.
    pub(crate) fn apply_all(self: &Arc<Self>) -> Applied {
        loop {
            if self.apply_once() == Applied::Failed {
                return Applied::Failed;
            }
            let state = self.state.lock();
            if state.current.is_empty() && state.frozen.is_empty() {
                return Applied::Everything;
            }
        }
    }
}
