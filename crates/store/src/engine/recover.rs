//! Opening a store: its files (`files.rs`), how far the index has come, and what the journal has beyond it
//! (`replay.rs`). See docs/STORE.md, "Recovery".
//!
//! Must not: start over acknowledged data it cannot read.

use super::bodies::{BODY_FILES_FROM, Segments};
use super::files;
use super::generation;
use super::index::{Index, IndexError, Position};
use super::journal::{Live, random};
use super::options::{OpenError, Options};
use super::overlay::Overlay;
use super::replay::Replay;
use super::rising::Watch;
use super::segment::{Layout, StoreId, number_of};
use crate::vfs::Vfs;

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
    /// Repair was asked for.
    pub repaired: bool,
}

/// Opens everything in `layout`. `repair` accepts what would otherwise be refused.
pub(crate) fn recover(layout: &Layout, options: &Options, vfs: &dyn Vfs, repair: bool) -> Result<Recovered> {
    for folder in [layout.journal(), layout.bodies()] {
        vfs.create_dir(&folder).map_err(OpenError::io(&folder))?;
        // What a crash of the process alone left of names must be durable before it is relied upon.
        vfs.sync_dir(&folder).map_err(OpenError::io(&folder))?;
    }
    let mut report = Report { repaired: repair, ..Report::default() };
    let files::Opened { segments, tables_lost } = files::open(layout, vfs, repair, &mut report)?;
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
    let has_holes = false;
    let mut replay =
        Replay { layout, options, segments, index, overlay, watch, applied, report, repair, has_holes };
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
