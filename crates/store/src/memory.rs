//! The memory engine: an ordered map per account, durable at once. The oracle of the store's tests, and a
//! quick store for everybody else's.
//!
//! Must not: be clever. Its behaviour is the specification of `Kv`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use koi_types::{BlobId, CommitNotice, ErrorKind, MailError, Result, limits};
use parking_lot::Mutex;

use crate::body::{BodyRef, NewBody, Scope, StagedBody};
use crate::engine::body_row;
use crate::engine::merge::{Direction, Row, Source, is_empty_range, merge};
use crate::kv::{Commits, Kv, Read, StageBody, Ticket, Txn, TxnFn, View, Visit};

/// The segment that all bodies of this engine name.
const SEGMENT: u32 = 0;

/// An engine without files.
#[derive(Clone)]
pub struct MemoryKv {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Held while a transaction runs, so that they run one after the other and views need not wait.
    writer: Mutex<()>,
    /// Where the next body is said to lie.
    next_offset: AtomicU64,
    commits: Arc<dyn Commits>,
}

#[derive(Clone, Default)]
struct State {
    accounts: Arc<BTreeMap<[u8; 4], Arc<Rows>>>,
    bodies: Arc<BTreeMap<u64, Arc<[u8]>>>,
}

/// What one transaction wrote.
#[derive(Default)]
struct Stage {
    rows: BTreeMap<Box<[u8]>, Option<Box<[u8]>>>,
    bodies: BTreeMap<u64, Arc<[u8]>>,
    notices: Vec<CommitNotice>,
}

#[derive(Clone, Default)]
struct Rows(BTreeMap<Box<[u8]>, Box<[u8]>>);

impl MemoryKv {
    /// An empty store whose commits are told to `commits`.
    #[must_use]
    pub fn new(commits: Arc<dyn Commits>) -> Self {
        let shared = Shared {
            state: Mutex::new(State::default()),
            writer: Mutex::new(()),
            next_offset: AtomicU64::new(0),
            commits,
        };
        Self { shared: Arc::new(shared) }
    }
    fn run(&self, run: &mut TxnFn) -> Result<()> {
        let _writer = self.shared.writer.lock();
        let base = self.shared.state.lock().clone();
        let mut txn = MemoryTxn { shared: &self.shared, base, stage: Stage::default() };
        run(&mut txn)?;
        let MemoryTxn { base, stage, .. } = txn;
        drop(base);
        let notices = self.shared.state.lock().apply(stage);
        if !notices.is_empty() {
            self.shared.commits.committed(&notices);
        }
        Ok(())
    }
}

impl Kv for MemoryKv {
    fn view(&self) -> Result<Box<dyn View + '_>> {
        Ok(Box::new(MemoryView { state: self.shared.state.lock().clone() }))
    }
    fn submit(&self, mut run: Box<TxnFn>) -> Ticket {
        let ticket = Ticket::new();
        ticket.resolve(self.run(run.as_mut()));
        ticket
    }
    fn submit_and_wait(&self, mut run: Box<TxnFn>) -> Result<()> {
        self.run(run.as_mut())
    }
    fn stage_body(&self) -> Result<Box<dyn StageBody>> {
        Ok(Box::new(MemoryStage { shared: Arc::clone(&self.shared), octets: Vec::new() }))
    }
}

impl State {
    fn account(&self, key: &[u8]) -> Option<&Rows> {
        self.accounts.get(key.first_chunk::<4>()?).map(Arc::as_ref)
    }
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.account(key)?.0.get(key).map(AsRef::as_ref)
    }
    fn source<'a>(&'a self, from: &'a [u8], end: &'a [u8], direction: Direction) -> Source<'a> {
        let rows = self
            .account(from)
            .into_iter()
            .flat_map(move |rows| rows.0.range::<[u8], _>((Bound::Included(from), Bound::Excluded(end))));
        let rows = rows.map(|(key, value)| Row { key, value: Some(value) });
        match direction {
            Direction::Up => Source::of_rows(Box::new(rows)),
            Direction::Down => Source::of_rows(Box::new(rows.rev())),
        }
    }
    fn apply(&mut self, stage: Stage) -> Vec<CommitNotice> {
        let accounts = Arc::make_mut(&mut self.accounts);
        for (key, value) in stage.rows {
            let Some(account) = key.first_chunk::<4>() else { continue };
            let rows = Arc::make_mut(accounts.entry(*account).or_default());
            match value {
                Some(value) => rows.0.insert(key, value),
                None => rows.0.remove(&key),
            };
        }
        if !stage.bodies.is_empty() {
            Arc::make_mut(&mut self.bodies).extend(stage.bodies);
        }
        stage.notices
    }
}

