//! The bare log: append and fdatasync, with group commit (the first waiter writes for all). The least a
//! durable delivery can cost without preparing files; what the store is measured against.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};

use super::Durable;
use crate::failure::{Outcome, fail};

/// A log file with group commit.
pub(crate) struct BareLog {
    file: File,
    path: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    submitted: u64,
    durable: u64,
    led: bool,
    failed: bool,
}

impl BareLog {
    /// Creates the log in a folder of the disk that is measured.
    pub(crate) fn new(folder: &Path) -> Outcome<Self> {
        let path = folder.join("bare-log");
        let file = File::create(&path)?;
        Ok(Self { file, path, state: Mutex::default(), changed: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Writes and flushes everything that waits; the lock is not held meanwhile.
    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.led = true;
        let group = std::mem::take(&mut state.waiting);
        let end = state.submitted;
        drop(state);
        let done = (&self.file).write_all(&group).and_then(|()| self.file.sync_data());
        let mut state = self.lock();
        state.led = false;
        state.durable = end;
        state.failed |= done.is_err();
        self.changed.notify_all();
        state
    }
}

impl Durable for BareLog {
    fn deliver(&self, _account: u32, body: &[u8]) -> Outcome<()> {
        let mut state = self.lock();
        state.waiting.extend_from_slice(body);
        state.submitted += 1;
        let own = state.submitted;
        while state.durable < own {
            state = match state.led {
                true => self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner),
                false => self.lead(state),
            };
        }
        if state.failed { fail("the bare log could not be flushed") } else { Ok(()) }
    }
}

impl Drop for BareLog {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _result = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::BareLog;
    use crate::store::Durable as _;

    #[test]
    fn every_delivery_is_in_the_file_when_it_returns() {
        let folder = std::env::temp_dir().join(format!("koi-bench-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let log = BareLog::new(&folder).unwrap();
        std::thread::scope(|scope| {
            for producer in 0..8 {
                let log = &log;
                scope.spawn(move || (0..20).for_each(|_| log.deliver(producer, b"12345678").unwrap()));
            }
        });
        assert_eq!(std::fs::metadata(folder.join("bare-log")).unwrap().len(), 8 * 20 * 8);
        drop(log);
        std::fs::remove_dir(&folder).unwrap();
    }
}
