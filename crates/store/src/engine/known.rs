//! Which keys may be in the store at all, for tables in which most keys are looked for in vain: a body by its
//! hash, a thread by the hash of a Message-ID. Who delivers asks for both, and to be told "no" from memory
//! saves looking into every run of the overlay and into the index.
//!
//! What is kept is a set of the beginnings of keys which may say too much and never too little. It is made
//! once so many were looked for in vain that it is worth it: from the moment it exists every transaction adds
//! what it writes, and a thread of its own adds what was there before; only then it is asked. Rows that go
//! stay in it. When twice as many were added as it has room for, another one is made in the same way.
//!
//! Must not: answer before it is complete; forget a row because its transaction is not yet durable.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use koi_types::Result;
use parking_lot::{Condvar, Mutex};

use super::body_row;
use super::run::{bits, hash_of_beginning_of};
use super::shared::Shared;
use super::snapshot::Snapshot;
use crate::kv::Read as _;

/// Beginnings for which one word is taken: about one in a hundred that are not there passes for known.
const PER_WORD: usize = 4;
/// The least room, and the most: 32 MiB. A fuller set answers less, and nothing wrong.
const ROOM_MIN: usize = 64 * 1024;
const ROOM_MAX: usize = 16 * 1024 * 1024;
/// Rows added with one view of the store, so that none is held for long.
const PIECE_ROWS: usize = 16_384;
/// Of the thread that fills: those who wait for an answer go first.
const NICE: i32 = 5;

/// Beginnings of keys, thirteen octets each.
pub(crate) struct Beginnings {
    /// A power of two of them.
    words: Box<[AtomicU64]>,
    added: AtomicUsize,
    room: usize,
}

impl Beginnings {
    fn with_room(room: usize) -> Self {
        let room = room.clamp(ROOM_MIN, ROOM_MAX).next_power_of_two();
        Self {
            words: (0..room / PER_WORD).map(|_| AtomicU64::new(0)).collect(),
            added: AtomicUsize::new(0),
            room,
        }
    }
    fn word_of(&self, hash: u64) -> Option<&AtomicU64> {
        self.words.get((hash >> 18) as usize & (self.words.len() - 1))
    }
    fn add(&self, hash: u64) {
        let (Some(word), bits) = (self.word_of(hash), bits(hash)) else { return };
        if word.load(Ordering::Relaxed) & bits != bits {
            word.fetch_or(bits, Ordering::Relaxed);
            self.added.fetch_add(1, Ordering::Relaxed);
        }
    }
    fn may_have(&self, hash: u64) -> bool {
        self.word_of(hash).is_none_or(|word| word.load(Ordering::Relaxed) & bits(hash) == bits(hash))
    }
    fn is_crowded(&self) -> bool {
        self.room < ROOM_MAX && self.added.load(Ordering::Relaxed) > 2 * self.room
    }
}

/// What the transactions of one group ask, and what they add to.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// Knows every row there is.
    complete: Option<Arc<Beginnings>>,
    /// Does not know yet what was there before it.
    filling: Option<Arc<Beginnings>>,
    tables: &'static [u8],
    /// Lookups that nothing here could answer, and those that were spared.
    unanswered: Cell<u64>,
    spared: Cell<u64>,
}

impl Known {
    /// `true`: no row has this key.
    pub(crate) fn has_not(&self, key: &[u8]) -> bool {
        self.is_about(key) && self.lacks(hash_of_beginning_of(key))
    }
    /// `true`: there is no row in a range of keys that begin like `from`, whose hash is `beginning`.
    pub(crate) fn has_none(&self, from: &[u8], beginning: Option<u64>) -> bool {
        beginning.is_some_and(|hash| self.is_about(from) && self.lacks(hash))
    }
    /// To be called before a row is put.
    pub(crate) fn add(&self, key: &[u8]) {
        if (self.complete.is_some() || self.filling.is_some()) && self.is_about(key) {
            let hash = hash_of_beginning_of(key);
            self.complete.iter().chain(&self.filling).for_each(|set| set.add(hash));
        }
    }
    fn is_about(&self, key: &[u8]) -> bool {
        match key.split_first_chunk::<4>() {
            Some(([0, 0, 0, 0], [table, ..])) => *table == body_row::TABLE,
            Some((_, [table, ..])) => self.tables.contains(table),
            _ => false,
        }
    }
    fn lacks(&self, hash: u64) -> bool {
        let lacks = self.complete.as_ref().is_some_and(|complete| !complete.may_have(hash));
        let count = if lacks { &self.spared } else { &self.unanswered };
        count.set(count.get() + 1);
        lacks
    }
}

/// The sets, and what the thread that fills them has to do.
#[derive(Default)]
pub(crate) struct KnownKeys {
    now: Mutex<Known>,
    unanswered: AtomicU64,
    task: Mutex<Task>,
    wanted: Condvar,
    closing: AtomicBool,
}

#[derive(Default)]
struct Task {
    wanted: bool,
    closing: bool,
}

impl KnownKeys {
    pub(crate) fn new(tables: &'static [u8]) -> Self {
        Self { now: Mutex::new(Known { tables, ..Known::default() }), ..Self::default() }
    }
    /// For the transactions of a new group.
    pub(crate) fn now(&self) -> Known {
        self.now.lock().clone()
    }
    /// After the transactions of a group have run. Says how many lookups they were spared.
    pub(crate) fn note(&self, known: &Known, unanswered_max: u64) -> u64 {
        let unanswered = known.unanswered.replace(0);
        let due = match &known.complete {
            Some(complete) => complete.is_crowded(),
            None if unanswered == 0 => false,
            None => self.unanswered.fetch_add(unanswered, Ordering::Relaxed) + unanswered >= unanswered_max,
        };
        if due && known.filling.is_none() {
            self.unanswered.store(0, Ordering::Relaxed);
            self.task.lock().wanted = true;
            self.wanted.notify_one();
        }
        known.spared.replace(0)
    }
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.task.lock().closing = true;
        self.wanted.notify_all();
    }
    /// `false` when the store closes.
    fn wait(&self) -> bool {
        let mut task = self.task.lock();
        while !task.wanted && !task.closing {
            self.wanted.wait(&mut task);
        }
        task.wanted = false;
        !task.closing
    }
    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

