//! A file system in memory that records every change and flush, and can be made to fail at any call. What its
//! disk holds when the power goes is `power.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use koi_store::vfs::{File, Vfs};
use parking_lot::Mutex;

pub(crate) type FileId = usize;

/// What was done, in order.
#[derive(Clone)]
pub(crate) enum Event {
    Write {
        file: FileId,
        offset: u64,
        octets: Arc<[u8]>,
        durable: bool,
    },
    /// Covers the writes among the first `started` events: those that came before the flush began.
    Flush {
        file: FileId,
        started: usize,
    },
    SetOctets {
        file: FileId,
        octets: u64,
    },
    Create {
        path: PathBuf,
        file: FileId,
    },
    Remove {
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    SyncDir,
    /// The index's file as it is now.
    Index {
        copy: Option<Arc<[u8]>>,
    },
}

/// How the next calls fail.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    /// The call with this number fails (counted from 0 since the fault was set).
    pub(crate) at: u64,
    /// So many calls fail.
    pub(crate) calls: u64,
    pub(crate) kind: io::ErrorKind,
}

#[derive(Default)]
struct Disk {
    names: BTreeMap<PathBuf, FileId>,
    files: Vec<Vec<u8>>,
    /// Who has each of them open: what is removed takes room until nobody has.
    open: BTreeMap<FileId, usize>,
    events: Vec<Event>,
    recording: bool,
    fault: Option<Fault>,
    calls: u64,
    /// Octets all files may have together.
    room: Option<u64>,
    /// Calls that asked for more room than there was.
    vain_reserves: u64,
    /// Calls that read.
    reads: u64,
    /// Calls that ask how long a file is.
    lengths: u64,
    /// Room cannot be taken ahead of need, as on some file systems.
    no_reserve: bool,
    index: Option<PathBuf>,
}

/// The file system; clones share it.
#[derive(Clone, Default)]
pub(crate) struct SimVfs(Arc<Mutex<Disk>>);

struct SimFile {
    disk: Arc<Mutex<Disk>>,
    file: FileId,
}

impl SimFile {
    fn opened(shared: &Arc<Mutex<Disk>>, disk: &mut Disk, file: FileId) -> Arc<dyn File> {
        *disk.open.entry(file).or_default() += 1;
        Arc::new(Self { disk: Arc::clone(shared), file })
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        *self.disk.lock().open.entry(self.file).or_default() -= 1;
    }
}

impl SimVfs {
    /// `index` is the real folder of the index, copied whenever the index has committed.
    pub(crate) fn recording(index: PathBuf) -> Self {
        let disk = Disk { recording: true, index: Some(index), ..Disk::default() };
        Self(Arc::new(Mutex::new(disk)))
    }
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().events.clone()
    }
    pub(crate) fn event_count(&self) -> usize {
        self.0.lock().events.len()
    }
    pub(crate) fn fail(&self, fault: Option<Fault>) {
        let mut disk = self.0.lock();
        (disk.fault, disk.calls) = (fault, 0);
    }
    /// Calls that could have failed since the fault was set.
    pub(crate) fn calls(&self) -> u64 {
        self.0.lock().calls
    }
    pub(crate) fn set_room(&self, room: Option<u64>) {
        self.0.lock().room = room;
    }
    pub(crate) fn used(&self) -> u64 {
        self.0.lock().used()
    }
    pub(crate) fn lengths(&self) -> u64 {
        self.0.lock().lengths
    }
    pub(crate) fn forbid_reserve(&self) {
        self.0.lock().no_reserve = true;
    }
    pub(crate) fn vain_reserves(&self) -> u64 {
        self.0.lock().vain_reserves
    }
    pub(crate) fn reads(&self) -> u64 {
        self.0.lock().reads
    }
    pub(crate) fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let disk = self.0.lock();
        disk.names.get(path).map(|file| disk.files[*file].clone())
    }
    pub(crate) fn set_content(&self, path: &Path, octets: Vec<u8>) {
        let mut disk = self.0.lock();
        match disk.names.get(path).copied() {
            Some(file) => disk.files[file] = octets,
            None => {
                disk.files.push(octets);
                let file = disk.files.len() - 1;
                disk.names.insert(path.to_owned(), file);
            }
        }
    }
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().names.keys().cloned().collect()
    }
    /// An independent copy of what is there now.
    pub(crate) fn fork(&self) -> Self {
        let disk = self.0.lock();
        Self(Arc::new(Mutex::new(Disk {
            names: disk.names.clone(),
            files: disk.files.clone(),
            ..Disk::default()
        })))
    }
}

