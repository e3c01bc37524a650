//! Threads that hash: made when there is work, gone when there is none, so that an idle server keeps no hash
//! memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use argon2::Block;
use koi_types::{ErrorKind, MailError, Result};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::verifier::{self, Cost};

/// A thread without work ends after this.
const IDLE: Duration = Duration::from_secs(5);

/// A bounded queue and the threads that work on it.
pub(super) struct Pool {
    shared: Arc<Shared>,
    threads_max: usize,
    queue_max: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    waiting: usize,
}

enum Job {
    Verify { verifier: String, password: Zeroizing<Vec<u8>>, answer: oneshot::Sender<Result<bool>> },
    Hash { cost: Cost, password: Zeroizing<Vec<u8>>, answer: oneshot::Sender<Result<String>> },
}

impl Job {
    fn run(self, memory: &mut Vec<Block>) {
        // Nobody waits any more when the connection broke: then the answer is dropped.
        match self {
            Self::Verify { verifier, password, answer } => {
                if !answer.is_closed() {
                    let _ = answer.send(verifier::check(&verifier, &password, memory));
                }
            }
            Self::Hash { cost, password, answer } => {
                let _ = answer.send(verifier::make(cost, &password, memory));
            }
        }
    }
}

impl Pool {
    pub(super) fn new(threads_max: usize, queue_max: usize) -> Self {
        Self { shared: Arc::default(), threads_max, queue_max }
    }

    pub(super) async fn verify(&self, verifier: String, password: &[u8]) -> Result<bool> {
        super::tally::did("Argon2id");
        let (answer, result) = oneshot::channel();
        self.enqueue(Job::Verify { verifier, password: Zeroizing::new(password.to_vec()), answer })?;
        result.await.unwrap_or_else(|_| Err(stopped()))
    }

    pub(super) async fn hash(&self, cost: Cost, password: &[u8]) -> Result<String> {
        let (answer, result) = oneshot::channel();
        self.enqueue(Job::Hash { cost, password: Zeroizing::new(password.to_vec()), answer })?;
        result.await.unwrap_or_else(|_| Err(stopped()))
    }

    fn enqueue(&self, job: Job) -> Result<()> {
        let mut state = self.shared.state.lock();
        if state.jobs.len() >= self.queue_max {
            return Err(MailError::new(ErrorKind::Unavailable, "Too many logins at once, try again"));
        }
        state.jobs.push_back(job);
        if state.waiting > 0 {
            self.shared.work.notify_one();
        }
        if state.jobs.len() > state.waiting && state.threads < self.threads_max {
            let shared = Arc::clone(&self.shared);
            let spawned =
                std::thread::Builder::new().name("koi-password".into()).spawn(move || work(&shared));
            match spawned {
                Ok(_) => state.threads += 1,
                Err(error) if state.threads == 0 => {
                    state.jobs.pop_back();
                    let text = "The server cannot check passwords now, try again";
                    return Err(MailError::new(ErrorKind::Unavailable, text).context(error));
                }
                Err(_) => {}
            }
        }
        Ok(())
    }
}

fn work(shared: &Shared) {
    let mut memory = Vec::new();
    loop {
        let mut state = shared.state.lock();
        let job = loop {
            if let Some(job) = state.jobs.pop_front() {
                break job;
            }
            state.waiting += 1;
            let timed_out = shared.work.wait_for(&mut state, IDLE).timed_out();
            state.waiting -= 1;
            if timed_out && state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        };
        drop(state);
        job.run(&mut memory);
    }
}

fn stopped() -> MailError {
    MailError::new(ErrorKind::Unavailable, "The server is shutting down")
}
