//! What the threads of the engine share: the state under one lock, the queue, the live segment.
//!
//! Order of locks: `compacting`, `applying`, `missed`, `live`, `ahead`, `publishing`, `queue`, `compactor`,
//! `merging`, `state`. No file is touched under `queue` or `state`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::Instant;

use koi_types::{ErrorKind, MailError, Result};
use parking_lot::{Condvar, Mutex};

use super::applier::Applied;
use super::bodies::{SegmentFile, Segments};
use super::commit::{Queue, WRITERS};
use super::compact::Compactor;
use super::counters::{Counters, Live as LiveCounters};
use super::index::{Index, Position, Usage};
use super::journal::{Ahead, Live, LiveFile};
use super::known::KnownKeys;
use super::options::Options;
use super::overlay::Overlay;
use super::recover::Recovered;
use super::renew::Missed;
use super::reserve::Reserve;
use super::run::Run;
use super::segment::{Header, Layout, StoreId};
use super::stage::BodyFiles;
use crate::kv::Commits;
use crate::vfs::{Counted, File, Vfs, nobody_waits_for_this_thread};

/// Everything but the threads themselves.
pub(crate) struct Shared {
    pub(crate) layout: Layout,
    pub(crate) options: Options,
    pub(crate) vfs: Counted,
    pub(crate) store: StoreId,
    pub(crate) commits: Arc<dyn Commits>,
    pub(crate) counters: LiveCounters,
    /// Held for a round of the applier.
    pub(crate) applying: Mutex<()>,
    /// What a copy of the index that is being made still needs; nothing when none is made.
    pub(crate) missed: Mutex<Option<Missed>>,
    pub(crate) live: Mutex<Live>,
    pub(crate) queue: Mutex<Queue>,
    /// Something waits and nobody leads.
    pub(crate) work: Condvar,
    /// For whoever has `live`: a group was written, or failed.
    pub(crate) written: Condvar,
    /// Held while a durable group is made visible and known.
    pub(crate) publishing: Mutex<()>,
    /// Held while runs of the overlay are merged.
    pub(crate) merging: Mutex<()>,
    pub(crate) runs: Mutex<Runs>,
    pub(crate) runs_wanted: Condvar,
    pub(crate) state: Mutex<State>,
    pub(crate) apply_wanted: Condvar,
    pub(crate) applied: Condvar,
    pub(crate) body_files: BodyFiles,
    pub(crate) reserve: Mutex<Reserve>,
    /// Held for a look of the compactor.
    pub(crate) compacting: Mutex<()>,
    pub(crate) compactor: Mutex<Compactor>,
    pub(crate) compact_wanted: Condvar,
    /// Octets that may have died since the compactor last looked.
    pub(crate) dead_hint: AtomicU64,
    /// Octets written since the room on the disk was looked at.
    pub(crate) unlooked_octets: AtomicU64,
    /// After so many the disk is looked at anew.
    pub(crate) look_octets: AtomicU64,
    /// Held while the segment after the live one is made.
    pub(crate) ahead: Mutex<Option<Ahead>>,
    pub(crate) known: KnownKeys,
    pub(crate) zeros: Mutex<Zeros>,
    pub(crate) zeros_wanted: Condvar,
}

/// The threads of a store.
pub(crate) struct Threads {
    pub(crate) writers: Vec<JoinHandle<()>>,
    pub(crate) others: Vec<JoinHandle<()>>,
}

/// What the thread that writes ahead of need has to do.
#[derive(Default)]
pub(crate) struct Zeros {
    wanted: Option<Arc<LiveFile>>,
    /// The number of a segment to make ahead of need.
    segment: Option<u32>,
    closing: bool,
}

/// What the thread that merges runs has to do.
#[derive(Default)]
pub(crate) struct Runs {
    pub(crate) wanted: bool,
    pub(crate) closing: bool,
}

/// What readers and the writer must see together.
pub(crate) struct State {
    /// Groups that are built but not yet visible, in their order.
    pub(crate) sealed: Vec<Arc<Run>>,
    /// Rows behind `frozen`.
    pub(crate) current: Overlay,
    /// Rows the applier is writing to the index.
    pub(crate) frozen: Overlay,
    /// End of the groups in `frozen`.
    pub(crate) frozen_end: Position,
    pub(crate) durable: Position,
    pub(crate) applied: Position,
    pub(crate) index: Arc<Index>,
    pub(crate) segments: Arc<Segments>,
    /// When the first row came into `current`.
    pub(crate) oldest: Option<Instant>,
    /// Replaced when files are dropped: they go when nobody holds the old one any more.
    pub(crate) epoch: Arc<()>,
    pub(crate) read_only: Option<String>,
    pub(crate) apply_failure: Option<String>,
    pub(crate) disk_note: Option<String>,
    pub(crate) closing: bool,
}

