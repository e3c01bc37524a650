//! Who has an account: for the administrator's commands and for checking passwords. Its writes block until
//! durable.

use std::ops::ControlFlow;

use koi_store::key;
use koi_store::kv::{Ticket, Txn, transact_and_wait};
use koi_store::mail::app_password::{AppPassword, NewAppPassword};
use koi_store::mail::dmap::mode;
use koi_store::mail::push::{Credential, forget_credential};
use koi_store::mail::{app_password, directory};
use koi_store::record::directory::{DirectoryRecord, PasswordRecord, ScramRecord, StacieRecord};
use koi_types::{AccountId, Address, ErrorKind, MailError, Mode, Result, Timestamp};

use crate::dmap::seal;
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
    /// Whether SCRAM logins are possible.
    pub scram: bool,
    /// Whether STACIE logins are possible.
    pub stacie: bool,
    /// What the server may know of its mail.
    pub mode: Mode,
}

/// What a password is checked against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verifier {
    pub account: AccountId,
    /// The account's own address, whatever form the login name had.
    pub address: Address,
    /// As it was given to `set_password`.
    pub password: PasswordRecord,
    pub app_passwords: Vec<AppPassword>,
}

/// An app password was used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppPasswordUse {
    pub account: AccountId,
    pub number: u32,
    pub hash: [u8; 32],
    pub at: Timestamp,
}

impl AccountRow {
    fn new(id: AccountId, r: DirectoryRecord, mode: Mode) -> Self {
        let (scram, stacie) = (r.password.scram.is_some(), r.password.stacie.is_some());
        let (address, created_at, disabled) = (r.address, r.created_at, r.disabled);
        Self { id, address, created_at, disabled, scram, stacie, mode }
    }
}

