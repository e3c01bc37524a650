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
    /// Named since they were looked at last.
    unseen: BTreeSet<AccountId>,
}

impl Backlog {
    /// Something of the account changes.
    pub(crate) fn add(&self, account: AccountId) {
        let mut state = self.0.lock();
        state.unseen.insert(account);
        state.wait(account);
    }
    /// There is nothing to do for an account that was taken. If it was named since it was looked at last, it
    /// is looked at once more: the change it was named for may not have been durable yet.
    pub(crate) fn nothing_for(&self, account: AccountId) {
        let mut state = self.0.lock();
        if state.unseen.remove(&account) {
            state.wait(account);
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

impl State {
    fn wait(&mut self, account: AccountId) {
        if self.waiting.insert(account) {
            self.order.push_back(account);
        }
    }
}