impl State {
    pub(crate) fn add_segment(&mut self, header: Header, file: &Arc<dyn File>) {
        let segment = Arc::new(SegmentFile { header, file: Arc::clone(file), table: None });
        Arc::make_mut(&mut self.segments).0.insert(header.segment, segment);
    }
}

/// Whether the store can do its work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    Good,
    /// Commits or the index failed for want of room; it recovers by itself when there is room again.
    Struggling(String),
    /// A flush failed: what the disk holds is unknown, so nothing is written until the store is opened again.
    ReadOnly(String),
}

impl Shared {
    pub(crate) fn new(
        layout: Layout,
        options: Options,
        vfs: Counted,
        commits: Arc<dyn Commits>,
        recovered: Recovered,
    ) -> Self {
        let oldest = (!recovered.overlay.is_empty()).then(Instant::now);
        let state = State {
            sealed: Vec::new(),
            current: recovered.overlay,
            frozen: Overlay::default(),
            frozen_end: recovered.applied,
            durable: recovered.live.position,
            applied: recovered.applied,
            index: Arc::new(recovered.index),
            segments: Arc::new(recovered.segments),
            oldest,
            epoch: Arc::new(()),
            read_only: None,
            apply_failure: None,
            disk_note: None,
            closing: false,
        };
        let known = KnownKeys::new(options.mostly_new);
        Self {
            layout,
            options,
            vfs,
            store: recovered.store,
            commits,
            counters: LiveCounters::default(),
            applying: Mutex::new(()),
            missed: Mutex::new(None),
            live: Mutex::new(recovered.live),
            queue: Mutex::default(),
            work: Condvar::new(),
            written: Condvar::new(),
            publishing: Mutex::new(()),
            merging: Mutex::new(()),
            runs: Mutex::default(),
            runs_wanted: Condvar::new(),
            state: Mutex::new(state),
            apply_wanted: Condvar::new(),
            applied: Condvar::new(),
            body_files: BodyFiles::new(recovered.next_body),
            reserve: Mutex::new(Reserve::None),
            compacting: Mutex::new(()),
            compactor: Mutex::default(),
            compact_wanted: Condvar::new(),
            // What died before a crash is not known: the first look is for it.
            dead_hint: AtomicU64::new(u64::MAX / 2),
            unlooked_octets: AtomicU64::new(u64::MAX / 2),
            look_octets: AtomicU64::new(0),
            ahead: Mutex::new(None),
            known,
            zeros: Mutex::default(),
            zeros_wanted: Condvar::new(),
        }
    }
    pub(crate) fn start_threads(self: &Arc<Self>) -> std::io::Result<Threads> {
        self.refill_reserve();
        self.want_zeros(&Arc::clone(&self.live.lock().file));
        let mut others = vec![
            self.start("store-applier", |shared| in_background(|| shared.apply_until_closed()))?,
            self.start("store-zeros", |shared| in_background(|| shared.fill_until_closed()))?,
            self.start("store-runs", |shared| in_background(|| shared.merge_until_closed()))?,
            self.start("store-known", |shared| in_background(|| shared.fill_known_until_closed()))?,
        ];
        if self.options.compactor.enabled {
            let compactor = |shared: &Arc<Self>| in_background(|| shared.compact_until_closed());
            others.push(self.start("store-compactor", compactor)?);
        }
        let writers = (0..WRITERS).map(|_| self.start("store-writer", Self::write_until_closed));
        Ok(Threads { writers: writers.collect::<std::io::Result<_>>()?, others })
    }
    fn start(self: &Arc<Self>, name: &str, task: fn(&Arc<Self>)) -> std::io::Result<JoinHandle<()>> {
        let shared = Arc::clone(self);
        std::thread::Builder::new().name(name.to_owned()).spawn(move || task(&shared))
    }
    /// Asks for zeros ahead of the groups of the live segment.
    pub(crate) fn want_zeros(&self, file: &Arc<LiveFile>) {
        if self.options.durability == super::Durability::ZeroFilled {
            self.zeros.lock().wanted = Some(Arc::clone(file));
            self.zeros_wanted.notify_one();
        }
    }
    /// Asks for the segment after the live one.
    pub(crate) fn want_segment(&self, number: u32) {
        self.zeros.lock().segment = Some(number);
        self.zeros_wanted.notify_one();
    }
    fn fill_until_closed(&self) {
        loop {
            let (file, segment) = {
                let mut zeros = self.zeros.lock();
                loop {
                    if zeros.closing {
                        return;
                    }
                    match (zeros.wanted.take(), zeros.segment.take()) {
                        (None, None) => self.zeros_wanted.wait(&mut zeros),
                        work => break work,
                    }
                }
            };
            while file.as_ref().is_some_and(|file| file.fill(self.options.fill_ahead_octets)) {}
            if let Some(number) = segment {
                self.make_ahead(number);
            }
        }
    }
    fn make_ahead(&self, number: u32) {
        let mut ahead = self.ahead.lock();
        // The live one may have been sealed meanwhile, and this number be in use.
        if self.state.lock().segments.0.last_key_value().is_some_and(|(last, _)| *last >= number) {
            return;
        }
        // A full disk is met again when the segment is needed, by somebody who can report it.
        *ahead = Ahead::create(&self.vfs, &self.layout, self.store, number).ok();
    }
    /// No further transaction is taken; those that wait are finished by the writer threads, which then end.
    pub(crate) fn stop_taking(&self) {
        self.queue.lock().closing = true;
        self.work.notify_all();
    }
    /// The other threads end. Commits may need the applier, so the writers have to end first.
    pub(crate) fn stop_threads(&self) {
        self.state.lock().closing = true;
        self.apply_wanted.notify_all();
        self.compactor.lock().closing = true;
        self.compact_wanted.notify_all();
        self.zeros.lock().closing = true;
        self.zeros_wanted.notify_all();
        self.known.close();
        self.runs.lock().closing = true;
        self.runs_wanted.notify_all();
    }
    /// After the threads have ended.
    pub(crate) fn finish(self: &Arc<Self>) -> Result<()> {
        self.apply_now()?;
        let mut live = self.live.lock();
        self.settle(&mut live);
        if self.state.lock().read_only.is_none() {
            let _ = live.file.seal(live.position.offset);
        }
        if let Some(ahead) = self.ahead.lock().take() {
            // What is left of it is removed at the next start.
            let _ = self.vfs.remove(&self.layout.segment(ahead.segment()));
        }
        Ok(())
    }
    pub(crate) fn apply_now(self: &Arc<Self>) -> Result<()> {
        match self.apply_all() {
            Applied::Everything => Ok(()),
            Applied::Failed => {
                let why = self.state.lock().apply_failure.clone().unwrap_or_default();
                Err(MailError::new(ErrorKind::Unavailable, "the index could not be written").context(why))
            }
        }
    }
    /// Nothing is written any more until the store is opened again and has recovered.
    pub(crate) fn stop(&self, why: String) {
        let mut state = self.state.lock();
        state.read_only.get_or_insert(why);
        self.applied.notify_all();
    }
    pub(crate) fn writable(&self) -> Result<()> {
        match &self.state.lock().read_only {
            None => Ok(()),
            Some(why) => {
                let error =
                    MailError::new(ErrorKind::Unavailable, "the store is read-only until it is restarted");
                Err(error.context(why))
            }
        }
    }
    /// Remembers for `health` that room was missing.
    pub(crate) fn note_disk(&self, error: &MailError) {
        self.state.lock().disk_note = Some(error.to_string());
    }
    pub(crate) fn health(&self) -> Health {
        let state = self.state.lock();
        if let Some(why) = &state.read_only {
            return Health::ReadOnly(why.clone());
        }
        match state.apply_failure.as_ref().or(state.disk_note.as_ref()) {
            Some(why) => Health::Struggling(why.clone()),
            None => Health::Good,
        }
    }
    pub(crate) fn read_counters(&self) -> Counters {
        let state = self.state.lock();
        Counters {
            flushes: self.vfs.counts().flushes(),
            background_flushes: self.vfs.counts().background_flushes(),
            octets_written: self.vfs.counts().octets_written(),
            overlay_rows: (state.current.rows() + state.frozen.rows()) as u64,
            overlay_octets: (state.current.octets() + state.frozen.octets()) as u64,
            sequence: state.durable.sequence,
            ..self.counters.read()
        }
    }
    pub(crate) fn index_usage(&self) -> Result<Usage> {
        let index = Arc::clone(&self.state.lock().index);
        index.usage().map_err(super::index::IndexError::into_mail)
    }
}

/// The work of a thread nobody waits for.
fn in_background(work: impl FnOnce()) {
    nobody_waits_for_this_thread();
    work();
}
