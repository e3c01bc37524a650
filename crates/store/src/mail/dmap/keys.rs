//! d 0 and d 1: the keys of an account, and the server's shares of its realm keys (DMAP-00 §7.4).
//!
//! No change of mail: keys have no MODSEQ.

use std::ops::ControlFlow;

use koi_types::{AccountId, ErrorKind, KeyId, MailError, Mode, Result, Timestamp, limits};

use crate::key;
use crate::kv::{Read, Txn};
use crate::mail::AccountTxn;
use crate::record::corrupt;
use crate::record::dmap::{
    KeyRecord, KeyState, PrivateHalf, RealmRecord, decode_key_emails, encode_key_emails,
};
use crate::record::prime::PrimeRecord;

/// A key with its id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredKey {
    pub id: KeyId,
    pub record: KeyRecord,
}

/// A key that comes in, verified by who brings it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewStoredKey {
    pub id: KeyId,
    pub expires_at: Option<Timestamp>,
    pub request: Box<[u8]>,
    /// Empty: the organisation has not signed yet.
    pub signet: Box<[u8]>,
    pub private: Option<PrivateHalf>,
    /// The key that was current when it was verified.
    pub follows: Option<KeyId>,
}

/// A shard with its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredRealm {
    pub label: Box<str>,
    pub serial: u16,
    pub record: RealmRecord,
}

/// All keys of an account, the newest first. There are never more than `limits::DMAP_KEYS_MAX`.
pub fn keys(read: &(impl Read + ?Sized), account: AccountId) -> Result<Vec<StoredKey>> {
    let mut keys = history(read, account)?;
    keys.retain(is_there);
    Ok(keys)
}

/// The same with those that were deleted: the chain of custody.
pub fn history(read: &(impl Read + ?Sized), account: AccountId) -> Result<Vec<StoredKey>> {
    let range = key::below(&key::dmap(account, key::DMAP_KEY));
    let mut keys = Vec::new();
    let mut broken = None;
    read.scan(&range.from, &range.end, &mut |key, row| {
        match (key::dmap_key_of(key), KeyRecord::decode(row)) {
            (Some(id), Some(record)) => keys.push(StoredKey { id, record }),
            _ => broken = Some(corrupt("DMAP key", key)),
        }
        ControlFlow::Continue(())
    })?;
    keys.sort_unstable_by_key(|key| std::cmp::Reverse(key.record.order));
    broken.map_or(Ok(keys), Err)
}

fn is_there(key: &StoredKey) -> bool {
    key.record.state != KeyState::Deleted
}

/// One key.
pub fn stored_key(read: &(impl Read + ?Sized), account: AccountId, id: &KeyId) -> Result<Option<KeyRecord>> {
    Ok(known_key(read, account, id)?.filter(|record| record.state != KeyState::Deleted))
}

/// The same, also when it was deleted.
pub fn known_key(read: &(impl Read + ?Sized), account: AccountId, id: &KeyId) -> Result<Option<KeyRecord>> {
    let key = key::dmap_key(account, id);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    KeyRecord::decode(&row).map(Some).ok_or_else(|| corrupt("DMAP key", &key))
}

/// The key that others encrypt for.
pub fn current(read: &(impl Read + ?Sized), account: AccountId) -> Result<Option<StoredKey>> {
    Ok(keys(read, account)?.into_iter().find(|key| key.record.state == KeyState::Current))
}

/// How many emails open by a key. It is counted as they come and go; of a key that an older version stored
/// all encrypted messages are looked at.
pub fn emails_of_key(read: &(impl Read + ?Sized), account: AccountId, id: &KeyId) -> Result<u64> {
    if let Some(counted) = counted(read, account, id)? {
        return Ok(counted);
    }
    let range = key::all(account, key::table::PRIME);
    let mut count = 0;
    read.scan(&range.from, &range.end, &mut |_, row| {
        // Of one that cannot be read nobody knows by which it opens.
        count += u64::from(PrimeRecord::decode(row).is_none_or(|prime| prime.key == Some(*id)));
        ControlFlow::Continue(())
    })?;
    Ok(count)
}

fn counted(read: &(impl Read + ?Sized), account: AccountId, id: &KeyId) -> Result<Option<u64>> {
    let row = read.get(&key::dmap_key_emails(account, id))?;
    Ok(row.as_deref().and_then(decode_key_emails))
}

/// An email that opens by a key comes, or goes.
pub(super) fn count_email(txn: &mut dyn Txn, account: AccountId, id: &KeyId, comes: bool) -> Result<()> {
    let Some(emails) = counted(txn, account, id)? else { return Ok(()) };
    let emails = if comes { emails.saturating_add(1) } else { emails.saturating_sub(1) };
    txn.put(&key::dmap_key_emails(account, id), &encode_key_emails(emails))
}

/// All shards of an account, by label and serial number.
pub fn realms(read: &(impl Read + ?Sized), account: AccountId) -> Result<Vec<StoredRealm>> {
    let range = key::below(&key::dmap(account, key::DMAP_REALM));
    let mut realms = Vec::new();
    let mut broken = None;
    read.scan(&range.from, &range.end, &mut |key, row| {
        match (key::dmap_realm_of(key), RealmRecord::decode(row)) {
            (Some(of), Some(record)) => {
                realms.push(StoredRealm { label: of.label.into(), serial: of.serial, record });
            }
            _ => broken = Some(corrupt("DMAP realm", key)),
        }
        ControlFlow::Continue(())
    })?;
    broken.map_or(Ok(realms), Err)
}

