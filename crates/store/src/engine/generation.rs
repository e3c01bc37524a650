//! Generations of the index: `index/NNNNNNNN/`, the highest number counts. A new one is a copy without free
//! pages; it is made to give space back, and to get a larger map without anybody having to wait for readers.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Shared;
use super::index::{DAMAGED_MARK, Index, IndexError};
use super::segment::Layout;

type Result<T> = std::result::Result<T, IndexError>;

fn failed(error: io::Error) -> IndexError {
    IndexError::Failed(error.to_string())
}

fn folder_of(layout: &Layout, number: u32) -> PathBuf {
    layout.index().join(format!("{number:08x}"))
}

fn number_of(name: &str) -> Option<u32> {
    (name.len() == 8).then(|| u32::from_str_radix(name, 16).ok())?
}

/// Opens the newest generation, or makes the first. What was left of others is taken away.
pub(crate) fn open_newest(layout: &Layout, map_octets: usize) -> Result<Index> {
    let root = layout.index();
    make_folder(&root)?;
    if root.join(DAMAGED_MARK).exists() {
        return Err(IndexError::Unusable("it was found damaged while the store was open".to_owned()));
    }
    let mut newest = 1;
    let mut others = Vec::new();
    for entry in std::fs::read_dir(&root).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        match entry.file_name().to_str().and_then(number_of) {
            Some(number) if number >= newest => newest = number,
            _ => {}
        }
        others.push(entry.path());
    }
    let folder = folder_of(layout, newest);
    for other in others.into_iter().filter(|other| *other != folder) {
        let removed =
            if other.is_dir() { std::fs::remove_dir_all(&other) } else { std::fs::remove_file(&other) };
        removed.map_err(failed)?;
    }
    let octets = std::fs::metadata(folder.join("data.mdb")).map_or(0, |facts| facts.len());
    Index::open(&folder, map_octets.max(room_for(octets)), newest)
}

/// The folder of the newest generation, if there is one; changes nothing.
pub(crate) fn newest(layout: &Layout) -> Result<Option<PathBuf>> {
    let entries = match std::fs::read_dir(layout.index()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let mut newest = None;
    for entry in entries {
        newest = newest.max(entry.map_err(failed)?.file_name().to_str().and_then(number_of));
    }
    Ok(newest.map(|number| folder_of(layout, number)).filter(|folder| folder.join("data.mdb").exists()))
}

/// Where a copy is made that is to become a generation. No generation has such a name.
pub(crate) fn unfinished_copy(layout: &Layout) -> PathBuf {
    layout.index().join("copy")
}

/// Copies `old` to the next generation. It counts as soon as it has its name.
pub(crate) fn renew(layout: &Layout, old: &Index, map_octets: usize) -> Result<Index> {
    let unfinished = folder_of(layout, old.number() + 1).with_extension("new");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(failed)?;
    }
    make_folder(&unfinished)?;
    let copied = old.copy_to(&unfinished).and_then(|()| adopt(layout, old, &unfinished, map_octets));
    if copied.is_err() {
        let _ = std::fs::remove_dir_all(&unfinished);
    }
    copied
}

/// Makes the finished copy in `unfinished` the generation after `old`.
pub(crate) fn adopt(layout: &Layout, old: &Index, unfinished: &Path, map_octets: usize) -> Result<Index> {
    let number = old.number() + 1;
    let folder = folder_of(layout, number);
    let adopted = std::fs::rename(unfinished, &folder).map_err(failed).and_then(|()| {
        sync_folder(&layout.index())?;
        Index::open(&folder, map_octets, number)
    });
    match &adopted {
        Ok(_) => old.retire(),
        // With its name it must not be found as an older state later.
        Err(_) => {
            let _ = std::fs::remove_dir_all(&folder);
        }
    }
    adopted
}

fn make_folder(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)
}

fn sync_folder(path: &Path) -> Result<()> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Address space for a file of this length and what it may become.
fn room_for(octets: u64) -> usize {
    usize::try_from(octets.saturating_mul(2).next_multiple_of(1 << 20)).unwrap_or(usize::MAX & !0xfffff)
}

impl Shared {
    /// Replaces an index whose map is full by a copy. Only inside a round of the applier (`applying` is
    /// held).
    pub(crate) fn renew_index(&self, map_octets: usize) -> Result<Arc<Index>> {
        let old = Arc::clone(&self.state.lock().index);
        let new = Arc::new(renew(&self.layout, &old, map_octets)?);
        let mut state = self.state.lock();
        state.index = Arc::clone(&new);
        drop(state);
        Ok(new)
    }
}
