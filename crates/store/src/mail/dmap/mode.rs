//! The mode of an account, and what is stored of its password: both lie in different rows and change together
//! (DMAP-00 §7.1.1, docs/DMAP.md).

use koi_types::{AccountId, Cause, ErrorKind, KeyId, MailError, Mode, Result, Timestamp, limits};

use super::keys::{StoredRealm, keys, realms, stored_key};
use crate::key;
use crate::kv::{Read, Txn};
use crate::mail::account::Quota;
use crate::mail::push::{Credential, forget_credential};
use crate::mail::{AccountTxn, directory};
use crate::record::account::AccountRecord;
use crate::record::corrupt;
use crate::record::directory::{PasswordRecord, StacieRecord};
use crate::record::dmap::{KeyState, PrivateForm, PrivateHalf};

/// A private half that comes with a change of the mode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HandedOver {
    pub id: KeyId,
    pub private: PrivateHalf,
}

/// A change of the mode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewMode {
    pub mode: Mode,
    pub handed_over: Vec<HandedOver>,
    /// Private halves that the mode forbids may go: their owner has them elsewhere.
    pub drops_private_keys: bool,
}

/// The mode of an account; `NotFound` when there is none.
pub fn mode_of(read: &(impl Read + ?Sized), account: AccountId) -> Result<Mode> {
    Ok(account_record(read, account)?.mode)
}

fn account_record(read: &(impl Read + ?Sized), account: AccountId) -> Result<AccountRecord> {
    let key = key::account(account);
    let missing = || MailError::new(ErrorKind::NotFound, "no such account");
    let row = read.get(&key)?.ok_or_else(missing)?;
    AccountRecord::decode(&row).ok_or_else(|| corrupt("account", &key))
}

fn refused(text: &str) -> MailError {
    MailError::new(ErrorKind::NoPermission, text).because(Cause::KeyPolicy)
}

/// Changes the mode: keys, verifiers and the mode itself, or nothing. `NoPermission` when the account lacks
/// what the mode needs.
pub fn set_mode(txn: &mut dyn Txn, account: AccountId, new: &NewMode, now: Timestamp) -> Result<()> {
    let record = account_record(txn, account)?;
    hand_over(txn, account, new, now)?;
    drop_private_halves(txn, account, new, now)?;
    if new.mode < record.mode {
        relax(txn, account)?;
    }
    if new.mode != Mode::Trustful {
        keep_stacie_alone(txn, account, now)?;
    }
    // Read again: forgetting what was subscribed to may have written it.
    let record = account_record(txn, account)?;
    txn.put(&key::account(account), &AccountRecord { mode: new.mode, ..record }.encode())
}

/// Only by the password itself, which STACIE does not show, can Argon2id's and SCRAM's verifiers be made
/// again.
fn keep_stacie_alone(txn: &mut dyn Txn, account: AccountId, now: Timestamp) -> Result<()> {
    let mut has_stacie = false;
    directory::update_account(txn, account, &mut |row| {
        has_stacie = row.password.stacie.is_some();
        row.password = PasswordRecord { stacie: row.password.stacie.take(), ..PasswordRecord::default() };
    })?;
    if !has_stacie {
        return Err(refused("the account has no STACIE verifier, so that nobody could log in"));
    }
    forget_credential(txn, account, Credential::Password, now)
}

fn hand_over(txn: &mut dyn Txn, account: AccountId, new: &NewMode, now: Timestamp) -> Result<()> {
    for each in &new.handed_over {
        if !may_keep(new.mode, each.private.form) {
            return Err(refused("private keys of this form may not be kept in this mode"));
        }
        let missing = || MailError::new(ErrorKind::NotFound, "no such key");
        let mut record = stored_key(txn, account, &each.id)?.ok_or_else(missing)?;
        record.private = Some(each.private.clone());
        AccountTxn::open(txn, account, Quota::UNLIMITED, now)?.put_key(&each.id, &record)?;
    }
    Ok(())
}

/// What may lie here in a mode. Of a key that is not current any more the server knew what it opens.
fn may_keep(mode: Mode, form: PrivateForm) -> bool {
    match mode {
        Mode::Trustful => true,
        Mode::Cautious => form == PrivateForm::Owners,
        Mode::Paranoid => false,
    }
}

fn drop_private_halves(txn: &mut dyn Txn, account: AccountId, new: &NewMode, now: Timestamp) -> Result<()> {
    for mut key in keys(txn, account)? {
        let forbidden = key.record.private.as_ref().is_some_and(|half| !may_keep(new.mode, half.form));
        if !forbidden {
            continue;
        }
        if !new.drops_private_keys {
            return Err(refused("private keys lie here that this mode forbids"));
        }
        key.record.private = None;
        AccountTxn::open(txn, account, Quota::UNLIMITED, now)?.put_key(&key.id, &key.record)?;
    }
    Ok(())
}

