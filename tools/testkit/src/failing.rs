//! A store of which one call fails: of the engine's files, or of the engine itself. What somebody was doing
//! then is looked at afterwards.

use std::borrow::Cow;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use koi_store::body::{BodyRef, NewBody, Scope};
use koi_store::kv::{Kv, Read, StageBody, Ticket, Txn, TxnFn, View, Visit};
use koi_store::vfs::{File, RealVfs, Vfs};
use koi_types::{BlobId, CommitNotice, Result};

/// Which calls fail; clones share it.
#[derive(Clone, Debug)]
pub struct Failing<E>(Arc<State<E>>);

#[derive(Debug)]
struct State<E> {
    calls: AtomicU64,
    /// From this call on, so many.
    plan: Mutex<Option<Plan<E>>>,
}

#[derive(Clone, Debug)]
struct Plan<E> {
    at: u64,
    calls: u64,
    error: E,
}

impl<E> Default for Failing<E> {
    fn default() -> Self {
        Self(Arc::new(State { calls: AtomicU64::new(0), plan: Mutex::new(None) }))
    }
}

impl<E: Clone> Failing<E> {
    /// Counts anew, and lets calls fail: the one with this number and those after it.
    pub fn fail(&self, at: u64, calls: u64, error: E) {
        self.0.calls.store(0, Ordering::Relaxed);
        *self.0.plan.lock().unwrap() = Some(Plan { at, calls, error });
    }
    /// Nothing fails any more. Answers how many calls there were.
    pub fn works(&self) -> u64 {
        *self.0.plan.lock().unwrap() = None;
        self.0.calls.load(Ordering::Relaxed)
    }
    fn call(&self) -> std::result::Result<(), E> {
        let at = self.0.calls.fetch_add(1, Ordering::Relaxed);
        match &*self.0.plan.lock().unwrap() {
            Some(plan) if at >= plan.at && at - plan.at < plan.calls => Err(plan.error.clone()),
            _ => Ok(()),
        }
    }
}

/// The files of the machine.
#[derive(Clone, Default, Debug)]
pub struct FailingVfs {
    pub failing: Failing<io::ErrorKind>,
}

struct FailingFile {
    file: Arc<dyn File>,
    failing: Failing<io::ErrorKind>,
}

impl FailingVfs {
    fn call(&self) -> io::Result<()> {
        self.failing.call().map_err(Into::into)
    }
    fn file(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(FailingFile { file, failing: self.failing.clone() })
    }
}

impl Vfs for FailingVfs {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.call()?;
        RealVfs.create(path).map(|file| self.file(file))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.call()?;
        RealVfs.open(path).map(|file| self.file(file))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        RealVfs.remove(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        RealVfs.rename(from, to)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        RealVfs.create_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.call()?;
        RealVfs.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        RealVfs.sync_dir(path)
    }
}

impl FailingFile {
    fn call(&self) -> io::Result<()> {
        self.failing.call().map_err(Into::into)
    }
    /// What fails may have written a part.
    fn write(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.call().inspect_err(|_| {
            let part = octets.get(..octets.len() / 2).unwrap_or_default();
            let _ = self.file.write_at(part, offset);
        })
    }
}

impl File for FailingFile {
    fn write_at(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.write(octets, offset)?;
        self.file.write_at(octets, offset)
    }
    fn write_durable(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.write(octets, offset)?;
        self.file.write_durable(octets, offset)
    }
    fn flush(&self) -> io::Result<()> {
        self.call()?;
        self.file.flush()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.call()?;
        self.file.read_at(buffer, offset)
    }
    fn octets(&self) -> io::Result<u64> {
        self.file.octets()
    }
    fn set_octets(&self, octets: u64) -> io::Result<()> {
        self.call()?;
        self.file.set_octets(octets)
    }
    fn write_back(&self, offset: u64, octets: u64) -> io::Result<()> {
        self.call()?;
        self.file.write_back(offset, octets)
    }
    fn reserve(&self, octets: u64) -> io::Result<()> {
        self.call()?;
        self.file.reserve(octets)
    }
}

