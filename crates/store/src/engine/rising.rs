//! Numbers that never go down, watched while the journal is read again: had a group been lost, or were the
//! index newer than the journal, a number could be given out twice, and nobody would notice before two
//! messages had the same. Transactions look at what they put themselves (`txn.rs`).
//!
//! Must not: know what the numbers are; `Options::rising` finds them.

use std::collections::HashMap;

use super::index::Index;
use super::merge::Row;
use super::options::FindRising;
use crate::record::rising::Rising;

/// The numbers seen last, by the key of their row.
pub(crate) struct Watch {
    find: FindRising,
    last: HashMap<Box<[u8]>, Rising>,
    /// The index holds no row beyond its position, so that it can be compared with.
    index_counts: bool,
}

impl Watch {
    pub(crate) fn new(find: FindRising, index_counts: bool) -> Self {
        Self { find, last: HashMap::new(), index_counts }
    }
    /// The next row that was written. Answers whether one of its numbers is lower than before.
    pub(crate) fn goes_down(&mut self, row: Row<'_>, index: &Index) -> bool {
        let Some(now) = row.value.and_then(|value| (self.find)(row.key, value)) else {
            // A row that went, or that cannot be read, says nothing about the next one.
            self.last.remove(row.key);
            return false;
        };
        let before = match self.last.get_mut(row.key) {
            Some(last) => Some(std::mem::replace(last, now)),
            None => {
                self.last.insert(row.key.into(), now);
                self.in_index(row.key, index)
            }
        };
        before.is_some_and(|before| goes_down(&before, &now))
    }
    fn in_index(&self, key: &[u8], index: &Index) -> Option<Rising> {
        if !self.index_counts {
            return None;
        }
        let txn = index.begin_read().ok()?;
        let value = index.get(&txn, key).ok()??;
        (self.find)(key, value)
    }
}

/// Whether one of the numbers is lower now.
pub(crate) fn goes_down(before: &Rising, now: &Rising) -> bool {
    before.iter().zip(now).any(|(before, now)| now < before)
}
