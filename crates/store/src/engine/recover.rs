//! Opening a store: which files there are, how far the index has come, what the journal has beyond it, and
//! whether the end of the journal is a torn tail (fine) or damage in the middle (not fine). See
//! docs/STORE.md, "Recovery".
//!
//! Must not: start over acknowledged data it cannot read; append behind a torn tail.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::bodies::{BODY_FILES_FROM, SegmentFile, Segments};
use super::generation;
use super::group::GroupBuilder;
use super::index::{Index, IndexError, Position};
use super::journal::{Live, LiveFile, Start, create_segment, random};
use super::merge::Row;
use super::options::{OpenError, Options};
use super::overlay::Overlay;
use super::pack::PackTable;
use super::rising::Watch;
use super::run::Run;
use super::scan::{Behind, Link, Scanner};
use super::segment::{FileKind, Header, Layout, SEGMENT_HEADER_OCTETS, StoreId, number_of};
use super::slot::Slot;
use crate::vfs::Vfs;

type Result<T> = std::result::Result<T, OpenError>;

/// A store that is ready to go on.
pub(crate) struct Recovered {
    pub(crate) store: StoreId,
    pub(crate) index: Index,
    pub(crate) segments: Segments,
    pub(crate) live: Live,
    /// Groups that are not in the index yet.
    pub(crate) overlay: Overlay,
    pub(crate) applied: Position,
    pub(crate) next_body: u32,
    pub(crate) report: Report,
}

/// What opening found and did; for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Groups replayed from the journal.
    pub replayed_groups: u64,
    pub replayed_rows: u64,
    /// The index was missing, damaged or too old and was built again from the journal.
    pub index_rebuilt: Option<String>,
    /// A write that never finished, and so was never acknowledged, was cut off.
    pub torn_tail: bool,
    /// What was given up because repair was asked for.
    pub given_up: Vec<String>,
}

/// Opens everything in `layout`. `repair` accepts what would otherwise be refused.
pub(crate) fn recover(layout: &Layout, options: &Options, vfs: &dyn Vfs, repair: bool) -> Result<Recovered> {
    for folder in [layout.journal(), layout.bodies()] {
        vfs.create_dir(&folder).map_err(OpenError::io(&folder))?;
        // What a crash of the process alone left of names must be durable before it is relied upon.
        vfs.sync_dir(&folder).map_err(OpenError::io(&folder))?;
    }
    let segments = open_segments(layout, vfs)?;
    let mut report = Report::default();
    let store = match segments.0.values().next() {
        Some(segment) => segment.header.store,
        None => StoreId(random().map_err(OpenError::io(&layout.root))?),
    };
    let index = open_index(layout, options, &segments, store, repair, &mut report)?;
    let applied = index.position().map_err(|error| index_error(layout, error))?.unwrap_or_default();
    let reach = index.reach().map_err(|error| index_error(layout, error))?.unwrap_or_default();
    let watch = Watch::new(options.rising, reach.sequence <= applied.sequence);
    let overlay = Overlay::default();
    let mut replay = Replay { layout, options, segments, index, overlay, watch, applied, report, repair };
    let end = replay.run()?;
    replay.covers(&end, reach)?;
    let live = replay.continue_at(vfs, store, end)?;
    let next_body = next_body(layout, vfs)?.max(replay.applied.next_body);
    let Replay { segments, index, overlay, applied, report, .. } = replay;
    Ok(Recovered { store, index, segments, live, overlay, applied, next_body, report })
}

fn index_error(layout: &Layout, error: IndexError) -> OpenError {
    let what = match error {
        IndexError::MapFull => "the index is full".to_owned(),
        IndexError::Unusable(what) | IndexError::Failed(what) => what,
    };
    OpenError::Index { path: layout.index(), what }
}

