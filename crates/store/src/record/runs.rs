//! Sets of UIDs inside records, and V: the UIDs that left a mailbox at a modseq.
//!
//! A set is the count of its runs, then for each the distance from the end of the run before and its length
//! less one, all as varints: a few octets for a run of any length.

use koi_types::UidSet;

use super::{Fields, VERSION, put_varint};

/// Appends the set.
pub(crate) fn put_runs(out: &mut Vec<u8>, uids: &UidSet) {
    put_varint(out, uids.0.runs().count() as u64);
    let mut end = 0u64;
    for run in uids.0.runs() {
        let (first, last) = (u64::from(*run.start()), u64::from(*run.end()));
        put_varint(out, first.saturating_sub(end));
        put_varint(out, last - first);
        end = last;
    }
}

/// Reads what `put_runs` wrote; runs that overlap or leave the range of UIDs are refused.
pub(crate) fn take_runs(fields: &mut Fields<'_>) -> Option<UidSet> {
    let mut uids = UidSet::new();
    let mut end = 0u64;
    for _ in 0..fields.varint()? {
        let distance = fields.varint()?;
        let first = end.checked_add(distance).filter(|_| distance > 0)?;
        let last = first.checked_add(fields.varint()?)?;
        uids.0.insert_range(u32::try_from(first).ok()?..=u32::try_from(last).ok()?);
        end = last;
    }
    Some(uids)
}

/// A whole V record.
#[must_use]
pub fn encode_vanished(uids: &UidSet) -> Vec<u8> {
    let mut record = vec![VERSION];
    put_runs(&mut record, uids);
    record
}

/// Reads a V record.
#[must_use]
pub fn decode_vanished(record: &[u8]) -> Option<UidSet> {
    let mut fields = Fields::of(record)?;
    let uids = take_runs(&mut fields)?;
    fields.end().map(|()| uids)
}
