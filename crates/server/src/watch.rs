//! Who is woken when an account's state advances, its password changes, or the server goes down.
//!
//! Every connection has one [`Link`]: a few flags, one waker, and how far the accounts have come that it is
//! told of. Signals merge, so nothing queues up; a link says *that* and *how far*, never *what*: the session
//! reads the change log itself.
//!
//! A connection belongs to the account it logged in to, and may follow others: those whose mailboxes it has
//! open because they were shared with it. Only its own account counts it and can end it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

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
    /// Accounts that have come further, each once.
    advanced: Mutex<Vec<Advanced>>,
    /// The number of the app password it logged in with; 0: another way.
    app_password: AtomicU32,
}

/// How far an account has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advanced {
    pub account: AccountId,
    pub modseq: ModSeq,
}

/// What arrived since the last look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signals {
    /// Each account once.
    pub advanced: Vec<Advanced>,
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
        let advanced = match bits & ADVANCED {
            0 => Vec::new(),
            _ => std::mem::take(&mut *self.advanced.lock()),
        };
        Signals { advanced, shutdown: bits & SHUTDOWN != 0, account_gone: bits & ACCOUNT_GONE != 0 }
    }
    /// Says what the login came with; before `Watch::join`.
    pub fn came_with(&self, app_password: Option<u32>) {
        self.app_password.store(app_password.unwrap_or(0), Ordering::Release);
    }
    /// Tells this connection that the server goes down.
    pub fn shut_down(&self) {
        self.signal(SHUTDOWN);
    }
    fn advance(&self, account: AccountId, modseq: ModSeq) {
        {
            let mut advanced = self.advanced.lock();
            match advanced.iter_mut().find(|known| known.account == account) {
                Some(known) => known.modseq = known.modseq.max(modseq),
                None => advanced.push(Advanced { account, modseq }),
            }
        }
        self.signal(ADVANCED);
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
    /// Wakes the courier to other organisations.
    pub sends: Arc<Notify>,
}

#[derive(Default)]
struct Shard(HashMap<AccountId, Links>);

/// Who is told of an account's commits.
#[derive(Default)]
struct Links {
    /// Logged in to it.
    own: Vec<Arc<Link>>,
    /// Logged in to another.
    following: Vec<Arc<Link>>,
}

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
        if links.own.len() >= max {
            return None;
        }
        links.own.push(Arc::clone(link));
        Some(Joined { watch: Arc::clone(self), account, link: Arc::clone(link), own: true })
    }

    /// Tells a connection of the commits of an account that is not its own; the same rule as for `join`. It
    /// is told at once that the account has advanced, for what was committed before.
    pub fn follow(self: &Arc<Self>, account: AccountId, link: &Arc<Link>) -> Option<Joined> {
        self.shard(account)?.lock().0.entry(account).or_default().following.push(Arc::clone(link));
        link.advance(account, ModSeq::MIN);
        Some(Joined { watch: Arc::clone(self), account, link: Arc::clone(link), own: false })
    }

    /// The account's password changed, or it was removed or disabled: its sessions end.
    pub fn account_gone(&self, account: AccountId) {
        if let Some(shard) = self.shard(account) {
            let shard = shard.lock();
            let Some(links) = shard.0.get(&account) else { return };
            links.own.iter().for_each(|link| link.signal(ACCOUNT_GONE));
            links.following.iter().for_each(|link| link.advance(account, ModSeq::MIN));
        }
    }

    /// The account's password was changed by the session of this link: all others end.
    pub fn others_gone(&self, account: AccountId, own: &Arc<Link>) {
        if let Some(shard) = self.shard(account) {
            let shard = shard.lock();
            let Some(links) = shard.0.get(&account) else { return };
            let others = links.own.iter().filter(|link| !Arc::ptr_eq(link, own));
            others.for_each(|link| link.signal(ACCOUNT_GONE));
            links.following.iter().for_each(|link| link.advance(account, ModSeq::MIN));
        }
    }

    /// The app password was removed: the sessions that came with it end.
    pub fn app_password_gone(&self, account: AccountId, number: u32) {
        if let Some(shard) = self.shard(account) {
            let shard = shard.lock();
            let links = shard.0.get(&account).into_iter().flat_map(|links| &links.own);
            let came_with_it = |link: &&Arc<Link>| link.app_password.load(Ordering::Acquire) == number;
            links.filter(came_with_it).for_each(|link| link.signal(ACCOUNT_GONE));
        }
    }

    fn leave(&self, joined: &Joined) {
        let Some(shard) = self.shard(joined.account) else { return };
        let mut shard = shard.lock();
        if let Some(links) = shard.0.get_mut(&joined.account) {
            let list = if joined.own { &mut links.own } else { &mut links.following };
            list.retain(|link| !Arc::ptr_eq(link, &joined.link));
            if links.own.is_empty() && links.following.is_empty() {
                shard.0.remove(&joined.account);
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
            self.pushes.advanced(notice.account);
            if notice.sends {
                self.sends.notify_one();
            }
            let Some(shard) = self.shard(notice.account) else { continue };
            let shard = shard.lock();
            let Some(links) = shard.0.get(&notice.account) else { continue };
            for link in links.own.iter().chain(&links.following) {
                link.advance(notice.account, notice.modseq);
            }
        }
    }
}

