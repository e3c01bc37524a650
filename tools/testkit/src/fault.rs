//! An engine that fails when it is told to: the disk is full, or the disk is broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use koi_store::kv::{Kv, StageBody, Ticket, TxnFn, View};
use koi_types::{ErrorKind, MailError, Result};

/// What is broken now.
#[derive(Debug, Default)]
pub struct Faults {
    /// Every write fails with `Unavailable`.
    pub disk_full: AtomicBool,
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
    fn check(&self) -> Result<()> {
        match self.faults.disk_full.load(Ordering::Relaxed) {
            true => Err(MailError::new(ErrorKind::Unavailable, "no space left, try again later")),
            false => Ok(()),
        }
    }
}

impl Kv for FaultyKv {
    fn view(&self) -> Result<Box<dyn View + '_>> {
        self.kv.view()
    }
    fn submit(&self, run: Box<TxnFn>) -> Ticket {
        match self.check() {
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
