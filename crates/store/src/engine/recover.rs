//! Opening a store: which files there are, how far the index has come. What
//! the journal has beyond it is `replay.rs`. See docs/STORE.md, "Recovery".
//!
//! Must not: start over acknowledged data it cannot read.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::bodies::{BODY_FILES_FROM, SegmentFile, Segments};
use super::generation;
use super::index::{Index, IndexError, Position};
use super::journal::{Live, random};
use super::mend;
use super::options::{OpenError, Options};
use super::overlay::Overlay;
use super::pack::PackTable;
use super::replay::Replay;
use super::rising::Watch;
use super::scan::{Behind, Link, Scanner};
use super::segment::{FIELDS_OCTETS, FileKind, Header, Layout, SEGMENT_HEADER_OCTETS, StoreId, number_of};
use crate::vfs::{File, Vfs};

pub(crate) type Result<T> = std::result::Result<T, OpenError>;

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
    /// Packs whose tables have to be made again.
    pub(crate) tables_lost: Vec<u32>,
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
    /// What is damaged and of which nothing is lost; put right where repair was asked for.
    pub mended: Vec<String>,
}

/// Opens everything in `layout`. `repair` accepts what would otherwise be refused.
pub(crate) fn recover(layout: &Layout, options: &Options, vfs: &dyn Vfs, repair: bool) -> Result<Recovered> {
    for folder in [layout.journal(), layout.bodies()] {
        vfs.create_dir(&folder).map_err(OpenError::io(&folder))?;
        // What a crash of the process alone left of names must be durable before it is relied upon.
        vfs.sync_dir(&folder).map_err(OpenError::io(&folder))?;
    }
    let (mut tables_lost, mut report) = (Vec::new(), Report::default());
    let segments = open_segments(layout, vfs, repair.then_some(&mut tables_lost), &mut report.mended)?;
    report.given_up.extend(
        tables_lost.iter().map(|number| {
            format!("{}: its table is damaged and is made again", layout.pack(*number).display())
        }),
    );
    let store = match segments.0.values().next() {
        Some(segment) => segment.header.store,
        None => StoreId(random().map_err(OpenError::io(&layout.root))?),
    };
    let index = open_index(layout, options, &segments, store, repair, &mut report)?;
    // Without a journal the index says which store it is, and what is written from now on belongs to it.
    let named = index.store().map_err(|error| index_error(layout, error))?;
    let store = named.filter(|_| segments.0.is_empty()).unwrap_or(store);
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
    Ok(Recovered { store, index, segments, live, overlay, applied, next_body, report, tables_lost })
}

pub(crate) fn index_error(layout: &Layout, error: IndexError) -> OpenError {
    let what = match error {
        IndexError::MapFull => "the index is full".to_owned(),
        IndexError::Unusable(what) | IndexError::Failed(what) => what,
    };
    OpenError::Index { path: layout.index(), what }
}

/// Opens all segments and packs. What an interrupted packing or rotation left behind is taken away. A pack
/// whose table is damaged is refused, or noted in `tables_lost`.
fn open_segments(
    layout: &Layout,
    vfs: &dyn Vfs,
    mut tables_lost: Option<&mut Vec<u32>>,
    mended: &mut Vec<String>,
) -> Result<Segments> {
    let folder = layout.journal();
    let names = vfs.list(&folder).map_err(OpenError::io(&folder))?;
    let (mut found, mut empty) = (BTreeMap::<u32, SegmentFile>::new(), Vec::new());
    let newest = names.iter().filter_map(|name| number_of(name, "seg")).max();
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
        let mut header = match read_header(&file, kind, number).map_err(io)? {
            Front::Sound(header) => header,
            Front::Mended(header, octets) => {
                tables_lost.is_some().then(|| file.write_durable(&octets, 0)).transpose().map_err(io)?;
                mended.push(format!("{}: an octet of its header is damaged", path.display()));
                header
            }
            // A rotation that was interrupted: no group can be in it yet.
            Front::Damaged { alone: true } if Some(number) == newest && kind == FileKind::Journal => {
                drop(file);
                vfs.remove(&path).map_err(io)?;
                continue;
            }
            Front::Damaged { .. } => return Err(damaged("the header of the segment is damaged")),
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
            FileKind::Pack => Some(open_table(&path, &file, header, &mut tables_lost)?),
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

/// What a file begins with.
enum Front {
    Sound(Header),
    /// One octet is damaged; with the octets that it should have.
    Mended(Header, Vec<u8>),
    Damaged {
        /// Nothing can follow it.
        alone: bool,
    },
}

fn read_header(file: &Arc<dyn File>, kind: FileKind, number: u32) -> io::Result<Front> {
    let mut front = vec![0; FIELDS_OCTETS];
    let read = file.read_at(&mut front, 0)?;
    front.truncate(read);
    if let Some(header) = Header::decode(&front) {
        return Ok(Front::Sound(header));
    }
    Ok(match Header::mend(&mut front, kind, number) {
        Some(header) => Front::Mended(header, front),
        None => Front::Damaged { alone: file.octets()? <= SEGMENT_HEADER_OCTETS },
    })
}

/// The table of a pack; where it is damaged and repair was asked for, one without bodies.
fn open_table(
    path: &Path,
    file: &Arc<dyn File>,
    header: Header,
    tables_lost: &mut Option<&mut Vec<u32>>,
) -> Result<PackTable> {
    let io = |error| OpenError::Io { path: path.to_owned(), error };
    match (PackTable::read(file.as_ref(), &header).map_err(io)?, tables_lost) {
        (Some(table), _) => Ok(table),
        (None, Some(lost)) => {
            lost.push(header.segment);
            mend::without_bodies(file.as_ref(), header).map_err(io)
        }
        (None, None) => {
            let what = "the table of the pack is damaged".to_owned();
            Err(OpenError::Damaged { file: path.to_owned(), what })
        }
    }
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
fn first_link(file: &dyn File, header: Header) -> io::Result<Option<Link>> {
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
