//! Table `B` of account 0: which body lies where, and how many rows refer to it.
//!
//! Key: `00000000 'B' scope(4, big-endian) blake3(32)`. Value, little-endian: version 2 (17 octets)
//! `version(1) segment(4) offset(4) octets(4) references(4)` where these numbers fit, or else version 1 (30
//! octets) `version(1) reserved(1) segment(4) offset(8) octets(8) references(8)`. Nothing lies as much at
//! random in the index as these rows, so the shorter they are, the fewer pages are written.

use koi_types::{BlobId, ErrorKind, MailError, Result};

use super::wire::Fields;
use crate::body::{BodyRef, NewBody, Scope};
use crate::kv::Txn;

pub(crate) const KEY_OCTETS: usize = 41;
const WIDE_VALUE_OCTETS: usize = 30;
const WIDE_VERSION: u8 = 1;
const VERSION: u8 = 2;
/// Of account 0.
pub(crate) const TABLE: u8 = b'B';
const PREFIX: [u8; 5] = [0, 0, 0, 0, TABLE];

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BodyRow {
    pub(crate) body: BodyRef,
    /// Never 0 in a stored row: the row goes with the last reference.
    pub(crate) references: u64,
}

/// The key of a body.
pub(crate) fn key(scope: Scope, blob: &BlobId) -> [u8; KEY_OCTETS] {
    let mut key = [0; KEY_OCTETS];
    let (prefix, rest) = key.split_at_mut(PREFIX.len());
    prefix.copy_from_slice(&PREFIX);
    let (scope_octets, hash) = rest.split_at_mut(4);
    scope_octets.copy_from_slice(&scope.0.to_be_bytes());
    hash.copy_from_slice(&blob.0);
    key
}

/// First key of the table, and the first behind it.
pub(crate) fn range() -> ([u8; 5], [u8; 5]) {
    let mut end = PREFIX;
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    (PREFIX, end)
}

/// A body in its scope.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct BodyKey {
    pub scope: Scope,
    pub blob: BlobId,
}

/// Reads scope and hash out of a key of this table; `None` for any other key.
pub(crate) fn parse_key(key: &[u8]) -> Option<BodyKey> {
    let rest = key.strip_prefix(&PREFIX)?;
    let (scope, hash) = rest.split_first_chunk::<4>()?;
    Some(BodyKey { scope: Scope(u32::from_be_bytes(*scope)), blob: BlobId(hash.try_into().ok()?) })
}

impl BodyRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let BodyRef { segment, offset, octets, .. } = self.body;
        let mut out = Vec::with_capacity(WIDE_VALUE_OCTETS);
        let numbers = [offset, octets, self.references];
        if numbers.iter().all(|number| u32::try_from(*number).is_ok()) {
            out.push(VERSION);
            out.extend_from_slice(&segment.to_le_bytes());
            numbers.iter().for_each(|number| out.extend_from_slice(&(*number as u32).to_le_bytes()));
        } else {
            out.extend_from_slice(&[WIDE_VERSION, 0]);
            out.extend_from_slice(&segment.to_le_bytes());
            numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        }
        out
    }
    pub(crate) fn decode(blob: &BlobId, value: &[u8]) -> Result<Self> {
        Self::parse(blob, value).ok_or_else(|| {
            MailError::new(ErrorKind::Corrupt, "the row of a body cannot be read").context(blob)
        })
    }
    fn parse(blob: &BlobId, value: &[u8]) -> Option<Self> {
        let mut f = Fields(value);
        let (segment, offset, octets, references) = match f.u8()? {
            VERSION => (f.u32()?, u64::from(f.u32()?), u64::from(f.u32()?), u64::from(f.u32()?)),
            WIDE_VERSION if f.u8()? == 0 => (f.u32()?, f.u64()?, f.u64()?, f.u64()?),
            _ => return None,
        };
        let body = BodyRef { blob: *blob, segment, offset, octets };
        (f.is_empty() && references > 0).then_some(Self { body, references })
    }
}

/// `Txn::put_body` of every engine; `store` keeps the octets when the scope does not have them yet.
pub(crate) fn put<T: Txn>(
    txn: &mut T,
    scope: Scope,
    body: &NewBody,
    store: impl FnOnce(&mut T) -> Result<BodyRef>,
) -> Result<BodyRef> {
    let blob = body.blob();
    let key = key(scope, &blob);
    let found = txn.get(&key)?.map(|value| BodyRow::decode(&blob, &value)).transpose()?;
    let row = match found {
        Some(row) => BodyRow { references: row.references.saturating_add(1), ..row },
        None => BodyRow { body: store(txn)?, references: 1 },
    };
    txn.put(&key, &row.encode())?;
    Ok(row.body)
}

/// `Txn::share_body` of every engine.
pub(crate) fn share<T: Txn>(txn: &mut T, scope: Scope, blob: &BlobId) -> Result<BodyRef> {
    let key = key(scope, blob);
    let mut row = existing(txn, &key, blob)?;
    row.references = row.references.saturating_add(1);
    txn.put(&key, &row.encode())?;
    Ok(row.body)
}

/// `Txn::release_body` of every engine. Returns the body when this was the last reference.
pub(crate) fn release<T: Txn>(txn: &mut T, scope: Scope, blob: &BlobId) -> Result<Option<BodyRef>> {
    let key = key(scope, blob);
    let mut row = existing(txn, &key, blob)?;
    row.references = row.references.saturating_sub(1);
    if row.references == 0 {
        txn.delete(&key)?;
        return Ok(Some(row.body));
    }
    txn.put(&key, &row.encode())?;
    Ok(None)
}

fn existing<T: Txn>(txn: &T, key: &[u8], blob: &BlobId) -> Result<BodyRow> {
    let missing = || MailError::new(ErrorKind::NotFound, "no such body in this scope").context(blob);
    let value = txn.get(key)?.ok_or_else(missing)?;
    BodyRow::decode(blob, &value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back_and_both_versions_are_frozen() {
        let blob = BlobId([7; 32]);
        let body = BodyRef { blob, segment: 3, offset: 4096 + 64, octets: 1 << 33 };
        let row = BodyRow { body, references: 2 };
        let octets = row.encode();
        let hex: String = octets.iter().map(|o| format!("{o:02x}")).collect();
        assert_eq!(hex, "010003000000401000000000000000000000020000000200000000000000");
        assert_eq!(BodyRow::decode(&blob, &octets).unwrap(), row);
        assert!(BodyRow::decode(&blob, &octets[..29]).is_err());
        let row = BodyRow { body: BodyRef { octets: 4000, ..body }, references: 2 };
        let octets = row.encode();
        let hex: String = octets.iter().map(|o| format!("{o:02x}")).collect();
        assert_eq!(hex, "020300000040100000a00f000002000000");
        assert_eq!(BodyRow::decode(&blob, &octets).unwrap(), row);
        for bad in [&octets[..16], &[&octets[..], &[0]].concat(), &[&octets[..13], &[0; 4]].concat()] {
            assert!(BodyRow::decode(&blob, bad).is_err());
        }
    }
}
