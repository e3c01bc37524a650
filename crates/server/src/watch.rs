//! Who is woken when an account's state advances, its password changes, or the server goes down.
//!
//! Every connection has one [`Link`]: a few flags and one waker. Signals merge, so nothing queues up; a link
//! says
//! *that* and *how far*, never *what*: the session reads the change log itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use koi_store::kv::Commits;
use koi_types::{AccountId, CommitNotice, ModSeq};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::webpush::Wakes;

const ADVANCED: u8 = 1;
const SHUTDOWN: u8 = 2;
const ACCOUNT_GONE: u8 = 4;
/// Shards of the map, so that committing and logging in seldom meet.
const SHARDS: usize = 16;

/// One connection as others see it.
#[derive(Debug, Default)]
pub struct Link {
    wake: Notify,
    signals: AtomicU8,
    modseq: AtomicU64,
    /// The number of the app password it logged in with; 0: another way.
    app_password: AtomicU32,
}

/// What arrived since the last look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signals {
    pub advanced: Option<ModSeq>,
    pub shutdown: bool,
    pub account_gone: bool,
}

impl Link {
    /// Resolves at the next signal; at once when one came since the last time.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }
    /// Takes the signals.
    #[must_use]
    pub fn take(&self) -> Signals {
        let bits = self.signals.swap(0, Ordering::AcqRel);
        let modseq =
            if bits & ADVANCED != 0 { ModSeq::new(self.modseq.load(Ordering::Acquire)) } else { None };
        Signals { advanced: modseq, shutdown: bits & SHUTDOWN != 0, account_gone: bits & ACCOUNT_GONE != 0 }
    }
    /// Says what the login came with; before `Watch::join`.
    pub fn came_with(&self, app_password: Option<u32>) {
        self.app_password.store(app_password.unwrap_or(0), Ordering::Release);
    }
    /// Tells this connection that the server goes down.
    pub fn shut_down(&self) {
        self.signal(SHUTDOWN);
    }
    fn signal(&self, bit: u8) {
        self.signals.fetch_or(bit, Ordering::AcqRel);
        self.wake.notify_one();
    }
}

/// All links: those of accounts by account, and every one for the shutdown.
#[derive(Default)]
pub struct Watch {
    accounts: [Mutex<Shard>; SHARDS],
    /// Who has something new to be pushed.
    pub pushes: Arc<Wakes>,
}

#[derive(Default)]
struct Shard(HashMap<AccountId, Vec<Arc<Link>>>);

impl Watch {
    fn shard(&self, account: AccountId) -> Option<&Mutex<Shard>> {
        self.accounts.get(account.0 as usize % SHARDS)
    }

    /// Adds a connection to its account, unless it already has `max` of them.
    ///
    /// Call before the session reads anything of the account: what is committed afterwards is signalled.
    pub fn join(self: &Arc<Self>, account: AccountId, link: &Arc<Link>, max: usize) -> Option<Joined> {
        let mut shard = self.shard(account)?.lock();
        let links = shard.0.entry(account).or_default();
        if links.len() >= max {
            return None;
        }
        links.push(Arc::clone(link));
        Some(Joined { watch: Arc::clone(self), account, link: Arc::clone(link) })
    }

    /// The account's password changed, or it was removed or disabled: its sessions end.
    pub fn account_gone(&self, account: AccountId) {
        if let Some(shard) = self.shard(account) {
            shard.lock().0.get(&account).into_iter().flatten().for_each(|link| link.signal(ACCOUNT_GONE));
        }
    }

    /// The app password was removed: the sessions that came with it end.
    pub fn app_password_gone(&self, account: AccountId, number: u32) {
        if let Some(shard) = self.shard(account) {
            let shard = shard.lock();
            let links = shard.0.get(&account).into_iter().flatten();
            let came_with_it = |link: &&Arc<Link>| link.app_password.load(Ordering::Acquire) == number;
            links.filter(came_with_it).for_each(|link| link.signal(ACCOUNT_GONE));
        }
    }

    fn leave(&self, account: AccountId, link: &Arc<Link>) {
        let Some(shard) = self.shard(account) else { return };
        let mut shard = shard.lock();
        if let Some(links) = shard.0.get_mut(&account) {
            links.retain(|l| !Arc::ptr_eq(l, link));
            if links.is_empty() {
                shard.0.remove(&account);
            }
        }
    }
}

impl Commits for Watch {
    fn committed(&self, notices: &[CommitNotice]) {
        for notice in notices {
            if notice.pushes {
                self.pushes.wake(notice.account);
            }
            let Some(shard) = self.shard(notice.account) else { continue };
            for link in shard.lock().0.get(&notice.account).into_iter().flatten() {
                link.modseq.fetch_max(notice.modseq.value(), Ordering::AcqRel);
                link.signal(ADVANCED);
            }
        }
    }
}

/// A connection in its account's list; leaves it when dropped.
pub struct Joined {
    watch: Arc<Watch>,
    pub account: AccountId,
    link: Arc<Link>,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.watch.leave(self.account, &self.link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(account: u32, modseq: u64) -> CommitNotice {
        CommitNotice { account: AccountId(account), modseq: ModSeq::new(modseq).unwrap(), pushes: false }
    }

    #[test]
    fn signals_merge_and_reach_only_their_account() {
        let watch = Arc::new(Watch::default());
        let (a, b) = (Arc::new(Link::default()), Arc::new(Link::default()));
        let joined = watch.join(AccountId(1), &a, 1).unwrap();
        let _other = watch.join(AccountId(17), &b, 1).unwrap();
        assert!(watch.join(AccountId(1), &b, 1).is_none(), "the account is full");
        watch.committed(&[notice(1, 5), notice(1, 4), notice(2, 9)]);
        assert_eq!(a.take().advanced, ModSeq::new(5));
        assert_eq!(a.take(), Signals { advanced: None, shutdown: false, account_gone: false });
        assert_eq!(b.take().advanced, None);
        watch.account_gone(AccountId(17));
        assert!(b.take().account_gone && !a.take().account_gone);
        b.came_with(Some(3));
        watch.app_password_gone(AccountId(17), 4);
        assert!(!b.take().account_gone);
        watch.app_password_gone(AccountId(17), 3);
        assert!(b.take().account_gone && !a.take().account_gone);
        drop(joined);
        watch.committed(&[notice(1, 6)]);
        assert_eq!(a.take().advanced, None);
        assert!(watch.join(AccountId(1), &b, 1).is_some(), "the place is free again");
    }
}
