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

/// A write that waits for the disk.
struct Held {
    run: Box<TxnFn>,
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
        let held = std::mem::take(&mut *self.faults.held.lock().unwrap());
        for Held { run, ticket } in held {
            ticket.resolve(self.kv.submit_and_wait(run));
        }
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
                self.faults.held.lock().unwrap().push(Held { run, ticket: ticket.clone() });
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
