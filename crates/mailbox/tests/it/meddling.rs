//! An engine between the service and the memory engine: it counts the rows that views read, and can make one
//! of the coming transactions fail after it has run, or let something happen before one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use koi_store::body::BodyRef;
use koi_store::kv::{Kv, Read, StageBody, Ticket, TxnFn, View, Visit};
use koi_store::memory::MemoryKv;
use koi_types::{ErrorKind, MailError, Result};
use parking_lot::Mutex;

use crate::rig::Deaf;

/// What happens at a transaction.
pub(crate) enum Meddling {
    /// It runs, and leaves no trace: its group could not be written.
    Lost,
    /// This happens before it.
    Before(Box<dyn FnOnce() + Send>),
}

pub(crate) struct MeddlingKv {
    inner: Arc<MemoryKv>,
    rows: AtomicU64,
    /// By the number of transactions that come before.
    coming: Mutex<BTreeMap<usize, Meddling>>,
}

impl MeddlingKv {
    pub(crate) fn new() -> Arc<Self> {
        let inner = Arc::new(MemoryKv::new(Arc::new(Deaf)));
        Arc::new(Self { inner, rows: AtomicU64::new(0), coming: Mutex::default() })
    }
    /// Rows read by views since the last call; a `get` is one, whether or not the row is there, and so is the
    /// beginning of a scan.
    pub(crate) fn rows_read(&self) -> u64 {
        self.rows.swap(0, Ordering::Relaxed)
    }
    /// `0` is the next transaction.
    pub(crate) fn at(&self, number: usize, meddling: Meddling) {
        self.coming.lock().insert(number, meddling);
    }
    /// What is meant for the next transaction.
    fn next(&self) -> Option<Meddling> {
        let mut coming = self.coming.lock();
        let mut later = std::mem::take(&mut *coming);
        let now = later.remove(&0);
        *coming = later.into_iter().map(|(number, meddling)| (number - 1, meddling)).collect();
        now
    }
}

impl Kv for MeddlingKv {
    fn view(&self) -> Result<Box<dyn View + '_>> {
        Ok(Box::new(CountedView { view: self.inner.view()?, rows: &self.rows }))
    }
    fn submit(&self, mut run: Box<TxnFn>) -> Ticket {
        match self.next() {
            Some(Meddling::Lost) => self.inner.submit(Box::new(move |txn| {
                run(txn)?;
                Err(MailError::new(ErrorKind::Unavailable, "the group is lost"))
            })),
            Some(Meddling::Before(happens)) => {
                happens();
                self.inner.submit(run)
            }
            None => self.inner.submit(run),
        }
    }
    fn submit_and_wait(&self, run: Box<TxnFn>) -> Result<()> {
        self.inner.submit_and_wait(run)
    }
    fn stage_body(&self) -> Result<Box<dyn StageBody>> {
        self.inner.stage_body()
    }
}

struct CountedView<'a> {
    view: Box<dyn View + 'a>,
    rows: &'a AtomicU64,
}

impl CountedView<'_> {
    fn count(&self) {
        self.rows.fetch_add(1, Ordering::Relaxed);
    }
}

impl Read for CountedView<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        self.count();
        self.view.get(key)
    }
    fn scan(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.count();
        self.view.scan(from, end, &mut |key, row| -> ControlFlow<()> {
            self.count();
            visit(key, row)
        })
    }
    fn scan_back(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.count();
        self.view.scan_back(from, end, &mut |key, row| -> ControlFlow<()> {
            self.count();
            visit(key, row)
        })
    }
}

impl View for CountedView<'_> {
    fn read_body(&self, body: &BodyRef, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        self.view.read_body(body, range, out)
    }
}
