//! Push subscriptions of accounts, what is to be pushed to them, and when: tables D and R of an account, and
//! table P of account 0.
//!
//! Tasks of one subscription are done in their order, one at a time; a subscription that is held (its push
//! service asked for patience, or failed) holds all of them. An account has at most one row in P, at the
//! earliest time anything of it is due, which its own row of D names. Whoever changes a subscription or a
//! task goes through here, so that both stay true. None of it is a change a mail client is told of: it takes
//! no MODSEQ. Must not: know what is sent, or to whom it matters.

use std::ops::ControlFlow;

use koi_types::{AccountId, PushId, Result, Timestamp};

use super::account::AccountTxn;
use crate::key::{self, PushTaskKey, table};
use crate::kv::{Read, Txn};
use crate::record::push::{
    Given, Push, PushAccountRecord, PushTaskRecord, Seal, SubscriptionRecord, ToldStates, decode_server_key,
    encode_server_key,
};
use crate::record::{VERSION, corrupt};

mod credential;

pub use credential::{Credential, forget_credential};

/// A subscription under its id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredSubscription {
    pub id: PushId,
    pub record: SubscriptionRecord,
}

/// A task under its number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredTask {
    pub key: PushTaskKey,
    pub record: PushTaskRecord,
}

/// An account that has something due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DueAccount {
    pub at: Timestamp,
    pub account: AccountId,
}

/// Which task of which setting of a subscription an attempt was about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    pub key: PushTaskKey,
    pub seal: Seal,
    /// Of a push of states.
    pub tells: Option<Tells>,
}

/// What a client knows when it has got a push of states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tells {
    pub told: Vec<ToldStates>,
    /// Nothing is left for another push.
    pub is_all: bool,
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settled {
    /// The push service took it.
    Taken,
    /// There is nothing to be pushed any more: the message is gone, or it is too old.
    Pointless,
    /// Too large: once more, without the content of the message.
    TooLarge,
    /// Not now; the subscription waits until then.
    Later(Timestamp),
    /// The push service calls the request wrong: it is not repeated.
    Refused,
    /// There is no such subscription any more.
    Gone,
}

/// Numbers an administrator or a specification sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SettleRules {
    /// From the validation push to the answer.
    pub validation_secs: u32,
    /// Refused requests in a row after which a subscription is dropped.
    pub refusals_max: u16,
}

/// What is known of all subscriptions of an account; nothing when it never had one.
pub fn account_of(read: &(impl Read + ?Sized), account: AccountId) -> Result<Option<PushAccountRecord>> {
    let key = key::push_account(account);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    PushAccountRecord::decode(&row).map(Some).ok_or_else(|| corrupt("push account", &key))
}

/// All of an account in the order of their ids; those that cannot be read are left out.
pub fn subscriptions(read: &(impl Read + ?Sized), account: AccountId) -> Result<Vec<StoredSubscription>> {
    let range = key::all(account, table::PUSH);
    let mut all = Vec::new();
    read.scan(&range.from, &range.end, &mut |key, row| {
        if let (Some(id), Some(record)) = (key::push_id_of(key), SubscriptionRecord::decode(row)) {
            all.push(StoredSubscription { id, record });
        }
        ControlFlow::Continue(())
    })?;
    Ok(all)
}

/// One subscription.
pub fn subscription(
    read: &(impl Read + ?Sized),
    account: AccountId,
    id: &PushId,
) -> Result<Option<SubscriptionRecord>> {
    let key = key::push_subscription(account, id);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    SubscriptionRecord::decode(&row).map(Some).ok_or_else(|| corrupt("push subscription", &key))
}

