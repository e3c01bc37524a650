//! Sorting messages (RFC 5256 §3, RFC 5957 §4, RFC 6203 §6), in pieces: each call of [`SortRun::advance`]
//! does a bounded amount, so that a session can answer others in between.
//!
//! What messages are sorted by never changes as long as they are there, and is kept in [`columns`] once it
//! was read; of texts only their rank is compared. Must not: know how criteria are written.

use std::sync::Arc;

use koi_message::Collation;
use koi_types::{AccountId, MailboxId, NumSet, Result, Uid, UidSet};

use crate::account::Account;
use crate::service::Inner;

pub(crate) mod column;
pub(crate) mod columns;
pub(crate) mod fill;
mod insert;
mod packed;
pub(crate) mod slices;

use column::{Column, Kind, TextKind};
use fill::Filling;
use insert::{By, Inserted, Inserting};
use packed::PackedSort;

/// What messages are sorted by (RFC 5256 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SortKey {
    Arrival,
    Cc,
    /// The sent date (RFC 5256 §2.2).
    Date,
    From,
    Size,
    /// The base subject (RFC 5256 §2.1).
    Subject,
    To,
    /// RFC 5957 §4
    DisplayFrom,
    /// RFC 5957 §4
    DisplayTo,
    /// The highest score first (RFC 6203 §6).
    Relevancy,
}

/// One criterion; the first that tells two messages apart decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SortCriterion {
    pub key: SortKey,
    pub reverse: bool,
}

/// How messages are to be sorted.
#[derive(Clone, Debug, Default)]
pub struct SortOrder {
    pub criteria: Vec<SortCriterion>,
    /// How texts are compared.
    pub collation: Collation,
    /// Scores of the messages in the order of their UIDs, for [`SortKey::Relevancy`]; what is missing is 0.
    pub scores: Arc<[u8]>,
}

/// A sort under way.
pub struct SortRun {
    order: SortOrder,
    uids: Vec<u32>,
    phase: Phase,
}

enum Phase {
    Fill(Filling),
    Sort(PackedSort),
    Insert(Inserting),
    Done(Inserted),
}

impl Account {
    /// Begins to sort messages of a mailbox, of which some may be gone by now.
    #[must_use]
    pub fn sort(&self, mailbox: MailboxId, uids: &UidSet, order: SortOrder) -> SortRun {
        SortRun::new(&self.inner, self.id, mailbox, uids, order)
    }
    /// The same for a list that is in this order already and messages that come into it. The list keeps its
    /// order, unless so many come that all are sorted.
    #[must_use]
    pub fn sort_into(
        &self,
        mailbox: MailboxId,
        sorted: Vec<u32>,
        coming: &UidSet,
        order: SortOrder,
    ) -> SortRun {
        let order = order.each_once();
        let by = order.criteria.iter().map(|criterion| {
            kind(criterion.key, order.collation).map(|kind| By { kind, reverse: criterion.reverse })
        });
        let by: Option<Vec<By>> = by.collect();
        if let Some(by) = by.filter(|_| insert::is_worth_it(coming.count(), sorted.len())) {
            let inserting = Inserting::new(&self.inner, self.id, mailbox, by, sorted, &coming.0);
            return SortRun { order, uids: Vec::new(), phase: Phase::Insert(inserting) };
        }
        let mut all: UidSet = sorted.into_iter().filter_map(Uid::new).collect();
        all.0.extend(&coming.0);
        self.sort(mailbox, &all, order)
    }
}

impl SortOrder {
    /// Of a criterion given twice only the first decides anything.
    fn each_once(mut self) -> Self {
        let mut known: Vec<SortKey> = Vec::new();
        self.criteria.retain(|criterion| {
            let new = !known.contains(&criterion.key);
            known.push(criterion.key);
            new
        });
        self
    }
}

