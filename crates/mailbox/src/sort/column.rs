//! A column: one thing that messages of a mailbox are sorted or threaded by, in the order of their UIDs.
//! Texts are there as the octets their collation compares, and as their rank among all that are in the
//! column: equal texts have the same.

use std::cmp::Ordering;
use std::sync::Arc;

use koi_message::Collation;
use koi_types::NumSet;

use super::slices::SliceSort;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Kind {
    Text(TextKind, Collation),
    Sent,
    Arrival,
    Size,
    /// What links a message to others.
    Links,
}

/// Which text of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum TextKind {
    Subject,
    From,
    To,
    Cc,
    DisplayFrom,
    DisplayTo,
}

/// Octets of a text that are compared; two that differ only behind them are equal.
pub(super) const TEXT_OCTETS_MAX: usize = 2048;

/// Rows in the order of their UIDs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    pub(super) uids: Vec<u32>,
    pub(super) values: Values,
}

#[derive(Clone, Debug)]
pub(super) enum Values {
    Numbers(Vec<u64>),
    Texts(Lists<u8>),
    Links(Links),
}

impl Default for Values {
    fn default() -> Self {
        Self::Numbers(Vec::new())
    }
}

/// What links a message to others.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    pub(super) ids: Vec<u64>,
    pub(super) replies: Vec<bool>,
    pub(super) ancestors: Lists<u64>,
}

/// Lists of different lengths, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Lists<T> {
    ends: Vec<usize>,
    items: Vec<T>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { ends: Vec::new(), items: Vec::new() }
    }
}

impl<T: Copy> Lists<T> {
    /// The list to which items go until [`Lists::end`].
    pub(super) fn open(&mut self) -> &mut Vec<T> {
        &mut self.items
    }
    /// The list that was open ends, with so many items at most.
    pub(super) fn end(&mut self, items_max: usize) {
        let start = self.ends.last().copied().unwrap_or(0);
        self.items.truncate(start.saturating_add(items_max));
        self.ends.push(self.items.len());
    }
    pub(crate) fn list(&self, at: usize) -> &[T] {
        let start = at.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before));
        let range = start.zip(self.ends.get(at)).map(|(start, end)| *start..*end);
        range.and_then(|range| self.items.get(range)).unwrap_or_default()
    }
    fn push(&mut self, list: &[T]) {
        self.items.extend_from_slice(list);
        self.ends.push(self.items.len());
    }
    fn octets(&self) -> usize {
        self.ends.capacity() * size_of::<usize>() + self.items.capacity() * size_of::<T>()
    }
}

impl Rows {
    pub(super) fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Text(..) => Values::Texts(Lists::default()),
            Kind::Links => Values::Links(Links::default()),
            Kind::Sent | Kind::Arrival | Kind::Size => Values::Numbers(Vec::new()),
        };
        Self { uids: Vec::new(), values }
    }
    /// Appends rows whose UIDs are all above.
    pub(super) fn append(&mut self, more: &Self) {
        for at in 0..more.uids.len() {
            self.push_row(more, at);
        }
    }
    /// The same, but only those of `among`.
    pub(super) fn append_among(&mut self, more: &Self, among: &NumSet) {
        for (at, uid) in more.uids.iter().enumerate() {
            if among.contains(*uid) {
                self.push_row(more, at);
            }
        }
    }
    fn push_row(&mut self, from: &Self, at: usize) {
        let Some(uid) = from.uids.get(at) else { return };
        match (&mut self.values, &from.values) {
            (Values::Numbers(to), Values::Numbers(from)) => to.push(from.get(at).copied().unwrap_or(0)),
            (Values::Texts(to), Values::Texts(from)) => to.push(from.list(at)),
            (Values::Links(to), Values::Links(from)) => {
                to.ids.push(from.ids.get(at).copied().unwrap_or(0));
                to.replies.push(from.replies.get(at).copied().unwrap_or(false));
                to.ancestors.push(from.ancestors.list(at));
            }
            _ => return,
        }
        self.uids.push(*uid);
    }
    /// How the first row of this compares with the first of another of the same kind.
    pub(super) fn compare_first(&self, other: &Self) -> Ordering {
        match (&self.values, &other.values) {
            (Values::Numbers(mine), Values::Numbers(others)) => mine.first().cmp(&others.first()),
            (Values::Texts(mine), Values::Texts(others)) => mine.list(0).cmp(others.list(0)),
            _ => Ordering::Equal,
        }
    }
    /// The rows of both; of a UID that is in both, this one's.
    fn merged(&self, other: &Self, kind: Kind) -> Self {
        let mut merged = Self::new(kind);
        let (mut a, mut b) = (0, 0);
        loop {
            match (self.uids.get(a), other.uids.get(b)) {
                (Some(x), Some(y)) if x <= y => {
                    b += usize::from(x == y);
                    merged.push_row(self, a);
                    a += 1;
                }
                (_, Some(_)) => {
                    merged.push_row(other, b);
                    b += 1;
                }
                (Some(_), None) => {
                    merged.push_row(self, a);
                    a += 1;
                }
                (None, None) => return merged,
            }
        }
    }
}

/// Rows that can be asked.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) kind: Kind,
    rows: Rows,
    /// The same UIDs as a set.
    here: NumSet,
    /// Of texts.
    ranks: Vec<u32>,
}

