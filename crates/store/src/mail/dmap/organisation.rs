//! O: other organisations, as they are known. Must not: decide whether a new key is believed.

use std::ops::ControlFlow;

use koi_types::{AccountId, Result};

use crate::key::{self, table};
use crate::kv::{Read, Txn};
use crate::record::corrupt;
use crate::record::dmtp::OrganisationRecord;

/// One that is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    pub domain: Box<str>,
    pub record: OrganisationRecord,
}

/// That of a domain in lower case.
pub fn known(read: &(impl Read + ?Sized), domain: &str) -> Result<Option<OrganisationRecord>> {
    let key = key::organisation(domain);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    OrganisationRecord::decode(&row).map(Some).ok_or_else(|| corrupt("organisation", &key))
}

/// All by domain, until the visitor breaks; rows that cannot be read are left out.
pub fn all(read: &(impl Read + ?Sized), visit: &mut dyn FnMut(Known) -> ControlFlow<()>) -> Result<()> {
    let range = key::all(AccountId::GLOBAL, table::global::ORGANISATION);
    read.scan(&range.from, &range.end, &mut |key, row| match key::organisation_of(key)
        .zip(OrganisationRecord::decode(row))
    {
        Some((domain, record)) => visit(Known { domain: domain.into(), record }),
        None => ControlFlow::Continue(()),
    })
}

/// Whether fewer than `max` are known.
pub fn is_room(read: &(impl Read + ?Sized), max: usize) -> Result<bool> {
    let range = key::all(AccountId::GLOBAL, table::global::ORGANISATION);
    let mut count = 0;
    read.scan(&range.from, &range.end, &mut |_, _| {
        count += 1;
        if count < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(count < max)
}

/// Remembers one, in place of what was known of it.
pub fn learn(txn: &mut dyn Txn, domain: &str, record: &OrganisationRecord) -> Result<()> {
    txn.put(&key::organisation(domain), &record.encode())
}

/// Answers whether it was known, even if its row cannot be read.
pub fn forget(txn: &mut dyn Txn, domain: &str) -> Result<bool> {
    let key = key::organisation(domain);
    let was_known = txn.get(&key)?.is_some();
    if was_known {
        txn.delete(&key)?;
    }
    Ok(was_known)
}