/// Opens all segments and packs. What an interrupted packing or rotation left behind is taken away.
fn open_segments(layout: &Layout, vfs: &dyn Vfs) -> Result<Segments> {
    let folder = layout.journal();
    let names = vfs.list(&folder).map_err(OpenError::io(&folder))?;
    let mut found: BTreeMap<u32, SegmentFile> = BTreeMap::new();
    let newest = names.iter().filter_map(|name| number_of(name, "seg")).max();
    let mut empty = Vec::new();
    for name in &names {
        let path = folder.join(name);
        let io = |error| OpenError::Io { path: path.clone(), error };
        let (number, kind) = match (number_of(name, "seg"), number_of(name, "pack")) {
            (Some(number), _) => (number, FileKind::Journal),
            (_, Some(number)) => (number, FileKind::Pack),
            _ if name.ends_with(".new") => {
                vfs.remove(&path).map_err(io)?;
                continue;
            }
            _ => continue,
        };
        let damaged = |what: &str| OpenError::Damaged { file: path.clone(), what: what.to_owned() };
        let file = vfs.open(&path).map_err(io)?;
        let mut front = vec![0; SEGMENT_HEADER_OCTETS as usize];
        let read = file.read_at(&mut front, 0).map_err(io)?;
        front.truncate(read);
        let Some(mut header) = Header::decode(&front) else {
            // A rotation that was interrupted: no group can be in it yet.
            let unfinished = kind == FileKind::Journal
                && Some(number) == newest
                && file.octets().map_err(io)? <= SEGMENT_HEADER_OCTETS;
            if unfinished {
                drop(file);
                vfs.remove(&path).map_err(io)?;
                continue;
            }
            return Err(damaged("the header of the segment is damaged"));
        };
        if header.kind != kind || header.segment != number {
            return Err(damaged("the file does not belong where it is"));
        }
        if header.ahead {
            match first_link(file.as_ref(), header).map_err(io)? {
                Some(link) => (header.sequence, header.chain) = (link.sequence + 1, link.chain),
                None => {
                    empty.push(number);
                    continue;
                }
            }
        }
        let table = match kind {
            FileKind::Pack => Some(
                PackTable::read(file.as_ref(), &header)
                    .map_err(io)?
                    .ok_or_else(|| damaged("the table of the pack is damaged"))?,
            ),
            _ => None,
        };
        // A pack replaces its segment; it was whole before it got its name.
        if kind == FileKind::Pack || !found.contains_key(&number) {
            found.insert(number, SegmentFile { header, file, table });
        }
    }
    for (number, segment) in &found {
        let replaced = layout.segment(*number);
        if segment.table.is_some() && names.iter().any(|name| number_of(name, "seg") == Some(*number)) {
            vfs.remove(&replaced).map_err(OpenError::io(&replaced))?;
        }
    }
    remove_empty(layout, vfs, &found, &empty)?;
    one_store(layout, &found)?;
    Ok(Segments(found.into_iter().map(|(number, segment)| (number, Arc::new(segment))).collect()))
}

/// Segments made ahead of need that were not needed, or not before the crash.
fn remove_empty(
    layout: &Layout,
    vfs: &dyn Vfs,
    found: &BTreeMap<u32, SegmentFile>,
    empty: &[u32],
) -> Result<()> {
    for number in empty {
        let file = layout.segment(*number);
        if found.range(number..).next().is_some() {
            return Err(OpenError::Damaged { file, what: "no group of the segment can be read".to_owned() });
        }
        vfs.remove(&file).map_err(OpenError::io(&file))?;
    }
    Ok(())
}

/// What the first group that can be read continues.
fn first_link(file: &dyn crate::vfs::File, header: Header) -> io::Result<Option<Link>> {
    let unknown = Link { sequence: 0, chain: 0 };
    let mut scanner = Scanner::new(file, header, SEGMENT_HEADER_OCTETS, unknown);
    let Behind::Groups { offset, sequence } = scanner.behind()? else { return Ok(None) };
    scanner.go_to(offset, sequence)?;
    Ok(Some(scanner.link))
}

fn one_store(layout: &Layout, found: &BTreeMap<u32, SegmentFile>) -> Result<()> {
    let Some(first) = found.values().next() else { return Ok(()) };
    match found.iter().find(|(_, segment)| segment.header.store != first.header.store) {
        None => Ok(()),
        Some((number, _)) => {
            let what = "the segment belongs to another store".to_owned();
            Err(OpenError::Foreign { file: layout.segment(*number), what })
        }
    }
}

/// Opens the index, or starts a new one when it cannot serve: everything in it is in the journal too.
fn open_index(
    layout: &Layout,
    options: &Options,
    segments: &Segments,
    store: StoreId,
    repair: bool,
    report: &mut Report,
) -> Result<Index> {
    let opened = generation::open_newest(layout, options.map_octets).and_then(|index| {
        usable(&index, segments, store)?;
        if repair {
            index.read_through()?;
        }
        Ok(index)
    });
    let why = match opened {
        Ok(index) => return Ok(index),
        Err(IndexError::Unusable(why)) => why,
        Err(other) => return Err(index_error(layout, other)),
    };
    let folder = layout.index();
    std::fs::remove_dir_all(&folder).map_err(OpenError::io(&folder))?;
    report.index_rebuilt = Some(why);
    let index =
        generation::open_newest(layout, options.map_octets).map_err(|error| index_error(layout, error))?;
    index.set_store(store).map_err(|error| index_error(layout, error))?;
    Ok(index)
}

fn usable(index: &Index, segments: &Segments, store: StoreId) -> std::result::Result<(), IndexError> {
    let position = index.position()?;
    match index.store()? {
        None => index.set_store(store)?,
        Some(named) if named == store => {}
        // With no journal at all the index is the only witness of what is missing.
        Some(_) if segments.0.is_empty() && position.is_some() => {}
        Some(_) if segments.0.is_empty() => index.set_store(store)?,
        Some(_) => return Err(IndexError::Unusable("it belongs to another store".to_owned())),
    }
    let sequence = position.unwrap_or_default().sequence;
    let packed = segments.0.values().map(|segment| segment.header.applied).max().unwrap_or_default();
    if packed > sequence {
        return Err(IndexError::Unusable("it is older than the packs of the journal".to_owned()));
    }
    Ok(())
}

