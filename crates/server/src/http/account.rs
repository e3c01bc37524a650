//! How many requests of one account are worked on at a time (RFC 8620 §2, `maxConcurrentRequests`).

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use koi_types::AccountId;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Requests in flight, by account.
#[derive(Default)]
pub(super) struct Loads {
    counts: Mutex<HashMap<AccountId, usize>>,
    /// There is room for one more, of some account.
    freed: Notify,
}

/// One of them; makes room when dropped.
pub(super) struct Loaded {
    loads: Arc<Loads>,
    account: AccountId,
}

impl Loads {
    /// `None` when there are so many already.
    pub(super) fn begin(self: &Arc<Self>, account: AccountId, max: usize) -> Option<Loaded> {
        let mut loads = self.counts.lock();
        let count = loads.get(&account).copied().unwrap_or(0);
        if count >= max {
            return None;
        }
        loads.insert(account, count + 1);
        Some(Loaded { loads: Arc::clone(self), account })
    }
    /// Waits while there are so many.
    pub(super) async fn wait(self: Arc<Self>, account: AccountId, max: usize) -> Loaded {
        loop {
            let mut freed = pin!(self.freed.notified());
            // Before it is looked: what is freed between is heard of.
            freed.as_mut().enable();
            if let Some(place) = self.begin(account, max) {
                return place;
            }
            freed.await;
        }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        let mut loads = self.loads.counts.lock();
        let left = loads.get_mut(&self.account).map(|count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == Some(0) {
            loads.remove(&self.account);
        }
        drop(loads);
        self.loads.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_places_of_their_own() {
        let loads = Arc::new(Loads::default());
        let (one, two) = (AccountId(1), AccountId(2));
        let first = loads.begin(one, 2).unwrap();
        let _second = loads.begin(one, 2).unwrap();
        assert!(loads.begin(one, 2).is_none() && loads.begin(two, 2).is_some());
        drop(first);
        let third = loads.begin(one, 2);
        assert!(third.is_some() && loads.begin(one, 2).is_none());
        drop((third, _second));
        assert!(loads.counts.lock().is_empty(), "nothing is kept of who does nothing");
    }
}
