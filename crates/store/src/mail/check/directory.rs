//! The directory: tables D, H, J, R and Z of account 0 against one another.

use std::collections::BTreeSet;

use koi_types::{AccountId, Result};

use super::Check;
use crate::key::{self, table};
use crate::record::app_password::{AppPasswordRecord, decode_secret};
use crate::record::directory::{DirectoryRecord, decode_account_id, decode_scope, encode_account_id};

/// Whose rows there are.
pub(super) struct Accounts {
    pub(super) present: BTreeSet<AccountId>,
    /// Being reclaimed: of their rows only the references to bodies count.
    pub(super) removed: BTreeSet<AccountId>,
}

impl Accounts {
    /// Whether the account is there, or was until just now.
    pub(super) fn knows(&self, account: AccountId) -> bool {
        self.present.contains(&account) || self.removed.contains(&account)
    }
}

impl Check<'_> {
    pub(super) fn directory(&mut self) -> Result<Accounts> {
        self.raised_counters()?;
        self.each(table::global::DOMAIN, |check, key, value| {
            if decode_scope(value).is_none() {
                check.report(key, "a domain's row cannot be read");
            }
            Ok(())
        })?;
        let (mut accounts, mut removed) = (BTreeSet::new(), BTreeSet::new());
        self.each(table::global::DIRECTORY, |check, key, value| {
            let Some(id) = account_of(key) else { return Ok(()) };
            accounts.insert(id);
            match DirectoryRecord::decode(value) {
                Some(record) => check.address_of(id, &record)?,
                None => check.report(key, "an account of the directory cannot be read"),
            }
            Ok(())
        })?;
        self.each(table::global::ADDRESS, |check, key, value| {
            match decode_account_id(value) {
                Some(id) if accounts.contains(&id) => {}
                Some(_) => check.superfluous(key, value, "an address of an account that does not exist"),
                // Whose it is was said by the account.
                None if check.findings.iter().any(|finding| *finding.key == *key) => {}
                None => check.report(key, "an address's row cannot be read"),
            }
            Ok(())
        })?;
        self.logins(&accounts)?;
        self.pushes_due(&accounts)?;
        self.sends_due(&accounts)?;
        self.each(table::global::REMOVED, |check, key, value| {
            let Some(id) = account_of(key) else { return Ok(()) };
            if accounts.contains(&id) {
                check.superfluous(key, value, "an account that exists is marked as removed");
            } else {
                removed.insert(id);
            }
            Ok(())
        })?;
        Ok(Accounts { present: accounts, removed })
    }
    fn logins(&mut self, accounts: &BTreeSet<AccountId>) -> Result<()> {
        self.each(table::global::APP_PASSWORD, |check, key, value| {
            let known = account_of(key).is_some_and(|id| accounts.contains(&id));
            match AppPasswordRecord::decode(value) {
                Some(_) if known => {}
                Some(_) => check.superfluous(key, value, "an app password of an account that does not exist"),
                None => check.report(key, "an app password cannot be read"),
            }
            Ok(())
        })?;
        self.each(table::global::SECRET, |check, key, value| {
            if decode_secret(value).is_none() {
                check.report(key, "the secret of the folder cannot be read");
            }
            Ok(())
        })
    }
    fn address_of(&mut self, id: AccountId, record: &DirectoryRecord) -> Result<()> {
        let key = key::address(&record.address);
        let row = self.read.get(&key)?.map(std::borrow::Cow::into_owned);
        match row.as_deref().map(decode_account_id) {
            Some(Some(found)) if found == id => Ok(()),
            Some(Some(_)) => {
                self.report(&key, "two accounts have the same address");
                Ok(())
            }
            Some(None) => {
                let found = row.unwrap_or_default();
                self.wrong(&key, &found, "an address's row cannot be read", encode_account_id(id));
                Ok(())
            }
            None => {
                self.missing(&key, "an account cannot be found by its address", encode_account_id(id));
                Ok(())
            }
        }
    }
}

pub(super) fn account_of(key: &[u8]) -> Option<AccountId> {
    key::part(key, 5).map(|octets| AccountId(u32::from_be_bytes(octets)))
}
