//! Bringing a few messages into a list that is in order already: each goes to its place, found by comparing
//! it with as few of the others as it takes, so that a long list is not sorted anew for every message that
//! comes.
//!
//! What is compared is read from the store's rows, as [`fill`](super::fill) reads it. Messages of the list
//! that are gone by now keep their places. Must not: change the order of the list.

use std::cmp::Ordering;
use std::sync::Arc;

use koi_types::{AccountId, EmailId, ErrorKind, MailboxId, NumSet, Result, Timestamp, Uid};

use super::column::{Kind, Rows};
use super::fill::{Reader, Seen};
use crate::service::Inner;
use crate::snapshot::Snapshot;

/// Messages that one call brings to their places.
const MESSAGES_PER_CALL: usize = 16;
/// So few are always brought in one by one, and one in so many of a longer list.
const FEW: u64 = 16;
const SHARE: u64 = 1000;

/// Whether bringing in so many is less work than sorting all.
pub(super) fn is_worth_it(coming: u64, list: usize) -> bool {
    coming <= FEW.max(list as u64 / SHARE)
}

/// Messages on their way into a list.
pub(super) struct Inserting {
    inner: Arc<Inner>,
    account: AccountId,
    mailbox: MailboxId,
    by: Vec<By>,
    list: Vec<u32>,
    /// Ascending.
    coming: Vec<u32>,
    placed: Vec<Placed>,
}

/// One criterion.
#[derive(Clone, Copy)]
pub(super) struct By {
    pub(super) kind: Kind,
    pub(super) reverse: bool,
}

/// A message, and before which of the list it comes.
struct Placed {
    before: usize,
    facts: Facts,
}

/// What a message is compared by: a row for each criterion.
struct Facts {
    uid: u32,
    rows: Vec<Rows>,
}

/// A list with everything in it.
#[derive(Default)]
pub(super) struct Inserted {
    pub(super) list: Vec<u32>,
    /// Where the new ones are in it, ascending.
    pub(super) places: Vec<usize>,
}

impl Inserting {
    pub(super) fn new(
        inner: &Arc<Inner>,
        account: AccountId,
        mailbox: MailboxId,
        by: Vec<By>,
        list: Vec<u32>,
        coming: &NumSet,
    ) -> Self {
        let (inner, coming) = (Arc::clone(inner), coming.iter().collect());
        Self { inner, account, mailbox, by, list, coming, placed: Vec::new() }
    }
    /// Does the next piece; the list when all are in it.
    pub(super) fn advance(&mut self) -> Result<Option<Inserted>> {
        let inner = Arc::clone(&self.inner);
        // Whoever sorts has found these messages before, and learns only their order.
        let snapshot = Snapshot::open(&inner, self.account, None)?;
        let there = snapshot.uids(self.mailbox)?.0;
        let mut reader = Reader::new(&*snapshot.view, self.account);
        let next: Vec<u32> =
            self.coming.iter().skip(self.placed.len()).take(MESSAGES_PER_CALL).copied().collect();
        for uid in next {
            let facts = self.facts(&snapshot, &mut reader, uid)?;
            let before = self.place(&snapshot, &mut reader, &there, &facts)?;
            self.placed.push(Placed { before, facts });
        }
        Ok((self.placed.len() >= self.coming.len()).then(|| self.joined()))
    }
    /// Octets of memory it takes.
    pub(super) fn octets(&self) -> usize {
        let rows = |placed: &Placed| placed.facts.rows.iter().map(Rows::octets).sum::<usize>();
        let numbers = (2 * self.list.len() + self.coming.len()) * size_of::<u32>();
        numbers + self.placed.iter().map(rows).sum::<usize>()
    }
    fn place(
        &self,
        snapshot: &Snapshot<'_>,
        reader: &mut Reader<'_>,
        there: &NumSet,
        facts: &Facts,
    ) -> Result<usize> {
        let (mut low, mut high) = (0, self.list.len());
        while low < high {
            let middle = low + (high - low) / 2;
            // Of one that is gone nothing is known: the next that is there decides.
            let uid_at = |at: usize| self.list.get(at).copied().filter(|uid| there.contains(*uid));
            let Some((at, uid)) = (middle..high).find_map(|at| uid_at(at).map(|uid| (at, uid))) else {
                high = middle;
                continue;
            };
            let other = self.facts(snapshot, reader, uid)?;
            match self.compare(facts, &other) {
                Ordering::Greater => low = at + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }
    /// What cannot be read is sorted as if it were empty.
    fn facts(&self, snapshot: &Snapshot<'_>, reader: &mut Reader<'_>, uid: u32) -> Result<Facts> {
        let mut seen = Seen { uid, email: EmailId([0; 16]), received_at: Timestamp(0), octets: 0 };
        let row = Uid::new(uid).map(|uid| {
            snapshot.message(self.mailbox, uid, |row| {
                (seen.email, seen.received_at, seen.octets) = (row.email, row.received_at, row.octets);
            })
        });
        if let Some(Err(error)) = row
            && error.kind != ErrorKind::Corrupt
        {
            return Err(error);
        }
        let kinds: Vec<Kind> = self.by.iter().map(|by| by.kind).collect();
        let mut rows: Vec<Rows> = kinds.iter().map(|kind| Rows::new(*kind)).collect();
        reader.message(&seen, &kinds, &mut rows)?;
        Ok(Facts { uid, rows })
    }
    /// Of two that are equal by all criteria the one that is first in the mailbox comes first.
    fn compare(&self, a: &Facts, b: &Facts) -> Ordering {
        let by_criterion = a.rows.iter().zip(&b.rows).zip(&self.by).map(|((a, b), by)| {
            let order = a.compare_first(b);
            if by.reverse { order.reverse() } else { order }
        });
        let by_criteria = by_criterion.fold(Ordering::Equal, Ordering::then);
        by_criteria.then(a.uid.cmp(&b.uid))
    }
    fn joined(&mut self) -> Inserted {
        let mut placed = std::mem::take(&mut self.placed);
        placed.sort_by(|a, b| a.before.cmp(&b.before).then_with(|| self.compare(&a.facts, &b.facts)));
        let old = std::mem::take(&mut self.list);
        let mut inserted =
            Inserted { list: Vec::with_capacity(old.len() + placed.len()), places: Vec::new() };
        let mut taken = 0;
        for Placed { before, facts } in placed {
            inserted.list.extend_from_slice(old.get(taken..before).unwrap_or_default());
            taken = before;
            inserted.places.push(inserted.list.len());
            inserted.list.push(facts.uid);
        }
        inserted.list.extend_from_slice(old.get(taken..).unwrap_or_default());
        inserted
    }
}
