//! A consistent view of everything that was durable when it was opened: overlay over index, taken under one
//! lock.
//!
//! Order matters: were the overlay taken first and the index opened later without the lock, an older pending
//! value could hide a newer applied one; the other way round, rows could vanish.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use koi_types::Result;

use super::Shared;
use super::bodies::{BodyReader, Segments};
use super::index::{Index, ReadTxn};
use super::merge::{Direction, Source, is_empty_range, merge};
use super::overlay::Overlay;
use crate::body::BodyRef;
use crate::kv::{Read, View, Visit};

/// Everything a reader needs; the writer's transactions read through one too.
pub(crate) struct Snapshot {
    pub(crate) current: Overlay,
    pub(crate) frozen: Overlay,
    txn: ReadTxn,
    index: Arc<Index>,
    segments: Arc<Segments>,
    /// While it lives, files that were dropped after it stay.
    _epoch: Arc<()>,
    shared: Arc<Shared>,
}

/// A source, a range and where it is looked up.
#[derive(Clone, Copy)]
pub(crate) struct Span<'a> {
    pub(crate) from: &'a [u8],
    pub(crate) end: &'a [u8],
    pub(crate) direction: Direction,
}

impl Snapshot {
    pub(crate) fn open(shared: &Arc<Shared>) -> Result<Self> {
        let state = shared.state.lock();
        let index = Arc::clone(&state.index);
        let txn = index.begin_read()?;
        Ok(Self {
            current: state.current.clone(),
            frozen: state.frozen.clone(),
            txn,
            index,
            segments: Arc::clone(&state.segments),
            _epoch: Arc::clone(&state.epoch),
            shared: Arc::clone(shared),
        })
    }
    pub(crate) fn segments(&self) -> &Segments {
        &self.segments
    }
    /// Looks below `current`.
    pub(crate) fn value_below(&self, key: &[u8]) -> Result<Option<&[u8]>> {
        match self.frozen.get(key) {
            Some(entry) => Ok(entry.value()),
            None => self.index.get(&self.txn, key),
        }
    }
    /// Scans `newer` (newest first), then what was frozen, then the index.
    pub(crate) fn scan_with(&self, newer: &[&Overlay], span: Span<'_>, visit: &mut Visit<'_>) -> Result<()> {
        if is_empty_range(span.from, span.end) {
            return Ok(());
        }
        let Span { from, end, direction } = span;
        let mut sources = Vec::with_capacity(newer.len() + 2);
        for overlay in newer.iter().copied().chain([&self.frozen]) {
            if !overlay.is_empty() {
                sources.push(Source::new(overlay.range(from, end, direction).map(|entry| Ok(entry.row())))?);
            }
        }
        sources.push(Source::new(self.index.range(&self.txn, from, end, direction)?)?);
        merge(sources, direction, visit)
    }
}

impl Read for Snapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        let value = match self.current.get(key) {
            Some(entry) => entry.value(),
            None => self.value_below(key)?,
        };
        Ok(value.map(Cow::Borrowed))
    }
    fn scan(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.scan_with(&[&self.current], Span { from, end, direction: Direction::Up }, visit)
    }
    fn scan_back(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.scan_with(&[&self.current], Span { from, end, direction: Direction::Down }, visit)
    }
}

impl View for Snapshot {
    fn read_body(&self, body: &BodyRef, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        let shared = &self.shared;
        let reader = BodyReader { segments: &self.segments, layout: &shared.layout, vfs: &shared.vfs };
        reader.read(body, range, out)
    }
}
