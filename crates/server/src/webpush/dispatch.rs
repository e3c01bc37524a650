//! Starts couriers: for accounts that a commit says have something new, and for those that are due. What has
//! changed in accounts that subscriptions of JMAP follow becomes something new of those subscriptions here.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use koi_mailbox::push::{DueAccount, HeldPush, ReadyPush};
use koi_types::{AccountId, MailError, PushId, Timestamp};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use tokio::task::{self, JoinSet};

use super::following::Following;
use super::origins::Place;
use super::{Shared, courier};
use crate::clock;
use crate::metrics::add;

/// Couriers of all together; the others wait in the store.
const COURIERS_MAX: usize = 4096;
/// Accounts remembered to be looked at; beyond that the store is asked who is due.
const WOKEN_MAX: usize = 65_536;
/// Accounts that are due, taken at a time.
const DUE_MAX: usize = 256;
/// The longest wait without asking the store who is due.
const LOOK: Duration = Duration::from_secs(30);
/// An account whose rows could not be read or written is left alone for so long.
const TROUBLED: Duration = Duration::from_secs(30);
/// One that is due and has nothing to send, unless a commit says that it has.
const IDLE: Duration = Duration::from_secs(1);
/// When a courier has ended, the store is asked so soon what it left.
const AFTER_COURIER: Duration = Duration::from_millis(250);

/// Who has something new, as the store's writer says it: short, and never waiting.
#[derive(Default)]
pub struct Wakes {
    accounts: Mutex<BTreeSet<AccountId>>,
    /// Followed accounts that have come further.
    advanced: Mutex<BTreeSet<AccountId>>,
    /// Accounts that subscriptions of JMAP follow.
    followed: RwLock<HashSet<AccountId>>,
    /// There are any.
    follows: AtomicBool,
    wake: Notify,
}

impl Wakes {
    /// An account has something new to be pushed.
    pub fn wake(&self, account: AccountId) {
        let mut accounts = self.accounts.lock();
        if accounts.len() < WOKEN_MAX {
            accounts.insert(account);
        }
        drop(accounts);
        self.wake.notify_one();
    }
    /// An account has come further.
    pub fn advanced(&self, account: AccountId) {
        // Mostly nobody follows anybody.
        if self.follows.load(Ordering::Acquire) && self.followed.read().contains(&account) {
            self.advanced.lock().insert(account);
            self.wake.notify_one();
        }
    }
    fn follow(&self, accounts: HashSet<AccountId>) {
        let any = !accounts.is_empty();
        *self.followed.write() = accounts;
        self.follows.store(any, Ordering::Release);
    }
    fn take(&self) -> BTreeSet<AccountId> {
        std::mem::take(&mut self.accounts.lock())
    }
    fn take_advanced(&self) -> BTreeSet<AccountId> {
        std::mem::take(&mut self.advanced.lock())
    }
}

/// What a courier is for.
struct Errand {
    account: AccountId,
    id: PushId,
}

struct Dispatcher {
    shared: Arc<Shared>,
    wakes: Arc<Wakes>,
    following: Following,
    couriers: JoinSet<()>,
    errands: HashMap<task::Id, Errand>,
    /// Subscriptions that have a courier.
    busy: HashMap<AccountId, HashSet<PushId>>,
    /// Accounts that are due and had nothing to send, or are in trouble: until when they are left alone.
    resting: HashMap<AccountId, Instant>,
    /// Subscriptions that have to wait, not yet written down.
    held: Vec<HeldPush>,
    /// Somebody may be due.
    look_at: Instant,
}

/// Until it is told to stop.
pub(super) async fn run(shared: Arc<Shared>, wakes: Arc<Wakes>, stop: Arc<Notify>) {
    let mut dispatcher = Dispatcher {
        following: Following::new(shared.settings.states_pause),
        shared,
        wakes: Arc::clone(&wakes),
        couriers: JoinSet::new(),
        errands: HashMap::new(),
        busy: HashMap::new(),
        resting: HashMap::new(),
        held: Vec::new(),
        look_at: Instant::now(),
    };
    match dispatcher.shared.mailbox.push_users() {
        Ok(users) => dispatcher.follow(users),
        Err(error) => tracing::warn!(%error, "who follows accounts could not be read"),
    }
    loop {
        dispatcher.look().await;
        dispatcher.tell().await;
        let until =
            dispatcher.following.next_at().map_or(dispatcher.look_at, |at| at.min(dispatcher.look_at));
        let sleep = tokio::time::sleep_until(until.into());
        tokio::select! {
            () = stop.notified() => break,
            () = wakes.wake.notified() => {
                let woken = wakes.take();
                dispatcher.follow(woken.iter().copied());
                for account in woken {
                    dispatcher.look_after(account);
                }
                let now = Instant::now();
                for account in wakes.take_advanced() {
                    dispatcher.following.advanced(account, now);
                }
                dispatcher.write_held().await;
            }
            Some(done) = dispatcher.couriers.join_next_with_id() => {
                dispatcher.done(done);
                dispatcher.write_held().await;
            }
            () = sleep => {}
        }
    }
    while dispatcher.couriers.join_next().await.is_some() {}
}

