//! Merging sorted sources of rows: the newest source that knows a key decides, and a tombstone hides it.
//!
//! Must not: copy rows; it only passes on what the sources lend.

use std::cmp::Ordering;

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

/// Rows of one source, in the direction of the scan.
pub(crate) struct Source<'a> {
    head: Option<Row<'a>>,
    rest: Box<dyn Iterator<Item = Result<Row<'a>>> + 'a>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(rest: impl Iterator<Item = Result<Row<'a>>> + 'a) -> Result<Self> {
        let mut source = Self { head: None, rest: Box::new(rest) };
        source.advance()?;
        Ok(source)
    }
    fn advance(&mut self) -> Result<()> {
        self.head = self.rest.next().transpose()?;
        Ok(())
    }
}

/// Visits every live row once; `sources` are ordered from the newest to the oldest.
pub(crate) fn merge(mut sources: Vec<Source<'_>>, direction: Direction, visit: &mut Visit<'_>) -> Result<()> {
    sources.retain(|source| source.head.is_some());
    while sources.len() > 1 {
        let Some(row) = next(&sources, direction) else { return Ok(()) };
        if let Some(value) = row.value
            && visit(row.key, value).is_break()
        {
            return Ok(());
        }
        let mut ended = false;
        for source in &mut sources {
            if source.head.is_some_and(|head| head.key == row.key) {
                source.advance()?;
                ended |= source.head.is_none();
            }
        }
        if ended {
            sources.retain(|source| source.head.is_some());
        }
    }
    // Mostly there is one source, or one that outlasts the others: it needs no comparing.
    let Some(mut last) = sources.pop() else { return Ok(()) };
    while let Some(row) = last.head {
        if let Some(value) = row.value
            && visit(row.key, value).is_break()
        {
            return Ok(());
        }
        last.advance()?;
    }
    Ok(())
}

/// The first row in the direction of the scan; among equal keys that of the newest source.
fn next<'a>(sources: &[Source<'a>], direction: Direction) -> Option<Row<'a>> {
    let mut best: Option<Row<'a>> = None;
    for head in sources.iter().filter_map(|source| source.head) {
        let first = best.is_none_or(|b| match head.key.cmp(b.key) {
            Ordering::Less => direction == Direction::Up,
            Ordering::Greater => direction == Direction::Down,
            Ordering::Equal => false,
        });
        if first {
            best = Some(head);
        }
    }
    best
}

/// Whether a scan has anything to visit.
pub(crate) fn is_empty_range(from: &[u8], end: &[u8]) -> bool {
    from >= end
}
