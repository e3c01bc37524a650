//! Several segments made one, without the emails that are gone: less to look through, and less room.

use std::collections::HashSet;

use koi_store::key::{self, index as keys};
use koi_store::kv::View;
use koi_store::mail::index;
use koi_store::record::index::{
    INDEX_SEGMENT_DOCS_MAX, IndexHead, SegmentRecord, TermRow, TermRowBuilder, decode_docs, encode_postings,
};
use koi_types::{AccountId, EmailId, ErrorKind, MailError, Result};

use super::segment::NewSegment;

/// So many segments of about one size are made one.
const FAN_IN: usize = 8;
/// Terms of one step.
const TERMS_PER_STEP: usize = 20_000;
/// What an email that is gone, or is in an older segment too, is mapped to.
const GONE: u32 = u32::MAX;

/// Which segments are to be made one: those of a size and smaller, when they have become many.
pub(super) fn due(head: &IndexHead) -> Vec<SegmentRecord> {
    let mut segments = head.segments.clone();
    segments.sort_by_key(|segment| segment.docs);
    let mut size = 1u32;
    while size < INDEX_SEGMENT_DOCS_MAX {
        let larger = size.saturating_mul(FAN_IN as u32);
        // Smaller ones go along, but are no reason: else a large one would be written again for a few.
        let of_size = |segment: &&SegmentRecord| (size..larger).contains(&segment.docs);
        if segments.iter().filter(of_size).count() >= FAN_IN {
            return bounded(segments.into_iter().take_while(|segment| segment.docs < larger));
        }
        size = larger;
    }
    Vec::new()
}

/// All that fit into one.
pub(super) fn all(head: &IndexHead) -> Vec<SegmentRecord> {
    let mut segments = head.segments.clone();
    segments.sort_by_key(|segment| segment.docs);
    let chosen = bounded(segments.into_iter());
    if chosen.len() > 1 { chosen } else { Vec::new() }
}

/// Those with emails that are gone, as many as fit into one.
pub(super) fn with_purged(
    view: &dyn View,
    account: AccountId,
    head: &IndexHead,
) -> Result<Vec<SegmentRecord>> {
    let mut chosen = Vec::new();
    for segment in &head.segments {
        for email in emails(view, account, segment)? {
            if view.get(&key::email(account, email))?.is_none() {
                chosen.push(*segment);
                break;
            }
        }
    }
    chosen.sort_by_key(|segment| segment.docs);
    Ok(bounded(chosen.into_iter()))
}

/// The first ones that fit into one segment together.
fn bounded(segments: impl Iterator<Item = SegmentRecord>) -> Vec<SegmentRecord> {
    let mut docs = 0;
    let fits = |segment: &SegmentRecord| {
        docs += segment.docs;
        docs <= INDEX_SEGMENT_DOCS_MAX
    };
    segments.take_while(fits).collect()
}

/// A merge under way. Its rows never change, so each step may have a view of its own.
pub(super) struct Merge {
    account: AccountId,
    inputs: Vec<Input>,
    row: TermRowBuilder,
    docs: Vec<u32>,
    encoded: Vec<u8>,
    pub(super) output: Option<NewSegment>,
    pub(super) ended: bool,
    /// How many emails had been purged when it began.
    pub(super) purged: u64,
}

struct Input {
    segment: SegmentRecord,
    /// The new number of every email.
    numbers: Vec<u32>,
    next_row: u32,
    loaded: Loaded,
}

/// One row, read.
#[derive(Default)]
struct Loaded {
    text: Vec<u8>,
    terms: Vec<LoadedTerm>,
    docs: Vec<u32>,
    at: usize,
}

/// Where a term ends in the text, and its postings.
struct LoadedTerm {
    start: usize,
    end: usize,
    docs_end: usize,
}

