//! Writes one sealed segment (or pack) again without what is dead.
//!
//! Kept: bodies that some row refers to; puts whose value still holds; deletions, unless no older file can
//! bring the key back. What is dropped is never needed: a later file has what replaced it. Crash-safe: the
//! pack gets its name when it is whole and durable, and only then the segment goes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use koi_types::{ErrorKind, MailError, Result};

use super::Shared;
use super::bodies::SegmentFile;
use super::codec::{Codec, Squeezer};
use super::compact::Living;
use super::group::{BODY_HEADER_OCTETS, BodyHeader, GROUP_HEADER_OCTETS, GroupBuilder, Placing};
use super::journal::{now_millis, random};
use super::merge::Row;
use super::pack::{Moved, PackTable};
use super::scan::{Behind, Found, Link, Scanner};
use super::segment::{FileKind, Header, SEGMENT_HEADER_OCTETS, SMALL_HEADER_OCTETS};
use super::snapshot::Snapshot;
use crate::kv::Read;
use crate::vfs::{File, Vfs};

/// Groups of a pack are about so large.
const PACK_GROUP_OCTETS: usize = 1024 * 1024;

/// A segment that is worth writing again.
pub(crate) struct Repack<'a> {
    shared: &'a Arc<Shared>,
    number: u32,
    segment: Arc<SegmentFile>,
    live: Living<'a>,
    /// The last group of the segment.
    last: Link,
    /// What the index had applied when this was planned.
    applied: u64,
    /// No older file can hold a key that this one deletes.
    forget_deletions: bool,
    kept_octets: u64,
    octets: u64,
}

/// Whether a segment can be packed.
pub(crate) enum Prospect<'a> {
    Ready(Repack<'a>),
    /// The index does not have all of it yet, or it went away.
    NotNow,
    /// It is damaged: `koi check` reports it.
    Never,
}

