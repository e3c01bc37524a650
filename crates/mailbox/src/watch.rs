//! Who has which mailbox open, and how far it has been told: expunged messages stay readable for those
//! behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use koi_types::{AccountId, MailboxId, ModSeq};
use parking_lot::Mutex;

use crate::service::Inner;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    account: AccountId,
    mailbox: MailboxId,
    watcher: u64,
}

#[derive(Default)]
pub(crate) struct Watchers(Mutex<State>);

#[derive(Default)]
struct State {
    next: u64,
    seen: BTreeMap<Key, ModSeq>,
}

impl Watchers {
    /// The modseq everybody who has the mailbox open has been told; nothing when nobody has.
    pub(crate) fn seen_by_all(&self, account: AccountId, mailbox: MailboxId) -> Option<ModSeq> {
        let from = Key { account, mailbox, watcher: 0 };
        let to = Key { account, mailbox, watcher: u64::MAX };
        self.0.lock().seen.range(from..=to).map(|(_, seen)| *seen).min()
    }
}

/// A session that has a mailbox open; dropping it closes.
pub struct Watching {
    inner: Arc<Inner>,
    key: Key,
}

impl Watching {
    pub(crate) fn new(inner: Arc<Inner>, account: AccountId, mailbox: MailboxId, seen: ModSeq) -> Self {
        let key = {
            let mut state = inner.watchers.0.lock();
            state.next += 1;
            let key = Key { account, mailbox, watcher: state.next };
            state.seen.insert(key, seen);
            key
        };
        Self { inner, key }
    }
    /// The session has told its client of everything that vanished up to here.
    pub fn seen(&self, modseq: ModSeq) {
        self.inner.watchers.0.lock().seen.insert(self.key, modseq);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.inner.watchers.0.lock().seen.remove(&self.key);
    }
}
