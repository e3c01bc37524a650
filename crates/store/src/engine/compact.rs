//! The compactor: gives space back (docs/STORE.md, "Space"). It decides what is worth it, rewrites sealed
//! segments as packs and drops body files nobody refers to; `renew.rs` copies the index when it is worth it.
//!
//! Must not: change an address; touch the live segment; drop what a view may still read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use koi_types::{BlobId, ErrorKind, MailError, Result};

use super::Shared;
use super::bodies::{BODY_FILES_FROM, Segments};
use super::body_row::{self, BodyRow};
use super::cold::Load;
use super::counters::add;
use super::group::{BODY_HEADER_OCTETS, BodyHeader};
use super::index::IndexError;
use super::repack::{self, Repack};
use super::segment::{SMALL_HEADER_OCTETS, number_of};
use super::snapshot::Snapshot;
use crate::kv::Read;
use crate::vfs::Vfs;

/// A sealed segment is written again when this part of it, in hundredths, would go.
const SEGMENT_DEAD_PERCENT: u64 = 15;
/// The same while mail waits for room.
const SHORT_DEAD_PERCENT: u64 = 2;
/// The live segment is sealed for packing when less than this part of it lives.
const LIVE_SEAL_PERCENT: u64 = 60;
/// While the process has other work, a look is put off so many times.
const PUT_OFF_MAX: u32 = 3;
/// After so many looks without rest a segment is packed all the same.
const BUSY_MAX: u32 = 12;
/// Priority of the compactor's thread, lower than that of the others by so much.
const NICE: i32 = 10;

/// What the compactor remembers between its looks.
#[derive(Default)]
pub(crate) struct Compactor {
    pub(crate) closing: bool,
    /// Somebody asked for a look now.
    pub(crate) asked: bool,
    /// Body files nobody refers to, and the views that may still read them.
    leaving: VecDeque<Leaving>,
    /// Sealed segments that could not be packed.
    pub(crate) unpackable: BTreeSet<u32>,
    /// What the index took when it was last looked at whether a copy is worth it.
    pub(crate) index_octets: u64,
}

struct Leaving {
    epoch: Arc<()>,
    numbers: Vec<u32>,
}

/// What a look found.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// The live segment when it began: of this and later ones it does not know everything.
    pub(crate) below: u32,
    /// Logical offsets of live bodies, by segment.
    live: BTreeMap<u32, Vec<u64>>,
    /// Octets of live body records as they are stored, by segment.
    live_octets: BTreeMap<u32, u64>,
    body_files: BTreeSet<u32>,
    /// Bodies whose rows cannot be read: wherever they lie, they live.
    unknown: BTreeSet<BlobId>,
}

/// What lives of a segment.
#[derive(Clone, Copy)]
pub(crate) struct Living<'a> {
    /// Logical offsets, sorted.
    offsets: &'a [u64],
    unknown: &'a BTreeSet<BlobId>,
}

impl Living<'_> {
    pub(crate) fn has(&self, logical: u64, blob: &BlobId) -> bool {
        self.offsets.binary_search(&logical).is_ok() || self.unknown.contains(blob)
    }
}

impl Survey {
    pub(crate) fn take(shared: &Arc<Shared>) -> Result<Self> {
        let mut survey = Self { below: shared.live.lock().position.segment, ..Self::default() };
        let snapshot = Snapshot::open(shared)?;
        let (from, end) = body_row::range();
        snapshot.scan(&from, &end, &mut |key, value| {
            let Some(place) = body_row::parse_key(key) else { return std::ops::ControlFlow::Continue(()) };
            match BodyRow::decode(&place.blob, value) {
                Ok(row) => survey.add(&row, snapshot.segments()),
                // `koi check` reports it. Space comes back all the same.
                Err(_) => drop(survey.unknown.insert(place.blob)),
            }
            std::ops::ControlFlow::Continue(())
        })?;
        survey.live.values_mut().for_each(|offsets| offsets.sort_unstable());
        Ok(survey)
    }
    fn add(&mut self, row: &BodyRow, segments: &Segments) {
        let body = row.body;
        if body.segment >= BODY_FILES_FROM {
            self.body_files.insert(body.segment);
            return;
        }
        let plain = BodyHeader::of_plain(body.blob, body.octets).record_octets();
        let table = segments.0.get(&body.segment).and_then(|segment| segment.table.as_ref());
        let packed = table.and_then(|table| table.find(body.offset));
        self.live.entry(body.segment).or_default().push(body.offset);
        *self.live_octets.entry(body.segment).or_default() +=
            packed.map_or(plain, |place| place.octets_max.min(plain));
    }
    fn live_octets_in(&self, segment: u32) -> u64 {
        self.live_octets.get(&segment).copied().unwrap_or_default()
    }
    pub(crate) fn live_in(&self, segment: u32) -> Living<'_> {
        let offsets = self.live.get(&segment).map_or(&[][..], Vec::as_slice);
        Living { offsets, unknown: &self.unknown }
    }
}

