//! Counts what goes through a file system: the numbers behind `koi status` and the marks of the benchmark.
//!
//! Flushes are counted apart by whose thread makes them: one that somebody waits for, or one of the engine's
//! own, which prepares or tidies up.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{File, Vfs};

thread_local! {
    static IS_WAITED_FOR: Cell<bool> = const { Cell::new(true) };
}

/// From here on nobody waits for what this thread does.
pub(crate) fn nobody_waits_for_this_thread() {
    IS_WAITED_FOR.set(false);
}

/// Totals since the store was opened.
#[derive(Default, Debug)]
pub struct IoCounts {
    flushes: AtomicU64,
    background_flushes: AtomicU64,
    octets_written: AtomicU64,
}

impl IoCounts {
    /// Flushes and durable writes that somebody waited for.
    #[must_use]
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }
    /// Those of threads nobody waits for.
    #[must_use]
    pub fn background_flushes(&self) -> u64 {
        self.background_flushes.load(Ordering::Relaxed)
    }
    #[must_use]
    pub fn octets_written(&self) -> u64 {
        self.octets_written.load(Ordering::Relaxed)
    }
    fn wrote(&self, octets: &[u8]) {
        self.octets_written.fetch_add(octets.len() as u64, Ordering::Relaxed);
    }
    fn flushed(&self) {
        let counter = if IS_WAITED_FOR.get() { &self.flushes } else { &self.background_flushes };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Another file system, counted.
#[derive(Clone)]
pub struct Counted {
    inner: Arc<dyn Vfs>,
    counts: Arc<IoCounts>,
}

impl Counted {
    #[must_use]
    pub fn new(inner: Arc<dyn Vfs>) -> Self {
        Self { inner, counts: Arc::default() }
    }
    #[must_use]
    pub fn counts(&self) -> &IoCounts {
        &self.counts
    }
    fn wrap(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(CountedFile { inner: file, counts: Arc::clone(&self.counts) })
    }
}

impl Vfs for Counted {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(self.inner.create(path)?))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(self.inner.open(path)?))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.create_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.inner.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.counts.flushed();
        self.inner.sync_dir(path)
    }
    fn disk_octets(&self, path: &Path) -> io::Result<u64> {
        self.inner.disk_octets(path)
    }
    fn free_octets(&self, path: &Path) -> io::Result<u64> {
        self.inner.free_octets(path)
    }
    fn index_committed(&self) {
        self.inner.index_committed();
    }
}

struct CountedFile {
    inner: Arc<dyn File>,
    counts: Arc<IoCounts>,
}

impl File for CountedFile {
    fn write_at(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.counts.wrote(octets);
        self.inner.write_at(octets, offset)
    }
    fn write_durable(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.counts.wrote(octets);
        self.counts.flushed();
        self.inner.write_durable(octets, offset)
    }
    fn flush(&self) -> io::Result<()> {
        self.counts.flushed();
        self.inner.flush()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }
    fn octets(&self) -> io::Result<u64> {
        self.inner.octets()
    }
    fn set_octets(&self, octets: u64) -> io::Result<()> {
        self.inner.set_octets(octets)
    }
    fn write_back(&self, offset: u64, octets: u64) -> io::Result<()> {
        self.inner.write_back(offset, octets)
    }
    fn reserve(&self, octets: u64) -> io::Result<()> {
        self.inner.reserve(octets)
    }
}
