//! O: other organisations, as they are known. Must not: decide whether a new key is believed.

use std::ops::ControlFlow;

use koi_types::{AccountId, Result, Timestamp};

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

/// Whether there is room for one more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Room {
    There,
    /// When these are forgotten, a part of those whom nobody here has dealt with.
    Without(Vec<Box<str>>),
    /// All that are known are kept.
    None,
}

/// Of so many that could be forgotten, one is: whoever comes next does not look for them again.
const FORGOTTEN_PART: usize = 16;

/// Where `max` are known, those are forgotten that were looked up longest ago, before a time, and not kept.
pub fn room(read: &(impl Read + ?Sized), max: usize, before: Timestamp) -> Result<Room> {
    let range = key::all(AccountId::GLOBAL, table::global::ORGANISATION);
    let mut count = 0usize;
    let mut strangers: Vec<(Timestamp, Box<str>)> = Vec::new();
    read.scan(&range.from, &range.end, &mut |key, row| {
        count += 1;
        let since = OrganisationRecord::stranger_since(row).filter(|since| *since < before);
        // More than `max` are never there but for a few that came at once.
        let found = since.zip(key::organisation_of(key)).filter(|_| strangers.len() < max);
        strangers.extend(found.map(|(since, domain)| (since, domain.into())));
        ControlFlow::Continue(())
    })?;
    if count < max {
        return Ok(Room::There);
    }
    strangers.sort_unstable();
    let over = (count - max).saturating_add(1);
    strangers.truncate(strangers.len().div_ceil(FORGOTTEN_PART).max(over));
    let domains: Vec<Box<str>> = strangers.into_iter().map(|(_, domain)| domain).collect();
    Ok(if domains.is_empty() { Room::None } else { Room::Without(domains) })
}

/// Forgets one, unless it is kept meanwhile, or was looked up again.
pub fn forget_stranger(txn: &mut dyn Txn, domain: &str, before: Timestamp) -> Result<()> {
    let key = key::organisation(domain);
    let since = txn.get(&key)?.and_then(|row| OrganisationRecord::stranger_since(&row));
    match since.filter(|since| *since < before) {
        Some(_) => txn.delete(&key),
        None => Ok(()),
    }
}

/// Keeps one that is known: it is not forgotten for another. Answers whether it is known.
pub fn keep(txn: &mut dyn Txn, domain: &str) -> Result<bool> {
    let Some(record) = known(&*txn, domain)? else { return Ok(false) };
    if !record.is_kept {
        learn(txn, domain, &OrganisationRecord { is_kept: true, ..record })?;
    }
    Ok(true)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{Kv, transact_and_wait};
    use crate::mail::fixture::engine;

    fn record(learned_at: i64, is_kept: bool) -> OrganisationRecord {
        OrganisationRecord {
            known_since: Timestamp(1),
            learned_at: Timestamp(learned_at),
            fresh_until: Timestamp(3),
            is_validated: false,
            was_validated: false,
            is_kept,
            record: "pok=".into(),
            signet: [9].into(),
        }
    }

    #[test]
    fn strangers_go_the_oldest_first_and_nobody_else() {
        let kv = engine(&[], Timestamp(0));
        let learns = |domain: &'static str, at, is_kept| {
            transact_and_wait(&kv, move |txn| learn(txn, domain, &record(at, is_kept))).unwrap();
        };
        let there = |max, before| room(&*kv.view().unwrap(), max, Timestamp(before)).unwrap();
        assert_eq!((there(1, 9), there(0, 9)), (Room::There, Room::None));
        learns("kept", 1, true);
        assert_eq!((there(2, 9), there(1, 9)), (Room::There, Room::None));
        learns("b", 4, false);
        learns("a", 5, false);
        learns("young", 9, false);
        assert_eq!(there(5, 9), Room::There);
        assert_eq!(there(4, 9), Room::Without(vec!["b".into()]));
        assert_eq!(there(3, 9), Room::Without(vec!["b".into(), "a".into()]), "one too many was there");
        // In between one is looked up again, and one is written to.
        learns("b", 9, false);
        assert!(transact_and_wait(&kv, |txn| keep(txn, "a")).unwrap());
        assert!(!transact_and_wait(&kv, |txn| keep(txn, "nobody")).unwrap());
        let forget = |domain: &'static str, before| {
            transact_and_wait(&kv, move |txn| forget_stranger(txn, domain, Timestamp(before))).unwrap();
            known(&*kv.view().unwrap(), domain).unwrap().is_none()
        };
        assert_eq!(["a", "b", "kept", "young"].map(|domain| forget(domain, 9)), [false; 4]);
        assert_eq!(["a", "b", "kept", "young"].map(|domain| forget(domain, 10)), [false, true, false, true]);
        let kept = known(&*kv.view().unwrap(), "a").unwrap().unwrap();
        assert_eq!(kept, OrganisationRecord { is_kept: true, ..record(5, false) });
    }
    // A part of many, so that not everybody who comes looks for them.
    #[test]
    fn many_go_at_once() {
        let kv = engine(&[], Timestamp(0));
        transact_and_wait(&kv, |txn| {
            (0..64).try_for_each(|number| learn(txn, &format!("{number}"), &record(number, false)))
        })
        .unwrap();
        let wanted = ["0", "1", "2", "3"].map(Box::from).to_vec();
        assert_eq!(room(&*kv.view().unwrap(), 64, Timestamp(99)).unwrap(), Room::Without(wanted));
    }
}
