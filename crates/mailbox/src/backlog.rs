//! Accounts for which there may be something to do (to reclaim, to index), in the order they were named.
//! After a start that is every account.

use std::collections::{BTreeSet, VecDeque};

use koi_types::AccountId;
use parking_lot::Mutex;

#[derive(Default)]
pub(crate) struct Backlog(Mutex<State>);

#[derive(Default)]
struct State {
    /// Whether the accounts of the directory were put in.
    begun: bool,
    waiting: BTreeSet<AccountId>,
    order: VecDeque<AccountId>,
}

impl Backlog {
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
    pub(crate) fn count(&self) -> usize {
        self.0.lock().order.len()
    }
}
