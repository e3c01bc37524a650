//! The rows of a segment and how they are written: in small transactions, before the head names the segment.

use std::collections::VecDeque;
use std::sync::Arc;

use koi_store::key::index as keys;
use koi_store::kv::{Kv, transact_and_wait};
use koi_store::mail::index;
use koi_store::record::index::{INDEX_DOCS_PER_ROW, SegmentRecord, TermRowBuilder, encode_docs};
use koi_types::{AccountId, EmailId, ErrorKind, MailError, Result};

/// Octets of rows in one transaction: a delivery that goes with it waits for no more than this.
const WRITE_OCTETS_MAX: usize = 256 << 10;

/// A segment that no head names yet.
pub(super) struct NewSegment {
    record: SegmentRecord,
    docs: Vec<EmailId>,
    /// Rows that are still to be written.
    rows: VecDeque<NewRow>,
}

struct NewRow {
    kind: u8,
    number: u32,
    octets: Vec<u8>,
}

impl NewSegment {
    pub(super) fn new(number: u32, docs: Vec<EmailId>) -> Self {
        let record = SegmentRecord { number, docs: docs.len() as u32, rows: 0, terms: 0, octets: 0 };
        Self { record, docs, rows: VecDeque::new() }
    }
    /// Adds a term; terms come in ascending order.
    pub(super) fn push(&mut self, row: &mut TermRowBuilder, term: &[u8], postings: &[u8]) {
        if !row.push(term, postings) {
            self.end_row(row);
            let taken = row.push(term, postings);
            debug_assert!(taken, "an empty row takes any term");
        }
        self.record.terms += 1;
    }
    fn end_row(&mut self, row: &mut TermRowBuilder) {
        let number = self.record.rows;
        self.record.rows += 1;
        self.put(keys::TERMS, number, row.take());
    }
    fn put(&mut self, kind: u8, number: u32, octets: Vec<u8>) {
        self.record.octets += octets.len() as u64;
        self.rows.push_back(NewRow { kind, number, octets });
    }
    /// After the last term: the rest of the rows.
    pub(super) fn finish(mut self, mut row: TermRowBuilder) -> Self {
        if !row.is_empty() {
            self.end_row(&mut row);
        }
        let docs = std::mem::take(&mut self.docs);
        for (number, some) in (0u32..).zip(docs.chunks(INDEX_DOCS_PER_ROW as usize)) {
            self.put(keys::DOCS, number, encode_docs(some));
        }
        self
    }
    /// Whether there is enough for a transaction.
    pub(super) fn has_plenty(&self) -> bool {
        self.rows.iter().map(|row| row.octets.len()).sum::<usize>() >= WRITE_OCTETS_MAX
    }
    pub(super) const fn record(&self) -> SegmentRecord {
        self.record
    }
    /// Writes some rows; answers whether all are written.
    pub(super) fn write(&mut self, kv: &dyn Kv, account: AccountId) -> Result<bool> {
        let mut rows = Vec::new();
        let mut octets = 0;
        while octets < WRITE_OCTETS_MAX {
            let Some(row) = self.rows.pop_front() else { break };
            octets += row.octets.len();
            rows.push(row);
        }
        if !rows.is_empty() {
            let (rows, segment) = (Arc::new(rows), self.record.number);
            transact_and_wait(kv, move |txn| {
                if index::account_record(txn, account)?.is_none() {
                    return Err(MailError::new(ErrorKind::NotFound, "the account is gone"));
                }
                for row in rows.iter() {
                    let key = match row.kind {
                        keys::DOCS => keys::docs(account, segment, row.number),
                        _ => keys::terms(account, segment, row.number),
                    };
                    txn.put(&key, &row.octets)?;
                }
                Ok(())
            })?;
        }
        Ok(self.rows.is_empty())
    }
    /// Rows of terms, before any is written.
    pub(super) fn term_rows(&self) -> impl Iterator<Item = &[u8]> {
        self.rows.iter().filter(|row| row.kind == keys::TERMS).map(|row| row.octets.as_slice())
    }
}
