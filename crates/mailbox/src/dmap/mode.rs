//! The mode of an account, and its password as STACIE changes it.

use koi_dime::Organisation;
use koi_dime::key::{Holder, PrivateKeys, check_encrypted};
use koi_dime::stacie::{PasswordKey, RealmLabel, Salt, Shard, Username, VerificationToken};
use koi_store::kv::{Txn, transact};
use koi_store::mail::directory;
use koi_store::mail::dmap::keys::stored_key;
use koi_store::mail::dmap::mode::{self, HandedOver, NewMode, NewShard, NewVerifier};
use koi_store::record::directory::StacieRecord;
use koi_store::record::dmap::{PrivateForm, PrivateHalf};
use koi_types::{Cause, ErrorKind, KeyId, MailError, Mode, Result};

use super::organisation::{bad_signet, key_at_rest};
use super::random::EnvRandom;
use crate::account::Account;
use crate::outcome::Pending;

/// A change of the mode.
#[derive(Clone, Debug)]
pub struct ModeChange {
    pub mode: Mode,
    /// Private halves that the mode needs and that are not here yet.
    pub private_keys: Vec<PrivatePart>,
    /// Private halves that the mode forbids may go: their owner has them elsewhere. Otherwise they are in the
    /// way.
    pub drops_private_keys: bool,
}

/// The private half of a key, as ADDKEY takes it (DMAP-00 §7.4.2).
#[derive(Clone)]
pub struct PrivatePart {
    pub id: KeyId,
    pub octets: Vec<u8>,
}

impl std::fmt::Debug for PrivatePart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivatePart").field("id", &self.id).finish_non_exhaustive()
    }
}

impl ModeChange {
    /// Without keys that come or go.
    #[must_use]
    pub const fn to(mode: Mode) -> Self {
        Self { mode, private_keys: Vec::new(), drops_private_keys: false }
    }
}

/// A change of the password by STACIE.
#[derive(Clone, Debug)]
pub struct StaciePasswd {
    /// Of the old password: shows that it is known.
    pub password_key: PasswordKey,
    pub bonus: u32,
    pub salt: Salt,
    pub token: VerificationToken,
    /// One for each key of each realm, so that it stays the same.
    pub shards: Vec<RealmShard>,
}

/// A shard for a key of a realm: the newest, where no serial number is given.
#[derive(Clone, Debug)]
pub struct RealmShard {
    pub label: RealmLabel,
    pub serial: Option<u16>,
    pub shard: Shard,
}

