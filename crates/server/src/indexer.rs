//! The thread that keeps search indexes up to date, behind delivery: it looks every few seconds for accounts
//! that changed, has a lower priority than all others, and rests as long as it works.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use koi_mailbox::MailboxService;
use koi_mailbox::index::{IndexRun, IndexStep};
use koi_types::{AccountId, ErrorKind, Result};
use parking_lot::{Condvar, Mutex};

use crate::problem::Problem;

/// From one look for changed accounts to the next.
const ROUND: Duration = Duration::from_secs(2);
/// After an account could not be indexed.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// Priority below everybody who waits for an answer.
const NICE: i32 = 15;
/// A step does not rest longer.
const REST_MAX: Duration = Duration::from_millis(200);

/// The thread; it ends when this is dropped, which blocks until the step under way is done.
pub struct Indexer {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    stopping: Mutex<bool>,
    stopped: Condvar,
}

impl State {
    /// Waits; answers whether it is time to end.
    fn rest(&self, time: Duration) -> bool {
        let mut stopping = self.stopping.lock();
        if !*stopping {
            self.stopped.wait_for(&mut stopping, time);
        }
        *stopping
    }
}

impl Indexer {
    pub fn start(mailbox: MailboxService) -> std::result::Result<Self, Problem> {
        let state: Arc<State> = Arc::default();
        let mine = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("koi-index".into())
            .spawn(move || work(&mailbox, &mine))
            .map_err(|e| {
                Problem::new(format!("cannot start a thread: {e}"), "raise the limit on processes")
            })?;
        Ok(Self { state, thread: Some(thread) })
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        *self.state.stopping.lock() = true;
        self.state.stopped.notify_all();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the search index panicked; this is a bug, please report it");
        }
    }
}

fn work(mailbox: &MailboxService, state: &State) {
    let _ = rustix::process::nice(NICE);
    loop {
        let pause = match round(mailbox, state) {
            Ok(()) => ROUND,
            Err(error) => {
                tracing::warn!(%error, "a search index could not be brought up to date; it is tried again");
                AFTER_FAILURE
            }
        };
        if state.rest(pause) {
            return;
        }
    }
}

/// Every account that changed, once.
fn round(mailbox: &MailboxService, state: &State) -> Result<()> {
    let mut again: Vec<AccountId> = Vec::new();
    let mut failed = Ok(());
    while let Some(account) = mailbox.next_to_index()? {
        match mailbox.index_run(account, false) {
            Ok(None) => {}
            Ok(Some(run)) => {
                if let Err(error) = finish(run, state) {
                    again.push(account);
                    failed = Err(error.context(format!("account {}", account.0)));
                }
            }
            // `koi index` is at it.
            Err(error) if error.kind == ErrorKind::InUse => again.push(account),
            Err(error) => {
                again.push(account);
                failed = Err(error.context(format!("account {}", account.0)));
            }
        }
        if *state.stopping.lock() {
            break;
        }
    }
    again.into_iter().for_each(|account| mailbox.index_later(account));
    failed
}

fn finish(mut run: IndexRun, state: &State) -> Result<()> {
    loop {
        let began = Instant::now();
        if run.advance()? == IndexStep::Done || state.rest(began.elapsed().min(REST_MAX)) {
            return Ok(());
        }
    }
}
