//! Accounts whose index may have to be brought up to date, and those where somebody is at it.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use koi_types::AccountId;
use parking_lot::Mutex;

#[derive(Clone, Default)]
pub(crate) struct IndexQueue(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Whether the accounts of the directory were put in.
    begun: bool,
    waiting: BTreeSet<AccountId>,
    order: VecDeque<AccountId>,
    busy: HashSet<AccountId>,
}

/// While it lives nobody else writes the index of the account.
pub(crate) struct Busy {
    queue: IndexQueue,
    account: AccountId,
}

impl IndexQueue {
    pub(crate) fn add(&self, account: AccountId) {
        let mut state = self.0.lock();
        if state.waiting.insert(account) {
            state.order.push_back(account);
        }
    }
    /// Whether somebody must still put in every account there is; true once.
    pub(crate) fn begin(&self) -> bool {
        !std::mem::replace(&mut self.0.lock().begun, true)
    }
    /// The account that waits longest.
    pub(crate) fn take(&self) -> Option<AccountId> {
        let mut state = self.0.lock();
        let account = state.order.pop_front()?;
        state.waiting.remove(&account);
        Some(account)
    }
    pub(crate) fn occupy(&self, account: AccountId) -> Option<Busy> {
        self.0.lock().busy.insert(account).then(|| Busy { queue: self.clone(), account })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.queue.0.lock().busy.remove(&self.account);
    }
}
