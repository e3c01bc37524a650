//! d 2: signets of others that an account keeps: its address book (DMAP-00 §7.5).

use std::ops::ControlFlow;

use koi_types::{AccountId, ErrorKind, MailError, Result, Timestamp, limits};

use crate::key;
use crate::kv::Read;
use crate::mail::AccountTxn;
use crate::record::corrupt;
use crate::record::dmap::RingRecord;

/// A signet with whose it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredSignet {
    pub address: Box<str>,
    pub fingerprint: [u8; 64],
    pub record: RingRecord,
}

/// A signet without its octets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignetName {
    pub address: Box<str>,
    pub fingerprint: [u8; 64],
    pub fetched_at: Timestamp,
}

/// All of them, by address, the newest first.
pub fn signet_names(read: &(impl Read + ?Sized), account: AccountId) -> Result<Vec<SignetName>> {
    let range = key::below(&key::dmap(account, key::DMAP_SIGNET));
    let mut names = Vec::new();
    read.scan(&range.from, &range.end, &mut |key, row| {
        let found = key::dmap_signet_of(key).zip(RingRecord::decode(row));
        names.extend(found.map(|(of, record)| SignetName {
            address: of.address.into(),
            fingerprint: of.fingerprint,
            fetched_at: record.fetched_at,
        }));
        ControlFlow::Continue(())
    })?;
    names.sort_by(|a, b| a.address.cmp(&b.address).then_with(|| b.fetched_at.cmp(&a.fetched_at)));
    Ok(names)
}

/// Those of an address, the newest first.
pub fn signets_of(
    read: &(impl Read + ?Sized),
    account: AccountId,
    address: &str,
) -> Result<Vec<StoredSignet>> {
    let range = key::below(&key::dmap_signets(account, address));
    let mut signets = Vec::new();
    let mut broken = None;
    read.scan(&range.from, &range.end, &mut |key, row| {
        match (key::dmap_signet_of(key), RingRecord::decode(row)) {
            (Some(of), Some(record)) => {
                let (address, fingerprint) = (of.address.into(), of.fingerprint);
                signets.push(StoredSignet { address, fingerprint, record });
            }
            _ => broken = Some(corrupt("signet", key)),
        }
        ControlFlow::Continue(())
    })?;
    signets.sort_by_key(|signet: &StoredSignet| std::cmp::Reverse(signet.record.fetched_at));
    broken.map_or(Ok(signets), Err)
}

/// The newest of an address.
pub fn newest_signet(
    read: &(impl Read + ?Sized),
    account: AccountId,
    address: &str,
) -> Result<Option<StoredSignet>> {
    Ok(signets_of(read, account, address)?.into_iter().next())
}

impl AccountTxn<'_> {
    /// The newest of an address.
    pub fn newest_signet(&self, address: &str) -> Result<Option<StoredSignet>> {
        newest_signet(&*self.txn, self.id, address)
    }
    /// Adds a signet, verified by who brings it. `AlreadyExists` for the very same.
    pub fn add_signet(&mut self, address: &str, fingerprint: &[u8; 64], record: &RingRecord) -> Result<()> {
        let key = key::dmap_signet(self.id, address, fingerprint);
        if self.txn.get(&key)?.is_some() {
            return Err(MailError::new(ErrorKind::AlreadyExists, "the ring has this signet already"));
        }
        let row = record.encode();
        let (mut count, mut octets) = (0, row.len());
        let range = key::below(&key::dmap(self.id, key::DMAP_SIGNET));
        self.txn.scan(&range.from, &range.end, &mut |_, row| {
            count += 1;
            octets = octets.saturating_add(row.len());
            ControlFlow::Continue(())
        })?;
        if count >= limits::DMAP_SIGNETS_MAX || octets > limits::DMAP_SIGNETS_OCTETS_MAX {
            return Err(MailError::new(
                ErrorKind::LimitReached,
                "the account keeps too many signets already",
            ));
        }
        self.txn.put(&key, &row)
    }
    /// Takes signets of an address away: one, or all. Answers how many.
    pub fn delete_signets(&mut self, address: &str, fingerprint: Option<&[u8; 64]>) -> Result<u32> {
        self.txn.frees_space();
        let mut gone = 0;
        for signet in signets_of(&*self.txn, self.id, address)? {
            if fingerprint.is_none_or(|wanted| *wanted == signet.fingerprint) {
                self.txn.delete(&key::dmap_signet(self.id, address, &signet.fingerprint))?;
                gone += 1;
            }
        }
        Ok(gone)
    }
}