impl SortRun {
    fn new(
        inner: &Arc<Inner>,
        account: AccountId,
        mailbox: MailboxId,
        uids: &UidSet,
        order: SortOrder,
    ) -> Self {
        let order = order.each_once();
        let kinds = order.criteria.iter().filter_map(|criterion| kind(criterion.key, order.collation));
        let filling = Filling::new(inner, account, mailbox, uids, kinds.collect());
        Self { order, uids: uids.0.iter().collect(), phase: Phase::Fill(filling) }
    }
    /// Does the next piece, a few milliseconds. Answers whether all are sorted.
    pub fn advance(&mut self) -> Result<bool> {
        match &mut self.phase {
            Phase::Fill(filling) => {
                let Some(columns) = filling.advance()? else { return Ok(false) };
                self.phase = Phase::Sort(self.sorting(&columns));
                Ok(false)
            }
            Phase::Sort(sorting) => {
                if sorting.advance() {
                    let order = std::mem::take(sorting).into_order();
                    let uid = |at: u32| self.uids.get(at as usize).copied();
                    let list = order.into_iter().filter_map(uid).collect();
                    self.phase = Phase::Done(Inserted { list, places: Vec::new() });
                    return Ok(true);
                }
                Ok(false)
            }
            Phase::Insert(inserting) => {
                let Some(inserted) = inserting.advance()? else { return Ok(false) };
                self.phase = Phase::Done(inserted);
                Ok(true)
            }
            Phase::Done(_) => Ok(true),
        }
    }
    /// What it takes in memory for so many messages, but for facts that must be read first.
    #[must_use]
    pub fn octets_for(messages: u64, criteria: usize) -> usize {
        let each = 2 * size_of::<u32>() + PackedSort::octets_each(criteria);
        usize::try_from(messages).unwrap_or(usize::MAX).saturating_mul(each)
    }
    /// Octets of memory it takes now.
    #[must_use]
    pub fn memory_octets(&self) -> usize {
        let phase = match &self.phase {
            Phase::Fill(filling) => filling.octets(),
            Phase::Sort(sorting) => sorting.octets(),
            Phase::Insert(inserting) => inserting.octets(),
            Phase::Done(done) => {
                done.list.capacity() * size_of::<u32>() + done.places.capacity() * size_of::<usize>()
            }
        };
        phase + self.uids.capacity() * size_of::<u32>() + self.order.scores.len()
    }
    /// Runs to the end, on this thread. For tools and tests.
    pub fn finish(mut self) -> Result<Vec<Uid>> {
        while !self.advance()? {}
        Ok(self.sorted().iter().copied().filter_map(Uid::new).collect())
    }
    /// The UIDs in order; none before all are sorted.
    #[must_use]
    pub fn sorted(&self) -> &[u32] {
        match &self.phase {
            Phase::Done(done) => &done.list,
            _ => &[],
        }
    }
    /// The UIDs in order, when all are sorted.
    #[must_use]
    pub fn into_sorted(self) -> Vec<u32> {
        match self.phase {
            Phase::Done(done) => done.list,
            _ => Vec::new(),
        }
    }
    /// Where these are among the sorted, from 0 on, ascending.
    #[must_use]
    pub fn places_of(&self, uids: &NumSet) -> Vec<usize> {
        match &self.phase {
            Phase::Done(done) if !done.places.is_empty() => done.places.clone(),
            _ => {
                let places = self.sorted().iter().enumerate().filter(|(_, uid)| uids.contains(**uid));
                places.map(|(place, _)| place).collect()
            }
        }
    }
    fn sorting(&self, columns: &[Arc<Column>]) -> PackedSort {
        let keys = |criterion: &SortCriterion| {
            let mut keys = match kind(criterion.key, self.order.collation) {
                Some(kind) => match columns.iter().find(|column| column.kind == kind) {
                    Some(column) => column.keys_of(&self.uids),
                    None => vec![0; self.uids.len()],
                },
                None => self.relevancy(),
            };
            // RFC 5256 §3: REVERSE is of this criterion alone; the order of the mailbox stays below it.
            if criterion.reverse {
                keys.iter_mut().for_each(|key| *key = !*key);
            }
            keys
        };
        let count = u32::try_from(self.uids.len()).unwrap_or(u32::MAX);
        PackedSort::new(count, self.order.criteria.iter().map(keys).collect())
    }
    fn relevancy(&self) -> Vec<u64> {
        let score = |at: usize| self.order.scores.get(at).copied().unwrap_or(0);
        (0..self.uids.len()).map(|at| !u64::from(score(at))).collect()
    }
}

/// The column that holds a key; scores are in none.
const fn kind(key: SortKey, collation: Collation) -> Option<Kind> {
    Some(match key {
        SortKey::Arrival => Kind::Arrival,
        SortKey::Date => Kind::Sent,
        SortKey::Size => Kind::Size,
        SortKey::Cc => Kind::Text(TextKind::Cc, collation),
        SortKey::From => Kind::Text(TextKind::From, collation),
        SortKey::Subject => Kind::Text(TextKind::Subject, collation),
        SortKey::To => Kind::Text(TextKind::To, collation),
        SortKey::DisplayFrom => Kind::Text(TextKind::DisplayFrom, collation),
        SortKey::DisplayTo => Kind::Text(TextKind::DisplayTo, collation),
        SortKey::Relevancy => return None,
    })
}
