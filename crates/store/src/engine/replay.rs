//! Reading the journal again from where the index ends, up to its last group: into the overlay, or into the
//! index when that is too much (docs/STORE.md, "Recovery").
//!
//! Must not: go on over a hole or a torn group in the middle; append behind a torn tail.

use std::io;
use std::sync::Arc;

use super::bodies::{SegmentFile, Segments};
use super::generation;
use super::group::GroupBuilder;
use super::index::{Index, IndexError, Position};
use super::journal::{Live, LiveFile, Start, create_segment};
use super::merge::Row;
use super::options::{OpenError, Options};
use super::overlay::Overlay;
use super::recover::{Report, Result, index_error};
use super::rising::Watch;
use super::run::Run;
use super::scan::{Behind, Link, Scanner};
use super::segment::{Header, Layout, SEGMENT_HEADER_OCTETS, StoreId};
use super::slot::Slot;
use crate::vfs::{Vfs, is_full};

/// The journal as it is read again, from where the index ends.
pub(crate) struct Replay<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) options: &'a Options,
    pub(crate) segments: Segments,
    pub(crate) index: Index,
    pub(crate) overlay: Overlay,
    pub(crate) watch: Watch,
    pub(crate) applied: Position,
    pub(crate) report: Report,
    pub(crate) repair: bool,
    /// Something is missing that nothing but the index can have had.
    pub(crate) has_holes: bool,
}

/// Where the journal ends.
pub(crate) struct End {
    pub(crate) position: Position,
    /// Nothing lies behind the last group: the segment may go on.
    pub(crate) clean: bool,
}

