//! The embedded engine: journal in front, LMDB behind, overlay between. Its format and rules are in
//! docs/STORE.md.
//!
//! A commit is one group in the journal and one flush; the index is a checkpoint that the applier writes in
//! bulk; the overlay holds what is durable but not yet in the index, and every reader looks through it.
//!
//! Must not: know what a key means, apart from the table of bodies.

mod ahead;
mod applier;
mod bodies;
pub(crate) mod body_row;
mod build;
mod check;
mod checksum;
mod codec;
mod cold;
mod commit;
mod compact;
mod complete;
mod counters;
mod dense;
mod draft;
mod files;
mod generation;
mod group;
mod index;
mod journal;
mod known;
mod lock;
mod mend;
pub(crate) mod merge;
mod options;
mod overlay;
mod pack;
mod probe;
mod read_ahead;
mod recover;
mod renew;
mod repack;
mod replay;
mod rescue;
mod reserve;
mod rising;
mod run;
mod scan;
mod segment;
mod shared;
mod slot;
mod snapshot;
mod stage;
mod txn;
mod wire;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use koi_types::Result;
use parking_lot::Mutex;

pub use body_row::BodyKey;
pub use check::{CheckReport, Finding, References};
pub use counters::{Counters, LATENCY_STEPS_MICROS};
pub use index::Usage;
pub use options::{CompactorOptions, Durability, FindRising, OpenError, Options};
pub use probe::{Probe, mark_index_damaged, probe_index, unclean_ends};
pub use recover::Report;
pub use shared::Health;

use lock::{FolderLock, LockError};
use segment::Layout;
use shared::{Shared, Threads};
use snapshot::Snapshot;
use stage::Staging;

use crate::kv::{Commits, Kv, StageBody, Ticket, TxnFn, View};
use crate::vfs::{Counted, Vfs};

/// An open store of this machine.
pub struct Embedded {
    shared: Arc<Shared>,
    threads: Mutex<Option<Threads>>,
    report: Report,
    _lock: FolderLock,
}

impl Embedded {
    /// Opens the store in `folder`, or makes one. Recovers what a crash left; refuses damage that would lose
    /// acknowledged data.
    pub fn open(
        folder: &Path,
        options: Options,
        commits: Arc<dyn Commits>,
    ) -> std::result::Result<Self, OpenError> {
        Self::open_as(folder, options, commits, false)
    }
    /// Opens a damaged store with what can be read; `report().given_up` says what could not.
    pub fn open_repairing(
        folder: &Path,
        options: Options,
        commits: Arc<dyn Commits>,
    ) -> std::result::Result<Self, OpenError> {
        Self::open_as(folder, options, commits, true)
    }
    fn open_as(
        folder: &Path,
        options: Options,
        commits: Arc<dyn Commits>,
        repair: bool,
    ) -> std::result::Result<Self, OpenError> {
        crate::vfs::Vfs::create_dir(&crate::vfs::RealVfs, folder).map_err(OpenError::io(folder))?;
        let layout = Layout { root: folder.to_owned() };
        let lock = FolderLock::take(&layout.lock()).map_err(|error| match error {
            LockError::Held(holder) => OpenError::Locked { folder: folder.to_owned(), holder },
            LockError::Io(error) => OpenError::Io { path: layout.lock(), error },
        })?;
        let vfs = Counted::new(Arc::clone(&options.vfs));
        vfs.create_dir(folder).map_err(OpenError::io(folder))?;
        let options = reserve::on_its_disk(options, &layout);
        let recovered = recover::recover(&layout, &options, &vfs, repair)?;
        let (report, tables_lost) = (recovered.report.clone(), recovered.tables_lost.clone());
        let shared = Arc::new(Shared::new(layout, options, vfs, commits, recovered));
        shared.mend_tables(&tables_lost).map_err(|error| {
            let error = std::io::Error::other(error.to_string());
            OpenError::Io { path: shared.layout.journal(), error }
        })?;
        let threads = Mutex::new(Some(shared.start_threads().map_err(OpenError::io(folder))?));
        Ok(Self { shared, threads, report, _lock: lock })
    }
    /// What opening found and did.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.read_counters()
    }
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }
    /// What the index takes on the disk.
    pub fn index_usage(&self) -> Result<Usage> {
        self.shared.index_usage()
    }
    /// To be called when a process died that had looked through the index (see [`probe_index`]).
    pub fn forget_dead_readers(&self) {
        let index = Arc::clone(&self.shared.state.lock().index);
        index.forget_dead_readers();
    }
    /// Brings everything that is durable into the index, now.
    pub fn apply_now(&self) -> Result<()> {
        self.shared.apply_now()
    }
    /// Looks for space to give back, now, packs what is sealed, and stays until it is done.
    pub fn compact_now(&self) -> Result<()> {
        self.shared.compact()?;
        self.shared.apply_now()?;
        self.shared.pack_cold(&mut || true)
    }
    /// Copies the index if it has grown since the last look, and a copy is worth it.
    pub fn shrink_index_now(&self) -> Result<()> {
        self.shared.shrink_index_if_grown()
    }
    /// What the compactor does by itself when nobody has wanted anything for a while.
    pub fn rest_now(&self) -> Result<()> {
        let mut seen = self.shared.live.lock().position.sequence;
        self.shared.seal_live_if_cold(&mut seen)?;
        self.compact_now()
    }
    /// Lets what waits finish, takes nothing more, applies everything and cuts the journal behind its last
    /// group. Dropping the store does the same and keeps the error to itself.
    pub fn close(self) -> Result<()> {
        self.shut()
    }
    fn shut(&self) -> Result<()> {
        let Some(threads) = self.threads.lock().take() else { return Ok(()) };
        self.shared.stop_taking();
        let writers: Vec<_> = threads.writers.into_iter().map(JoinHandle::join).collect();
        self.shared.stop_threads();
        let others = threads.others.into_iter().map(JoinHandle::join);
        let ended = others.chain(writers).filter(std::result::Result::is_err).count();
        debug_assert!(ended == 0, "a thread of the engine panicked");
        self.shared.finish()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        let _ = self.shut();
    }
}

impl Kv for Embedded {
    fn view(&self) -> Result<Box<dyn View + '_>> {
        Ok(Box::new(Snapshot::open(&self.shared)?))
    }
    fn submit(&self, run: Box<TxnFn>) -> Ticket {
        self.shared.submit(run)
    }
    fn submit_and_wait(&self, run: Box<TxnFn>) -> Result<()> {
        self.shared.submit_and_wait(run)
    }
    fn stage_body(&self) -> Result<Box<dyn StageBody>> {
        Ok(Box::new(Staging::begin(&self.shared)?))
    }
}
