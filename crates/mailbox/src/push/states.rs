//! States of data that clients of JMAP are pushed (RFC 8620 §7.1): those of the user's own account, and of
//! the accounts that others share with it.
//!
//! A subscription remembers which states its client was told. What differs from them is told in the next
//! push, however many changes lie in between; so pushes merge, and one that is lost costs nothing but the
//! time until the next. Must not: know what a push looks like.

use std::collections::BTreeSet;

use koi_store::kv::{Txn, transact};
use koi_store::mail::AccountTxn;
use koi_store::mail::push::{self, StoredSubscription, Tells};
use koi_store::record::account::AccountRecord;
use koi_store::record::push::{
    JmapSubscription, Push, PushTaskRecord, SubscriptionRecord, ToldState, ToldStates,
};
use koi_types::{AccountId, PushId, Result};

use super::{is_over, outbox};
use crate::emails::{DataType, State, state};
use crate::outcome::Pending;
use crate::quota_state::QuotaState;
use crate::service::{Inner, MailboxService};
use crate::snapshot::Snapshot;

/// Accounts one push tells of; the others follow in the next. So it fits one message (RFC 8291 §4).
const ACCOUNTS_TOLD_MAX: usize = 8;
/// Accounts one user is told of.
const ACCOUNTS_FOLLOWED_MAX: usize = 64;
/// Pushes of states that wait for one subscription: one that may be under way, and one that will tell of what
/// it did not see.
const WAITING_MAX: usize = 2;

/// What is to be told of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountStates {
    pub account: AccountId,
    pub states: Vec<DataState>,
}

/// One state, as clients know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataState {
    /// Of the type, as specifications call it.
    pub name: &'static str,
    pub state: Box<str>,
}

/// What a user sees of an account.
#[derive(Clone)]
struct Current {
    states: ToldStates,
    /// Of the user's own account.
    quota: Option<QuotaState>,
}

/// The number of Quotas in records, for ever: theirs is no modseq but [`QuotaState::stamp`].
const QUOTA_NUMBER: u8 = 8;
const QUOTA_NAME: &str = "Quota";

/// What a push of states says, and what its client knows afterwards.
pub(super) struct News {
    pub(super) changed: Vec<AccountStates>,
    pub(super) tells: Tells,
}

/// A subscription that is to be told something.
struct ToTell {
    user: AccountId,
    id: PushId,
}

impl DataType {
    /// Its number in records, for ever.
    const fn number(self) -> u8 {
        match self {
            Self::Email => 1,
            Self::Mailbox => 2,
            Self::Thread => 3,
            Self::EmailDelivery => 4,
            Self::Identity => 5,
            Self::EmailSubmission => 6,
            Self::VacationResponse => 7,
        }
    }
    /// As specifications call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "Email",
            Self::Mailbox => "Mailbox",
            Self::Thread => "Thread",
            Self::EmailDelivery => "EmailDelivery",
            Self::Identity => "Identity",
            Self::EmailSubmission => "EmailSubmission",
            Self::VacationResponse => "VacationResponse",
        }
    }
    /// Of an account that others share: the rest is its owner's alone.
    const fn is_shared(self) -> bool {
        matches!(self, Self::Email | Self::Mailbox | Self::Thread | Self::EmailDelivery)
    }
}

/// The states a user sees now.
fn current(inner: &Inner, user: AccountId) -> Result<Vec<Current>> {
    let snapshot = Snapshot::open(inner, user, None)?;
    let mut own = told_of(user, &snapshot.record, false);
    let quota = snapshot.quota_state();
    own.states.push(ToldState { data: QUOTA_NUMBER, modseq: quota.stamp() });
    let mut all = vec![Current { states: own, quota: Some(quota) }];
    for owner in owners(&snapshot)? {
        if let Some(record) = snapshot.owner_record(owner)? {
            all.push(Current { states: told_of(owner, &record, true), quota: None });
        }
    }
    Ok(all)
}

/// The same, as what a client was told.
pub(super) fn told_now(inner: &Inner, user: AccountId) -> Result<Vec<ToldStates>> {
    Ok(current(inner, user)?.into_iter().map(|current| current.states).collect())
}

/// Who shares something with the user; in order, so that it is the same ones each time.
fn owners(snapshot: &Snapshot<'_>) -> Result<BTreeSet<AccountId>> {
    let owners = snapshot.shared()?.into_iter().filter_map(|shared| shared.mailbox.owner);
    let all: BTreeSet<AccountId> = owners.collect();
    Ok(all.into_iter().take(ACCOUNTS_FOLLOWED_MAX - 1).collect())
}

fn told_of(account: AccountId, record: &AccountRecord, is_guest: bool) -> ToldStates {
    let types = DataType::ALL.into_iter().filter(|data| !is_guest || data.is_shared());
    let state = |data: DataType| {
        let modseq = state::modseq(&record.states, data, is_guest);
        ToldState { data: data.number(), modseq }
    };
    ToldStates { account, states: types.map(state).collect() }
}

