//! Mailbox access keys (RFC 4467 §2.2): one for each user and mailbox, made when it is needed first.
//!
//! They are no change of mail, so that they have no MODSEQ.

use std::ops::ControlFlow;

use koi_types::{AccountId, MailboxId, Result};

use super::account::AccountTxn;
use crate::key::{self, table};
use crate::kv::Read;
use crate::record::corrupt;
use crate::record::url_key::UrlKeyRecord;

/// The key that `account` has for a mailbox of `owner`.
pub fn url_key(
    read: &(impl Read + ?Sized),
    account: AccountId,
    owner: AccountId,
    mailbox: MailboxId,
) -> Result<Option<UrlKeyRecord>> {
    let key = key::url_key(account, owner, mailbox);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    UrlKeyRecord::decode(&row).map(Some).ok_or_else(|| corrupt("mailbox access key", &key))
}

impl AccountTxn<'_> {
    /// The key for a mailbox of `owner`; `fresh` becomes it when there is none.
    pub fn make_url_key(
        &mut self,
        owner: AccountId,
        mailbox: MailboxId,
        fresh: &UrlKeyRecord,
    ) -> Result<UrlKeyRecord> {
        if let Some(key) = url_key(&*self.txn, self.id, owner, mailbox)? {
            return Ok(key);
        }
        self.set_url_key(owner, mailbox, fresh)?;
        Ok(fresh.clone())
    }
    /// Another key: what was made with the one before is good for nothing any more.
    pub fn set_url_key(&mut self, owner: AccountId, mailbox: MailboxId, fresh: &UrlKeyRecord) -> Result<()> {
        self.txn.put(&key::url_key(self.id, owner, mailbox), &fresh.encode())
    }
    /// Forgets all keys of the account.
    pub fn remove_url_keys(&mut self) -> Result<()> {
        let range = key::all(self.id, table::URL_KEY);
        let mut keys = Vec::new();
        self.txn.scan(&range.from, &range.end, &mut |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        keys.iter().try_for_each(|key| self.txn.delete(key))
    }
}