impl Account {
    /// Changes the mode, in one transaction with the keys and the verifiers that it forbids or needs:
    /// `NoPermission` with [`Cause::KeyPolicy`] when it cannot be. Who has an open session is for the caller
    /// to end.
    pub fn set_mode(&self, change: &ModeChange) -> Pending<()> {
        match self.new_mode(change) {
            Ok(new) => {
                let (account, now) = (self.id, self.inner.env.now());
                let run = move |txn: &mut dyn Txn| mode::set_mode(txn, account, &new, now);
                Pending::of(transact(&*self.inner.kv, run))
            }
            Err(error) => Pending::failed(error),
        }
    }
    fn new_mode(&self, change: &ModeChange) -> Result<NewMode> {
        self.owner_only()?;
        let mut handed_over = Vec::new();
        if !change.mode.keeps_clear_mail() || !change.private_keys.is_empty() {
            let organisation = self.inner.organisation_of(self.id)?;
            for part in &change.private_keys {
                let private = self.private_half(&organisation, part)?;
                handed_over.push(HandedOver { id: part.id, private });
            }
        }
        Ok(NewMode { mode: change.mode, handed_over, drops_private_keys: change.drops_private_keys })
    }
    /// As it is stored: one in clear is encrypted by the organisation's key, and must be that of the request.
    fn private_half(&self, organisation: &Organisation, part: &PrivatePart) -> Result<PrivateHalf> {
        let view = self.inner.kv.view()?;
        let missing = || MailError::new(ErrorKind::NotFound, "no such key");
        let record = stored_key(&*view, self.id, &part.id)?.ok_or_else(missing)?;
        let request = koi_dime::SigningRequest::parse(&record.request)
            .map_err(|error| bad_signet(error, Cause::BadRequest))?;
        at_rest(organisation, &part.id, &request, &part.octets, &mut EnvRandom(&*self.inner.env))
    }
    /// Changes the password (STACIE-PASSWD): `AuthenticationFailed` when `password_key` is not that of the
    /// stored verifier. What was stored beside it of the old password goes.
    pub fn stacie_passwd(&self, change: &StaciePasswd) -> Pending<()> {
        match self.new_verifier(change) {
            Ok(new) => {
                let (account, now) = (self.id, self.inner.env.now());
                let run = move |txn: &mut dyn Txn| mode::change_password(txn, account, &new, now);
                Pending::of(transact(&*self.inner.kv, run))
            }
            Err(error) => Pending::failed(error),
        }
    }
    fn new_verifier(&self, change: &StaciePasswd) -> Result<NewVerifier> {
        self.owner_only()?;
        let view = self.inner.kv.view()?;
        let record = directory::directory_record(&*view, self.id)?;
        let wrong = || MailError::new(ErrorKind::AuthenticationFailed, "this is not the password");
        let record = record.ok_or_else(wrong)?;
        let stored = record.password.stacie.ok_or_else(wrong)?;
        let username = Username::new(&record.address.account_key().to_string()).map_err(|_| wrong())?;
        let salt = Salt(stored.salt);
        let shown = change.password_key.verification_token(username.as_str(), &salt);
        if shown != VerificationToken(koi_dime::Secret::new(&stored.token)) {
            return Err(wrong());
        }
        if change.bonus > koi_dime::stacie::BONUS_MAX {
            return Err(MailError::new(ErrorKind::InvalidInput, "the bonus is too large"));
        }
        let shard = |each: &RealmShard| {
            let (label, shard) = (each.label.as_str().into(), *each.shard.0.expose());
            NewShard { label, serial: each.serial, shard }
        };
        let token = *change.token.0.expose();
        let stacie = StacieRecord { bonus: change.bonus, salt: change.salt.0, token, serial: 0 };
        let shards = change.shards.iter().map(shard).collect();
        Ok(NewVerifier { replaces: stored.serial, stacie, shards })
    }
}

/// The private half of a key as it is stored: what its owner encrypted, as it is; one in clear, which must be
/// that of the request, by a key that follows from the organisation's.
pub(super) fn at_rest(
    organisation: &Organisation,
    id: &KeyId,
    request: &koi_dime::SigningRequest,
    octets: &[u8],
    random: &mut dyn koi_dime::Random,
) -> Result<PrivateHalf> {
    if check_encrypted(Holder::User, octets).is_ok() {
        return Ok(PrivateHalf { form: PrivateForm::Owners, octets: octets.into() });
    }
    let policy = |text: &str| MailError::new(ErrorKind::InvalidInput, text).because(Cause::KeyPolicy);
    let keys = PrivateKeys::parse(Holder::User, octets)
        .map_err(|_| policy("the private key is neither encrypted nor a key"))?;
    if keys.signing.public() != *request.signing() || keys.decryption.public() != *request.encryption() {
        let text = "the private key is not that of the signing request";
        return Err(MailError::new(ErrorKind::InvalidInput, text).because(Cause::KeyMismatch));
    }
    let unavailable = |_| MailError::new(ErrorKind::Unavailable, "no random octets");
    let mut vector_shard = [0; 16];
    random.fill(&mut vector_shard).map_err(unavailable)?;
    let sealed = keys.encrypt(&key_at_rest(organisation, id), &vector_shard);
    let sealed = sealed.map_err(|_| policy("the private key cannot be encrypted"))?;
    Ok(PrivateHalf { form: PrivateForm::Servers, octets: sealed.into() })
}