impl Directory<'_> {
    /// Makes a domain, if it is not there.
    pub fn create_domain(&self, domain: &str) -> Result<()> {
        let domain = domain.to_owned();
        transact_and_wait(&*self.inner.kv, move |txn| directory::create_domain(txn, &domain).map(drop))
    }
    /// Makes an account with INBOX, Drafts, Sent, Junk, Trash and Archive, subscribed. `AlreadyExists` when
    /// the address is taken, `NotFound` when its domain is not one of ours.
    pub fn create_account(
        &self,
        address: &Address,
        password: impl Into<PasswordRecord>,
    ) -> Result<AccountId> {
        let (address, password, now) = (address.clone(), password.into(), self.inner.env.now());
        transact_and_wait(&*self.inner.kv, move |txn| {
            directory::create_account(txn, &address, password.clone(), now)
        })
    }
    /// Replaces all that is stored of the password; what JMAP clients subscribed to with it goes.
    /// `NoPermission` for an account that is not `Trustful`: there is nothing but STACIE for it.
    pub fn set_password(&self, account: AccountId, password: &PasswordRecord) -> Result<()> {
        let (password, now) = (password.clone(), self.inner.env.now());
        transact_and_wait(&*self.inner.kv, move |txn| mode::set_password(txn, account, &password, now))
    }
    /// Gives an account a verifier of STACIE alone, whatever its mode: what its keys open is lost to who has
    /// only the new password, unless the keys are elsewhere too.
    pub fn reset_stacie(&self, account: AccountId, stacie: &StacieRecord) -> Result<()> {
        let (stacie, now) = (stacie.clone(), self.inner.env.now());
        transact_and_wait(&*self.inner.kv, move |txn| mode::reset_stacie(txn, account, &stacie, now))
    }
    /// Replaces the SCRAM keys, or takes them away; `Conflict` when the password is not the one of `verifier`
    /// any more.
    pub fn set_scram(&self, account: AccountId, verifier: &str, scram: Option<ScramRecord>) -> Result<()> {
        let verifier = verifier.to_owned();
        transact_and_wait(&*self.inner.kv, move |txn| {
            let mut same = false;
            directory::update_account(txn, account, &mut |record| {
                same = *record.password.verifier == *verifier;
                if same {
                    record.password.scram.clone_from(&scram);
                }
            })?;
            let changed = || MailError::new(ErrorKind::Conflict, "the password was changed meanwhile");
            same.then_some(()).ok_or_else(changed)
        })
    }
    /// Makes an app password.
    pub fn add_app_password(&self, account: AccountId, new: &NewAppPassword) -> Result<()> {
        let (new, now) = (new.clone(), self.inner.env.now());
        transact_and_wait(&*self.inner.kv, move |txn| app_password::add(txn, account, &new, now))
    }
    /// Removes an app password; the caller ends the sessions that came in with it.
    pub fn remove_app_password(&self, account: AccountId, name: &str) -> Result<AppPassword> {
        let (name, now) = (name.to_owned(), self.inner.env.now());
        transact_and_wait(&*self.inner.kv, move |txn| {
            let removed = app_password::remove(txn, account, &name)?;
            forget_credential(txn, account, Credential::App(&removed.record.name), now)?;
            Ok(removed)
        })
    }
    /// The app passwords of an account.
    pub fn app_passwords(&self, account: AccountId) -> Result<Vec<AppPassword>> {
        app_password::of(&*self.inner.kv.view()?, account)
    }
    /// Writes down which app passwords were used. Nobody waits for it, and a power failure may lose it.
    pub fn app_passwords_used(&self, all: Vec<AppPasswordUse>) -> Ticket {
        self.inner.kv.submit(Box::new(move |txn| {
            all.iter().try_for_each(|u| app_password::used(txn, u.account, u.number, &u.hash, u.at))
        }))
    }
    /// The secret of this folder; `fresh` (random octets) becomes it when there is none yet.
    pub fn secret(&self, fresh: [u8; 32]) -> Result<[u8; 32]> {
        match app_password::stored_secret(&*self.inner.kv.view()?)? {
            Some(secret) => Ok(secret),
            None => transact_and_wait(&*self.inner.kv, move |txn| app_password::secret(txn, &fresh)),
        }
    }
    /// Closes or opens an account for logins; mail goes on arriving. What JMAP clients subscribed to goes
    /// when it is closed.
    pub fn set_disabled(&self, account: AccountId, disabled: bool) -> Result<()> {
        let over = disabled.then_some(Credential::Any);
        self.update(account, move |record| record.disabled = disabled, over)
    }
    /// `over`: what is not good any more after it.
    fn update(
        &self,
        account: AccountId,
        mut change: impl FnMut(&mut DirectoryRecord) + Send + 'static,
        over: Option<Credential<'static>>,
    ) -> Result<()> {
        let now = self.inner.env.now();
        transact_and_wait(&*self.inner.kv, move |txn: &mut dyn Txn| {
            if over.is_some() {
                // Who is to be kept out does not get in because the disk is full.
                txn.frees_space();
            }
            directory::update_account(txn, account, &mut change)?;
            over.map_or(Ok(()), |over| forget_credential(txn, account, over, now))
        })
    }
    /// The account goes at once, its mail is reclaimed by and by.
    pub fn remove(&self, account: AccountId) -> Result<()> {
        transact_and_wait(&*self.inner.kv, move |txn| directory::remove_account(txn, account))?;
        self.inner.names.forget(account);
        self.inner.backlog.add(account);
        Ok(())
    }
    /// For a login name; nothing when there is no such account, or it is disabled. Reads as many rows for
    /// names nobody has as for others, so that the time does not tell.
    pub fn verifier(&self, address: &Address) -> Result<Option<Verifier>> {
        let view = self.inner.kv.view()?;
        let found = directory::account_of(&*view, address)?;
        // Nobody's account: it has no rows.
        let account = found.unwrap_or(AccountId::GLOBAL);
        let record = directory::directory_record(&*view, account)?;
        let app_passwords = app_password::of(&*view, account)?;
        let record = record.filter(|record| found.is_some() && !record.disabled);
        Ok(record.map(|record| {
            let (address, password) = (record.address, record.password);
            Verifier { account, address, password, app_passwords }
        }))
    }
    pub fn by_address(&self, address: &Address) -> Result<Option<AccountId>> {
        directory::account_of(&*self.inner.kv.view()?, address)
    }
    /// One account.
    pub fn row(&self, id: AccountId) -> Result<Option<AccountRow>> {
        let view = self.inner.kv.view()?;
        let Some(record) = directory::directory_record(&*view, id)? else { return Ok(None) };
        Ok(Some(AccountRow::new(id, record, seal::mode_of(&*view, id)?)))
    }
    /// The account that was made first.
    pub fn first(&self) -> Result<Option<AccountId>> {
        let view = self.inner.kv.view()?;
        let range = key::all(AccountId::GLOBAL, key::table::global::DIRECTORY);
        let mut first = None;
        view.scan(&range.from, &range.end, &mut |key, _| {
            first = key::part(key, 5).map(|octets| AccountId(u32::from_be_bytes(octets)));
            if first.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(first)
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
                rows.push(AccountRow::new(id, r, Mode::Trustful));
            }
            ControlFlow::Continue(())
        })?;
        for row in &mut rows {
            row.mode = seal::mode_of(&*view, row.id)?;
        }
        Ok(rows)
    }
}
