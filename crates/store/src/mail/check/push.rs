//! Push: the account's row of D against its subscriptions and tasks, and table P and K of account 0.

use std::collections::BTreeSet;

use koi_types::{AccountId, Result};

use super::Check;
use crate::key::{self, table};
use crate::mail::push;
use crate::record::VERSION;
use crate::record::push::{PushAccountRecord, PushTaskRecord, SubscriptionRecord, decode_server_key};

impl Check<'_> {
    /// D and R: tasks belong to subscriptions, counts are right, and the account is due no later than its
    /// first task.
    pub(super) fn pushes(&mut self) -> Result<()> {
        let mut ids = BTreeSet::new();
        self.each(table::PUSH, |check, key, value| {
            match key::push_id_of(key) {
                Some(id) if SubscriptionRecord::decode(value).is_some() => drop(ids.insert(id)),
                Some(_) => check.superfluous(key, value, "unreadable push subscription"),
                None if key.len() == 5 => {}
                None => check.superfluous(key, value, "a push subscription with an id that is none"),
            }
            Ok(())
        })?;
        self.each(table::PUSH_TASK, |check, key, value| {
            let known = key::push_task_of(key).is_some_and(|task| ids.contains(&task.id));
            if !known {
                check.superfluous(key, value, "something to be pushed to no subscription");
            } else if PushTaskRecord::decode(value).is_none() {
                check.superfluous(key, value, "something to be pushed that cannot be read");
            }
            Ok(())
        })?;
        self.push_account()
    }
    fn push_account(&mut self) -> Result<()> {
        let key = key::push_account(self.account);
        let found = self.read.get(&key)?.map(std::borrow::Cow::into_owned);
        let counted = push::reckoned(self.read, self.account)?;
        let Some(found) = found else {
            if counted != PushAccountRecord::default() {
                self.missing(&key, "what is known of all push subscriptions is missing", counted.encode());
            }
            return Ok(());
        };
        let Some(record) = PushAccountRecord::decode(&found) else {
            self.wrong(&key, &found, "unreadable record of push subscriptions", counted.encode());
            return Ok(());
        };
        let PushAccountRecord { subscriptions, validated, due_at, .. } = counted;
        let right = PushAccountRecord { subscriptions, validated, due_at, ..record.clone() };
        if record != right {
            self.wrong(&key, &found, "push subscriptions are not counted right", right.encode());
        }
        let Some(due) = right.due_at.map(|at| key::push_due(at, self.account)) else { return Ok(()) };
        if !self.has(&due)? {
            self.missing(&due, "an account with something to be pushed is not due", vec![VERSION]);
        }
        Ok(())
    }
    /// P and K of account 0.
    pub(super) fn pushes_due(&mut self, accounts: &BTreeSet<AccountId>) -> Result<()> {
        self.each(table::global::PUSH_DUE, |check, key, value| {
            let due = push::due_of(key).filter(|due| accounts.contains(&due.account));
            let own = match due {
                Some(due) => push::reckoned(check.read, due.account)?.due_at == Some(due.at),
                None => false,
            };
            if !own || value != [VERSION] {
                check.superfluous(key, value, "an account is due for a push that it does not have");
            }
            Ok(())
        })?;
        self.each(table::global::KEY, |check, key, value| {
            if decode_server_key(value).is_none() {
                check.report(key, "a key of the server cannot be read");
            }
            Ok(())
        })
    }
}