impl Disk {
    fn call(&mut self) -> io::Result<()> {
        let at = self.calls;
        self.calls += 1;
        match self.fault {
            Some(fault) if at >= fault.at && at - fault.at < fault.calls => Err(fault.kind.into()),
            _ => Ok(()),
        }
    }
    fn record(&mut self, event: Event) {
        if self.recording {
            self.events.push(event);
        }
    }
    fn used(&self) -> u64 {
        let open = self.open.iter().filter(|(_, count)| **count > 0).map(|(file, _)| *file);
        let files: BTreeSet<FileId> = self.names.values().copied().chain(open).collect();
        files.iter().map(|file| self.files[*file].len() as u64).sum()
    }
    fn check_room(&self, file: FileId, octets: u64) -> io::Result<()> {
        let Some(room) = self.room else { return Ok(()) };
        let used = self.used();
        let more = octets.saturating_sub(self.files[file].len() as u64);
        if used + more > room { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
    fn find(&mut self, path: &Path) -> io::Result<FileId> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

pub(crate) fn write_into(content: &mut Vec<u8>, octets: &[u8], offset: u64) {
    let end = offset as usize + octets.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset as usize..end].copy_from_slice(octets);
}

impl Vfs for SimVfs {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut disk = self.0.lock();
        disk.call()?;
        if disk.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        disk.files.push(Vec::new());
        let file = disk.files.len() - 1;
        disk.names.insert(path.to_owned(), file);
        disk.record(Event::Create { path: path.to_owned(), file });
        Ok(SimFile::opened(&self.0, &mut disk, file))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut disk = self.0.lock();
        let file = disk.find(path)?;
        Ok(SimFile::opened(&self.0, &mut disk, file))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.call()?;
        disk.find(path)?;
        disk.names.remove(path);
        disk.record(Event::Remove { path: path.to_owned() });
        Ok(())
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.call()?;
        let file = disk.find(from)?;
        disk.names.remove(from);
        disk.names.insert(to.to_owned(), file);
        disk.record(Event::Rename { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }
    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let disk = self.0.lock();
        let inside = disk.names.keys().filter(|name| name.parent() == Some(path));
        Ok(inside.map(|name| name.file_name().unwrap().to_string_lossy().into_owned()).collect())
    }
    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.call()?;
        disk.record(Event::SyncDir);
        Ok(())
    }
    fn free_octets(&self, _path: &Path) -> io::Result<u64> {
        let disk = self.0.lock();
        Ok(disk.room.map_or(u64::MAX, |room| room.saturating_sub(disk.used())))
    }
    fn disk_octets(&self, _path: &Path) -> io::Result<u64> {
        Ok(self.0.lock().room.unwrap_or(u64::MAX))
    }
    fn index_committed(&self) {
        let mut disk = self.0.lock();
        let Some(folder) = disk.index.clone() else { return };
        let copy = index_file(&folder).and_then(|path| std::fs::read(path).ok()).map(Into::into);
        disk.record(Event::Index { copy });
    }
}

/// The file of the newest generation.
pub(crate) fn index_file(folder: &Path) -> Option<PathBuf> {
    let mut names: Vec<_> = std::fs::read_dir(folder).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    names.retain(|path| path.extension().is_none());
    names.sort();
    Some(names.pop()?.join("data.mdb"))
}

impl File for SimFile {
    fn write_at(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.write(octets, offset, false)
    }
    fn write_durable(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.write(octets, offset, true)
    }
    fn flush(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.call()?;
        let started = disk.events.len();
        disk.record(Event::Flush { file: self.file, started });
        Ok(())
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.disk.lock();
        disk.reads += 1;
        let content = disk.files[self.file].get(offset as usize..).unwrap_or_default();
        let octets = content.len().min(buffer.len());
        buffer[..octets].copy_from_slice(&content[..octets]);
        Ok(octets)
    }
    fn octets(&self) -> io::Result<u64> {
        let mut disk = self.disk.lock();
        disk.lengths += 1;
        Ok(disk.files[self.file].len() as u64)
    }
    fn set_octets(&self, octets: u64) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.call()?;
        disk.check_room(self.file, octets)?;
        disk.files[self.file].resize(octets as usize, 0);
        disk.record(Event::SetOctets { file: self.file, octets });
        Ok(())
    }
    fn write_back(&self, offset: u64, octets: u64) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.call().inspect_err(|_| {
            // As Linux does: what did not reach the disk is gone, and no later flush tells of it.
            let lost = vec![0; octets as usize];
            write_into(&mut disk.files[self.file], &lost, offset);
            disk.record(Event::Write { file: self.file, offset, octets: lost.into(), durable: false });
        })
    }
    fn reserve(&self, octets: u64) -> io::Result<()> {
        let had = self.octets()?;
        if octets <= had {
            return Ok(());
        }
        if self.disk.lock().no_reserve {
            self.disk.lock().vain_reserves += 1;
            return Err(io::ErrorKind::Unsupported.into());
        }
        let taken = self.set_octets(octets);
        self.disk.lock().vain_reserves += u64::from(taken.is_err());
        taken
    }
}

impl SimFile {
    fn write(&self, octets: &[u8], offset: u64, durable: bool) -> io::Result<()> {
        let mut disk = self.disk.lock();
        if let Err(error) =
            disk.call().and_then(|()| disk.check_room(self.file, offset + octets.len() as u64))
        {
            // A write that fails may have written a part.
            let part = &octets[..octets.len() / 2];
            if error.kind() != io::ErrorKind::StorageFull
                || disk.check_room(self.file, offset + part.len() as u64).is_ok()
            {
                write_into(&mut disk.files[self.file], part, offset);
                disk.record(Event::Write { file: self.file, offset, octets: part.into(), durable: false });
            }
            return Err(error);
        }
        write_into(&mut disk.files[self.file], octets, offset);
        disk.record(Event::Write { file: self.file, offset, octets: octets.into(), durable });
        Ok(())
    }
}