impl Replay<'_> {
    pub(crate) fn run(&mut self) -> Result<End> {
        let Some((last, _)) = self.segments.0.last_key_value() else { return self.empty_journal() };
        let last = *last;
        let first = self.applied.segment.max(1);
        if last < first {
            return self.ahead(Position { segment: last, ..Position::default() });
        }
        let mut position = self.applied;
        let mut clean = false;
        for number in first..=last {
            let Some(segment) = self.segments.0.get(&number).cloned() else {
                // Where the index stands in it, the next one says whether there was more in it.
                if number > self.applied.segment {
                    self.give_up(number, "the segment is missing".to_owned())?;
                    self.has_holes = true;
                }
                continue;
            };
            let behind = match segment.table.is_some() {
                true => self.replay_pack(&segment, &mut position)?,
                false => self.replay_segment(&segment, &mut position)?,
            };
            clean = behind == Behind::End && segment.table.is_none();
            self.report.torn_tail |= number == last && behind == Behind::Torn;
            if self.is_full() {
                self.apply(position)?;
            }
        }
        if self.has_holes {
            // The next start does not come upon them again.
            self.apply(position)?;
        }
        Ok(End { position, clean })
    }
    /// No journal at all: a new store, unless the index knows better.
    fn empty_journal(&mut self) -> Result<End> {
        if self.applied.sequence > 0 {
            return self.ahead(Position::default());
        }
        Ok(End { position: Position::default(), clean: false })
    }
    /// A round of the applier that was interrupted leaves rows up to `reach`; the journal must have them all.
    pub(crate) fn covers(&mut self, end: &End, reach: Position) -> Result<()> {
        let (index_sequence, journal_sequence) = (reach.sequence, end.position.sequence);
        if journal_sequence >= index_sequence {
            return Ok(());
        }
        if !self.repair {
            return Err(OpenError::IndexAhead { index_sequence, journal_sequence });
        }
        let what =
            format!("groups {} to {index_sequence}: some of their rows are kept", journal_sequence + 1);
        self.report.given_up.push(what);
        Ok(())
    }
    /// The index has what the journal has not.
    fn ahead(&mut self, journal: Position) -> Result<End> {
        let (index_sequence, journal_sequence) = (self.applied.sequence, journal.sequence);
        if !self.repair {
            return Err(OpenError::IndexAhead { index_sequence, journal_sequence });
        }
        self.report
            .given_up
            .push(format!("the journal up to group {index_sequence}: the index is kept as it is"));
        let segment = journal.segment.max(self.applied.segment);
        Ok(End { position: Position { segment, ..self.applied }, clean: false })
    }
    /// Goes to the first group of a segment, unless the index has come further in it.
    fn enter(&mut self, segment: &SegmentFile, position: &mut Position) -> Result<()> {
        let number = segment.header.segment;
        if number == position.segment {
            return Ok(());
        }
        let Header { sequence, chain, .. } = segment.header;
        let begins = Link { sequence: sequence.wrapping_sub(1), chain };
        if begins != (Link { sequence: position.sequence, chain: position.chain }) {
            self.give_up(number, format!("groups before {sequence} are missing"))?;
            self.has_holes = true;
        }
        let Link { sequence, chain } = begins;
        *position = Position { sequence, chain, segment: number, offset: SEGMENT_HEADER_OCTETS, ..*position };
        Ok(())
    }
    fn replay_segment(&mut self, segment: &SegmentFile, position: &mut Position) -> Result<Behind> {
        let number = segment.header.segment;
        let path = self.layout.segment(number);
        let io = |error: io::Error| OpenError::Io { path: path.clone(), error };
        // After a crash of the process alone, groups may be only in the page cache; the index must not get
        // ahead.
        segment.file.flush().map_err(io)?;
        self.enter(segment, position)?;
        let octets = segment.file.octets().map_err(io)?;
        if octets < SEGMENT_HEADER_OCTETS {
            // Its making was interrupted after the header's fields: no group can be in it.
            return Ok(Behind::Torn);
        }
        if octets < position.offset {
            self.ahead(Position { sequence: segment.header.sequence.saturating_sub(1), ..*position })?;
            return Ok(Behind::Torn);
        }
        let link = Link { sequence: position.sequence, chain: position.chain };
        let mut scanner = Scanner::new(segment.file.as_ref(), segment.header, position.offset, link);
        loop {
            while let Some(found) = scanner.next().map_err(io)? {
                self.report.replayed_groups += 1;
                self.report.replayed_rows += u64::from(found.group.operations);
                let mut rows = found.group.operations(found.payload);
                let mut slots = Vec::new();
                let mut goes_down = false;
                while let Some(placed) = rows.next_placed() {
                    slots.push(placed.slot);
                    goes_down |= self.watch.goes_down(placed.row, &self.index);
                }
                if goes_down {
                    self.gone_down(number, found.group.sequence)?;
                }
                let buffer = found.group.operation_part(found.payload).into();
                add_run(&mut self.overlay, Run::of_written(slots, buffer));
                if !rows.is_complete() {
                    self.give_up(number, "a group holds operations of an unknown kind".to_owned())?;
                }
                (position.sequence, position.chain) = (found.group.sequence, found.group.checksum);
                position.offset = found.offset + u64::from(found.group.total_octets);
                if self.is_full() {
                    self.apply(*position)?;
                }
            }
            let behind = scanner.behind().map_err(io)?;
            if behind == Behind::Damaged {
                let from = position.offset;
                self.give_up(
                    number,
                    format!("what follows octet {from} is more than a write that was torn"),
                )?;
            }
            let Behind::Groups { offset, sequence } = behind else { return Ok(behind) };
            let from = position.offset;
            self.give_up(number, format!("octets {from} to {offset} are damaged, but groups follow them"))?;
            scanner.go_to(offset, sequence).map_err(io)?;
        }
    }
    /// A group gives out again what was given out before it.
    fn gone_down(&mut self, number: u32, sequence: u64) -> Result<()> {
        self.give_up(number, format!("a counter goes down in group {sequence}: groups before it are missing"))
    }
    /// Goes on without something acknowledged, if repair was asked for.
    fn give_up(&mut self, number: u32, what: String) -> Result<()> {
        if !self.repair {
            return Err(self.damaged(number, &what));
        }
        self.report.given_up.push(format!("{}: {what}", self.layout.segment(number).display()));
        Ok(())
    }
    fn replay_pack(&mut self, segment: &SegmentFile, position: &mut Position) -> Result<Behind> {
        let number = segment.header.segment;
        if number != position.segment {
            let path = self.layout.pack(number);
            let (mut gathered, mut goes_down, mut skipped) = (Gathered::default(), false, Vec::new());
            let mut skip = |octets| {
                skipped.push(octets);
                self.repair
            };
            let rows = super::pack::rows(segment, &mut skip, &mut |row| {
                goes_down |= self.watch.goes_down(row, &self.index);
                gathered.add(row);
                if gathered.octets.len() >= GATHERED_OCTETS_MAX {
                    gathered.move_to(&mut self.overlay);
                }
            });
            gathered.move_to(&mut self.overlay);
            if self.repair {
                let given_up = skipped.iter().map(|octets| {
                    format!("{}: octets {} to {} are damaged", path.display(), octets.start, octets.end)
                });
                self.report.given_up.extend(given_up);
            }
            if goes_down {
                self.gone_down(number, segment.header.sequence)?;
            }
            match rows.map_err(|error| OpenError::Io { path: path.clone(), error })? {
                Some(rows) => self.report.replayed_rows += rows,
                None => {
                    return Err(OpenError::Damaged {
                        file: path,
                        what: "a group of the pack is damaged".to_owned(),
                    });
                }
            }
        }
        let Header { sequence, chain, segment: number, .. } = segment.header;
        *position = Position { segment: number, offset: 0, ..*position };
        // One that took the place of a file that was lost need not know of its last group.
        if sequence > position.sequence {
            (position.sequence, position.chain) = (sequence, chain);
        }
        Ok(Behind::End)
    }
    fn damaged(&self, number: u32, what: &str) -> OpenError {
        OpenError::Damaged { file: self.layout.segment(number), what: what.to_owned() }
    }
    /// Only a rebuilt or long neglected index gets here: what a crash leaves fits, and the start does
    /// not wait for it.
    fn is_full(&self) -> bool {
        self.overlay.rows() >= self.options.overlay_rows_max
            || self.overlay.octets() >= self.options.overlay_octets_max
    }
    fn apply(&mut self, position: Position) -> Result<()> {
        let rows = std::mem::take(&mut self.overlay).as_one();
        loop {
            match self.index.apply(rows.iter(), position, usize::MAX, &|| {}) {
                Ok(()) => break,
                Err(IndexError::MapFull) => {
                    let octets = self.index.map_octets().saturating_mul(2);
                    let renewed = generation::renew(self.layout, &self.index, octets);
                    self.index = renewed.map_err(|error| index_error(self.layout, error))?;
                }
                Err(error) => return Err(index_error(self.layout, error)),
            }
        }
        self.applied = position;
        Ok(())
    }
    /// The segment that takes the next group: the last one if nothing lies behind its groups, or else a new
    /// one.
    pub(crate) fn continue_at(&mut self, vfs: &dyn Vfs, store: StoreId, end: End) -> Result<Live> {
        let last = self.segments.0.get(&end.position.segment).cloned();
        if let Some(segment) =
            last.clone().filter(|_| end.clean && end.position.offset < self.options.segment_octets)
        {
            let file = Arc::new(LiveFile::new(Arc::clone(&segment.file), end.position.offset));
            return Ok(Live {
                open: None,
                file,
                header: segment.header,
                position: end.position,
                builder: GroupBuilder::default(),
                next_wanted: false,
            });
        }
        let segment =
            self.segments.0.last_key_value().map_or(0, |(number, _)| *number).max(end.position.segment) + 1;
        let start = Start { store, segment, after: end.position };
        let live = create_segment(vfs, self.layout, start)
            .or_else(|error| match is_full(&error) && vfs.remove(&self.layout.reserve()).is_ok() {
                // Whoever is to delete something must be able to log in.
                true => create_segment(vfs, self.layout, start),
                false => Err(error),
            })
            .map_err(OpenError::io(&self.layout.journal()))?;
        if let Some(last) =
            last.filter(|last| last.table.is_none() && end.position.offset >= SEGMENT_HEADER_OCTETS)
        {
            // The new segment's header certifies the cut, so what was torn may go.
            let _ = last.file.set_octets(end.position.offset);
        }
        let file = Arc::clone(&live.file.file);
        self.segments.0.insert(segment, Arc::new(SegmentFile { header: live.header, file, table: None }));
        Ok(live)
    }
}

/// Adds rows that are newer than all there are.
fn add_run(overlay: &mut Overlay, run: Run) {
    overlay.push(Arc::new(run));
    while let Some(due) = overlay.due() {
        overlay.replace(&due, Arc::new(Run::merge(&due)));
    }
}

/// Rows of a pack, until there are enough of them for a run.
#[derive(Default)]
struct Gathered {
    octets: Vec<u8>,
    slots: Vec<Slot>,
}

const GATHERED_OCTETS_MAX: usize = 4 * 1024 * 1024;

impl Gathered {
    fn add(&mut self, row: Row<'_>) {
        self.slots.push(Slot::new(row, self.octets.len()));
        self.octets.extend_from_slice(row.key);
        self.octets.extend_from_slice(row.value.unwrap_or_default());
    }
    fn move_to(&mut self, overlay: &mut Overlay) {
        if !self.slots.is_empty() {
            let (slots, octets) = (std::mem::take(&mut self.slots), std::mem::take(&mut self.octets));
            add_run(overlay, Run::of_written(slots, octets.into()));
        }
    }
}