impl Dispatcher {
    /// Everybody who is due, when it is time to look.
    async fn look(&mut self) {
        let now = Instant::now();
        if now < self.look_at {
            return;
        }
        self.look_at = now + LOOK;
        self.resting.retain(|_, until| *until > now);
        // Others may share more by now, or less.
        self.follow(self.following.users());
        loop {
            let (at, room) = (clock::now(), COURIERS_MAX.saturating_sub(self.couriers.len()));
            if room == 0 {
                return;
            }
            let skipped = |account| self.busy.contains_key(&account) || self.resting.contains_key(&account);
            let found = match self.shared.mailbox.due_pushes(at, DUE_MAX.min(room), &skipped) {
                Ok(found) => found,
                Err(error) => return tracing::warn!(%error, "who is due for a push could not be read"),
            };
            if let Some(next) = found.next_at {
                self.look_by(at, next);
            }
            if found.due.is_empty() {
                return;
            }
            let idle: Vec<DueAccount> =
                found.due.into_iter().filter(|due| !self.look_after(due.account)).collect();
            self.write_held().await;
            self.tend(idle).await;
        }
    }
    /// Whom these users follow now.
    fn follow(&mut self, users: impl IntoIterator<Item = AccountId>) {
        let now = Instant::now();
        let mut is_changed = false;
        for user in users {
            match self.shared.mailbox.followed(user) {
                Ok(accounts) => is_changed |= self.following.follow(user, accounts, now),
                Err(error) => self.in_trouble(&[user], &error),
            }
        }
        if is_changed {
            // Before states are read, so that nothing is missed in between.
            self.wakes.follow(self.following.accounts().collect());
        }
    }
    /// Sees to it that those are told who follow what has changed.
    async fn tell(&mut self) {
        let users = self.following.take_due(Instant::now());
        if users.is_empty() {
            return;
        }
        let told = match self.shared.mailbox.tell_states(&users) {
            Ok(told) => told.ticket().await,
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            self.in_trouble(&users.into_iter().collect::<Vec<_>>(), &error);
        }
    }
    /// Starts couriers for what an account has to be sent. Answers whether something is done about it now.
    fn look_after(&mut self, account: AccountId) -> bool {
        let now = clock::now();
        let ready = match self.shared.mailbox.ready_pushes(account, now) {
            Ok(ready) => ready,
            Err(error) => {
                self.in_trouble(&[account], &error);
                return true;
            }
        };
        let held_before = self.held.len();
        for ReadyPush { id, endpoint } in ready {
            let busy = self.busy.get(&account);
            let (running, of_account) =
                (busy.is_some_and(|ids| ids.contains(&id)), busy.map_or(0, HashSet::len));
            // Looked at again when a courier of the account ends, or all couriers were too many and one ends.
            let full = of_account >= self.shared.settings.couriers_per_account_max
                || self.couriers.len() >= COURIERS_MAX;
            if running || full {
                continue;
            }
            match self.shared.origins.place(&endpoint.origin(), Instant::now()) {
                Ok(place) => self.send(Errand { account, id }, place),
                Err(wait) => {
                    let until = after(now, wait);
                    self.look_by(now, until);
                    self.held.push(HeldPush { account, id, until });
                }
            }
        }
        self.held.len() > held_before || self.busy.contains_key(&account)
    }
    fn send(&mut self, errand: Errand, place: Place) {
        let Errand { account, id } = &errand;
        self.busy.entry(*account).or_default().insert(id.clone());
        let run = courier::run(Arc::clone(&self.shared), *account, id.clone(), place);
        let courier = self.couriers.spawn(run);
        self.errands.insert(courier.id(), errand);
    }
    async fn write_held(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let held = std::mem::take(&mut self.held);
        let accounts: Vec<AccountId> = held.iter().map(|held| held.account).collect();
        if let Err(error) = self.shared.mailbox.hold_pushes(held).ticket().await {
            self.in_trouble(&accounts, &error);
        }
    }
    async fn tend(&mut self, idle: Vec<DueAccount>) {
        if idle.is_empty() {
            return;
        }
        let accounts: Vec<AccountId> = idle.iter().map(|due| due.account).collect();
        let tended = self.shared.mailbox.tend_pushes(idle);
        // What came of it is known then.
        let _ = tended.ticket().await;
        match tended.take() {
            Ok(gone) => {
                add(&self.shared.metrics.push_subscriptions_expired, gone as u64);
                let until = Instant::now() + IDLE;
                self.resting.extend(accounts.into_iter().map(|account| (account, until)));
            }
            Err(error) => self.in_trouble(&accounts, &error),
        }
    }
    fn done(&mut self, done: Result<(task::Id, ()), task::JoinError>) {
        let id = done.as_ref().map_or_else(task::JoinError::id, |(id, ())| *id);
        if done.is_err() {
            tracing::error!("a courier of pushes panicked; this is a bug, please report it");
        }
        let Some(Errand { account, id }) = self.errands.remove(&id) else { return };
        if let Some(ids) = self.busy.get_mut(&account) {
            ids.remove(&id);
            if ids.is_empty() {
                self.busy.remove(&account);
            }
        }
        if done.is_err() {
            self.resting.insert(account, Instant::now() + TROUBLED);
            return;
        }
        self.look_after(account);
        // What it left may be due at a time nobody has looked for.
        self.look_at = self.look_at.min(Instant::now() + AFTER_COURIER);
    }
    fn in_trouble(&mut self, accounts: &[AccountId], error: &MailError) {
        let accounts_count = accounts.len();
        tracing::warn!(accounts_count, %error, "what is to be pushed could not be read or written");
        let until = Instant::now() + TROUBLED;
        self.resting.extend(accounts.iter().map(|account| (*account, until)));
        self.look_at = self.look_at.min(until);
    }
    fn look_by(&mut self, now: Timestamp, at: Timestamp) {
        let millis = u64::try_from(at.0.saturating_sub(now.0)).unwrap_or(0);
        self.look_at = self.look_at.min(Instant::now() + Duration::from_millis(millis));
    }
}

/// A time on the clock.
pub(super) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
}
