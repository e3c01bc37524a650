//! The inside of a transaction: its own writes over those of the group over the snapshot.
//!
//! Must not: touch what others see. An error drops the stage and the transaction never was.

use std::borrow::Cow;

use koi_types::{BlobId, CommitNotice, ErrorKind, MailError, Result};

use super::body_row;
use super::draft::Draft;
use super::group::GroupBuilder;
use super::known::Known;
use super::merge::{Direction, Row, Source, is_empty_range};
use super::options::FindRising;
use super::rising::goes_down;
use super::run::common_beginning;
use super::slot::Sought;
use super::snapshot::{Snapshot, Span};
use crate::body::{BodyRef, NewBody, Scope};
use crate::kv::{Read, Txn, Visit};
use crate::memory::check_key;

/// One run of a transaction function.
pub(crate) struct EngineTxn<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) known: &'a Known,
    /// What the transactions before this one in the same group wrote.
    pub(crate) group: &'a Draft,
    /// What this one wrote.
    pub(crate) own: &'a mut Draft,
    /// Holds the rows of both, and the bodies.
    pub(crate) builder: &'a mut GroupBuilder,
    pub(crate) segment: u32,
    /// Where the group will lie.
    pub(crate) group_offset: u64,
    pub(crate) octets_max: usize,
    /// Finds numbers that never go down.
    pub(crate) rising: FindRising,
    pub(crate) stage: Stage,
}

/// What a transaction did beside writing rows.
#[derive(Default)]
pub(crate) struct Stage {
    pub(crate) notices: Vec<CommitNotice>,
    /// Bodies that lost their last reference.
    pub(crate) dead: Vec<BodyRef>,
    pub(crate) frees_space: bool,
}

impl EngineTxn<'_> {
    fn write(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        check_key(key)?;
        self.check_size(value.map_or(0, <[u8]>::len))?;
        if value.is_some() {
            self.known.add(key);
        }
        let slot = self.builder.operation(Row { key, value });
        self.own.insert(self.builder.operations(), slot);
        Ok(())
    }
    /// What was given out once must not be given out again. The same is looked at when the journal is read
    /// again; here it is refused before anybody is answered.
    fn check_rising(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let Some(now) = (self.rising)(key, value) else { return Ok(()) };
        let before = self.get(key)?.and_then(|before| (self.rising)(key, &before));
        if before.is_some_and(|before| goes_down(&before, &now)) {
            let key: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
            let error = MailError::new(ErrorKind::Internal, "internal error");
            return Err(error.context(format_args!("a counter in row {key} would go down")));
        }
        Ok(())
    }
    fn check_size(&self, more: usize) -> Result<()> {
        if self.builder.octets() + more > self.octets_max {
            let text = format!("a transaction of more than {} octets; do it in parts", self.octets_max);
            return Err(MailError::new(ErrorKind::TooLarge, text));
        }
        Ok(())
    }
    fn scan_all(&self, span: Span<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let Span { from, end, direction } = span;
        let beginning = common_beginning(&Sought::new(from), &Sought::new(end));
        if is_empty_range(from, end) || self.known.has_none(from, beginning) {
            return Ok(());
        }
        let operations = self.builder.operations();
        let newer = [&*self.own, self.group].into_iter().filter(|draft| !draft.is_empty());
        let sources = newer.map(|draft| Source::of_rows(draft.range(operations, from, end, direction)));
        self.snapshot.scan_with(sources.collect(), span, visit)
    }
}

impl Read for EngineTxn<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        if self.known.has_not(key) {
            return Ok(None);
        }
        let operations = self.builder.operations();
        let here = self.own.get(operations, key).or_else(|| self.group.get(operations, key));
        match here {
            Some(row) => Ok(row.value.map(Cow::Borrowed)),
            None => self.snapshot.get(key),
        }
    }
    fn scan(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.scan_all(Span { from, end, direction: Direction::Up }, visit)
    }
    fn scan_back(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.scan_all(Span { from, end, direction: Direction::Down }, visit)
    }
}

impl Txn for EngineTxn<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.check_rising(key, value)?;
        self.write(key, Some(value))
    }
    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.write(key, None)
    }
    fn put_body(&mut self, scope: Scope, body: &NewBody) -> Result<BodyRef> {
        body_row::put(self, scope, body, |txn| match body {
            NewBody::Inline { blob, octets } => {
                txn.check_size(octets.len())?;
                let offset = txn.group_offset + txn.builder.body(*blob, octets);
                Ok(BodyRef { blob: *blob, segment: txn.segment, offset, octets: octets.len() as u64 })
            }
            NewBody::Staged(staged) => Ok(staged.body()),
        })
    }
    fn share_body(&mut self, scope: Scope, blob: &BlobId) -> Result<BodyRef> {
        body_row::share(self, scope, blob)
    }
    fn release_body(&mut self, scope: Scope, blob: &BlobId) -> Result<()> {
        let dead = body_row::release(self, scope, blob)?;
        self.stage.dead.extend(dead);
        Ok(())
    }
    fn notice(&mut self, notice: CommitNotice) {
        self.stage.notices.push(notice);
    }
    fn frees_space(&mut self) {
        self.stage.frees_space = true;
    }
}