/// What a verified subscription of JMAP is to be told; nothing when it knows everything.
pub(super) fn news(inner: &Inner, user: AccountId, record: &SubscriptionRecord) -> Result<Option<News>> {
    match record.given.jmap().filter(|_| record.validated_at.is_some()) {
        Some(given) => Ok(news_of(given, current(inner, user)?)),
        None => Ok(None),
    }
}

fn news_of(given: &JmapSubscription, current: Vec<Current>) -> Option<News> {
    let (mut changed, mut told, mut is_all) = (Vec::new(), Vec::new(), true);
    for Current { states: now, quota } in current {
        let before = given.told.iter().find(|told| told.account == now.account);
        let states = differences(given, before, &now, quota);
        if states.is_empty() {
            told.push(now);
        } else if changed.len() < ACCOUNTS_TOLD_MAX {
            changed.push(AccountStates { account: now.account, states });
            told.push(now);
        } else {
            is_all = false;
            told.extend(before.cloned());
        }
    }
    (!changed.is_empty()).then_some(News { changed, tells: Tells { told, is_all } })
}

fn differences(
    given: &JmapSubscription,
    before: Option<&ToldStates>,
    now: &ToldStates,
    quota: Option<QuotaState>,
) -> Vec<DataState> {
    let knows = |state: &ToldState| before.is_some_and(|before| before.states.contains(state));
    let wants =
        |wanted: &str| given.types.as_ref().is_none_or(|types| types.iter().any(|name| **name == *wanted));
    let read = |state: &ToldState| {
        if state.data == QUOTA_NUMBER {
            return Some(DataState { name: QUOTA_NAME, state: quota?.text().into() });
        }
        let data = DataType::ALL.into_iter().find(|data| data.number() == state.data)?;
        Some(DataState { name: data.name(), state: State::at(state.modseq).to_string().into() })
    };
    let unknown = now.states.iter().filter(|state| !knows(state));
    unknown.filter_map(read).filter(|state| wants(state.name)).collect()
}

impl MailboxService {
    /// Whose subscriptions may have to be told of states, also of what happened while nobody looked.
    pub fn push_users(&self) -> Result<BTreeSet<AccountId>> {
        let view = self.inner.kv.view()?;
        let mut users = BTreeSet::new();
        // A subscription of JMAP ends some day, so that its account is due.
        push::due_accounts(&*view, &mut |due| {
            users.insert(due.account);
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(users)
    }
    /// The accounts whose changes a user's subscriptions tell of; nothing when there is no such subscription.
    pub fn followed(&self, user: AccountId) -> Result<BTreeSet<AccountId>> {
        if self.verified(user)?.is_empty() {
            return Ok(BTreeSet::new());
        }
        let snapshot = Snapshot::open(&self.inner, user, None)?;
        let mut followed = owners(&snapshot)?;
        followed.insert(user);
        Ok(followed)
    }
    /// Sees to it that these users' subscriptions are told what they do not know.
    pub fn tell_states(&self, users: &BTreeSet<AccountId>) -> Result<Pending<()>> {
        let mut to_tell = Vec::new();
        for user in users {
            let subscriptions = self.verified(*user)?;
            if subscriptions.is_empty() {
                continue;
            }
            let current = current(&self.inner, *user)?;
            for StoredSubscription { id, record } in subscriptions {
                let given = record.given.jmap();
                if given.is_some_and(|given| news_of(given, current.clone()).is_some()) {
                    to_tell.push(ToTell { user: *user, id });
                }
            }
        }
        if to_tell.is_empty() {
            return Ok(Pending::ready(()));
        }
        let (quota, now) = (self.inner.options.quota, self.inner.env.now());
        Ok(Pending::of(transact(&*self.inner.kv, move |txn: &mut dyn Txn| {
            for ToTell { user, id } in &to_tell {
                if !outbox::exists(txn, *user)? {
                    continue;
                }
                let mut account = AccountTxn::open(txn, *user, quota, now)?;
                let is_there = account.push_subscription(id)?.is_some_and(|record| is_verified(&record));
                if is_there && account.pushes_waiting(id)? < WAITING_MAX {
                    let task = PushTaskRecord { made_at: now, short: false, push: Push::States };
                    account.add_push(id, &task, WAITING_MAX)?;
                }
                account.finish()?;
            }
            Ok(())
        })))
    }
    /// The subscriptions of JMAP that were verified. Nothing of an account that is not there.
    fn verified(&self, user: AccountId) -> Result<Vec<StoredSubscription>> {
        let view = self.inner.kv.view()?;
        if !outbox::exists(&*view, user)? {
            return Ok(Vec::new());
        }
        let (mut all, now) = (push::subscriptions(&*view, user)?, self.inner.env.now());
        all.retain(|subscription| is_verified(&subscription.record) && !is_over(&subscription.record, now));
        Ok(all)
    }
}

fn is_verified(record: &SubscriptionRecord) -> bool {
    record.given.jmap().is_some() && record.validated_at.is_some()
}
