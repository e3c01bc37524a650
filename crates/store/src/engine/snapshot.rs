//! A consistent view of everything that was durable when it was opened: overlay over index, taken under one
//! lock.
//!
//! Order matters: were the overlay taken first and the index opened later without the lock, an older pending
//! value could hide a newer applied one; the other way round, rows could vanish.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use koi_types::Result;

use super::bodies::{BodyReader, Segments};
use super::index::{Index, ReadTxn};
use super::merge::{Direction, Source, is_empty_range, merge};
use super::overlay::{self, Overlay};
use super::read_ahead::ReadAhead;
use super::run::Run;
use super::shared::{Shared, State};
use crate::body::BodyRef;
use crate::kv::{Read, View, Visit};

/// Everything a reader needs; the writer's transactions read through one too.
pub(crate) struct Snapshot {
    current: Overlay,
    frozen: Overlay,
    /// Groups that are not durable yet: transactions build upon them, nobody else may see them.
    ahead: Vec<Arc<Run>>,
    txn: ReadTxn,
    index: Arc<Index>,
    segments: Arc<Segments>,
    ahead_of_reader: RefCell<ReadAhead>,
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
    /// What is durable.
    pub(crate) fn open(shared: &Arc<Shared>) -> Result<Self> {
        Self::open_with(shared, |_| Vec::new())
    }
    /// And what will be, if nothing fails: for transactions, which are answered after it.
    pub(crate) fn open_ahead(shared: &Arc<Shared>) -> Result<Self> {
        Self::open_with(shared, |state| state.sealed.clone())
    }
    fn open_with(shared: &Arc<Shared>, ahead: impl FnOnce(&State) -> Vec<Arc<Run>>) -> Result<Self> {
        let state = shared.state.lock();
        let index = Arc::clone(&state.index);
        let txn = index.begin_read()?;
        Ok(Self {
            current: state.current.clone(),
            frozen: state.frozen.clone(),
            ahead: ahead(&state),
            txn,
            index,
            segments: Arc::clone(&state.segments),
            ahead_of_reader: RefCell::default(),
            _epoch: Arc::clone(&state.epoch),
            shared: Arc::clone(shared),
        })
    }
    pub(crate) fn segments(&self) -> &Segments {
        &self.segments
    }
    /// Scans `newer` (newest first), then what is here.
    pub(crate) fn scan_with<'a>(
        &'a self,
        mut sources: Vec<Source<'a>>,
        span: Span<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let Span { from, end, direction } = span;
        overlay::add_sources(&self.ahead, span, &mut sources);
        self.current.sources(span, &mut sources);
        self.frozen.sources(span, &mut sources);
        sources.push(Source::new(self.index.range(&self.txn, from, end, direction)?)?);
        merge(sources, direction, visit)
    }
    fn scan_here(&self, span: Span<'_>, visit: &mut Visit<'_>) -> Result<()> {
        match is_empty_range(span.from, span.end) {
            true => Ok(()),
            false => self.scan_with(Vec::new(), span, visit),
        }
    }
}

impl Read for Snapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        let pending = overlay::get(&self.ahead, key).or_else(|| self.current.get(key));
        let value = match pending.or_else(|| self.frozen.get(key)) {
            Some(row) => row.value,
            None => self.index.get(&self.txn, key)?,
        };
        Ok(value.map(Cow::Borrowed))
    }
    fn scan(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.scan_here(Span { from, end, direction: Direction::Up }, visit)
    }
    fn scan_back(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.scan_here(Span { from, end, direction: Direction::Down }, visit)
    }
}

impl View for Snapshot {
    fn read_body(&self, body: &BodyRef, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        let (layout, vfs) = (&self.shared.layout, &self.shared.vfs);
        let reader = BodyReader { segments: &self.segments, layout, vfs, ahead: &self.ahead_of_reader };
        reader.read(body, range, out)
    }
}