/// A connection in its account's list; leaves it when dropped.
pub struct Joined {
    watch: Arc<Watch>,
    pub account: AccountId,
    link: Arc<Link>,
    /// It is the account of the login.
    own: bool,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.watch.leave(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(account: u32, modseq: u64) -> CommitNotice {
        CommitNotice {
            account: AccountId(account),
            modseq: ModSeq::new(modseq).unwrap(),
            pushes: false,
            sends: false,
        }
    }

    fn advanced(account: u32, modseq: u64) -> Advanced {
        Advanced { account: AccountId(account), modseq: ModSeq::new(modseq).unwrap() }
    }

    #[test]
    fn whoever_follows_an_account_hears_of_it_and_belongs_to_his_own() {
        let watch = Arc::new(Watch::default());
        let (own, guest) = (Arc::new(Link::default()), Arc::new(Link::default()));
        let _owner = watch.join(AccountId(1), &own, 1).unwrap();
        let _guest = watch.join(AccountId(2), &guest, 1).unwrap();
        let following = watch.follow(AccountId(1), &guest).unwrap();
        assert_eq!(guest.take().advanced, [advanced(1, 1)], "for what happened before");
        watch.committed(&[notice(1, 5), notice(2, 7), notice(1, 6)]);
        assert_eq!(guest.take().advanced, [advanced(1, 6), advanced(2, 7)]);
        assert_eq!(own.take().advanced, [advanced(1, 6)]);
        watch.account_gone(AccountId(1));
        assert!(own.take().account_gone);
        let told = guest.take();
        assert!(!told.account_gone && told.advanced == [advanced(1, 1)], "it looks, and stays");
        drop(following);
        watch.committed(&[notice(1, 8)]);
        assert_eq!(guest.take().advanced, []);
    }

    #[test]
    fn signals_merge_and_reach_only_their_account() {
        let watch = Arc::new(Watch::default());
        let (a, b) = (Arc::new(Link::default()), Arc::new(Link::default()));
        let joined = watch.join(AccountId(1), &a, 1).unwrap();
        let _other = watch.join(AccountId(17), &b, 1).unwrap();
        assert!(watch.join(AccountId(1), &b, 1).is_none(), "the account is full");
        watch.committed(&[notice(1, 5), notice(1, 4), notice(2, 9)]);
        assert_eq!(a.take().advanced, [advanced(1, 5)]);
        assert_eq!(a.take(), Signals { advanced: Vec::new(), shutdown: false, account_gone: false });
        assert_eq!(b.take().advanced, []);
        watch.account_gone(AccountId(17));
        assert!(b.take().account_gone && !a.take().account_gone);
        b.came_with(Some(3));
        watch.app_password_gone(AccountId(17), 4);
        assert!(!b.take().account_gone);
        watch.app_password_gone(AccountId(17), 3);
        assert!(b.take().account_gone && !a.take().account_gone);
        let second = Arc::new(Link::default());
        let beside = watch.join(AccountId(1), &second, 2).unwrap();
        watch.others_gone(AccountId(1), &a);
        assert!(second.take().account_gone && !a.take().account_gone && !b.take().account_gone);
        drop(beside);
        drop(joined);
        watch.committed(&[notice(1, 6)]);
        assert_eq!(a.take().advanced, []);
        assert!(watch.join(AccountId(1), &b, 1).is_some(), "the place is free again");
    }
}
