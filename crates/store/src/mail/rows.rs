//! Rows copied out of a transaction before they are changed: a scan cannot be written under.

use std::ops::ControlFlow;

use koi_types::{MailboxId, Result, Uid, UidSet};

use super::account::AccountTxn;
use crate::key::{self, KeyRange};
use crate::kv::Read;

/// Runs of UIDs with fewer members than this are looked up one by one.
const SCAN_MIN: u32 = 3;

/// Membership rows, all in one allocation.
#[derive(Default)]
pub(super) struct Rows {
    octets: Vec<u8>,
    entries: Vec<Entry>,
}

struct Entry {
    uid: Uid,
    end: usize,
}

impl Rows {
    pub(super) fn push(&mut self, uid: Uid, row: &[u8]) {
        self.octets.extend_from_slice(row);
        self.entries.push(Entry { uid, end: self.octets.len() });
    }
    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = (Uid, &[u8])> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let row = self.octets.get(start..entry.end).unwrap_or_default();
            start = entry.end;
            (entry.uid, row)
        })
    }
}

/// Whether there is a row in a range.
pub(super) fn any_row(read: &(impl Read + ?Sized), range: &KeyRange) -> Result<bool> {
    let mut any = false;
    read.scan(&range.from, &range.end, &mut |_, _| {
        any = true;
        ControlFlow::Break(())
    })?;
    Ok(any)
}

impl AccountTxn<'_> {
    /// Those of `uids` that are in the mailbox, ascending.
    pub(super) fn collect_rows(&self, mailbox: MailboxId, uids: &UidSet) -> Result<Rows> {
        let mut rows = Rows::default();
        for run in uids.0.runs() {
            let (first, last) = run.into_inner();
            if last - first < SCAN_MIN {
                for uid in (first..=last).filter_map(Uid::new) {
                    if let Some(row) = self.txn.get(&key::membership(self.id, mailbox, uid.value()))? {
                        rows.push(uid, &row);
                    }
                }
                continue;
            }
            let from = key::membership(self.id, mailbox, first);
            let end = key::membership_end(self.id, mailbox, last);
            self.txn.scan(&from, &end, &mut |key, row| {
                if let Some(uid) = key::uid_at_end(key) {
                    rows.push(uid, row);
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(rows)
    }
}