/// An engine: each call of it, of its views and transactions, and of bodies that arrive.
pub struct FailingKv {
    kv: Arc<dyn Kv>,
    failing: Failing<koi_types::MailError>,
}

impl FailingKv {
    #[must_use]
    pub fn new(kv: Arc<dyn Kv>, failing: Failing<koi_types::MailError>) -> Self {
        Self { kv, failing }
    }
    fn failing(&self, mut run: Box<TxnFn>) -> Box<TxnFn> {
        let failing = self.failing.clone();
        Box::new(move |txn| run(&mut FailingTxn { txn, failing: failing.clone() }))
    }
}

impl Kv for FailingKv {
    fn view(&self) -> Result<Box<dyn View + '_>> {
        self.failing.call()?;
        Ok(Box::new(FailingView { view: self.kv.view()?, failing: self.failing.clone() }))
    }
    fn submit(&self, run: Box<TxnFn>) -> Ticket {
        match self.failing.call() {
            Ok(()) => self.kv.submit(self.failing(run)),
            Err(error) => {
                let ticket = Ticket::new();
                ticket.resolve(Err(error));
                ticket
            }
        }
    }
    fn submit_and_wait(&self, run: Box<TxnFn>) -> Result<()> {
        self.failing.call()?;
        self.kv.submit_and_wait(self.failing(run))
    }
    fn stage_body(&self) -> Result<Box<dyn StageBody>> {
        self.failing.call()?;
        let body = self.kv.stage_body()?;
        Ok(Box::new(FailingBody { body, failing: self.failing.clone() }))
    }
}

struct FailingView<'a> {
    view: Box<dyn View + 'a>,
    failing: Failing<koi_types::MailError>,
}

impl Read for FailingView<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        self.failing.call()?;
        self.view.get(key)
    }
    fn scan(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.failing.call()?;
        self.view.scan(from, end, visit)
    }
    fn scan_back(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.failing.call()?;
        self.view.scan_back(from, end, visit)
    }
}

impl View for FailingView<'_> {
    fn read_body(&self, body: &BodyRef, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        self.failing.call()?;
        self.view.read_body(body, range, out)
    }
}

struct FailingTxn<'a> {
    txn: &'a mut dyn Txn,
    failing: Failing<koi_types::MailError>,
}

impl Read for FailingTxn<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        self.failing.call()?;
        self.txn.get(key)
    }
    fn scan(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.failing.call()?;
        self.txn.scan(from, end, visit)
    }
    fn scan_back(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.failing.call()?;
        self.txn.scan_back(from, end, visit)
    }
}

impl Txn for FailingTxn<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.failing.call()?;
        self.txn.put(key, value)
    }
    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.failing.call()?;
        self.txn.delete(key)
    }
    fn put_body(&mut self, scope: Scope, body: &NewBody) -> Result<BodyRef> {
        self.failing.call()?;
        self.txn.put_body(scope, body)
    }
    fn share_body(&mut self, scope: Scope, blob: &BlobId) -> Result<BodyRef> {
        self.failing.call()?;
        self.txn.share_body(scope, blob)
    }
    fn release_body(&mut self, scope: Scope, blob: &BlobId) -> Result<()> {
        self.failing.call()?;
        self.txn.release_body(scope, blob)
    }
    fn notice(&mut self, notice: CommitNotice) {
        self.txn.notice(notice);
    }
    fn frees_space(&mut self) {
        self.txn.frees_space();
    }
}

struct FailingBody {
    body: Box<dyn StageBody>,
    failing: Failing<koi_types::MailError>,
}

impl StageBody for FailingBody {
    fn write(&mut self, octets: &[u8]) -> Result<()> {
        self.failing.call()?;
        self.body.write(octets)
    }
    fn finish(self: Box<Self>) -> Result<NewBody> {
        self.failing.call()?;
        self.body.finish()
    }
}
