//! Who has an account: for the administrator's commands and for checking passwords. Its writes block until
//! durable.

use std::ops::ControlFlow;

use koi_store::key;
use koi_store::kv::{Txn, transact_and_wait};
use koi_store::mail::directory;
use koi_store::record::directory::DirectoryRecord;
use koi_types::{AccountId, Address, Result, Timestamp};

use crate::service::Inner;

/// The directory of a service.
pub struct Directory<'s> {
    pub(crate) inner: &'s Inner,
}

/// One account of the directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountRow {
    pub id: AccountId,
    pub address: Address,
    pub created_at: Timestamp,
    pub disabled: bool,
}

/// What a password is checked against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verifier {
    pub account: AccountId,
    /// The account's own address, whatever form the login name had.
    pub address: Address,
    /// As it was given to `set_verifier`.
    pub verifier: Box<str>,
}

impl Directory<'_> {
    /// Makes a domain, if it is not there.
    pub fn create_domain(&self, domain: &str) -> Result<()> {
        let domain = domain.to_owned();
        transact_and_wait(&*self.inner.kv, move |txn| directory::create_domain(txn, &domain).map(drop))
    }
    /// Makes an account with INBOX, Drafts, Sent, Junk, Trash and Archive, subscribed. `AlreadyExists` when
    /// the address is taken, `NotFound` when its domain is not one of ours.
    pub fn create_account(&self, address: &Address, verifier: &str) -> Result<AccountId> {
        let (address, verifier, now) = (address.clone(), verifier.to_owned(), self.inner.env.now());
        transact_and_wait(&*self.inner.kv, move |txn| {
            directory::create_account(txn, &address, &verifier, now)
        })
    }
    /// Replaces the password's verifier.
    pub fn set_verifier(&self, account: AccountId, verifier: &str) -> Result<()> {
        let verifier = verifier.to_owned();
        self.update(account, move |record| record.verifier = verifier.as_str().into())
    }
    /// Closes or opens an account for logins; mail goes on arriving.
    pub fn set_disabled(&self, account: AccountId, disabled: bool) -> Result<()> {
        self.update(account, move |record| record.disabled = disabled)
    }
    fn update(
        &self,
        account: AccountId,
        mut change: impl FnMut(&mut DirectoryRecord) + Send + 'static,
    ) -> Result<()> {
        let run = move |txn: &mut dyn Txn| directory::update_account(txn, account, &mut change);
        transact_and_wait(&*self.inner.kv, run)
    }
    /// The account goes at once, its mail is reclaimed by and by.
    pub fn remove(&self, account: AccountId) -> Result<()> {
        transact_and_wait(&*self.inner.kv, move |txn| directory::remove_account(txn, account))?;
        self.inner.names.forget(account);
        self.inner.backlog.add(account);
        Ok(())
    }
    /// For a login name; nothing when there is no such account, or it is disabled.
    pub fn verifier(&self, address: &Address) -> Result<Option<Verifier>> {
        let view = self.inner.kv.view()?;
        let Some(account) = directory::account_of(&*view, address)? else { return Ok(None) };
        let record = directory::directory_record(&*view, account)?.filter(|record| !record.disabled);
        Ok(record.map(|r| Verifier { account, address: r.address, verifier: r.verifier }))
    }
    pub fn by_address(&self, address: &Address) -> Result<Option<AccountId>> {
        directory::account_of(&*self.inner.kv.view()?, address)
    }
    /// All accounts in the order they were made; rows that cannot be read are left out (`koi check` names
    /// them).
    pub fn list(&self) -> Result<Vec<AccountRow>> {
        let view = self.inner.kv.view()?;
        let range = key::all(AccountId::GLOBAL, key::table::global::DIRECTORY);
        let mut rows = Vec::new();
        view.scan(&range.from, &range.end, &mut |key, row| {
            let id = key::part(key, 5).map(|octets| AccountId(u32::from_be_bytes(octets)));
            if let (Some(id), Some(r)) = (id, DirectoryRecord::decode(row)) {
                rows.push(AccountRow {
                    id,
                    address: r.address,
                    created_at: r.created_at,
                    disabled: r.disabled,
                });
            }
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }
}