impl Shared {
    fn place(&self, blob: BlobId, octets: u64) -> BodyRef {
        let offset = self.next_offset.fetch_add(octets.max(1), Ordering::Relaxed);
        BodyRef { blob, segment: SEGMENT, offset, octets }
    }
}

struct MemoryView {
    state: State,
}

impl Read for MemoryView {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        Ok(self.state.get(key).map(Cow::Borrowed))
    }
    fn scan(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        scan(&self.state, None, Span { from, end }, Direction::Up, visit)
    }
    fn scan_back(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        scan(&self.state, None, Span { from, end }, Direction::Down, visit)
    }
}

impl View for MemoryView {
    fn read_body(&self, body: &BodyRef, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        let missing =
            || MailError::new(ErrorKind::Corrupt, "the octets of a body are missing").context(body.blob);
        let octets = self.state.bodies.get(&body.offset).ok_or_else(missing)?;
        let end = range.end.min(octets.len() as u64);
        let start = range.start.min(end);
        out.extend_from_slice(octets.get(start as usize..end as usize).unwrap_or_default());
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Span<'a> {
    from: &'a [u8],
    end: &'a [u8],
}

fn scan(
    state: &State,
    stage: Option<&Stage>,
    span: Span<'_>,
    direction: Direction,
    visit: &mut Visit<'_>,
) -> Result<()> {
    if is_empty_range(span.from, span.end) {
        return Ok(());
    }
    let mut sources = Vec::with_capacity(2);
    if let Some(stage) = stage {
        let rows = stage.rows.range::<[u8], _>((Bound::Included(span.from), Bound::Excluded(span.end)));
        let rows = rows.map(|(key, value)| Row { key, value: value.as_deref() });
        sources.push(match direction {
            Direction::Up => Source::of_rows(Box::new(rows)),
            Direction::Down => Source::of_rows(Box::new(rows.rev())),
        });
    }
    sources.push(state.source(span.from, span.end, direction));
    merge(sources, direction, visit)
}

struct MemoryTxn<'a> {
    shared: &'a Shared,
    base: State,
    stage: Stage,
}

impl Read for MemoryTxn<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        let found = match self.stage.rows.get(key) {
            Some(staged) => staged.as_deref(),
            None => self.base.get(key),
        };
        Ok(found.map(Cow::Borrowed))
    }
    fn scan(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        scan(&self.base, Some(&self.stage), Span { from, end }, Direction::Up, visit)
    }
    fn scan_back(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        scan(&self.base, Some(&self.stage), Span { from, end }, Direction::Down, visit)
    }
}

impl Txn for MemoryTxn<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        check_key(key)?;
        self.stage.rows.insert(key.into(), Some(value.into()));
        Ok(())
    }
    fn delete(&mut self, key: &[u8]) -> Result<()> {
        check_key(key)?;
        self.stage.rows.insert(key.into(), None);
        Ok(())
    }
    fn put_body(&mut self, scope: Scope, body: &NewBody) -> Result<BodyRef> {
        body_row::put(self, scope, body, |txn| match body {
            NewBody::Inline { blob, octets } => {
                let body = txn.shared.place(*blob, octets.len() as u64);
                txn.stage.bodies.insert(body.offset, Arc::clone(octets));
                Ok(body)
            }
            NewBody::Staged(staged) => Ok(staged.body()),
        })
    }
    fn share_body(&mut self, scope: Scope, blob: &BlobId) -> Result<BodyRef> {
        body_row::share(self, scope, blob)
    }
    fn release_body(&mut self, scope: Scope, blob: &BlobId) -> Result<()> {
        // The octets stay: an older view may still read them, and an oracle need not save room.
        body_row::release(self, scope, blob).map(drop)
    }
    fn notice(&mut self, notice: CommitNotice) {
        self.stage.notices.push(notice);
    }
}

/// Keys carry their account and table, and fit the index.
pub(crate) fn check_key(key: &[u8]) -> Result<()> {
    if key.len() < 5 || key.len() > limits::KEY_OCTETS_MAX {
        let text = format!("a key of {} octets; 5 to {} are allowed", key.len(), limits::KEY_OCTETS_MAX);
        return Err(MailError::new(ErrorKind::Internal, text));
    }
    Ok(())
}

struct MemoryStage {
    shared: Arc<Shared>,
    octets: Vec<u8>,
}

impl StageBody for MemoryStage {
    fn write(&mut self, octets: &[u8]) -> Result<()> {
        self.octets.extend_from_slice(octets);
        Ok(())
    }
    fn finish(self: Box<Self>) -> Result<NewBody> {
        let blob = BlobId(*blake3::hash(&self.octets).as_bytes());
        let body = self.shared.place(blob, self.octets.len() as u64);
        Arc::make_mut(&mut self.shared.state.lock().bodies).insert(body.offset, self.octets.into());
        Ok(NewBody::Staged(StagedBody::new(body, Arc::new(()))))
    }
}