impl Column {
    /// Whose rows are here.
    pub(crate) const fn uids(&self) -> &NumSet {
        &self.here
    }
    /// What these messages, ascending, are compared by; 0 for one that is not here.
    pub(crate) fn keys_of(&self, uids: &[u32]) -> Vec<u64> {
        let key = |at: usize| match &self.rows.values {
            Values::Numbers(numbers) => numbers.get(at).copied().unwrap_or(0),
            _ => u64::from(self.ranks.get(at).copied().unwrap_or(0)),
        };
        self.places_of(uids).map(|at| at.map_or(0, key)).collect()
    }
    /// Where the rows of these messages, ascending, are.
    pub(crate) fn places_of<'a>(&'a self, uids: &'a [u32]) -> impl Iterator<Item = Option<usize>> + 'a {
        let mut at = 0;
        uids.iter().map(move |uid| {
            while self.rows.uids.get(at).is_some_and(|here| here < uid) {
                at += 1;
            }
            (self.rows.uids.get(at) == Some(uid)).then_some(at)
        })
    }
    /// Whether the text of a row is empty.
    pub(crate) fn is_empty_text(&self, at: usize) -> bool {
        matches!(&self.rows.values, Values::Texts(texts) if texts.list(at).is_empty())
    }
    /// What links a row to others.
    pub(crate) fn link(&self, at: usize) -> Link<'_> {
        let Values::Links(links) = &self.rows.values else { return Link::default() };
        Link {
            id: links.ids.get(at).copied().filter(|id| *id != 0),
            is_reply: links.replies.get(at).copied().unwrap_or(false),
            ancestors: links.ancestors.list(at),
        }
    }
    /// Memory it takes.
    pub(crate) fn octets(&self) -> usize {
        let ranks = self.ranks.capacity() * size_of::<u32>();
        self.rows.octets() + self.here.memory_octets() + ranks + size_of::<Self>()
    }
}

/// What a message says of others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Link<'c> {
    /// Hash of its own Message-ID.
    pub(crate) id: Option<u64>,
    /// A reply or forward (RFC 5256 §3).
    pub(crate) is_reply: bool,
    /// Hashes of the Message-IDs of its ancestors, oldest first.
    pub(crate) ancestors: &'c [u64],
}

/// A column being made of old rows and new ones, in pieces.
pub(super) struct Ranking {
    kind: Kind,
    rows: Rows,
    order: SliceSort<Item>,
}

/// A text by its row, with its first octets.
#[derive(Clone, Copy, Debug)]
struct Item {
    prefix: u64,
    at: u32,
}

impl Ranking {
    pub(super) fn new(kind: Kind, old: Option<&Column>, new: Rows) -> Self {
        let rows = match old {
            Some(old) if !old.rows.uids.is_empty() => old.rows.merged(&new, kind),
            _ => new,
        };
        let item = |at: usize| Item { prefix: rows.prefix(at), at: u32::try_from(at).unwrap_or(u32::MAX) };
        let texts = matches!(rows.values, Values::Texts(_));
        let items = if texts { (0..rows.uids.len()).map(item).collect() } else { Vec::new() };
        Self { kind, rows, order: SliceSort::new(items) }
    }
    /// Memory it takes.
    pub(super) fn octets(&self) -> usize {
        self.rows.octets() + self.order.octets()
    }
    /// Goes on; the column when it is ready.
    pub(super) fn advance(&mut self) -> Option<Arc<Column>> {
        let Values::Texts(texts) = &self.rows.values else {
            return Some(self.column(Vec::new()));
        };
        let text = |item: &Item| texts.list(item.at as usize);
        if !self.order.advance(|a, b| a.prefix.cmp(&b.prefix).then_with(|| text(a).cmp(text(b)))) {
            return None;
        }
        let mut ranks = vec![0u32; self.rows.uids.len()];
        let (mut rank, mut before) = (0, None);
        for item in std::mem::take(&mut self.order).into_items() {
            let here = text(&item);
            rank += u32::from(before.is_some_and(|before| before != here));
            before = Some(here);
            if let Some(slot) = ranks.get_mut(item.at as usize) {
                *slot = rank;
            }
        }
        Some(self.column(ranks))
    }
    fn column(&mut self, ranks: Vec<u32>) -> Arc<Column> {
        let rows = std::mem::take(&mut self.rows);
        let here = rows.uids.iter().copied().collect();
        Arc::new(Column { kind: self.kind, rows, here, ranks })
    }
}

impl Rows {
    /// Memory they take.
    pub(super) fn octets(&self) -> usize {
        let values = match &self.values {
            Values::Numbers(numbers) => numbers.capacity() * size_of::<u64>(),
            Values::Texts(texts) => texts.octets(),
            Values::Links(links) => {
                links.ids.capacity() * size_of::<u64>() + links.replies.capacity() + links.ancestors.octets()
            }
        };
        values + self.uids.capacity() * size_of::<u32>()
    }
    /// The first octets of a text as a number that compares as they do.
    fn prefix(&self, at: usize) -> u64 {
        let Values::Texts(texts) = &self.values else { return 0 };
        let mut prefix = [0; 8];
        prefix.iter_mut().zip(texts.list(at)).for_each(|(slot, octet)| *slot = *octet);
        u64::from_be_bytes(prefix)
    }
}