/// What comes next for a subscription; rows that cannot be read are passed over.
pub fn next_task(read: &(impl Read + ?Sized), account: AccountId, id: &PushId) -> Result<Option<StoredTask>> {
    let range = key::below(&key::push_tasks(account, id));
    let mut next = None;
    read.scan(&range.from, &range.end, &mut |key, row| {
        next = key::push_task_of(key).zip(PushTaskRecord::decode(row));
        if next.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(next.map(|(key, record)| StoredTask { key, record }))
}

/// Accounts by when they are due, the earliest first, until the visitor breaks.
pub fn due_accounts(
    read: &(impl Read + ?Sized),
    visit: &mut dyn FnMut(DueAccount) -> ControlFlow<()>,
) -> Result<()> {
    let range = key::all(AccountId::GLOBAL, table::global::PUSH_DUE);
    read.scan(&range.from, &range.end, &mut |key, _| match due_of(key) {
        Some(due) => visit(due),
        None => ControlFlow::Continue(()),
    })
}

/// What a P key says.
pub(super) fn due_of(key: &[u8]) -> Option<DueAccount> {
    let at = Timestamp(i64::from_be_bytes(key::part(key, 5)?));
    Some(DueAccount { at, account: AccountId(u32::from_be_bytes(key::part(key, 13)?)) })
}

/// When a subscription has to be looked at next.
fn due_at(record: &SubscriptionRecord, next: Option<&PushTaskRecord>) -> Option<Timestamp> {
    let task = next.map(|task| task.made_at.max(record.held_until));
    [task, record.expires_at].into_iter().flatten().min()
}

/// Takes an account's row out of P, when the account goes.
pub(super) fn forget_due(txn: &mut dyn Txn, account: AccountId) -> Result<()> {
    let row = txn.get(&key::push_account(account))?;
    let due = row.and_then(|row| PushAccountRecord::decode(&row)).and_then(|record| record.due_at);
    due.map_or(Ok(()), |due| txn.delete(&key::push_due(due, account)))
}

/// Takes a row out of P that belongs to no account.
pub fn forget_stray(txn: &mut dyn Txn, due: DueAccount) -> Result<()> {
    if txn.get(&key::directory(table::global::DIRECTORY, due.account))?.is_some() {
        return Ok(());
    }
    txn.delete(&key::push_due(due.at, due.account))
}

/// A private key of the server; `fresh` becomes it when there is none. In the store, because what is signed
/// with it (push subscriptions are bound to it, RFC 8292 §4.1) is there too: both are kept or lost together.
pub fn server_key(txn: &mut dyn Txn, purpose: u8, fresh: &[u8]) -> Result<Box<[u8]>> {
    if let Some(key) = stored_server_key(txn, purpose)? {
        return Ok(key);
    }
    txn.put(&key::server_key(purpose), &encode_server_key(fresh))?;
    Ok(fresh.into())
}

/// A private key of the server, once there is one.
pub fn stored_server_key(read: &(impl Read + ?Sized), purpose: u8) -> Result<Option<Box<[u8]>>> {
    let key = key::server_key(purpose);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    decode_server_key(&row).map(Some).ok_or_else(|| corrupt("server key", &key))
}

impl AccountTxn<'_> {
    /// What is known of all subscriptions; what cannot be read is as if there never was one, and right again
    /// after the next change.
    pub fn push_account(&self) -> Result<PushAccountRecord> {
        let row = self.txn.get(&key::push_account(self.id))?;
        Ok(row.and_then(|row| PushAccountRecord::decode(&row)).unwrap_or_default())
    }
    /// For what only the throttle of new subscriptions needs.
    pub fn put_push_account(&mut self, state: &PushAccountRecord) -> Result<()> {
        self.txn.put(&key::push_account(self.id), &state.encode())
    }
    /// See [`subscriptions`].
    pub fn push_subscriptions(&self) -> Result<Vec<StoredSubscription>> {
        subscriptions(&*self.txn, self.id)
    }
    /// See [`subscription`].
    pub fn push_subscription(&self, id: &PushId) -> Result<Option<SubscriptionRecord>> {
        subscription(&*self.txn, self.id, id)
    }
    /// Makes or replaces a subscription and asks the client to prove it. What was to be pushed to the one it
    /// replaces is not pushed.
    pub fn subscribe_push(&mut self, id: &PushId, record: &SubscriptionRecord) -> Result<()> {
        self.remove_push(id)?;
        self.txn.put(&key::push_subscription(self.id, id), &record.encode())?;
        self.reckon_push()?;
        self.add_push(id, &PushTaskRecord { made_at: self.now, short: false, push: Push::Validation }, 1)
    }
    /// The client has proved that it gets pushes.
    pub fn validate_push(&mut self, id: &PushId) -> Result<()> {
        let Some(mut record) = self.push_subscription(id)? else { return Ok(()) };
        if record.validated_at.is_some() {
            return Ok(());
        }
        record.validated_at = Some(self.now);
        match record.given {
            Given::Coi(_) => record.expires_at = None,
            // Whoever follows accounts for it hears of it.
            Given::Jmap(_) => self.pushes = true,
        }
        self.txn.put(&key::push_subscription(self.id, id), &record.encode())?;
        // A request for it that is still to be repeated is of no use.
        self.remove_push_tasks(id)?;
        let state = PushAccountRecord { unproven: 0, ..self.push_account()? };
        self.put_push_account(&state)?;
        self.reckon_push()
    }
    /// Changes what is said of a subscription that is there; what waits is pushed as before.
    pub fn change_push(&mut self, id: &PushId, change: impl FnOnce(&mut SubscriptionRecord)) -> Result<()> {
        let Some(mut record) = self.push_subscription(id)? else { return Ok(()) };
        change(&mut record);
        self.txn.put(&key::push_subscription(self.id, id), &record.encode())?;
        self.reckon_push()
    }
    /// How many things wait to be pushed to a subscription.
    pub fn pushes_waiting(&self, id: &PushId) -> Result<usize> {
        let range = key::below(&key::push_tasks(self.id, id));
        let mut count = 0;
        self.txn.scan(&range.from, &range.end, &mut |_, _| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }
    /// Takes a subscription away with all that was to be pushed to it. Answers whether it was there.
    pub fn remove_push(&mut self, id: &PushId) -> Result<bool> {
        let key = key::push_subscription(self.id, id);
        let Some(row) = self.txn.get(&key)? else { return Ok(false) };
        let record = SubscriptionRecord::decode(&row);
        let unproven = record.as_ref().is_some_and(|record| record.validated_at.is_none());
        drop(row);
        self.txn.delete(&key)?;
        // Whoever follows accounts for it hears that it need not.
        self.pushes |= record.is_some_and(|record| record.given.jmap().is_some());
        self.remove_push_tasks(id)?;
        if unproven {
            let mut state = self.push_account()?;
            (state.unproven, state.unproven_at) = (state.unproven.saturating_add(1), self.now);
            self.put_push_account(&state)?;
        }
        self.reckon_push()?;
        Ok(true)
    }
    /// Puts something at the end of what is to be pushed to a subscription. When so much waits already, the
    /// oldest goes.
    pub fn add_push(&mut self, id: &PushId, task: &PushTaskRecord, waiting_max: usize) -> Result<()> {
        let range = key::below(&key::push_tasks(self.id, id));
        let mut waiting = Vec::new();
        self.txn.scan(&range.from, &range.end, &mut |key, _| {
            waiting.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        let surplus = (waiting.len() + 1).saturating_sub(waiting_max);
        for key in waiting.iter().take(surplus) {
            self.txn.delete(key)?;
        }
        let last = waiting.last().and_then(|key| key::push_task_of(key)).map_or(0, |key| key.number);
        let number = self.modseq.value().max(last.saturating_add(1));
        self.txn.put(&key::push_task(self.id, id, number), &task.encode())?;
        self.pushes = true;
        if surplus > 0 {
            // What was due first may be what went.
            return self.reckon_push();
        }
        let held_until = self.push_subscription(id)?.map_or(self.now, |record| record.held_until);
        let due = task.made_at.max(held_until);
        let mut state = self.push_account()?;
        if state.due_at.is_none_or(|at| at > due) {
            self.move_push_due(&mut state, Some(due))?;
            self.put_push_account(&state)?;
        }
        Ok(())
    }
    /// Writes down what came of an attempt; nothing when the task or the subscription is not the one it was
    /// about any more.
    pub fn settle_push(&mut self, attempt: &Attempt, settled: Settled, rules: SettleRules) -> Result<()> {
        let PushTaskKey { id, number } = &attempt.key;
        let Some(before) = self.push_subscription(id)?.filter(|s| s.seal == attempt.seal) else {
            return Ok(());
        };
        let key = key::push_task(self.id, id, *number);
        let task = self.txn.get(&key)?.and_then(|row| PushTaskRecord::decode(&row));
        let record = self.after_attempt(&before, task.as_ref(), settled, attempt.tells.as_ref(), rules);
        let is_told = attempt.tells.as_ref().is_none_or(|tells| tells.is_all);
        if settled == Settled::Gone || record.refusals >= rules.refusals_max {
            return self.remove_push(id).map(drop);
        }
        if record != before {
            self.txn.put(&key::push_subscription(self.id, id), &record.encode())?;
        }
        match (settled, task) {
            (Settled::TooLarge, Some(task)) if !task.short => {
                self.txn.put(&key, &PushTaskRecord { short: true, ..task }.encode())?;
            }
            (Settled::Later(_), _) | (_, None) => {}
            (Settled::Taken, _) if !is_told => {}
            _ => self.txn.delete(&key)?,
        }
        self.reckon_push()
    }
    fn after_attempt(
        &self,
        before: &SubscriptionRecord,
        task: Option<&PushTaskRecord>,
        settled: Settled,
        tells: Option<&Tells>,
        rules: SettleRules,
    ) -> SubscriptionRecord {
        let mut record = before.clone();
        match settled {
            Settled::Taken => {
                (record.failures, record.refusals) = (0, 0);
                let asked = task.is_some_and(|task| task.push == Push::Validation);
                match &mut record.given {
                    Given::Coi(_) if asked && record.validated_at.is_none() => {
                        record.expires_at = Some(self.now.plus_secs(rules.validation_secs));
                    }
                    Given::Jmap(given) => {
                        if let Some(tells) = tells {
                            given.told.clone_from(&tells.told);
                        }
                    }
                    Given::Coi(_) => {}
                }
            }
            Settled::Later(until) => {
                record.held_until = record.held_until.max(until);
                record.failures = record.failures.saturating_add(1);
            }
            Settled::Refused => record.refusals = record.refusals.saturating_add(1),
            Settled::TooLarge | Settled::Pointless | Settled::Gone => {}
        }
        record
    }
    /// Holds a subscription without an attempt: its push service is known to be down, or others wait there.
    pub fn hold_push(&mut self, id: &PushId, until: Timestamp) -> Result<()> {
        let Some(mut record) = self.push_subscription(id)? else { return Ok(()) };
        if record.held_until >= until {
            return Ok(());
        }
        record.held_until = until;
        self.txn.put(&key::push_subscription(self.id, id), &record.encode())?;
        self.reckon_push()
    }
    /// Takes subscriptions away whose time is over, and finds anew when the account is due. `found_at`: the
    /// row of P by which it was found, which goes if it is not the account's own. Answers how many went.
    pub fn tend_push(&mut self, found_at: Timestamp) -> Result<usize> {
        let now = self.now;
        let over = |s: &StoredSubscription| s.record.expires_at.is_some_and(|at| at <= now);
        let gone: Vec<StoredSubscription> = self.push_subscriptions()?.into_iter().filter(over).collect();
        for subscription in &gone {
            self.remove_push(&subscription.id)?;
        }
        self.reckon_push()?;
        if self.push_account()?.due_at != Some(found_at) {
            self.txn.delete(&key::push_due(found_at, self.id))?;
        }
        Ok(gone.len())
    }
    fn remove_push_tasks(&mut self, id: &PushId) -> Result<()> {
        let range = key::below(&key::push_tasks(self.id, id));
        let mut keys = Vec::new();
        self.txn.scan(&range.from, &range.end, &mut |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        keys.iter().try_for_each(|key| self.txn.delete(key))
    }
    /// Counts the subscriptions and finds out when the account is due.
    fn reckon_push(&mut self) -> Result<()> {
        let before = self.push_account()?;
        let counted = reckoned(&*self.txn, self.id)?;
        let mut state = PushAccountRecord { due_at: before.due_at, ..before.clone() };
        (state.subscriptions, state.validated) = (counted.subscriptions, counted.validated);
        self.move_push_due(&mut state, counted.due_at)?;
        if state == before { Ok(()) } else { self.put_push_account(&state) }
    }
    fn move_push_due(&mut self, state: &mut PushAccountRecord, due: Option<Timestamp>) -> Result<()> {
        if state.due_at == due {
            return Ok(());
        }
        if let Some(before) = state.due_at {
            self.txn.delete(&key::push_due(before, self.id))?;
        }
        if let Some(due) = due {
            self.txn.put(&key::push_due(due, self.id), &[VERSION])?;
        }
        state.due_at = due;
        Ok(())
    }
}

/// What follows from the subscriptions and tasks of an account; the rest is as for one that never had any.
pub(super) fn reckoned(read: &(impl Read + ?Sized), account: AccountId) -> Result<PushAccountRecord> {
    let mut all = PushAccountRecord::default();
    for StoredSubscription { id, record } in subscriptions(read, account)? {
        all.subscriptions = all.subscriptions.saturating_add(1);
        all.validated = all.validated.saturating_add(u16::from(record.validated_at.is_some()));
        let next = next_task(read, account, &id)?;
        let due = due_at(&record, next.as_ref().map(|task| &task.record));
        all.due_at = [all.due_at, due].into_iter().flatten().min();
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
