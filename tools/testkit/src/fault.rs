//! An engine that fails when it is told to: the disk is full, or so slow that commits do not become durable
//! until it is over, or from some moment on nothing can be read any more.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use koi_store::body::{BodyRef, NewBody, Scope};
use koi_store::kv::{Kv, Read, StageBody, Ticket, Txn, TxnFn, View, Visit};
use koi_types::{BlobId, CommitNotice, ErrorKind, MailError, Result};

/// What is broken now.
pub struct Faults {
    /// Every write fails with `Unavailable`.
    pub disk_full: AtomicBool,
    /// Every write fails so that does not say that it frees space: the engine's reserve is for those that do.
    pub mail_refused: AtomicBool,
    /// Writes of sessions are kept back.
    pub disk_slow: AtomicBool,
    /// So many more views can be opened, then none.
    pub views_left: AtomicU64,
    held: Mutex<Vec<Held>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            disk_full: AtomicBool::new(false),
            mail_refused: AtomicBool::new(false),
            disk_slow: AtomicBool::new(false),
            views_left: AtomicU64::new(u64::MAX),
            held: Mutex::default(),
        }
    }
}

/// A write that waits for the disk, or that only its session does not know of yet.
struct Held {
    run: Option<Box<TxnFn>>,
    result: Result<()>,
    ticket: Ticket,
}

/// A real engine behind the faults.
pub struct FaultyKv {
    kv: Arc<dyn Kv>,
    faults: Arc<Faults>,
}

impl FaultyKv {
    #[must_use]
    pub fn new(kv: Arc<dyn Kv>, faults: Arc<Faults>) -> Self {
        Self { kv, faults }
    }
    /// The disk works again: everything that waits is written, in order.
    pub fn release(&self) {
        self.write(usize::MAX);
        self.answer(usize::MAX);
    }
    /// Writes so many of those that wait, or fails to; nobody is told yet.
    pub fn write(&self, count: usize) {
        let mut held = std::mem::take(&mut *self.faults.held.lock().unwrap());
        for held in held.iter_mut().filter(|held| held.run.is_some()).take(count) {
            let run = held.run.take().unwrap();
            held.result = self.submit_and_wait(run);
        }
        // What was submitted meanwhile comes behind.
        let mut now = self.faults.held.lock().unwrap();
        held.append(&mut now);
        *now = held;
    }
    /// Tells so many of those that were written.
    pub fn answer(&self, count: usize) {
        let mut held = self.faults.held.lock().unwrap();
        let written = held.iter().take_while(|held| held.run.is_none()).count();
        let answered: Vec<Held> = held.drain(..written.min(count)).collect();
        drop(held);
        answered.into_iter().for_each(|held| held.ticket.resolve(held.result));
    }
    /// Whether somebody waits for a write that is kept back.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.faults.held.lock().unwrap().is_empty()
    }
    fn check(&self) -> Result<()> {
        match self.faults.disk_full.load(Ordering::Relaxed) {
            true => Err(full()),
            false => Ok(()),
        }
    }
    fn admit(&self, run: Box<TxnFn>) -> Box<TxnFn> {
        match self.faults.mail_refused.load(Ordering::Relaxed) {
            true => only_freeing(run),
            false => run,
        }
    }
}

fn full() -> MailError {
    MailError::new(ErrorKind::Unavailable, "no space left, try again later")
}

/// Refuses what wrote and did not say that it frees space, as the engine does beside its reserve.
fn only_freeing(mut run: Box<TxnFn>) -> Box<TxnFn> {
    Box::new(move |txn| {
        let mut watched = Watched { txn, frees: false, wrote: false };
        run(&mut watched)?;
        if watched.wrote && !watched.frees { Err(full()) } else { Ok(()) }
    })
}

/// A transaction of which is known what it did.
struct Watched<'t> {
    txn: &'t mut dyn Txn,
    frees: bool,
    wrote: bool,
}

impl Watched<'_> {
    fn write(&mut self) -> &mut dyn Txn {
        self.wrote = true;
        self.txn
    }
}

impl Read for Watched<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        self.txn.get(key)
    }
    fn scan(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.txn.scan(from, end, visit)
    }
    fn scan_back(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.txn.scan_back(from, end, visit)
    }
}

impl Txn for Watched<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.write().put(key, value)
    }
    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.write().delete(key)
    }
    fn put_body(&mut self, scope: Scope, body: &NewBody) -> Result<BodyRef> {
        self.write().put_body(scope, body)
    }
    fn share_body(&mut self, scope: Scope, blob: &BlobId) -> Result<BodyRef> {
        self.write().share_body(scope, blob)
    }
    fn release_body(&mut self, scope: Scope, blob: &BlobId) -> Result<()> {
        self.write().release_body(scope, blob)
    }
    fn notice(&mut self, notice: CommitNotice) {
        self.txn.notice(notice);
    }
    fn frees_space(&mut self) {
        self.frees = true;
        self.txn.frees_space();
    }
}

impl Kv for FaultyKv {
    fn view(&self) -> Result<Box<dyn View + '_>> {
        let fewer = |left: u64| left.checked_sub(u64::from(left < u64::MAX));
        let opened = self.faults.views_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        opened.map_err(|_| MailError::new(ErrorKind::Unavailable, "nothing can be read, try again later"))?;
        self.kv.view()
    }
    fn submit(&self, run: Box<TxnFn>) -> Ticket {
        let run = self.admit(run);
        match self.check() {
            Ok(()) if self.faults.disk_slow.load(Ordering::Relaxed) => {
                let ticket = Ticket::new();
                self.faults.held.lock().unwrap().push(Held {
                    run: Some(run),
                    result: Ok(()),
                    ticket: ticket.clone(),
                });
                ticket
            }
            Ok(()) => self.kv.submit(run),
            Err(error) => {
                let ticket = Ticket::new();
                ticket.resolve(Err(error));
                ticket
            }
        }
    }
    fn submit_and_wait(&self, run: Box<TxnFn>) -> Result<()> {
        self.check()?;
        self.kv.submit_and_wait(self.admit(run))
    }
    fn stage_body(&self) -> Result<Box<dyn StageBody>> {
        self.check()?;
        self.kv.stage_body()
    }
}
