//! p: encrypted messages that emails stand for.

use koi_types::{AccountId, EmailId, ErrorKind, KeyId, MailError, Result};

use super::keys;
use crate::body::{BodyRef, NewBody, Scope};
use crate::key;
use crate::kv::{Read, Txn};
use crate::mail::AccountTxn;
use crate::record::corrupt;
use crate::record::prime::{ChunkRow, PrimeRecord};

/// An encrypted message that comes in; its frame was read by who brings it.
#[derive(Clone, Copy, Debug)]
pub struct NewPrime<'a> {
    pub body: &'a NewBody,
    pub magic: u16,
    pub suite: u8,
    pub key: Option<KeyId>,
    pub peer: Option<&'a str>,
    pub chunks: &'a [ChunkRow],
}

impl NewPrime<'_> {
    /// `TooLarge` when a membership cannot count them.
    pub(crate) fn octets(&self) -> Result<u32> {
        let octets = u32::try_from(self.body.octets()).ok().filter(|octets| *octets > 0);
        octets.ok_or_else(|| MailError::new(ErrorKind::TooLarge, "message is too large"))
    }
}

/// The encrypted message that an email stands for; nothing when it stands for itself.
pub fn prime(read: &(impl Read + ?Sized), account: AccountId, email: EmailId) -> Result<Option<PrimeRecord>> {
    let key = key::prime(account, email);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    PrimeRecord::decode(&row).map(Some).ok_or_else(|| corrupt("prime", &key))
}

/// Where the encrypted message is that an email stands for; nothing when it stands for itself.
pub fn prime_body(
    read: &(impl Read + ?Sized),
    account: AccountId,
    email: EmailId,
) -> Result<Option<BodyRef>> {
    let key = key::prime(account, email);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    PrimeRecord::decode_body(&row).map(Some).ok_or_else(|| corrupt("prime", &key))
}

/// Forgets it with its email. A row that cannot be read is left for `check`.
pub(crate) fn forget(txn: &mut dyn Txn, account: AccountId, scope: Scope, email: EmailId) -> Result<()> {
    let key = key::prime(account, email);
    let Some(row) = txn.get(&key)? else { return Ok(()) };
    let Some(record) = PrimeRecord::decode(&row) else { return Ok(()) };
    drop(row);
    txn.delete(&key)?;
    if let Some(id) = &record.key {
        keys::count_email(txn, account, id, false)?;
    }
    release(txn, scope, &record.body.blob)
}

/// Takes a reference away.
pub(super) fn release(txn: &mut dyn Txn, scope: Scope, blob: &koi_types::BlobId) -> Result<()> {
    match txn.release_body(scope, blob) {
        // The table of bodies is damaged: `check` says so, and the rest must not wait for it.
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt) => Ok(()),
        released => released,
    }
}

impl AccountTxn<'_> {
    pub(in crate::mail) fn put_prime(&mut self, email: EmailId, new: &NewPrime<'_>) -> Result<()> {
        let body = self.txn.put_body(self.record.scope, new.body)?;
        // It may have been deleted since the message was encrypted.
        let key = match new.key {
            Some(id) if self.has_key(&id)? => Some(id),
            _ => None,
        };
        if let Some(id) = &key {
            keys::count_email(self.txn, self.id, id, true)?;
        }
        let record = PrimeRecord {
            body,
            magic: new.magic,
            suite: new.suite,
            key,
            peer: new.peer.map(Into::into),
            chunks: new.chunks.to_vec(),
        };
        self.txn.put(&key::prime(self.id, email), &record.encode())
    }
    /// Whether an email stands for an encrypted message.
    pub(in crate::mail) fn is_prime(&self, email: EmailId) -> Result<bool> {
        Ok(self.txn.get(&key::prime(self.id, email))?.is_some())
    }
    /// The encrypted message that an email stands for.
    pub fn prime(&self, email: EmailId) -> Result<Option<PrimeRecord>> {
        prime(&*self.txn, self.id, email)
    }
}
