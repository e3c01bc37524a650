//! Accounts whose index may have to be brought up to date, and those where somebody is at it.

use std::collections::HashSet;
use std::sync::Arc;

use koi_types::AccountId;
use parking_lot::Mutex;

use crate::backlog::Backlog;

#[derive(Clone, Default)]
pub(crate) struct IndexQueue(Arc<State>);

#[derive(Default)]
struct State {
    waiting: Backlog,
    busy: Mutex<HashSet<AccountId>>,
}

/// While it lives nobody else writes the index of the account.
pub(crate) struct Busy {
    queue: IndexQueue,
    account: AccountId,
}

impl IndexQueue {
    /// Those that wait.
    pub(crate) fn waiting(&self) -> &Backlog {
        &self.0.waiting
    }
    pub(crate) fn occupy(&self, account: AccountId) -> Option<Busy> {
        self.0.busy.lock().insert(account).then(|| Busy { queue: self.clone(), account })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.queue.0.busy.lock().remove(&self.account);
    }
}