impl<'a> Repack<'a> {
    /// A segment of which nothing was read yet, but for its end where no header says what that is.
    pub(crate) fn of(shared: &'a Arc<Shared>, number: u32, live: Living<'a>) -> Result<Prospect<'a>> {
        let state = shared.state.lock();
        let (segments, applied) = (Arc::clone(&state.segments), state.applied.sequence);
        drop(state);
        let Some(segment) = segments.0.get(&number).cloned() else { return Ok(Prospect::NotNow) };
        let next = segments.0.get(&(number + 1)).map(|next| next.header);
        let Some(last) = last_group(&segment, next) else { return Ok(Prospect::Never) };
        if last.sequence > applied {
            return Ok(Prospect::NotNow);
        }
        let mut older = segments.0.range(..number);
        let forget_deletions =
            older.all(|(_, old)| old.table.is_some() && old.header.applied >= last.sequence);
        let octets = segment.file.octets().map_err(|error| failed(&error))?;
        let kept_octets = octets;
        let repack =
            Self { shared, number, segment, live, last, applied, forget_deletions, kept_octets, octets };
        Ok(Prospect::Ready(repack))
    }
    /// Reads the segment and finds out what would be kept; `None` when it cannot be packed.
    pub(crate) fn plan(shared: &'a Arc<Shared>, number: u32, live: Living<'a>) -> Result<Option<Self>> {
        let Prospect::Ready(mut plan) = Self::of(shared, number, live)? else { return Ok(None) };
        let mut kept = 0;
        let whole = plan.visit(&mut |item| {
            kept += match item {
                Item::Body { octets, .. } => octets.len() as u64,
                Item::Operation(row) => 7 + (row.key.len() + row.value.map_or(0, <[u8]>::len)) as u64,
            };
            Ok(())
        })?;
        plan.kept_octets = kept;
        Ok(whole.then_some(plan))
    }
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }
    pub(crate) fn gain_octets(&self) -> u64 {
        self.octets.saturating_sub(self.kept_octets)
    }
    /// Writes the pack and puts it in the place of the segment. Returns its octets.
    pub(crate) fn run(&self) -> Result<u64> {
        // One that fails in the middle has all the room there is until then, and deletions beside it have
        // none. On a full disk the reserve is for this too: it comes back with the space.
        let may_release = self.kept_octets < self.shared.options.reserve_octets / 2;
        let has_room = self.has_room()? || may_release && self.shared.release_reserve() && self.has_room()?;
        if !has_room {
            return Err(failed(&io::ErrorKind::StorageFull.into()));
        }
        match self.replace() {
            Err(_) if may_release && self.shared.release_reserve() => self.replace(),
            other => other,
        }
    }
    /// For what is kept, and what a pack has beside it: a line of the table for each body, and padding.
    fn has_room(&self) -> Result<bool> {
        const MARGIN_OCTETS: u64 = 64 * 1024;
        let free = self.shared.vfs.free_octets(&self.shared.layout.journal()).map_err(|e| failed(&e))?;
        Ok(free >= self.kept_octets + self.kept_octets / 8 + MARGIN_OCTETS)
    }
    fn replace(&self) -> Result<u64> {
        let unfinished = self.shared.layout.journal().join(format!("{:08x}.new", self.number));
        let written = self.write(&unfinished);
        if written.is_err() {
            let _ = self.shared.vfs.remove(&unfinished);
        }
        let pack = written?;
        let octets = pack.file.octets().map_err(|error| failed(&error))?;
        let packed = self.shared.layout.pack(self.number);
        self.shared.vfs.rename(&unfinished, &packed).map_err(|error| failed(&error))?;
        self.shared.vfs.sync_dir(&self.shared.layout.journal()).map_err(|error| failed(&error))?;
        let was_segment = self.segment.table.is_none();
        Arc::make_mut(&mut self.shared.state.lock().segments).0.insert(self.number, Arc::new(pack));
        if was_segment {
            // Views that know the segment keep it open; a crash before this line leaves it to the next start.
            let path = self.shared.layout.segment(self.number);
            self.shared.vfs.remove(&path).map_err(|error| failed(&error))?;
        }
        Ok(octets)
    }
    fn write(&self, path: &std::path::Path) -> Result<SegmentFile> {
        let io = |error: io::Error| failed(&error);
        let _ = self.shared.vfs.remove(path);
        let file = self.shared.vfs.create(path).map_err(io)?;
        let header = Header {
            kind: FileKind::Pack,
            ahead: false,
            store: self.shared.store,
            segment: self.number,
            salt: random().map_err(io)?,
            sequence: self.last.sequence,
            chain: self.last.chain,
            applied: self.applied,
            created_millis: now_millis(),
        };
        file.write_at(&header.encode(), 0).map_err(io)?;
        let mut out = PackWriter::new(file, header).map_err(io)?;
        let whole = self.visit(&mut |item| {
            match item {
                Item::Body { logical, octets } => out.body(logical, octets),
                Item::Operation(row) => {
                    out.builder.operation(row);
                }
            }
            out.flush_if_large(|octets| self.shared.pace(octets))
        })?;
        if !whole {
            return Err(MailError::new(ErrorKind::Corrupt, "a segment changed while it was packed"));
        }
        out.finish()
    }
    /// Visits what is kept, group by group: bodies first, then operations. `false` when not every group was
    /// good.
    fn visit(&self, visit: &mut dyn FnMut(Item<'_>) -> Result<()>) -> Result<bool> {
        let (start, offset) = match &self.segment.table {
            None => {
                let header = self.segment.header;
                let link = Link { sequence: header.sequence.wrapping_sub(1), chain: header.chain };
                (link, SEGMENT_HEADER_OCTETS)
            }
            Some(_) => (Link { sequence: 0, chain: 0 }, SMALL_HEADER_OCTETS),
        };
        let logical = self.segment.table.as_ref().map(by_physical);
        let snapshot = Snapshot::open(self.shared)?;
        let mut moved = 0;
        let mut scanner = Scanner::new(self.segment.file.as_ref(), self.segment.header, offset, start);
        while let Some(found) = scanner.next().map_err(|error| failed(&error))? {
            self.visit_bodies(&found, logical.as_ref(), visit)?;
            let mut operations = found.group.operations(found.payload);
            for row in operations.by_ref() {
                if self.keeps(&snapshot, row)? {
                    visit(Item::Operation(row))?;
                }
            }
            if !operations.is_complete() {
                return Ok(false);
            }
            moved += u64::from(found.group.total_octets);
            if moved >= PACK_GROUP_OCTETS as u64 {
                self.shared.pace(std::mem::take(&mut moved))?;
            }
        }
        Ok(match &self.segment.table {
            None => scanner.link == self.last,
            Some(table) => scanner.offset == table.groups_end,
        })
    }
    fn visit_bodies(
        &self,
        found: &Found<'_>,
        logical: Option<&BTreeMap<u64, u64>>,
        visit: &mut dyn FnMut(Item<'_>) -> Result<()>,
    ) -> Result<()> {
        let part = found.group.body_part(found.payload);
        let base = found.offset + GROUP_HEADER_OCTETS as u64;
        let mut at = 0;
        while let Some(header) = part.get(at..).and_then(BodyHeader::decode) {
            let end = at + header.record_octets() as usize;
            let Some(octets) = part.get(at..end) else { break };
            let physical = base + at as u64;
            let logical = logical.map_or(Some(physical), |table| table.get(&physical).copied());
            if let Some(logical) = logical.filter(|logical| self.live.has(*logical, &header.blob)) {
                visit(Item::Body { logical, octets })?;
            }
            at = end;
        }
        Ok(())
    }
    fn keeps(&self, snapshot: &Snapshot, row: Row<'_>) -> Result<bool> {
        let now = snapshot.get(row.key)?;
        Ok(match row.value {
            Some(value) => now.as_deref() == Some(value),
            None => now.is_none() && !self.forget_deletions,
        })
    }
}

/// Something that is kept.
enum Item<'a> {
    /// A whole record.
    Body {
        logical: u64,
        octets: &'a [u8],
    },
    Operation(Row<'a>),
}

fn by_physical(table: &PackTable) -> BTreeMap<u64, u64> {
    let offsets =
        table.moved.iter().map(|moved| (u64::from(moved.physical) * 8, u64::from(moved.logical) * 8));
    offsets.collect()
}

/// The last group of a sealed segment: the header behind it says so.
fn last_group(segment: &SegmentFile, next: Option<Header>) -> Option<Link> {
    let own = segment.header;
    match (&segment.table, next?) {
        (Some(_), _) => Some(Link { sequence: own.sequence, chain: own.chain }),
        (None, next) if next.kind == FileKind::Journal => {
            Some(Link { sequence: next.sequence.wrapping_sub(1), chain: next.chain })
        }
        // Older segments are packed first; a segment before a pack was left out because it was damaged or
        // worth keeping.
        (None, _) => last_by_reading(segment),
    }
}

fn last_by_reading(segment: &SegmentFile) -> Option<Link> {
    let start = Link { sequence: segment.header.sequence.wrapping_sub(1), chain: segment.header.chain };
    let mut scanner = Scanner::new(segment.file.as_ref(), segment.header, SEGMENT_HEADER_OCTETS, start);
    while scanner.next().ok()?.is_some() {}
    let end = segment.file.octets().ok()?;
    (scanner.offset == end).then_some(scanner.link)
}

/// Whether every group of a segment is good: up to the group with the sequence `end`, or up to what the next
/// file says.
pub(crate) fn is_whole(segment: &SegmentFile, next: Option<Header>, end: Option<u64>) -> io::Result<bool> {
    let start = Link { sequence: segment.header.sequence.wrapping_sub(1), chain: segment.header.chain };
    let mut scanner = Scanner::new(segment.file.as_ref(), segment.header, SEGMENT_HEADER_OCTETS, start);
    while end.is_none_or(|end| scanner.link.sequence < end) && scanner.next()?.is_some() {}
    Ok(match (end, next) {
        (Some(end), _) => scanner.link.sequence == end,
        (None, Some(next)) if next.kind == FileKind::Journal => {
            scanner.link == Link { sequence: next.sequence.wrapping_sub(1), chain: next.chain }
        }
        (None, _) => !matches!(scanner.behind()?, Behind::Groups { .. }),
    })
}

struct PackWriter {
    file: Arc<dyn File>,
    header: Header,
    builder: GroupBuilder,
    offset: u64,
    link: Link,
    table: PackTable,
    squeezer: Squeezer,
}

impl PackWriter {
    fn new(file: Arc<dyn File>, header: Header) -> io::Result<Self> {
        let mut builder = GroupBuilder::default();
        builder.clear();
        let (link, table) = (Link { sequence: 0, chain: 0 }, PackTable::default());
        let squeezer = Squeezer::new()?;
        Ok(Self { file, header, builder, offset: SMALL_HEADER_OCTETS, link, table, squeezer })
    }
    fn body(&mut self, logical: u64, record: &[u8]) {
        let (Some(header), Some(octets)) = (BodyHeader::decode(record), record.get(BODY_HEADER_OCTETS..))
        else {
            return;
        };
        let octets = octets.get(..header.octets as usize).unwrap_or_default();
        let squeezed = match header.codec {
            Codec::Plain => self.squeezer.squeeze(octets),
            Codec::Frames | Codec::Pieces => None,
        };
        let at = match squeezed {
            Some(pieces) => self.builder.coded_body(header.blob, Codec::Pieces, pieces),
            None => self.builder.coded_body(header.blob, header.codec, octets),
        };
        let physical = self.offset + at;
        // Segments stay far below 32 GiB, so offsets in units of 8 fit.
        self.table.moved.push(Moved { logical: (logical / 8) as u32, physical: (physical / 8) as u32 });
    }
    fn flush_if_large(&mut self, pace: impl FnOnce(u64) -> Result<()>) -> Result<()> {
        if self.builder.octets() >= PACK_GROUP_OCTETS {
            pace(self.flush()?)?;
        }
        Ok(())
    }
    fn flush(&mut self) -> Result<u64> {
        if self.builder.octets() == GROUP_HEADER_OCTETS {
            return Ok(0);
        }
        let placing = Placing {
            sequence: self.link.sequence + 1,
            segment: self.header.segment,
            chain: self.link.chain,
            seed: self.header.seed(),
            millis: self.header.created_millis,
        };
        let finished = self.builder.finish(placing);
        self.file.write_at(finished.octets, self.offset).map_err(|error| failed(&error))?;
        let octets = finished.octets.len() as u64;
        self.file.write_back(self.offset, octets).map_err(|error| failed(&error))?;
        self.link = Link { sequence: placing.sequence, chain: finished.chain };
        self.offset += octets;
        self.builder.clear();
        Ok(octets)
    }
    fn finish(mut self) -> Result<SegmentFile> {
        self.flush()?;
        self.table.moved.sort_unstable();
        self.table.groups_end = self.offset;
        let end = self.table.encode(&self.header);
        let written = self.file.write_at(&end, self.offset).and_then(|()| self.file.flush());
        written.map_err(|error| failed(&error))?;
        Ok(SegmentFile { header: self.header, file: self.file, table: Some(self.table) })
    }
}

pub(crate) fn failed(error: &io::Error) -> MailError {
    MailError::new(ErrorKind::Unavailable, "space could not be given back").context(error)
}
