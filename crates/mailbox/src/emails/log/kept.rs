//! Logs of changes that wait for who will ask for the next page, and how much all logs there are may hold
//! together. Must not: read anything.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::Log;
use crate::emails::tables::Whose;

/// What was read of all logs that are kept for the next page; one with more than a part of that is not.
const KEPT_MAX: u64 = 1_000_000;
const KEPT_EACH_MAX: u64 = KEPT_MAX / 4;
/// What was read of all logs together, those too that are being read: some 300 MB. At the bound those that
/// are kept go; then whoever would read more compares instead.
const READ_MAX: u64 = 2_000_000;

/// The part of one log in what was read of all; given back when the log goes.
pub(super) struct Weighed {
    read: u64,
    all: Arc<AtomicU64>,
}

impl Weighed {
    /// Answers whether there is room for it.
    pub(super) fn grow_to(&mut self, read: u64) -> bool {
        let more = read.saturating_sub(std::mem::replace(&mut self.read, read));
        self.all.fetch_add(more, Ordering::Relaxed).saturating_add(more) <= READ_MAX
    }
}

impl Drop for Weighed {
    fn drop(&mut self) {
        self.all.fetch_sub(self.read, Ordering::Relaxed);
    }
}

/// Logs for those who were told of a part of their changes and will ask for the rest.
#[derive(Default)]
pub(crate) struct KeptLogs {
    kept: Mutex<Kept>,
    /// What was read of all logs there are.
    read: Arc<AtomicU64>,
}

#[derive(Default)]
struct Kept {
    logs: HashMap<Whose, Log>,
    read: u64,
}

impl KeptLogs {
    /// A log that is still to be read, behind a modseq.
    pub(in crate::emails) fn since(&self, modseq: u64) -> Log {
        Log::since(modseq, Weighed { read: 0, all: Arc::clone(&self.read) })
    }
    /// A log that begins at a modseq or before it: one that is kept, or one that is still to be read.
    pub(in crate::emails) fn take(&self, whose: Whose, since: u64) -> Log {
        let mut kept = self.kept.lock();
        let fits = kept.logs.get(&whose).is_some_and(|log| log.from <= since && since <= log.upto);
        match fits.then(|| kept.logs.remove(&whose)).flatten() {
            Some(log) => {
                kept.read = kept.read.saturating_sub(log.read);
                log
            }
            None => self.since(since),
        }
    }
    /// Keeps a log for the next page. What is too large is not kept; at the bound all others go.
    pub(in crate::emails) fn keep(&self, whose: Whose, log: Log) {
        if log.read > KEPT_EACH_MAX {
            return;
        }
        let mut kept = self.kept.lock();
        if kept.read.saturating_add(log.read) > KEPT_MAX {
            *kept = Kept::default();
        }
        kept.read = kept.read.saturating_add(log.read);
        if let Some(old) = kept.logs.insert(whose, log) {
            kept.read = kept.read.saturating_sub(old.read);
        }
    }
    /// Lets go what is kept for later. Answers whether what is being read is within the bound then.
    pub(super) fn make_room(&self) -> bool {
        *self.kept.lock() = Kept::default();
        self.read.load(Ordering::Relaxed) <= READ_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 8620 §5.2
    #[test]
    fn logs_are_bounded_all_together() {
        let logs = KeptLogs::default();
        let whose = Whose::of_owner(koi_types::AccountId(1));
        let read = |log: &mut Log, read| {
            log.read = read;
            log.weighed.grow_to(read) || logs.make_room()
        };
        let mut kept = logs.since(0);
        assert!(read(&mut kept, KEPT_EACH_MAX));
        logs.keep(whose, kept);
        let mut being_read: Vec<Log> = (0..4).map(|_| logs.since(0)).collect();
        for log in &mut being_read {
            assert!(read(log, READ_MAX / 4), "what is kept makes room");
        }
        assert!(logs.kept.lock().logs.is_empty());
        let mut one_more = logs.since(0);
        assert!(!read(&mut one_more, 1));
        drop((one_more, being_read));
        assert_eq!(logs.read.load(Ordering::Relaxed), 0);
        assert!(read(&mut logs.since(0), READ_MAX));
    }
}