fn next_body(layout: &Layout, vfs: &dyn Vfs) -> Result<u32> {
    let folder = layout.bodies();
    let names = vfs.list(&folder).map_err(OpenError::io(&folder))?;
    let last = names.iter().filter_map(|name| number_of(name, "body")).max();
    Ok(last.map_or(BODY_FILES_FROM, |last| last.saturating_add(1)).max(BODY_FILES_FROM))
}

struct Replay<'a> {
    layout: &'a Layout,
    options: &'a Options,
    segments: Segments,
    index: Index,
    overlay: Overlay,
    watch: Watch,
    applied: Position,
    report: Report,
    repair: bool,
}

/// Where the journal ends.
struct End {
    position: Position,
    /// Nothing lies behind the last group: the segment may go on.
    clean: bool,
}

impl Replay<'_> {
    fn run(&mut self) -> Result<End> {
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
                return Err(self.damaged(number, "the segment is missing"));
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
    fn covers(&mut self, end: &End, reach: Position) -> Result<()> {
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
    fn replay_segment(&mut self, segment: &SegmentFile, position: &mut Position) -> Result<Behind> {
        let number = segment.header.segment;
        let path = self.layout.segment(number);
        let io = |error: io::Error| OpenError::Io { path: path.clone(), error };
        // After a crash of the process alone, groups may be only in the page cache; the index must not get
        // ahead.
        segment.file.flush().map_err(io)?;
        if number != position.segment {
            let begins =
                Link { sequence: segment.header.sequence.wrapping_sub(1), chain: segment.header.chain };
            if begins != (Link { sequence: position.sequence, chain: position.chain })
                && !self.skip(number, &begins)?
            {
                return Err(self.damaged(number, "groups before this segment are missing"));
            }
            *position = Position {
                sequence: begins.sequence,
                chain: begins.chain,
                segment: number,
                offset: SEGMENT_HEADER_OCTETS,
                ..*position
            };
        }
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
                    return Err(self.damaged(number, "a group holds operations of an unknown kind"));
                }
                (position.sequence, position.chain) = (found.group.sequence, found.group.checksum);
                position.offset = found.offset + u64::from(found.group.total_octets);
                if self.is_full() {
                    self.apply(*position)?;
                }
            }
            let behind = scanner.behind().map_err(io)?;
            let Behind::Groups { offset, sequence } = behind else { return Ok(behind) };
            let what = format!("octets {} to {offset} are damaged, but groups follow them", position.offset);
            if !self.repair {
                return Err(self.damaged(number, &what));
            }
            self.report.given_up.push(format!("{}: {what}", path.display()));
            scanner.go_to(offset, sequence).map_err(io)?;
        }
    }
    /// A group gives out again what was given out before it.
    fn gone_down(&mut self, number: u32, sequence: u64) -> Result<()> {
        let what = format!("a counter goes down in group {sequence}: groups before it are missing");
        if !self.repair {
            return Err(self.damaged(number, &what));
        }
        self.report.given_up.push(format!("{}: {what}", self.layout.segment(number).display()));
        Ok(())
    }
    /// Whether a hole between two segments is accepted.
    fn skip(&mut self, number: u32, begins: &Link) -> Result<bool> {
        if self.repair {
            let file = self.layout.segment(number);
            self.report.given_up.push(format!(
                "{}: groups before {} are missing",
                file.display(),
                begins.sequence + 1
            ));
        }
        Ok(self.repair)
    }
    fn replay_pack(&mut self, segment: &SegmentFile, position: &mut Position) -> Result<Behind> {
        let number = segment.header.segment;
        if number != position.segment {
            let path = self.layout.pack(number);
            let (mut gathered, mut goes_down) = (Gathered::default(), false);
            let rows = super::pack::rows(segment, &mut |row| {
                goes_down |= self.watch.goes_down(row, &self.index);
                gathered.add(row);
                if gathered.octets.len() >= GATHERED_OCTETS_MAX {
                    gathered.move_to(&mut self.overlay);
                }
            });
            gathered.move_to(&mut self.overlay);
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
        *position = Position { sequence, chain, segment: number, offset: 0, ..*position };
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
    fn continue_at(&mut self, vfs: &dyn Vfs, store: StoreId, end: End) -> Result<Live> {
        let last = self.segments.0.get(&end.position.segment).cloned();
        if let Some(segment) =
            last.clone().filter(|_| end.clean && end.position.offset < self.options.segment_octets)
        {
            let file = Arc::new(LiveFile::new(Arc::clone(&segment.file), end.position.offset));
            return Ok(Live {
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
        let live = create_segment(vfs, self.layout, start).map_err(OpenError::io(&self.layout.journal()))?;
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
