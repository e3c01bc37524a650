//! Subscriptions, tasks and when they are due, on the memory engine; the check must be content after each
//! step.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_types::{AccountId, Address, CommitNotice, EmailId, PushId, Result, Timestamp, Uid, UidValidity};
use parking_lot::Mutex;

use super::{Attempt, DueAccount, SettleRules, Settled, StoredTask, due_accounts, next_task};
use crate::kv::{Commits, Kv, transact_and_wait};
use crate::mail::check::check;
use crate::mail::fixture::{ALICE, subscription};
use crate::mail::{AccountTxn, INBOX, Quota, directory, reclaim};
use crate::memory::MemoryKv;
use crate::record::push::{Push, PushAccountRecord, PushTaskRecord, SubscriptionRecord};

const RULES: SettleRules = SettleRules { validation_secs: 300, refusals_max: 2 };

#[derive(Default)]
struct Heard(Mutex<Vec<CommitNotice>>);

impl Commits for Heard {
    fn committed(&self, notices: &[CommitNotice]) {
        self.0.lock().extend_from_slice(notices);
    }
}

struct Rig {
    kv: MemoryKv,
    heard: Arc<Heard>,
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

fn id(n: u32) -> PushId {
    PushId::new(&format!("subscription-{n}")).unwrap()
}

fn record(n: u8, now: Timestamp) -> SubscriptionRecord {
    let made = subscription(&format!("Subscription-{n}"), now);
    SubscriptionRecord { seal: [n; 20], expires_at: Some(now.plus_secs(300)), ..made }
}

fn message(uid: u32, now: Timestamp) -> PushTaskRecord {
    let uid = Uid::new(uid).unwrap();
    let uidvalidity = UidValidity::new(1).unwrap();
    let push = Push::Message { mailbox: INBOX, uidvalidity, uid, email: EmailId([1; 16]) };
    PushTaskRecord { made_at: now, short: false, push }
}

impl Rig {
    fn new() -> Self {
        let heard = Arc::new(Heard::default());
        let kv = MemoryKv::new(Arc::clone(&heard) as Arc<dyn Commits>);
        transact_and_wait(&kv, |txn| {
            directory::create_domain(txn, "example.org")?;
            directory::create_account(txn, &Address::parse("alice@example.org").unwrap(), "v", at(0))
        })
        .unwrap();
        heard.0.lock().clear();
        Self { kv, heard }
    }
    /// One transaction; answers whether the sender was woken.
    fn change(
        &self,
        now: Timestamp,
        mut run: impl FnMut(&mut AccountTxn<'_>) -> Result<()> + Send + 'static,
    ) -> bool {
        transact_and_wait(&self.kv, move |txn| {
            let mut account = AccountTxn::open(txn, ALICE, Quota::UNLIMITED, now)?;
            run(&mut account)?;
            account.finish().map(drop)
        })
        .unwrap();
        self.sound();
        std::mem::take(&mut *self.heard.0.lock()).iter().any(|notice| notice.pushes)
    }
    fn sound(&self) {
        assert_eq!(check(&*self.kv.view().unwrap()).unwrap(), []);
    }
    fn subscribe(&self, n: u8, now: Timestamp) -> bool {
        self.change(now, move |account| account.subscribe_push(&id(n.into()), &record(n, now)))
    }
    fn validated(&self, n: u8, now: Timestamp) {
        self.subscribe(n, now);
        self.change(now, move |account| account.validate_push(&id(n.into())));
    }
    fn add(&self, n: u8, uid: u32, now: Timestamp) -> bool {
        self.change(now, move |account| account.add_push(&id(n.into()), &message(uid, now), 3))
    }
    fn settle(&self, n: u8, settled: Settled, now: Timestamp) {
        let next = self.next(n).expect("there is something to settle");
        let attempt = Attempt { key: next.key, seal: [n; 20], tells: None };
        self.change(now, move |account| account.settle_push(&attempt, settled, RULES));
    }
    fn next(&self, n: u8) -> Option<StoredTask> {
        next_task(&*self.kv.view().unwrap(), ALICE, &id(n.into())).unwrap()
    }
    fn next_uid(&self, n: u8) -> Option<u32> {
        match self.next(n)?.record.push {
            Push::Message { uid, .. } => Some(uid.value()),
            Push::Validation | Push::States => None,
        }
    }
    fn state(&self) -> PushAccountRecord {
        super::account_of(&*self.kv.view().unwrap(), ALICE).unwrap().unwrap_or_default()
    }
    fn due(&self) -> Vec<DueAccount> {
        let mut all = Vec::new();
        due_accounts(&*self.kv.view().unwrap(), &mut |due| {
            all.push(due);
            ControlFlow::Continue(())
        })
        .unwrap();
        all
    }
    fn due_at(&self) -> Option<Timestamp> {
        let due = self.due();
        assert!(due.len() <= 1 && due.iter().all(|due| due.account == ALICE));
        due.first().map(|due| due.at)
    }
}

#[test]
fn a_subscription_is_asked_for_proof_and_goes_without() {
    let rig = Rig::new();
    assert_eq!((rig.due_at(), rig.state()), (None, PushAccountRecord::default()));
    assert!(rig.subscribe(1, at(0)), "the sender hears of it");
    assert_eq!(rig.next(1).unwrap().record.push, Push::Validation);
    assert_eq!(rig.due_at(), Some(at(0)));
    // The time counts from when the push service had it.
    rig.settle(1, Settled::Taken, at(20));
    assert_eq!((rig.next(1), rig.due_at()), (None, Some(at(320))));
    rig.change(at(319), |account| account.tend_push(at(320)).map(|gone| assert_eq!(gone, 0)));
    assert_eq!(rig.due_at(), Some(at(320)));
    rig.change(at(320), |account| account.tend_push(at(320)).map(|gone| assert_eq!(gone, 1)));
    let state = rig.state();
    assert_eq!((state.subscriptions, state.unproven, state.unproven_at), (0, 1, at(320)));
    assert_eq!(rig.due_at(), None);
}

#[test]
fn messages_wait_in_their_order_and_the_oldest_goes_first() {
    let rig = Rig::new();
    rig.validated(1, at(0));
    assert_eq!((rig.state().validated, rig.state().unproven, rig.due_at()), (1, 0, None));
    assert!(rig.add(1, 1, at(1)));
    (2..=3).for_each(|uid| assert!(rig.add(1, uid, at(2))));
    assert_eq!((rig.next_uid(1), rig.due_at()), (Some(1), Some(at(1))));
    rig.add(1, 4, at(3));
    assert_eq!(rig.next_uid(1), Some(2), "three may wait");
    for uid in 2..=4 {
        assert_eq!(rig.next_uid(1), Some(uid));
        rig.settle(1, Settled::Taken, at(4));
    }
    assert_eq!((rig.next(1), rig.due_at()), (None, None));
}

#[test]
fn a_failure_holds_all_of_a_subscription_and_nothing_of_another() {
    let rig = Rig::new();
    rig.validated(1, at(0));
    rig.validated(2, at(0));
    rig.add(1, 1, at(1));
    rig.settle(1, Settled::Later(at(60)), at(1));
    assert_eq!((rig.next_uid(1), rig.due_at()), (Some(1), Some(at(60))));
    rig.add(1, 2, at(2));
    assert_eq!(rig.due_at(), Some(at(60)));
    rig.add(2, 2, at(2));
    assert_eq!(rig.due_at(), Some(at(2)));
    rig.settle(2, Settled::Pointless, at(2));
    assert_eq!(rig.due_at(), Some(at(60)));
    rig.change(at(3), |account| account.hold_push(&id(1), at(90)));
    assert_eq!(rig.due_at(), Some(at(90)));
    rig.settle(1, Settled::TooLarge, at(90));
    assert!(rig.next(1).unwrap().record.short);
    rig.settle(1, Settled::TooLarge, at(91));
    assert_eq!(rig.next_uid(1), Some(2), "shorter it cannot be");
    rig.settle(1, Settled::Taken, at(91));
    assert_eq!(rig.due_at(), None);
}

#[test]
fn refused_too_often_or_gone_ends_a_subscription() {
    let rig = Rig::new();
    rig.validated(1, at(0));
    assert!((1..=2).all(|uid| rig.add(1, uid, at(1))));
    rig.settle(1, Settled::Refused, at(1));
    assert_eq!((rig.next_uid(1), rig.state().subscriptions), (Some(2), 1));
    rig.settle(1, Settled::Refused, at(1));
    assert_eq!((rig.next(1), rig.state().subscriptions, rig.state().validated), (None, 0, 0));
    rig.validated(2, at(2));
    rig.add(2, 1, at(2));
    rig.settle(2, Settled::Gone, at(2));
    assert_eq!((rig.state().subscriptions, rig.state().unproven, rig.due_at()), (0, 0, None));
}

#[test]
fn what_came_of_an_attempt_is_not_held_against_another_setting() {
    let rig = Rig::new();
    rig.validated(1, at(0));
    rig.add(1, 1, at(1));
    let attempt = Attempt { key: rig.next(1).unwrap().key, seal: [9; 20], tells: None };
    rig.change(at(1), move |account| account.settle_push(&attempt, Settled::Gone, RULES));
    assert_eq!(rig.state().subscriptions, 1);
    rig.subscribe(1, at(2));
    assert_eq!(rig.next(1).unwrap().record.push, Push::Validation, "what waited is not pushed to it");
    assert_eq!((rig.state().subscriptions, rig.state().validated), (1, 0));
}

#[test]
fn an_account_that_goes_is_not_due_any_more() {
    let rig = Rig::new();
    rig.subscribe(1, at(0));
    transact_and_wait(&rig.kv, |txn| directory::remove_account(txn, ALICE)).unwrap();
    assert_eq!(rig.due_at(), None);
    transact_and_wait(&rig.kv, |txn| {
        while reclaim::reclaim_account(txn, ALICE, 3)? {}
        Ok(())
    })
    .unwrap();
    rig.sound();
    assert_eq!(rig.state(), PushAccountRecord::default());
}

#[test]
fn a_row_that_is_nobodys_goes_when_it_is_found() {
    let rig = Rig::new();
    rig.subscribe(1, at(0));
    for account in [ALICE, AccountId(7)] {
        let stray = crate::key::push_due(at(-9), account);
        transact_and_wait(&rig.kv, move |txn| txn.put(&stray, &[1])).unwrap();
    }
    assert_eq!(rig.due().len(), 3);
    transact_and_wait(&rig.kv, |txn| {
        super::forget_stray(txn, DueAccount { at: at(-9), account: AccountId(7) })?;
        let mut account = AccountTxn::open(txn, ALICE, Quota::UNLIMITED, at(0))?;
        account.tend_push(at(-9)).map(drop)
    })
    .unwrap();
    assert_eq!(rig.due_at(), Some(at(0)));
    rig.sound();
}