impl Merge {
    /// Reads which emails are still there.
    pub(super) fn begin(
        view: &dyn View,
        account: AccountId,
        segments: &[SegmentRecord],
        number: u32,
    ) -> Result<Self> {
        let mut docs: Vec<EmailId> = Vec::new();
        let mut seen = HashSet::new();
        let mut inputs = Vec::new();
        for segment in segments {
            let mut numbers = Vec::with_capacity(segment.docs as usize);
            for email in emails(view, account, segment)? {
                let here = seen.insert(email) && view.get(&key::email(account, email))?.is_some();
                numbers.push(if here { docs.len() as u32 } else { GONE });
                if here {
                    docs.push(email);
                }
            }
            inputs.push(Input { segment: *segment, numbers, next_row: 0, loaded: Loaded::default() });
        }
        Ok(Self {
            account,
            inputs,
            row: TermRowBuilder::default(),
            docs: Vec::new(),
            encoded: Vec::new(),
            output: Some(NewSegment::new(number, docs)),
            ended: false,
            purged: index::purged(view, account)?,
        })
    }
    pub(super) fn segments(&self) -> impl Iterator<Item = u32> {
        self.inputs.iter().map(|input| input.segment.number)
    }
    /// Merges some terms.
    pub(super) fn advance(&mut self, view: &dyn View) -> Result<()> {
        for _ in 0..TERMS_PER_STEP {
            for input in &mut self.inputs {
                input.load(view, self.account)?;
            }
            let Some(least) = self.inputs.iter().filter_map(Input::term).min().map(<[u8]>::to_vec) else {
                let row = std::mem::take(&mut self.row);
                self.output = self.output.take().map(|output| output.finish(row));
                self.ended = true;
                return Ok(());
            };
            self.docs.clear();
            // Emails of an input have lower numbers than those of the next.
            for input in &mut self.inputs {
                if input.term() == Some(least.as_slice()) {
                    input.take(&mut self.docs);
                }
            }
            if let Some(output) = self.output.as_mut().filter(|_| !self.docs.is_empty()) {
                self.encoded.clear();
                encode_postings(&self.docs, &mut self.encoded);
                output.push(&mut self.row, &least, &self.encoded);
            }
        }
        Ok(())
    }
}

impl Input {
    fn term(&self) -> Option<&[u8]> {
        let term = self.loaded.terms.get(self.loaded.at)?;
        self.loaded.text.get(term.start..term.end)
    }
    fn take(&mut self, docs: &mut Vec<u32>) {
        let loaded = &mut self.loaded;
        let start = loaded.at.checked_sub(1).and_then(|before| loaded.terms.get(before));
        let start = start.map_or(0, |term| term.docs_end);
        let end = loaded.terms.get(loaded.at).map_or(start, |term| term.docs_end);
        docs.extend(loaded.docs.get(start..end).unwrap_or_default());
        loaded.at += 1;
    }
    /// Reads the next row when all terms of the last are taken.
    fn load(&mut self, view: &dyn View, account: AccountId) -> Result<()> {
        if self.loaded.at < self.loaded.terms.len() || self.next_row >= self.segment.rows {
            return Ok(());
        }
        let row = view.get(&keys::terms(account, self.segment.number, self.next_row))?;
        let row = row.ok_or_else(unreadable)?;
        self.next_row += 1;
        let row = TermRow::decode(&row).ok_or_else(unreadable)?;
        let Loaded { text, terms, docs, at } = &mut self.loaded;
        text.clear();
        text.extend_from_slice(row.text());
        terms.clear();
        docs.clear();
        *at = 0;
        let mut walk = row.walk();
        let mut known = true;
        loop {
            let start = walk.position();
            let Some(term) = walk.next_term().map_err(|_| unreadable())? else { break };
            let end = start + term.len();
            let read = walk.postings(|doc| match self.numbers.get(doc as usize) {
                Some(&GONE) => {}
                Some(number) => docs.push(*number),
                None => known = false,
            });
            read.map_err(|_| unreadable())?;
            terms.push(LoadedTerm { start, end, docs_end: docs.len() });
        }
        if known { Ok(()) } else { Err(unreadable()) }
    }
}

/// The emails of a segment in the order of their numbers.
pub(super) fn emails(view: &dyn View, account: AccountId, segment: &SegmentRecord) -> Result<Vec<EmailId>> {
    let mut emails = Vec::with_capacity(segment.docs as usize);
    for number in 0..segment.doc_rows() {
        let row = view.get(&keys::docs(account, segment.number, number))?.ok_or_else(unreadable)?;
        emails.extend(decode_docs(&row).ok_or_else(unreadable)?.iter().map(|email| EmailId(*email)));
    }
    if emails.len() == segment.docs as usize { Ok(emails) } else { Err(unreadable()) }
}

pub(super) fn unreadable() -> MailError {
    MailError::new(ErrorKind::Corrupt, "the search index cannot be read; it must be built anew")
}
