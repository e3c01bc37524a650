//! An engine that fails when it is told to: the disk is full, or so slow that commits do not become durable
//! until it is over, or from some moment on nothing can be read any more.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use koi_store::kv::{Kv, StageBody, Ticket, TxnFn, View};
use koi_types::{ErrorKind, MailError, Result};

/// What is broken now.
pub struct Faults {
    /// Every write fails with `Unavailable`.
    pub disk_full: AtomicBool,
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
            true => Err(MailError::new(ErrorKind::Unavailable, "no space left, try again later")),
            false => Ok(()),
        }
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
        self.kv.submit_and_wait(run)
    }
    fn stage_body(&self) -> Result<Box<dyn StageBody>> {
        self.check()?;
        self.kv.stage_body()
    }
}
