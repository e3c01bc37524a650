//! The key ring of an account: its own keys, and the signets made of them (DMAP-00 §7.4).

use koi_dime::key::{Holder, PrivateKeys};
use koi_dime::{DecryptionKey, Organisation, Random, Secret, SigningKey, SigningRequest, UserSignet};
use koi_store::mail::dmap::keys::{self, NewStoredKey, StoredKey};
use koi_store::mail::dmap::mode;
use koi_store::record::dmap::{KeyState, PrivateForm, PrivateHalf};
use koi_types::{Address, Cause, ErrorKind, KeyId, MailError, Mode, Result, Timestamp, limits};

use super::mode::at_rest;
use super::organisation::{bad_signet, key_at_rest};
use super::random::EnvRandom;
use crate::account::Account;
use crate::outcome::Pending;
use crate::snapshot::Snapshot;

/// A key that a client brings.
#[derive(Clone)]
pub struct NewKey {
    pub id: KeyId,
    /// The signing request.
    pub request: Vec<u8>,
    /// The private half, in a form that the mode allows.
    pub private: Option<Vec<u8>>,
    pub expires_at: Option<Timestamp>,
}

/// What a key is to its owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyStatus {
    Pending,
    Current,
    Previous,
    Expired,
}

/// A key of an account.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub id: KeyId,
    pub status: KeyStatus,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// As it was uploaded.
    pub request: Vec<u8>,
    /// As GETKEY shows it: as it was uploaded, or in clear when the server made it.
    pub private: Option<Vec<u8>>,
    /// Empty while the organisation has not signed.
    pub signet: Vec<u8>,
}

/// A key that an account has or had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FormerKey {
    pub key: KeyRow,
    pub is_deleted: bool,
}

macro_rules! without_secrets {
    ($($name:ident),*) => { $(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).field("id", &self.id).finish_non_exhaustive()
            }
        }
    )* };
}
without_secrets!(NewKey, KeyRow);

