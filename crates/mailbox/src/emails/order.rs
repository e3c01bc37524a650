//! The order of a query's emails (RFC 8621 §4.4.2): every property it may ask for, as numbers that compare.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use koi_message::Collation;

use super::filter::{DependsOn, EmailKeyword, has_keyword};
use super::table::{EmailEntry, Table};
use crate::row::KeywordTable;
use crate::sort::column::{Column, Kind, TextKind};

/// One criterion; the first that tells two emails apart decides, and in the end their ids.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailOrder {
    pub by: OrderBy,
    pub ascending: bool,
    /// How texts are compared.
    pub collation: Collation,
}

/// What emails are ordered by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrderBy {
    ReceivedAt,
    Size,
    /// The name of the first address, or the address.
    From,
    To,
    /// The base subject (RFC 5256 §2.1).
    Subject,
    /// The Date field; without one, when it was received.
    SentAt,
    /// Those without the keyword first.
    HasKeyword(EmailKeyword),
    AllInThreadHave(EmailKeyword),
    SomeInThreadHave(EmailKeyword),
}

impl EmailOrder {
    /// The newest first: what is meant where nothing is said.
    #[must_use]
    pub fn newest() -> Self {
        Self { by: OrderBy::ReceivedAt, ascending: false, collation: Collation::default() }
    }
    /// The column that holds it, for what the table does not.
    pub(super) const fn kind(&self) -> Option<Kind> {
        Some(match self.by {
            OrderBy::From => Kind::Text(TextKind::DisplayFrom, self.collation),
            OrderBy::To => Kind::Text(TextKind::DisplayTo, self.collation),
            OrderBy::Subject => Kind::Text(TextKind::Subject, self.collation),
            OrderBy::SentAt => Kind::Sent,
            _ => return None,
        })
    }
    pub(super) const fn depends_on(&self) -> DependsOn {
        let threads = matches!(self.by, OrderBy::AllInThreadHave(_) | OrderBy::SomeInThreadHave(_));
        let keywords = threads || matches!(self.by, OrderBy::HasKeyword(_));
        DependsOn { mailboxes: false, keywords, threads }
    }
}

/// Columns that are needed, each once.
pub(super) fn kinds(order: &[EmailOrder]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for kind in order.iter().filter_map(EmailOrder::kind) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

/// What is needed to compare emails.
pub(super) struct Comparing<'c> {
    pub(super) table: &'c Table,
    pub(super) keywords: &'c KeywordTable,
    pub(super) columns: &'c [Arc<Column>],
}

/// An email by its place among those that are sorted, and its first key.
#[derive(Clone, Copy)]
struct Item {
    key: u64,
    at: u32,
}

impl Comparing<'_> {
    /// Slots, which ascend, in order.
    pub(super) fn sorted(&self, slots: &[u32], order: &[EmailOrder]) -> Vec<u32> {
        let keys: Vec<Vec<u64>> = order.iter().map(|by| self.keys(slots, by)).collect();
        let (first, rest) = match keys.split_first() {
            Some((first, rest)) => (first.as_slice(), rest),
            None => (&[][..], &[][..]),
        };
        let key = |keys: &[u64], at: u32| keys.get(at as usize).copied().unwrap_or(0);
        let count = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        let mut items: Vec<Item> = (0..count).map(|at| Item { key: key(first, at), at }).collect();
        let slot = |item: &Item| slots.get(item.at as usize).copied().unwrap_or(u32::MAX);
        let id = |item: &Item| self.table.slot(slot(item)).map(|entry| entry.id);
        items.sort_unstable_by(|a, b| {
            let by_rest = rest.iter().map(|keys| key(keys, a.at).cmp(&key(keys, b.at)));
            let decided = by_rest.fold(Ordering::Equal, Ordering::then);
            a.key.cmp(&b.key).then(decided).then_with(|| id(a).cmp(&id(b)))
        });
        items.iter().map(slot).collect()
    }
    fn keys(&self, slots: &[u32], by: &EmailOrder) -> Vec<u64> {
        let of_entries = |key: &dyn Fn(&EmailEntry) -> u64| -> Vec<u64> {
            slots.iter().map(|slot| self.table.slot(*slot).map_or(0, key)).collect()
        };
        let thread = |entry: &EmailEntry| self.table.thread(entry.thread).filter(|other| other.is_shown());
        let has = |keyword: &EmailKeyword, entry: &EmailEntry| {
            has_keyword(self.table, self.keywords, keyword, entry)
        };
        // Each thread is looked at once, however many emails it has.
        let of_threads = |holds: &dyn Fn(&EmailEntry) -> bool| {
            let known = RefCell::new(HashMap::new());
            let key = |entry: &EmailEntry| {
                u64::from(*known.borrow_mut().entry(entry.thread).or_insert_with(|| holds(entry)))
            };
            of_entries(&key)
        };
        let mut keys = match &by.by {
            OrderBy::ReceivedAt => of_entries(&|entry| ascending(entry.received_at.0)),
            OrderBy::Size => of_entries(&|entry| u64::from(entry.octets)),
            OrderBy::HasKeyword(keyword) => of_entries(&|entry| u64::from(has(keyword, entry))),
            OrderBy::AllInThreadHave(keyword) => {
                of_threads(&|entry| thread(entry).all(|other| has(keyword, other)))
            }
            OrderBy::SomeInThreadHave(keyword) => {
                of_threads(&|entry| thread(entry).any(|other| has(keyword, other)))
            }
            OrderBy::From | OrderBy::To | OrderBy::Subject | OrderBy::SentAt => {
                let column = self.columns.iter().find(|column| Some(column.kind) == by.kind());
                column.map_or_else(|| vec![0; slots.len()], |column| column.keys_of(slots))
            }
        };
        if !by.ascending {
            keys.iter_mut().for_each(|key| *key = !*key);
        }
        keys
    }
}

/// A time as a number that grows with it.
fn ascending(millis: i64) -> u64 {
    u64::try_from(i128::from(millis) - i128::from(i64::MIN)).unwrap_or(0)
}
