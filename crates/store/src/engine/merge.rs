//! Merging sorted sources of rows: the newest source that knows a key decides, and a tombstone hides it.
//!
//! Must not: copy rows; it only passes on what the sources lend.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use koi_types::Result;

use crate::kv::Visit;

/// A row as a source lends it; no value means that the key was deleted there.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
}

/// Which way a scan goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

impl Direction {
    fn compare(self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Self::Up => a.cmp(b),
            Self::Down => b.cmp(a),
        }
    }
    fn is_before(self, a: &[u8], b: &[u8]) -> bool {
        match self {
            Self::Up => a < b,
            Self::Down => a > b,
        }
    }
}

/// Rows of one source, in the direction of the scan.
pub(crate) struct Source<'a> {
    head: Option<Row<'a>>,
    rest: Rest<'a>,
}

enum Rest<'a> {
    /// From memory.
    Rows(Box<dyn Iterator<Item = Row<'a>> + 'a>),
    /// From the index, which may fail.
    Read(Box<dyn Iterator<Item = Result<Row<'a>>> + 'a>),
}

impl<'a> Source<'a> {
    pub(crate) fn new(rest: Box<dyn Iterator<Item = Result<Row<'a>>> + 'a>) -> Result<Self> {
        let mut source = Self { head: None, rest: Rest::Read(rest) };
        source.advance()?;
        Ok(source)
    }
    pub(crate) fn of_rows(mut rows: Box<dyn Iterator<Item = Row<'a>> + 'a>) -> Self {
        Self { head: rows.next(), rest: Rest::Rows(rows) }
    }
    fn advance(&mut self) -> Result<()> {
        self.head = match &mut self.rest {
            Rest::Rows(rows) => rows.next(),
            Rest::Read(rows) => rows.next().transpose()?,
        };
        Ok(())
    }
}

/// Visits every live row once; `sources` are ordered from the newest to the oldest.
pub(crate) fn merge(mut sources: Vec<Source<'_>>, direction: Direction, visit: &mut Visit<'_>) -> Result<()> {
    sources.retain(|source| source.head.is_some());
    loop {
        if let [newer, older] = sources.as_mut_slice() {
            if merge_two(newer, older, direction, visit)?.is_break() {
                return Ok(());
            }
            sources.retain(|source| source.head.is_some());
        }
        let Some(lead) = lead(&sources, direction) else { return Ok(()) };
        let ended = match lead.limit {
            Limit::Same(row) => {
                if let Some(value) = row.value
                    && visit(row.key, value).is_break()
                {
                    return Ok(());
                }
                for source in sources.iter_mut().filter(|s| s.head.is_some_and(|head| head.key == row.key)) {
                    source.advance()?;
                }
                sources.iter().any(|source| source.head.is_none())
            }
            Limit::Before(limit) => {
                let Some(source) = sources.get_mut(lead.at) else { return Ok(()) };
                // Rows of one source mostly follow each other: nothing else has to be compared.
                while let Some(row) = source.head
                    && limit.is_none_or(|limit| direction.is_before(row.key, limit))
                {
                    if let Some(value) = row.value
                        && visit(row.key, value).is_break()
                    {
                        return Ok(());
                    }
                    source.advance()?;
                }
                source.head.is_none()
            }
        };
        if ended {
            sources.retain(|source| source.head.is_some());
        }
    }
}

/// Two sources need one comparison for each row, also when both know most of the keys. Until one of them
/// ends.
fn merge_two(
    newer: &mut Source<'_>,
    older: &mut Source<'_>,
    direction: Direction,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    while let (Some(new), Some(old)) = (newer.head, older.head) {
        let order = direction.compare(new.key, old.key);
        let row = if order.is_le() { new } else { old };
        if let Some(value) = row.value
            && visit(row.key, value).is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
        if order.is_le() {
            newer.advance()?;
        }
        if order.is_ge() {
            older.advance()?;
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Which source has the next row.
struct Lead<'a> {
    at: usize,
    limit: Limit<'a>,
}

/// How long it leads.
enum Limit<'a> {
    /// An older source has this key too.
    Same(Row<'a>),
    /// Up to the first key of all others, if there are others.
    Before(Option<&'a [u8]>),
}

/// Among equal keys the newest source leads.
fn lead<'a>(sources: &[Source<'a>], direction: Direction) -> Option<Lead<'a>> {
    let mut heads = sources.iter().enumerate().filter_map(|(at, source)| source.head.map(|head| (at, head)));
    let (mut at, mut best) = heads.next()?;
    let mut limit: Option<&[u8]> = None;
    for (other, head) in heads {
        if direction.is_before(head.key, best.key) {
            (limit, at, best) = (Some(best.key), other, head);
        } else if limit.is_none_or(|limit| direction.is_before(head.key, limit)) {
            limit = Some(head.key);
        }
    }
    let limit = if limit == Some(best.key) { Limit::Same(best) } else { Limit::Before(limit) };
    Some(Lead { at, limit })
}

/// Whether a scan has anything to visit.
pub(crate) fn is_empty_range(from: &[u8], end: &[u8]) -> bool {
    from >= end
}