impl AccountTxn<'_> {
    /// The mode of the account.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.record.mode
    }
    /// The id of the key that others encrypt for.
    pub fn current_key(&self) -> Result<Option<KeyId>> {
        Ok(current(&*self.txn, self.id)?.map(|key| key.id))
    }
    /// Whether the account has this key.
    pub fn has_key(&self, id: &KeyId) -> Result<bool> {
        Ok(stored_key(&*self.txn, self.id, id)?.is_some())
    }
    /// Adds a key. One with a signet becomes the current one, and the one before it a previous one.
    /// `AlreadyExists`; `Conflict` when another key was made current meanwhile.
    pub fn add_key(&mut self, new: &NewStoredKey) -> Result<()> {
        let mut all = history(&*self.txn, self.id)?;
        if all.iter().any(|key| key.id == new.id) {
            return Err(already_there());
        }
        if all.iter().filter(|key| is_there(key)).count() >= limits::DMAP_KEYS_MAX {
            let text = format!("the account has {} keys already", limits::DMAP_KEYS_MAX);
            return Err(MailError::new(ErrorKind::LimitReached, text));
        }
        let former = all.iter_mut().find(|key| key.record.state == KeyState::Current);
        if former.as_ref().map(|key| key.id) != new.follows {
            return Err(MailError::new(ErrorKind::Conflict, "another key was made current meanwhile"));
        }
        let is_signed = !new.signet.is_empty();
        if let Some(former) = former.filter(|_| is_signed) {
            former.record.state = KeyState::Previous;
            self.put_key(&former.id, &former.record)?;
        }
        let last = all.first().map_or(0, |key| key.record.order);
        let used_up = || MailError::new(ErrorKind::LimitReached, "the numbers of keys are used up");
        let record = KeyRecord {
            state: if is_signed { KeyState::Current } else { KeyState::Pending },
            order: last.checked_add(1).ok_or_else(used_up)?,
            created_at: self.now,
            expires_at: new.expires_at,
            request: new.request.clone(),
            signet: new.signet.clone(),
            private: new.private.clone(),
        };
        self.txn.put(&key::dmap_key_emails(self.id, &new.id), &encode_key_emails(0))?;
        self.put_key(&new.id, &record)
    }
    /// Takes away a key that is past its time and that no message needs (DMAP-00 §7.4.3). What was public of
    /// it stays in the history.
    pub fn delete_key(&mut self, id: &KeyId) -> Result<()> {
        let missing = || MailError::new(ErrorKind::NotFound, "no such key");
        let record = stored_key(&*self.txn, self.id, id)?.ok_or_else(missing)?;
        let in_use = |text: &str| MailError::new(ErrorKind::InUse, text);
        if record.state == KeyState::Current {
            return Err(in_use("the current key is in use"));
        }
        if record.expires_at.is_none_or(|at| at > self.now) {
            return Err(in_use("the key is not past its time"));
        }
        if emails_of_key(&*self.txn, self.id, id)? > 0 {
            return Err(in_use("messages need the key"));
        }
        self.forget_key(id)
    }
    /// The same whatever its time is, for one that is not current.
    pub fn forget_key(&mut self, id: &KeyId) -> Result<()> {
        let missing = || MailError::new(ErrorKind::NotFound, "no such key");
        let record = stored_key(&*self.txn, self.id, id)?.ok_or_else(missing)?;
        self.txn.frees_space();
        match record.state {
            KeyState::Current | KeyState::Deleted => {
                return Err(MailError::new(ErrorKind::InUse, "the current key is in use"));
            }
            // Nobody has seen anything of it.
            KeyState::Pending => self.txn.delete(&key::dmap_key(self.id, id))?,
            KeyState::Previous => {
                self.put_key(id, &KeyRecord { state: KeyState::Deleted, private: None, ..record })?;
            }
        }
        self.txn.delete(&key::dmap_key_emails(self.id, id))?;
        let mut deleted = history(&*self.txn, self.id)?;
        deleted.retain(|key| !is_there(key));
        for oldest in deleted.iter().skip(limits::DMAP_DELETED_KEYS_MAX) {
            self.txn.delete(&key::dmap_key(self.id, &oldest.id))?;
        }
        Ok(())
    }
    pub(super) fn put_key(&mut self, id: &KeyId, record: &KeyRecord) -> Result<()> {
        self.txn.put(&key::dmap_key(self.id, id), &record.encode())
    }
    /// Adds the server's share of a realm key. `AlreadyExists` for a serial number that is taken.
    pub fn add_realm(&mut self, label: &str, serial: u16, record: &RealmRecord) -> Result<()> {
        let key = key::dmap_realm(self.id, label, serial);
        if self.txn.get(&key)?.is_some() {
            let text = "the realm has a shard with this serial number";
            return Err(MailError::new(ErrorKind::AlreadyExists, text));
        }
        if realms(&*self.txn, self.id)?.len() >= limits::DMAP_REALMS_MAX {
            let text = format!("the account has {} shards already", limits::DMAP_REALMS_MAX);
            return Err(MailError::new(ErrorKind::LimitReached, text));
        }
        self.txn.put(&key, &record.encode())
    }
    /// Puts another shard in the place of one: the same key by another password.
    pub fn replace_realm(&mut self, realm: &StoredRealm, shard: &[u8; 64]) -> Result<()> {
        let record = RealmRecord { is_legacy: false, shard: *shard };
        self.txn.put(&key::dmap_realm(self.id, &realm.label, realm.serial), &record.encode())
    }
}

/// Of a key that the account has, or had.
#[must_use]
pub fn already_there() -> MailError {
    MailError::new(ErrorKind::AlreadyExists, "the account has this key already")
}
