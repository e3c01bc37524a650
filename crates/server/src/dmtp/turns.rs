//! Whose turn it is to have somebody looked up. A lookup takes as long as servers elsewhere please, so nobody
//! gets more than a share of those that are under way: strangers, who connect to the port for other servers,
//! have half of all, each of them and each of our users a few.
//!
//! Must not: let strangers wait for less than our own users, or our own users for strangers.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use koi_types::AccountId;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Lookups under way for our own users, the messages they have sent among them.
const OURS_MAX: usize = 16;
/// The same for others.
const STRANGERS_MAX: usize = 16;
/// The same for each of both.
const EACH_MAX: usize = 4;
/// Whose turn does not come within so long is told to try again.
const WAIT: Duration = Duration::from_secs(60);

/// Who wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Asker {
    Account(AccountId),
    /// Who is at this address, as [`crate::admission::counted`] counts it.
    Stranger(IpAddr),
}

impl Asker {
    pub(crate) const fn is_ours(self) -> bool {
        matches!(self, Self::Account(_))
    }
}

/// All lookups under way.
pub(crate) struct Turns {
    ours: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    askers: Held<Asker, Semaphore>,
    wait: Duration,
}

/// One of those that its asker may have; nobody else waits for it.
pub(crate) struct Share<'t> {
    _permit: OwnedSemaphorePermit,
    _place: Hold<'t, Asker, Semaphore>,
}

/// One of all lookups.
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Turns {
    pub(crate) fn new() -> Self {
        let (ours, strangers) = (Semaphore::new(OURS_MAX), Semaphore::new(STRANGERS_MAX));
        let (ours, strangers) = (Arc::new(ours), Arc::new(strangers));
        Self { ours, strangers, askers: Held::default(), wait: WAIT }
    }
    /// To be taken before anything that others wait for. Nothing when it does not come in time.
    pub(crate) async fn share(&self, asker: Asker) -> Option<Share<'_>> {
        let place = self.askers.hold(asker, || Semaphore::new(EACH_MAX));
        let permit = self.in_time(&place.it).await?;
        Some(Share { _permit: permit, _place: place })
    }
    /// To be taken last. Nothing when it does not come in time.
    pub(crate) async fn turn(&self, asker: Asker) -> Option<Turn> {
        let all = if asker.is_ours() { &self.ours } else { &self.strangers };
        self.in_time(all).await.map(|permit| Turn { _permit: permit })
    }
    #[cfg(test)]
    pub(super) fn wait_no_more(&mut self) {
        self.wait = Duration::ZERO;
    }
    async fn in_time(&self, of: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        // They are never closed.
        timeout(self.wait, Arc::clone(of).acquire_owned()).await.ok()?.ok()
    }
}

/// Things that are there while somebody holds them.
pub(crate) struct Held<K, T>(Mutex<HashMap<K, Counted<T>>>);

struct Counted<T> {
    holders: usize,
    it: Arc<T>,
}

/// The thing of a key. The last who holds it takes it away, also when he has stopped waiting.
pub(crate) struct Hold<'h, K: Clone + Eq + Hash, T> {
    of: &'h Held<K, T>,
    key: K,
    pub(crate) it: Arc<T>,
}

impl<K, T> Default for Held<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, T> Held<K, T> {
    pub(crate) fn hold(&self, key: K, new: impl FnOnce() -> T) -> Hold<'_, K, T> {
        let mut all = self.0.lock();
        let counted = all.entry(key.clone()).or_insert_with(|| Counted { holders: 0, it: Arc::new(new()) });
        counted.holders += 1;
        Hold { of: self, key, it: Arc::clone(&counted.it) }
    }
}

impl<K: Clone + Eq + Hash, T> Drop for Hold<'_, K, T> {
    fn drop(&mut self) {
        let mut all = self.of.0.lock();
        if let Some(counted) = all.get_mut(&self.key) {
            counted.holders -= 1;
            if counted.holders == 0 {
                all.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(last: u8) -> Asker {
        Asker::Stranger(IpAddr::from([192, 0, 2, last]))
    }

    fn impatient() -> Turns {
        let mut turns = Turns::new();
        turns.wait_no_more();
        turns
    }

    #[tokio::test]
    async fn nobody_has_more_than_a_share() {
        let turns = impatient();
        let alice = Asker::Account(AccountId(1));
        let mut shares = Vec::new();
        for _ in 0..EACH_MAX {
            shares.push(turns.share(alice).await.unwrap());
        }
        assert!(turns.share(alice).await.is_none());
        assert!(turns.share(Asker::Account(AccountId(2))).await.is_some());
        assert!(turns.share(stranger(1)).await.is_some());
        shares.pop();
        shares.push(turns.share(alice).await.unwrap());
        drop(shares);
        assert!(turns.askers.0.lock().is_empty(), "who asks for nothing is not remembered");
    }
    #[tokio::test]
    async fn strangers_take_nothing_from_our_own_users() {
        let turns = impatient();
        let mut all = Vec::new();
        for last in 0.. {
            match turns.turn(stranger(last)).await {
                Some(turn) => all.push(turn),
                None => break,
            }
        }
        assert_eq!(all.len(), STRANGERS_MAX);
        let ours = Asker::Account(AccountId(1));
        let mut own = Vec::new();
        for _ in 0..OURS_MAX {
            own.push(turns.turn(ours).await.unwrap());
        }
        assert!(turns.turn(ours).await.is_none());
        all.pop();
        assert!(turns.turn(stranger(1)).await.is_some() && turns.turn(ours).await.is_none());
    }
    #[tokio::test]
    async fn who_waits_is_next() {
        let turns = Turns::new();
        let mut shares = Vec::new();
        for _ in 0..EACH_MAX {
            shares.push(turns.share(stranger(1)).await.unwrap());
        }
        let free = async { drop(shares) };
        let (waited, ()) = tokio::join!(turns.share(stranger(1)), free);
        assert!(waited.is_some());
    }
}