impl Account {
    /// Adds a key, signed by the organisation: others encrypt for it from now on. What is refused says why:
    /// [`Cause::KeyMismatch`], [`Cause::BadRequest`], [`Cause::KeyPolicy`]; `AlreadyExists`.
    pub fn add_key(&self, new: &NewKey) -> Result<Pending<()>> {
        self.owner_only()?;
        let organisation = self.inner.organisation_of(self.id)?;
        let view = self.inner.kv.view()?;
        let request = parsed_request(new)?;
        // Whatever it follows.
        if keys::known_key(&*view, self.id, &new.id)?.is_some() {
            return Err(keys::already_there());
        }
        let former = keys::current(&*view, self.id)?;
        if let Some(former) = &former {
            let signet = signet_of(former)?;
            request.follows(signet.signing()).map_err(|error| bad_signet(error, Cause::BadRequest))?;
        }
        let mode = mode::mode_of(&*view, self.id)?;
        let private = match &new.private {
            None => None,
            Some(octets) => Some(allowed(
                mode,
                at_rest(&organisation, &new.id, &request, octets, &mut EnvRandom(&*self.inner.env))?,
            )?),
        };
        drop(view);
        self.store_key(&organisation, new.id, &request, private, new.expires_at, former)
    }
    fn store_key(
        &self,
        organisation: &Organisation,
        id: KeyId,
        request: &SigningRequest,
        private: Option<PrivateHalf>,
        expires_at: Option<Timestamp>,
        former: Option<StoredKey>,
    ) -> Result<Pending<()>> {
        let address = self.own_address()?;
        let signet = organisation
            .issue(request, &address, None)
            .map_err(|error| bad_signet(error, Cause::BadRequest))?;
        let stored = NewStoredKey {
            id,
            expires_at,
            request: request.object().into(),
            signet: signet.object().into(),
            private,
            follows: former.map(|former| former.id),
        };
        Ok(self.change(move |account| {
            // The mode may have changed since it was looked at.
            let form = stored.private.as_ref().map(|half| half.form);
            if form.is_some_and(|form| !may_keep(account.mode(), form)) {
                return Err(forbidden());
            }
            account.add_key(&stored)
        }))
    }
    /// The account's own address, as signets and envelopes name it.
    fn own_address(&self) -> Result<Address> {
        let view = self.inner.kv.view()?;
        let missing = || MailError::new(ErrorKind::NotFound, "no such account");
        let record = koi_store::mail::directory::directory_record(&*view, self.id)?.ok_or_else(missing)?;
        Ok(record.address.account_key())
    }
    /// Takes away a key that was deleted elsewhere, but for its place in the history; `InUse` when it is
    /// current.
    pub fn forget_key(&self, id: KeyId) -> Pending<()> {
        match self.owner_only() {
            Ok(()) => self.change(move |account| account.forget_key(&id)),
            Err(error) => Pending::failed(error),
        }
    }
    /// Takes a key away that is past its time and that no message needs: `InUse` otherwise. What was public
    /// of it stays in the history.
    pub fn delete_key(&self, id: KeyId) -> Pending<()> {
        match self.owner_only() {
            Ok(()) => self.change(move |account| account.delete_key(&id)),
            Err(error) => Pending::failed(error),
        }
    }
    /// An account in which the server may read gets a key made by the server, if it has none: by it a client
    /// of DMAP is shown the ordinary mail. Nothing when there is nothing to do.
    pub fn prepare_dmap(&self) -> Result<Option<Pending<()>>> {
        self.owner_only()?;
        let view = self.inner.kv.view()?;
        let mode = mode::mode_of(&*view, self.id)?;
        if !mode.keeps_clear_mail() || keys::current(&*view, self.id)?.is_some() {
            return Ok(None);
        }
        drop(view);
        let organisation = self.inner.organisation_of(self.id)?;
        let mut random = EnvRandom(&*self.inner.env);
        let made = made(&mut random)?;
        let request = SigningRequest::create(&made.signing, &made.decryption.public(), &[], None)
            .map_err(|error| bad_signet(error, Cause::BadRequest))?;
        let id = KeyId(request.key_id().0);
        let half = at_rest(&organisation, &id, &request, &made.object(), &mut random)?;
        self.store_key(&organisation, id, &request, Some(half), None, None).map(Some)
    }
}

fn parsed_request(new: &NewKey) -> Result<SigningRequest> {
    let octets = new.private.as_ref().map_or(0, Vec::len);
    if new.request.len() > limits::DMAP_SIGNET_OCTETS_MAX || octets > limits::DMAP_PRIVATE_KEY_OCTETS_MAX {
        return Err(MailError::new(ErrorKind::TooLarge, "the key is too large"));
    }
    let request =
        SigningRequest::parse(&new.request).map_err(|error| bad_signet(error, Cause::BadRequest))?;
    if request.key_id().0 != new.id.0 {
        let text = "the key id is not that of the signing request";
        return Err(MailError::new(ErrorKind::InvalidInput, text).because(Cause::KeyMismatch));
    }
    Ok(request)
}

fn made(random: &mut dyn Random) -> Result<PrivateKeys> {
    let unavailable = || MailError::new(ErrorKind::Unavailable, "no random octets");
    let mut octets = || {
        let mut filled = Ok(());
        let secret = Secret::<32>::filled(|octets| filled = random.fill(octets));
        filled.map(|()| secret).map_err(|_| unavailable())
    };
    let signing = SigningKey::new(&octets()?);
    let decryption = DecryptionKey::new(&octets()?).ok_or_else(unavailable)?;
    Ok(PrivateKeys { holder: Holder::User, signing, decryption })
}

/// The table of docs/DMAP.md, "private keys".
const fn may_keep(mode: Mode, form: PrivateForm) -> bool {
    match mode {
        Mode::Trustful => true,
        Mode::Cautious => matches!(form, PrivateForm::Owners),
        Mode::Paranoid => false,
    }
}

