//! Replacing the index by a copy with full pages while commits go on (docs/STORE.md, "Space"): the copy is
//! filled from one read of the old index, what the applier writes meanwhile is written to it too, and only
//! the last of that, the naming and the exchange hold the applier up.
//!
//! Must not: hold the applier while the index is read; make a generation that is behind the one it replaces.

use std::collections::VecDeque;
use std::sync::Arc;

use koi_types::Result;

use super::Shared;
use super::counters::add;
use super::generation;
use super::index::{Index, IndexError, Position};
use super::run::Run;
use crate::vfs::Vfs;

/// An index is copied when it is so many hundredths of what its rows need in full pages, and more than the
/// slack beyond. Rows that come in any order fill pages to two thirds: that alone is no reason.
const INDEX_PERCENT: u64 = 170;
const INDEX_SLACK_OCTETS: u64 = 1024 * 1024;
/// It is looked at again when it has grown by such a share: all rows are counted for that.
const INDEX_GROWN_SHARE: u64 = 16;
/// It gets a larger map when it fills so much of it, in hundredths.
const MAP_PERCENT: u64 = 75;
/// Rounds that are written to the copy before the applier has to wait for the rest.
const CATCH_UP_ROUNDS_MAX: usize = 16;

/// What was written to the index since a copy of it was begun.
#[derive(Default)]
pub(crate) struct Missed {
    rounds: VecDeque<Round>,
    octets: usize,
    /// More came than may be kept: this copy is of no use.
    too_much: bool,
}

struct Round {
    rows: Arc<Run>,
    position: Position,
}

impl Shared {
    /// Rows that came at random places leave pages half full and others free, though nothing died; of what
    /// came since the last look too little may be dead for another.
    pub(crate) fn shrink_index_if_grown(&self) -> Result<()> {
        let octets = self.index_usage()?.file_octets;
        let seen = self.compactor.lock().index_octets;
        if octets <= seen + seen / INDEX_GROWN_SHARE + INDEX_SLACK_OCTETS {
            return Ok(());
        }
        let _compacting = self.compacting.lock();
        self.shrink_index()
    }
    /// Copies the index if that is worth it. A copy that cannot keep up is given up until the next look.
    pub(crate) fn shrink_index(&self) -> Result<()> {
        self.copy_if_worth_it()?;
        self.compactor.lock().index_octets = self.index_usage()?.file_octets;
        Ok(())
    }
    fn copy_if_worth_it(&self) -> Result<()> {
        let old = Arc::clone(&self.state.lock().index);
        let Some(map_octets) = wanted_map(&old).map_err(IndexError::into_mail)? else { return Ok(()) };
        if !self.has_room_for_copy(&old).map_err(IndexError::into_mail)? {
            return Ok(());
        }
        let copied = self.copy_beside(&old, map_octets);
        *self.missed.lock() = None;
        if copied.is_err() {
            let _ = std::fs::remove_dir_all(generation::unfinished_copy(&self.layout));
        }
        copied.map_err(IndexError::into_mail)?;
        add(&self.counters.compacted_indexes, 1);
        Ok(())
    }
    /// A copy that fails in the middle has all the room there is until then, and deletions beside it none.
    fn has_room_for_copy(&self, old: &Index) -> std::result::Result<bool, IndexError> {
        let free = self.vfs.free_octets(&self.layout.root).unwrap_or(u64::MAX);
        let octets = old.dense_octets()?;
        Ok(free >= octets + octets / 8 + INDEX_SLACK_OCTETS + self.options.reserve_octets)
    }
    fn copy_beside(&self, old: &Arc<Index>, map_octets: usize) -> std::result::Result<(), IndexError> {
        let failed = |error: std::io::Error| IndexError::Failed(error.to_string());
        let folder = generation::unfinished_copy(&self.layout);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(failed)?;
        }
        let copy = old.begin_copy(&folder, map_octets)?;
        let from = {
            // Between rounds, so that everything is either read from the old index or written down here.
            let _applying = self.applying.lock();
            *self.missed.lock() = Some(Missed::default());
            old.begin_read().map_err(|error| IndexError::Failed(error.to_string()))?
        };
        old.fill(&from, &copy, &|octets| self.may_go_on(octets))?;
        drop(from);
        copy.flush()?;
        if let Some(hook) = &self.options.while_copying {
            hook();
        }
        for _ in 0..CATCH_UP_ROUNDS_MAX {
            let Some(round) = self.next_missed()? else { break };
            self.write_missed(&copy, &round)?;
        }
        copy.flush()?;
        let _applying = self.applying.lock();
        while let Some(round) = self.next_missed()? {
            self.write_missed(&copy, &round)?;
        }
        if !Arc::ptr_eq(&self.state.lock().index, old) {
            return Err(IndexError::Failed("the index was replaced meanwhile".to_owned()));
        }
        copy.finish_copy(&folder)?;
        let new = Arc::new(generation::adopt(&self.layout, old, &folder, map_octets)?);
        self.state.lock().index = new;
        Ok(())
    }
    fn write_missed(&self, copy: &Index, round: &Round) -> std::result::Result<(), IndexError> {
        copy.apply(round.rows.iter(), round.position, self.options.apply_part_rows, &|| ())
    }
    /// After each piece of the copy: rests as the compactor has to, and ends it when it is in vain.
    fn may_go_on(&self, octets: u64) -> std::result::Result<(), IndexError> {
        self.pace(octets).map_err(|error| IndexError::Failed(error.to_string()))?;
        match self.missed.lock().as_ref().is_some_and(|missed| missed.too_much) {
            true => Err(too_much()),
            false => Ok(()),
        }
    }
    fn next_missed(&self) -> std::result::Result<Option<Round>, IndexError> {
        let mut missed = self.missed.lock();
        let Some(missed) = missed.as_mut() else { return Ok(None) };
        if missed.too_much {
            return Err(too_much());
        }
        let round = missed.rounds.pop_front();
        missed.octets -= round.as_ref().map_or(0, |round| round.rows.octets());
        Ok(round)
    }
    /// Inside a round of the applier, when the index has it: a copy that is being made needs it too.
    pub(crate) fn note_applied(&self, rows: &Arc<Run>, position: Position) {
        let mut missed = self.missed.lock();
        let Some(missed) = missed.as_mut() else { return };
        missed.octets += rows.octets();
        if missed.octets > self.options.overlay_octets_max {
            (missed.too_much, missed.octets) = (true, 0);
            missed.rounds.clear();
        }
        if !missed.too_much {
            missed.rounds.push_back(Round { rows: Arc::clone(rows), position });
        }
    }
}

/// The map of a copy that is worth making; nothing when none is.
fn wanted_map(index: &Index) -> std::result::Result<Option<usize>, IndexError> {
    let (file, map) = (index.usage()?.file_octets, index.map_octets());
    if file > map as u64 / 100 * MAP_PERCENT {
        return Ok(Some(map.saturating_mul(2)));
    }
    let dense = index.dense_octets()?;
    Ok((file > dense / 100 * INDEX_PERCENT + INDEX_SLACK_OCTETS).then_some(map))
}

fn too_much() -> IndexError {
    IndexError::Failed("more was written than a copy of the index could follow".to_owned())
}