/// Less strict: others may encrypt for a key whose private half the server is to keep now.
fn relax(txn: &mut dyn Txn, account: AccountId) -> Result<()> {
    let current = keys(txn, account)?.into_iter().find(|key| key.record.state == KeyState::Current);
    if current.is_some_and(|key| key.record.private.is_none()) {
        return Err(refused("the private half of the current key is not here; hand it over with the mode"));
    }
    Ok(())
}

/// A new verifier, with the shards that make the same realm keys of the new password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewVerifier {
    /// What it is to replace: the serial number of the verifier that the old password was checked with.
    pub replaces: u32,
    pub stacie: StacieRecord,
    pub shards: Vec<NewShard>,
}

/// A shard for a key of a realm: the newest, where no serial number is given.
#[derive(Clone, PartialEq, Eq)]
pub struct NewShard {
    pub label: Box<str>,
    pub serial: Option<u16>,
    pub shard: [u8; 64],
}

impl std::fmt::Debug for NewShard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewShard")
            .field("label", &self.label)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

/// Changes the password by STACIE: what was stored of the old one goes, and every realm gets its shard, or
/// nothing changes. `Conflict` when the verifier was replaced meanwhile.
pub fn change_password(
    txn: &mut dyn Txn,
    account: AccountId,
    new: &NewVerifier,
    now: Timestamp,
) -> Result<()> {
    if new.shards.len() > limits::DMAP_REALMS_MAX {
        return Err(MailError::new(ErrorKind::LimitReached, "too many shards"));
    }
    let known = realms(txn, account)?;
    let mut named: Vec<&StoredRealm> = Vec::new();
    for shard in &new.shards {
        let mut of_label = known.iter().filter(|realm| realm.label == shard.label);
        let meant = match shard.serial {
            Some(serial) => of_label.find(|realm| realm.serial == serial),
            None => of_label.next_back(),
        };
        named.push(meant.ok_or_else(|| refused("no such realm"))?);
    }
    // A key without its new shard would be lost with the old password; of two nobody knows which is right.
    if named.len() != known.len() || known.iter().any(|realm| !named.contains(&realm)) {
        return Err(refused("every key of every realm needs its new shard, and one each"));
    }
    for (realm, shard) in named.into_iter().zip(&new.shards) {
        let mut own = AccountTxn::open(txn, account, Quota::UNLIMITED, now)?;
        own.replace_realm(realm, &shard.shard)?;
    }
    let mut is_same = false;
    directory::update_account(txn, account, &mut |row| {
        is_same = row.password.stacie.as_ref().is_some_and(|stacie| stacie.serial == new.replaces);
        let serial = new.replaces.wrapping_add(1);
        let stacie = Some(StacieRecord { serial, ..new.stacie.clone() });
        row.password = PasswordRecord { stacie, ..PasswordRecord::default() };
    })?;
    if !is_same {
        return Err(MailError::new(ErrorKind::Conflict, "the password was changed meanwhile"));
    }
    forget_credential(txn, account, Credential::Password, now)
}

/// Replaces all that is stored of the password of an account that keeps mail in clear; `NoPermission` for
/// others.
pub fn set_password(
    txn: &mut dyn Txn,
    account: AccountId,
    password: &PasswordRecord,
    now: Timestamp,
) -> Result<()> {
    if !mode_of(txn, account)?.keeps_clear_mail() {
        let text = "the password of this account is changed by its owner, who alone can open its mail";
        return Err(MailError::new(ErrorKind::NoPermission, text).because(Cause::KeyPolicy));
    }
    replace(txn, account, password, now)
}

/// Leaves nothing but this verifier.
pub fn reset_stacie(
    txn: &mut dyn Txn,
    account: AccountId,
    stacie: &StacieRecord,
    now: Timestamp,
) -> Result<()> {
    let password = PasswordRecord { stacie: Some(stacie.clone()), ..PasswordRecord::default() };
    replace(txn, account, &password, now)
}

/// A verifier of STACIE is another one than any before.
fn replace(txn: &mut dyn Txn, account: AccountId, password: &PasswordRecord, now: Timestamp) -> Result<()> {
    // It takes no more room than what was there, and who has the old one must be kept out at once.
    txn.frees_space();
    directory::update_account(txn, account, &mut |row| {
        let before = row.password.stacie.as_ref().map_or(0, |stacie| stacie.serial);
        row.password = password.clone();
        if let Some(stacie) = &mut row.password.stacie {
            stacie.serial = stacie.serial.max(before.wrapping_add(1));
        }
    })?;
    forget_credential(txn, account, Credential::Password, now)
}