fn allowed(mode: Mode, half: PrivateHalf) -> Result<PrivateHalf> {
    if may_keep(mode, half.form) { Ok(half) } else { Err(forbidden()) }
}

fn forbidden() -> MailError {
    let text = "private keys of this form may not be kept in the mode of this account";
    MailError::new(ErrorKind::NoPermission, text).because(Cause::KeyPolicy)
}

/// The signet of a key that is current.
pub(super) fn signet_of(key: &StoredKey) -> Result<UserSignet> {
    UserSignet::parse(&key.record.signet).map_err(|error| {
        MailError::new(ErrorKind::Corrupt, "a stored record cannot be read")
            .context(format!("signet: {error}"))
    })
}

impl Snapshot<'_> {
    /// What the server may know of the account's mail.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.record.mode
    }
    /// All keys, the newest first. Private halves are left out: ask for one key.
    pub fn keys(&self) -> Result<Vec<KeyRow>> {
        self.owner_looks()?;
        let stored = keys::keys(&*self.view, self.account)?;
        Ok(stored.into_iter().map(|key| self.key_row(key, None)).collect())
    }
    /// The same with those that were deleted and of which the public half is left.
    pub fn key_history(&self) -> Result<Vec<FormerKey>> {
        self.owner_looks()?;
        let stored = keys::history(&*self.view, self.account)?;
        let row = |key: StoredKey| {
            let is_deleted = key.record.state == KeyState::Deleted;
            FormerKey { key: self.key_row(key, None), is_deleted }
        };
        Ok(stored.into_iter().map(row).collect())
    }
    /// One key, with its private half.
    pub fn key(&self, id: &KeyId) -> Result<Option<KeyRow>> {
        self.owner_looks()?;
        let Some(record) = keys::stored_key(&*self.view, self.account, id)? else { return Ok(None) };
        let private = match &record.private {
            None => None,
            Some(half) => Some(self.shown_private(id, half)?),
        };
        Ok(Some(self.key_row(StoredKey { id: *id, record }, private)))
    }
    /// The key that others encrypt for.
    pub fn current_key(&self) -> Result<Option<KeyRow>> {
        self.owner_looks()?;
        let current = keys::current(&*self.view, self.account)?;
        Ok(current.map(|key| self.key_row(key, None)))
    }
    /// How many emails open by a key.
    pub fn key_messages(&self, id: &KeyId) -> Result<u64> {
        self.owner_looks()?;
        keys::emails_of_key(&*self.view, self.account, id)
    }
    fn key_row(&self, key: StoredKey, private: Option<Vec<u8>>) -> KeyRow {
        let record = key.record;
        let is_over = record.expires_at.is_some_and(|at| at <= self.env.now());
        let status = match record.state {
            KeyState::Pending => KeyStatus::Pending,
            _ if is_over => KeyStatus::Expired,
            KeyState::Current => KeyStatus::Current,
            KeyState::Previous | KeyState::Deleted => KeyStatus::Previous,
        };
        KeyRow {
            id: key.id,
            status,
            created_at: record.created_at,
            expires_at: record.expires_at,
            request: record.request.into(),
            private,
            signet: record.signet.into(),
        }
    }
    fn shown_private(&self, id: &KeyId, half: &PrivateHalf) -> Result<Vec<u8>> {
        if half.form == PrivateForm::Owners {
            return Ok(half.octets.to_vec());
        }
        let organisation = self.organisation()?.ok_or_else(super::not_offered)?;
        let keys = PrivateKeys::decrypt(Holder::User, &half.octets, &key_at_rest(&organisation, id));
        let unreadable =
            |error| MailError::new(ErrorKind::Corrupt, "a private key cannot be read").context(error);
        Ok(keys.map_err(unreadable)?.object().to_vec())
    }
    /// Keys, shards and signets are the owner's alone.
    pub(super) fn owner_looks(&self) -> Result<()> {
        if self.guest.is_none() { Ok(()) } else { Err(crate::access::not_allowed()) }
    }
}
