//! Sealed segments are packed when nobody is waiting for the processor: their bodies get smaller, and what
//! was replaced in them goes (docs/STORE.md, "Space").
//!
//! Must not: take the last room on a disk; hold up the end of the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use koi_types::Result;
use rustix::time::{ClockId, Timespec, clock_gettime};

use super::Shared;
use super::compact::Survey;
use super::counters::add;
use super::repack::{Prospect, Repack};
use crate::vfs::Vfs;

/// The process may use so much of one processor, in hundredths, and still count as idle.
const IDLE_PERCENT: u32 = 15;
/// So much room must be left behind a pack, in segments of its size.
const ROOM_SEGMENTS: u64 = 4;

/// A live segment that holds such a share of its length is worth sealing.
const COLD_SHARE: u64 = 8;

/// Tells whether the process had anything to do, the asking thread left out.
pub(crate) struct Load {
    at: Instant,
    process: Duration,
    own: Duration,
}

impl Load {
    pub(crate) fn begin() -> Self {
        Self {
            at: Instant::now(),
            process: spent(ClockId::ProcessCPUTime),
            own: spent(ClockId::ThreadCPUTime),
        }
    }
    /// Since it was asked before.
    pub(crate) fn was_idle(&mut self) -> bool {
        let now = Self::begin();
        let own = now.own.saturating_sub(self.own);
        let others = now.process.saturating_sub(self.process).saturating_sub(own);
        let passed = now.at.saturating_duration_since(self.at);
        *self = now;
        others <= passed / 100 * IDLE_PERCENT
    }
}

fn spent(clock: ClockId) -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
    Duration::new(u64::try_from(tv_sec).unwrap_or(0), u32::try_from(tv_nsec).unwrap_or(0))
}

impl Shared {
    /// Packs the sealed segments that were never packed, as long as `go_on` says so before each of them.
    pub(crate) fn pack_cold(self: &Arc<Self>, go_on: &mut dyn FnMut() -> bool) -> Result<()> {
        // Cheap questions first: the survey reads all rows of bodies.
        if self.unpacked().is_empty() || !self.has_room()? || !go_on() {
            return Ok(());
        }
        let _compacting = self.compacting.lock();
        // What dies while this goes on is kept once more; nothing in a sealed segment begins to live again.
        let survey = Survey::take(self)?;
        let known = self.unpacked().into_iter().filter(|number| *number < survey.below);
        for (at, number) in known.enumerate() {
            if (at > 0 && !go_on()) || self.compactor.lock().closing || !self.has_room()? {
                return Ok(());
            }
            let packed = match Repack::of(self, number, survey.live_in(number))? {
                Prospect::NotNow => continue,
                Prospect::Never => None,
                Prospect::Ready(repack) => repack.run().ok().map(|packed| (repack.octets(), packed)),
            };
            match packed {
                Some((before, after)) => {
                    add(&self.counters.compacted_segments, 1);
                    add(&self.counters.compacted_octets, before.saturating_sub(after));
                }
                // `koi check` says why; a segment that cannot be packed is not read again and again.
                None => drop(self.compactor.lock().unpackable.insert(number)),
            }
        }
        Ok(())
    }
    /// A live segment of some length that got nothing since the last look is sealed, to be packed too: else
    /// the mail of a small server would never be, and up to a whole segment of a large one's. `seen` is the
    /// last group of then.
    pub(crate) fn seal_live_if_cold(&self, seen: &mut u64) -> Result<()> {
        let mut live = self.live.lock();
        let last = live.position.sequence;
        let rests = std::mem::replace(seen, last) == last;
        let octets = live.position.offset - live.header.room();
        if !rests || octets < self.options.segment_octets / COLD_SHARE || !self.has_room()? {
            return Ok(());
        }
        self.rotate(&mut live)?;
        drop(live);
        // Those in the group that was open wait again.
        self.call_writer(&mut self.queue.lock());
        Ok(())
    }
    fn unpacked(&self) -> Vec<u32> {
        let live = self.live.lock().position.segment;
        let segments = Arc::clone(&self.state.lock().segments);
        let compactor = self.compactor.lock();
        let raw = segments.0.range(..live).filter(|(_, segment)| segment.table.is_none());
        raw.map(|(number, _)| *number).filter(|number| !compactor.unpackable.contains(number)).collect()
    }
    fn has_room(&self) -> Result<bool> {
        let free =
            self.vfs.free_octets(&self.layout.journal()).map_err(|error| super::repack::failed(&error))?;
        Ok(free / ROOM_SEGMENTS >= self.options.segment_octets)
    }
}
