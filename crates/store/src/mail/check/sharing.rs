//! Q, Y, and S of account 0: rights belong to mailboxes and users that are there, own flags to messages, and
//! each user finds what concerns it.

use std::collections::{BTreeMap, BTreeSet};

use koi_types::{AccountId, MailboxId, Result, Who};

use super::Check;
use super::directory::Accounts;
use super::names::State;
use crate::body::Scope;
use crate::key::{self, PerUserKey, Reason, SharedKey, table};
use crate::mail::rights::reason;
use crate::record::VERSION;
use crate::record::sharing::{PerUserRecord, PerUserTotals, decode_changes, decode_rights};

/// Whose own flags they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bearer {
    mailbox: MailboxId,
    user: AccountId,
}

/// The rows `S` that accounts want; found by all accounts together.
#[derive(Default)]
pub(super) struct Wanted(BTreeSet<[u8; 18]>);

impl Wanted {
    fn has(&self, key: &[u8]) -> bool {
        key.try_into().is_ok_and(|key: [u8; 18]| self.0.contains(&key))
    }
}

impl Check<'_> {
    /// After names and messages.
    pub(super) fn sharing(&mut self, state: &State, accounts: &Accounts, wanted: &mut Wanted) -> Result<()> {
        self.rights(state, accounts, wanted)?;
        self.own_flags(state, accounts, wanted)
    }
    fn rights(&mut self, state: &State, accounts: &Accounts, wanted: &mut Wanted) -> Result<()> {
        self.each(table::RIGHTS, |check, key, value| {
            let (Some(mailbox), Some(identifier)) = (key::mailbox_of(key), key::identifier_of(key)) else {
                check.report(key, "an access right has a key of the wrong form");
                return Ok(());
            };
            if !check.is_there(state, mailbox) {
                check.superfluous(key, value, "an access right to a mailbox that does not exist");
                return Ok(());
            }
            if let Who::User(user) = identifier.who
                && !accounts.knows(user)
            {
                check.superfluous(key, value, "an access right of a user that does not exist");
                return Ok(());
            }
            if decode_rights(value).is_none() {
                check.report(key, "an access right cannot be read");
            }
            check.want(reason(identifier.who, state.account.scope), mailbox, wanted)
        })
    }
    fn own_flags(&mut self, state: &State, accounts: &Accounts, wanted: &mut Wanted) -> Result<()> {
        let mut counted: BTreeMap<Bearer, PerUserTotals> = BTreeMap::new();
        self.each(table::PER_USER, |check, key, value| {
            let Some(PerUserKey { mailbox, user, uid }) = PerUserKey::of(key) else {
                check.report(key, "a user's flags have a key of the wrong form");
                return Ok(());
            };
            if !check.is_there(state, mailbox) || !accounts.knows(user) {
                check.superfluous(key, value, "flags of a user or in a mailbox that does not exist");
                return Ok(());
            }
            let sums = counted.entry(Bearer { mailbox, user }).or_default();
            let Some(uid) = uid else { return Ok(()) };
            if !check.has(&key::membership(check.account, mailbox, uid.value()))? {
                check.superfluous(key, value, "a user's flags of a message that does not exist");
                return Ok(());
            }
            let Some(row) = PerUserRecord::decode(value) else {
                check.superfluous(key, value, "a user's flags cannot be read");
                return Ok(());
            };
            if row.modseq.value() > state.account.modseq {
                check.report(key, "a user's flags have a MODSEQ above the account's");
            }
            sums.seen += u32::from(row.is_seen());
            sums.highest_modseq = sums.highest_modseq.max(row.modseq.value());
            Ok(())
        })?;
        for (bearer, sums) in counted {
            self.own_totals(state, bearer, sums)?;
            self.want(Reason::OwnFlags(bearer.user), bearer.mailbox, wanted)?;
        }
        Ok(())
    }
    /// The highest modseq may be that of a message that is gone.
    fn own_totals(&mut self, state: &State, bearer: Bearer, counted: PerUserTotals) -> Result<()> {
        let key = key::per_user_totals(self.account, bearer.mailbox, bearer.user);
        let row = self.read.get(&key)?.map(std::borrow::Cow::into_owned);
        let found = row.as_deref().and_then(PerUserTotals::decode);
        let known = found.map_or(counted.highest_modseq, |found| found.highest_modseq);
        let highest_modseq =
            known.clamp(counted.highest_modseq, state.account.modseq.max(counted.highest_modseq));
        let right = PerUserTotals { highest_modseq, ..counted };
        let problem = "the sums of a user's flags are wrong";
        match row {
            None => self.missing(&key, problem, right.encode()),
            Some(row) if found != Some(right) => self.wrong(&key, &row, problem, right.encode()),
            Some(_) => {}
        }
        Ok(())
    }
    fn is_there(&self, state: &State, mailbox: MailboxId) -> bool {
        let of_mailbox = key::mailbox(self.account, table::MAILBOX, mailbox);
        // What is to be rebuilt, or is being reclaimed, keeps what belongs to it.
        let reclaimed = key::mailbox(self.account, table::RECLAIM, mailbox);
        state.knows(mailbox)
            || self.findings.iter().any(|finding| *finding.key == of_mailbox)
            || self.has(&reclaimed).unwrap_or(false)
    }
    fn want(&mut self, reason: Reason, mailbox: MailboxId, wanted: &mut Wanted) -> Result<()> {
        let key = key::shared(reason, self.account, mailbox);
        wanted.0.insert(key);
        if !self.has(&key)? {
            self.missing(&key, "a user does not find what is shared with it", vec![VERSION]);
        }
        Ok(())
    }
    /// After all accounts.
    pub(super) fn shared(&mut self, accounts: &Accounts, wanted: &Wanted) -> Result<()> {
        self.each(table::global::SHARED, |check, key, value| {
            match SharedKey::of(key) {
                None => check.report(key, "what is shared has a key of the wrong form"),
                // Being reclaimed.
                Some(shared) if accounts.removed.contains(&shared.owner) => {}
                Some(shared) if concerns_removed(shared.reason, accounts) => {}
                Some(_) if wanted.has(key) => {}
                Some(_) => check.superfluous(key, value, "a user is led to what is not shared with it"),
            }
            Ok(())
        })?;
        self.each(table::global::SHARING_CHANGES, |check, key, value| {
            let is_known = match key::sharing_changes_of(key) {
                None | Some(Reason::OwnFlags(_)) => false,
                Some(Reason::Anyone(_)) => true,
                Some(Reason::Named(user)) => accounts.knows(user) || accounts.removed.contains(&user),
            };
            if !is_known || decode_changes(value).is_none() {
                check.superfluous(key, value, "nobody can know whether what is shared has changed");
            }
            Ok(())
        })
    }
}

fn concerns_removed(reason: Reason, accounts: &Accounts) -> bool {
    match reason {
        Reason::Anyone(Scope(_)) => false,
        Reason::Named(user) | Reason::OwnFlags(user) => accounts.removed.contains(&user),
    }
}