impl Shared {
    /// The compactor thread.
    pub(crate) fn compact_until_closed(self: &Arc<Self>) {
        let period = Duration::from_millis(self.options.compactor.period_millis);
        let index = Arc::clone(&self.state.lock().index);
        index.read_ahead(&|| !self.compactor.lock().closing);
        drop(index);
        // What is done here must not take the processor from those who wait for an answer.
        let _ = rustix::process::nice(NICE);
        let (mut load, mut put_off, mut busy, mut seen) = (Load::begin(), 0, 0, 0);
        loop {
            {
                let mut compactor = self.compactor.lock();
                if !compactor.asked && !compactor.closing {
                    self.compact_wanted.wait_for(&mut compactor, period);
                }
                if compactor.closing {
                    return;
                }
            }
            let asked = std::mem::take(&mut self.compactor.lock().asked);
            self.refill_reserve();
            self.drop_leaving();
            let idle = load.was_idle();
            let hint = self.dead_hint.load(Ordering::Relaxed);
            let due = hint >= self.worth_octets(self.journal_octets() / 50);
            put_off = if due && !idle { put_off + 1 } else { 0 };
            if asked || due && (idle || put_off > PUT_OFF_MAX) {
                put_off = 0;
                self.dead_hint.store(0, Ordering::Relaxed);
                // An error here costs space, nothing else; the next look tries again.
                if self.compact().is_err() {
                    self.dead_hint.fetch_max(hint, Ordering::Relaxed);
                }
            }
            busy = if idle { 0 } else { busy + 1 };
            if idle {
                let _ = self.seal_live_if_cold(&mut seen);
                let _ = self.pack_cold(&mut || load.was_idle());
                let _ = self.shrink_index_if_grown();
            } else if busy == BUSY_MAX {
                // A process that never rests gets one segment packed now and then.
                let mut once = true;
                let _ = self.pack_cold(&mut || std::mem::take(&mut once));
                busy = 0;
            }
        }
    }
    /// One look at everything, and what is worth doing.
    pub(crate) fn compact(self: &Arc<Self>) -> Result<()> {
        let _compacting = self.compacting.lock();
        let unheld = self.unheld_body_files()?;
        let mut survey = Survey::take(self)?;
        self.let_go(&unheld, &survey);
        let mut packed = Ok(());
        if self.is_worth_it(&survey)? {
            if self.seal_live_if_dead(&survey)? {
                survey = Survey::take(self)?;
            }
            self.apply_now()?;
            packed = self.repack_segments(&survey);
        }
        self.drop_leaving();
        // Where a segment could not be packed a smaller index may make the room for it.
        self.shrink_index()?;
        packed
    }
    fn is_worth_it(&self, survey: &Survey) -> Result<bool> {
        let journal = self.journal_octets();
        let live = survey.live_octets.values().sum::<u64>() + self.rows_octets()?;
        let dead = journal.saturating_sub(live);
        Ok(dead >= self.worth_octets(live / 100 * self.options.compactor.dead_percent))
    }
    /// What all rows take, about: as much as the index. Its pages are not full where rows came at random;
    /// they are counted one by one where mail waits for room.
    fn rows_octets(&self) -> Result<u64> {
        let index = Arc::clone(&self.state.lock().index);
        let octets =
            if self.can_pack() { index.usage().map(|usage| usage.used_octets) } else { index.dense_octets() };
        octets.map_err(IndexError::into_mail)
    }
    /// So many octets are worth work: those given, or few where mail waits for room.
    fn worth_octets(&self, octets: u64) -> u64 {
        let least = self.options.compactor.dead_octets_min;
        if self.can_pack() { octets.max(least) } else { least }
    }
    /// All segments and packs, the zeros of the live one not counted.
    fn journal_octets(&self) -> u64 {
        let state = self.state.lock();
        let (segments, durable) = (Arc::clone(&state.segments), state.durable);
        drop(state);
        let octets = segments.0.iter().map(|(number, segment)| match *number == durable.segment {
            true => durable.offset,
            false => segment.file.octets().unwrap_or_default(),
        });
        octets.sum()
    }
    fn seal_live_if_dead(&self, survey: &Survey) -> Result<bool> {
        let mut live = self.live.lock();
        let octets = live.position.offset - live.header.room();
        let alive = survey.live_octets_in(live.position.segment);
        let worth =
            octets >= self.options.compactor.dead_octets_min / 2 && alive < octets / 100 * LIVE_SEAL_PERCENT;
        if worth {
            self.rotate(&mut live)?;
            drop(live);
            // Those in the group that was open wait again.
            self.call_writer(&mut self.queue.lock());
        }
        Ok(worth)
    }
    fn repack_segments(self: &Arc<Self>, survey: &Survey) -> Result<()> {
        // Whoever holds a segment that was packed holds its room on the disk, which the next pack may need.
        let numbers: Vec<u32> = self.state.lock().segments.0.range(..survey.below).map(|(n, _)| *n).collect();
        let (rows, journal) = (self.rows_octets()?, self.journal_octets().max(1));
        let percent = if self.can_pack() { SEGMENT_DEAD_PERCENT } else { SHORT_DEAD_PERCENT };
        let mut done = Ok(());
        for number in numbers {
            let Some(octets) = self.octets_of(number) else { continue };
            // Its share of the live rows is a guess that saves reading it; the plan counts.
            let alive = survey.live_octets_in(number) + rows.saturating_mul(octets) / journal;
            if self.compactor.lock().closing {
                return Ok(());
            }
            if octets.saturating_sub(alive) < (octets / 100 * percent).max(1) {
                continue;
            }
            let Some(repack) = Repack::plan(self, number, survey.live_in(number))? else {
                continue;
            };
            if repack.gain_octets() < (octets / 100 * percent).max(4096) {
                continue;
            }
            match repack.run() {
                Ok(after) => {
                    add(&self.counters.compacted_segments, 1);
                    add(&self.counters.compacted_octets, octets.saturating_sub(after));
                }
                // On a full disk there may be room for another, which makes some for this one.
                Err(error) => done = Err(error),
            }
        }
        done
    }
    /// What a segment takes on the disk; nothing when there is none.
    fn octets_of(&self, number: u32) -> Option<u64> {
        let segment = self.state.lock().segments.0.get(&number).cloned()?;
        Some(segment.file.octets().unwrap_or_default())
    }
    /// Body files that no staging holds. Taken before the snapshot: what is not held now is either referred
    /// to in that snapshot or never will be.
    fn unheld_body_files(&self) -> Result<Vec<u32>> {
        let next = self.body_files.next();
        let names = self.vfs.list(&self.layout.bodies()).map_err(|error| repack::failed(&error))?;
        let numbers = names.iter().filter_map(|name| number_of(name, "body"));
        Ok(numbers.filter(|number| *number < next && !self.body_files.is_held(*number)).collect())
    }
    /// Files without a reference go when nobody reads them any more.
    fn let_go(&self, unheld: &[u32], survey: &Survey) {
        let mut compactor = self.compactor.lock();
        let leaving: BTreeSet<u32> =
            compactor.leaving.iter().flat_map(|l| l.numbers.iter().copied()).collect();
        let dead = |number: &&u32| {
            !survey.body_files.contains(number)
                && !leaving.contains(number)
                && (survey.unknown.is_empty()
                    || self.blob_in(**number).is_some_and(|blob| !survey.unknown.contains(&blob)))
        };
        let numbers: Vec<u32> = unheld.iter().filter(dead).copied().collect();
        if !numbers.is_empty() {
            let epoch = std::mem::take(&mut self.state.lock().epoch);
            compactor.leaving.push_back(Leaving { epoch, numbers });
        }
    }
    /// Whose octets a body file holds.
    fn blob_in(&self, number: u32) -> Option<BlobId> {
        let mut front = [0; BODY_HEADER_OCTETS];
        let file = self.vfs.open(&self.layout.body(number)).ok()?;
        file.read_at(&mut front, SMALL_HEADER_OCTETS).ok()?;
        BodyHeader::decode(&front).map(|header| header.blob)
    }
    fn drop_leaving(&self) {
        let mut compactor = self.compactor.lock();
        while let Some(first) = compactor.leaving.front() {
            // In order: an older view may still read what left later.
            if Arc::strong_count(&first.epoch) > 1 {
                return;
            }
            for number in &first.numbers {
                let path = self.layout.body(*number);
                let octets = self.vfs.open(&path).and_then(|file| file.octets()).unwrap_or_default();
                if self.vfs.remove(&path).is_ok() {
                    add(&self.counters.compacted_octets, octets);
                }
            }
            compactor.leaving.pop_front();
        }
    }
    /// Rests so long that no more than the allowed octets are moved per second; an error when the store
    /// closes.
    pub(crate) fn pace(&self, octets: u64) -> Result<()> {
        let per_second = self.options.compactor.octets_per_second.max(1);
        let mut compactor = self.compactor.lock();
        if !compactor.closing && !compactor.asked {
            let rest = Duration::from_micros(octets.saturating_mul(1_000_000) / per_second);
            self.compact_wanted.wait_for(&mut compactor, rest);
        }
        match compactor.closing {
            true => Err(MailError::new(ErrorKind::Unavailable, "the store closes")),
            false => Ok(()),
        }
    }
}
