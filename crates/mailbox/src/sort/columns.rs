//! Columns that are kept, for whoever sorts the same mailbox again. A message that is there never changes in
//! what a column holds, and UIDs and mailboxes are never used again: nothing here becomes wrong.

use std::collections::HashMap;
use std::sync::Arc;

use koi_types::{AccountId, MailboxId};
use parking_lot::Mutex;

use super::column::{Column, Kind};

/// Memory of all columns together; those that were not asked for the longest go first.
const OCTETS_MAX: usize = 64 << 20;

/// Which column of what.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Place {
    pub(crate) account: AccountId,
    pub(crate) of: ColumnOf,
    pub(crate) kind: Kind,
}

/// What the numbers of the rows are of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ColumnOf {
    /// UIDs.
    Mailbox(MailboxId),
    /// Slots of the table of emails with this number.
    Table(u64),
}

/// All columns that are kept.
#[derive(Default)]
pub(crate) struct Columns(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    columns: HashMap<Place, Used>,
    octets: usize,
    /// Counts up with every use.
    uses: u64,
}

struct Used {
    column: Arc<Column>,
    octets: usize,
    last: u64,
}

impl Columns {
    pub(crate) fn of(&self, place: Place) -> Option<Arc<Column>> {
        let mut kept = self.0.lock();
        kept.uses += 1;
        let now = kept.uses;
        let used = kept.columns.get_mut(&place)?;
        used.last = now;
        Some(Arc::clone(&used.column))
    }
    /// Keeps a column in the place of an older one.
    pub(crate) fn keep(&self, place: Place, column: &Arc<Column>) {
        let octets = column.octets() + size_of::<Used>() + size_of::<Place>();
        if octets > OCTETS_MAX / 2 {
            return;
        }
        let mut kept = self.0.lock();
        kept.uses += 1;
        let used = Used { column: Arc::clone(column), octets, last: kept.uses };
        kept.octets += octets;
        if let Some(old) = kept.columns.insert(place, used) {
            kept.octets -= old.octets;
        }
        if kept.octets > OCTETS_MAX {
            kept.make_room();
        }
    }
}

impl Kept {
    /// Lets go of a quarter at once, so that it is not done for every column.
    fn make_room(&mut self) {
        let mut places: Vec<(u64, Place)> =
            self.columns.iter().map(|(place, used)| (used.last, *place)).collect();
        places.sort_unstable_by_key(|(last, _)| *last);
        for (_, place) in places {
            if self.octets <= OCTETS_MAX / 4 * 3 {
                return;
            }
            if let Some(used) = self.columns.remove(&place) {
                self.octets -= used.octets;
            }
        }
    }
}