/// Why filling ended early.
enum Ended {
    Closing,
    Failed,
}

impl From<koi_types::MailError> for Ended {
    fn from(_: koi_types::MailError) -> Self {
        // Whoever reads or writes meets the same error, and reports it.
        Self::Failed
    }
}

impl Shared {
    /// The thread that fills.
    pub(crate) fn fill_known_until_closed(self: &Arc<Self>) {
        let _ = rustix::process::nice(NICE);
        while self.known.wait() {
            let complete = self.fill_known();
            let mut now = self.known.now.lock();
            let filled = now.filling.take();
            if complete.is_ok() {
                now.complete = filled;
            }
            // What was wanted meanwhile is this one.
            self.known.task.lock().wanted = false;
        }
    }
    fn fill_known(self: &Arc<Self>) -> std::result::Result<(), Ended> {
        let rows = usize::try_from(self.index_usage()?.rows).unwrap_or(usize::MAX);
        let before =
            self.known.now.lock().complete.as_ref().map_or(0, |set| set.added.load(Ordering::Relaxed));
        let set = Arc::new(Beginnings::with_room((rows / 3).max(before.saturating_mul(2))));
        self.begin_filling(&set);
        let (from, end) = body_row::range();
        self.add_range(&set, &from, &end)?;
        let tables = self.known.now.lock().tables;
        let mut next = Some(1);
        while let Some(account) = next.map(|from| self.account_from(from)).transpose()?.flatten() {
            for table in tables {
                let prefix = account.to_be_bytes();
                let [from, end] =
                    [*table, table.saturating_add(1)].map(|table| [&prefix[..], &[table]].concat());
                self.add_range(&set, &from, &end)?;
            }
            next = account.checked_add(1);
        }
        Ok(())
    }
    /// From here on every transaction adds to it. Those that ran before are durable, and found by filling.
    fn begin_filling(&self, set: &Arc<Beginnings>) {
        let mut live = self.live.lock();
        self.settle(&mut live);
        self.known.now.lock().filling = Some(Arc::clone(set));
        drop(live);
        self.call_writer(&mut self.queue.lock());
    }
    /// The lowest account from this one on that has rows.
    fn account_from(self: &Arc<Self>, account: u32) -> Result<Option<u32>> {
        let mut found = None;
        Snapshot::open(self)?.scan(&account.to_be_bytes(), &[u8::MAX; 5], &mut |key, _| {
            found = key.first_chunk().map(|octets| u32::from_be_bytes(*octets));
            ControlFlow::Break(())
        })?;
        Ok(found)
    }
    fn add_range(
        self: &Arc<Self>,
        set: &Beginnings,
        from: &[u8],
        end: &[u8],
    ) -> std::result::Result<(), Ended> {
        let mut from = from.to_vec();
        loop {
            let (mut rows, mut last) = (0, Vec::new());
            Snapshot::open(self)?.scan(&from, end, &mut |key, _| {
                set.add(hash_of_beginning_of(key));
                rows += 1;
                if rows < PIECE_ROWS {
                    return ControlFlow::Continue(());
                }
                last.extend_from_slice(key);
                ControlFlow::Break(())
            })?;
            if self.known.is_closing() {
                return Err(Ended::Closing);
            }
            if rows < PIECE_ROWS {
                return Ok(());
            }
            // The next key there can be.
            last.push(0);
            from = last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_added_is_missing_and_little_else_is_there() {
        let set = Beginnings::with_room(0);
        let key = |number: u32| {
            [&[0, 0, 0, 1, b'I'], &number.wrapping_mul(2_654_435_761).to_be_bytes()[..], b"rest"].concat()
        };
        (0..60_000).for_each(|number| set.add(hash_of_beginning_of(&key(number))));
        assert!((0..60_000).all(|number| set.may_have(hash_of_beginning_of(&key(number)))));
        let wrong =
            (60_000..160_000).filter(|number| set.may_have(hash_of_beginning_of(&key(*number)))).count();
        assert!(wrong < 3_000, "{wrong}");
        assert!(!set.is_crowded());
    }

    #[test]
    fn only_a_complete_set_answers_and_only_for_its_tables() {
        let set = Arc::new(Beginnings::with_room(0));
        let mut known = Known { filling: Some(Arc::clone(&set)), tables: b"I", ..Known::default() };
        assert!(!known.has_not(b"\0\0\0\x01Ikey"));
        assert_eq!(known.unanswered.get(), 1);
        known.add(b"\0\0\0\x01Ikey");
        known.add(b"\0\0\0\x01Tkey");
        assert_eq!(set.added.load(Ordering::Relaxed), 1);
        known.complete = known.filling.take();
        assert!(!known.has_not(b"\0\0\0\x01Ikey") && known.has_not(b"\0\0\0\x01Iother"));
        assert!(!known.has_not(b"\0\0\0\x01Tother") && !known.has_not(b"\0\0\0\0Iother"));
        assert!(known.has_not(b"\0\0\0\0Bother") && !known.has_not(b"\0\0\0\x01") && !known.has_not(b""));
    }
}
