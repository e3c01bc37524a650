//! Looking through an index from another process. LMDB has no checksums, and a page that was damaged on the
//! disk can make it end the process that reads it; the probe is run in a process that may be lost, and the
//! mark it leads to makes the next opening build the index again from the journal.
//!
//! Must not: write anything but the mark.

use std::fs::File;
use std::io;
use std::path::Path;

use super::generation;
use super::index::{DAMAGED_MARK, Index, IndexError};
use super::lock::FolderLock;
use super::segment::Layout;

/// How much of the index a probe reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probe {
    /// Only what opening it needs.
    Opening,
    /// Every row.
    Whole,
}

/// Reads the index of the store in `folder`, whether or not a process has it open; says what is wrong with
/// it. May end this process: call it in one that nobody needs.
pub fn probe_index(folder: &Path, probe: Probe) -> Result<(), String> {
    let layout = Layout { root: folder.to_owned() };
    let said = |error| match error {
        IndexError::Unusable(why) | IndexError::Failed(why) => why,
        IndexError::MapFull => "its map is full".to_owned(),
    };
    let Some(newest) = generation::newest(&layout).map_err(said)? else { return Ok(()) };
    let index = Index::open_to_read(&newest).map_err(said)?;
    index.position().map_err(said)?;
    match probe {
        Probe::Opening => Ok(()),
        Probe::Whole => index.read_through().map_err(said),
    }
}

/// Has the index built again when the store is opened next.
pub fn mark_index_damaged(folder: &Path) -> io::Result<()> {
    let index = Layout { root: folder.to_owned() }.index();
    File::create(index.join(DAMAGED_MARK)).and_then(|mark| mark.sync_all())
}

/// How many processes ended, one after the other and just before now, without closing the store.
#[must_use]
pub fn unclean_ends(folder: &Path) -> u32 {
    FolderLock::unclean_ends(&Layout { root: folder.to_owned() }.lock())
}
