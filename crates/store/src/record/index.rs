//! Z: the search index of an account: its head, the emails of a segment, and terms with their postings.
//!
//! A segment is a set of emails, numbered from 0, with the terms of their texts. Its rows never change; a
//! newer segment replaces older ones. Rows are as large as whole pages of the index library hold.

use koi_types::{EmailId, ModSeq};

use super::{Fields, Record, VERSION, put_varint};

/// Octets of one row of terms or emails: eight pages less what the index library puts before them.
pub const INDEX_ROW_OCTETS_MAX: usize = 8 * 4096 - 16;
/// Emails in one row.
pub const INDEX_DOCS_PER_ROW: u32 = ((INDEX_ROW_OCTETS_MAX - 1) / 16) as u32;
/// Emails of one segment, so that the postings of any term fit a row.
pub const INDEX_SEGMENT_DOCS_MAX: u32 = 131_072;
/// Segments of one account: more than merging ever leaves.
pub const INDEX_SEGMENTS_MAX: usize = 4096;
/// Octets of a term.
pub const INDEX_TERM_OCTETS_MAX: usize = 255;
/// Behind every term of a row; no term has it.
const END: u8 = b'\n';

/// How far the index has come, and what it consists of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexHead {
    /// The rules by which text was cut into terms. An index made by others is made anew.
    pub rules: u64,
    /// Every email that came into some mailbox up to this MODSEQ is in a segment.
    pub modseq: ModSeq,
    /// While the index is built for the first time: only emails up to this one are.
    pub upto: Option<EmailId>,
    /// The number of the next segment; never used twice.
    pub next_segment: u32,
    /// How many emails had been purged when the segments were last looked through for them.
    pub purged: u64,
    /// Oldest first.
    pub segments: Vec<SegmentRecord>,
}

/// A segment: what its rows are, so that a missing one is noticed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentRecord {
    pub number: u32,
    /// Emails; one that is gone meanwhile counts.
    pub docs: u32,
    /// Rows of terms.
    pub rows: u32,
    pub terms: u32,
    /// All its rows together.
    pub octets: u64,
}

impl SegmentRecord {
    /// Rows of emails.
    #[must_use]
    pub const fn doc_rows(&self) -> u32 {
        self.docs.div_ceil(INDEX_DOCS_PER_ROW)
    }
}

impl IndexHead {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let upto = self.upto.map_or([0; 16], |email| email.0);
        let record = Record::new(64 + self.segments.len() * 24).u64(self.rules).u64(self.modseq.value());
        let record = record.u8(u8::from(self.upto.is_some())).octets(&upto);
        let record = record.u32(self.next_segment).u64(self.purged);
        self.segments
            .iter()
            .fold(record, |record, s| record.u32(s.number).u32(s.docs).u32(s.rows).u32(s.terms).u64(s.octets))
            .0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let rules = f.u64()?;
        let modseq = ModSeq::new(f.u64()?)?;
        let building = f.u8()?;
        let email = EmailId(f.array()?);
        let upto = match building {
            0 if email.0 == [0; 16] => None,
            1 => Some(email),
            _ => return None,
        };
        let (next_segment, purged) = (f.u32()?, f.u64()?);
        let mut segments = Vec::new();
        while !f.is_empty() {
            let segment = SegmentRecord {
                number: f.u32()?,
                docs: f.u32()?,
                rows: f.u32()?,
                terms: f.u32()?,
                octets: f.u64()?,
            };
            // More than its rows can hold is no size: sums over all segments stay in range.
            let rows = u64::from(segment.rows) + u64::from(segment.doc_rows());
            let octets_max = rows * 2 * INDEX_ROW_OCTETS_MAX as u64;
            let fits = segment.docs <= INDEX_SEGMENT_DOCS_MAX
                && segment.number < next_segment
                && segment.octets <= octets_max;
            if !fits || segments.len() == INDEX_SEGMENTS_MAX {
                return None;
            }
            segments.push(segment);
        }
        Some(Self { rules, modseq, upto, next_segment, purged, segments })
    }
    /// Emails in all segments; one that is in two counts twice.
    #[must_use]
    pub fn docs(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.docs)).sum()
    }
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.segments.iter().map(|segment| segment.octets).sum()
    }
}

/// A row of emails, in the order of their numbers.
#[must_use]
pub fn encode_docs(docs: &[EmailId]) -> Vec<u8> {
    docs.iter().fold(Record::new(docs.len() * 16), |record, email| record.octets(&email.0)).0
}

/// Reads a row of emails.
#[must_use]
pub fn decode_docs(record: &[u8]) -> Option<&[[u8; 16]]> {
    let (docs, rest) = Fields::of(record)?.rest().as_chunks::<16>();
    (rest.is_empty() && docs.len() <= INDEX_DOCS_PER_ROW as usize).then_some(docs)
}

/// How many emails of an account were ever purged.
#[must_use]
pub fn encode_purged(count: u64) -> Vec<u8> {
    Record::new(8).u64(count).0
}

/// Reads that.
#[must_use]
pub fn decode_purged(record: &[u8]) -> Option<u64> {
    let mut f = Fields::of(record)?;
    let count = f.u64()?;
    f.end().map(|()| count)
}

/// A row of terms while it is made. Terms come in ascending order.
#[derive(Default)]
pub struct TermRowBuilder {
    text: Vec<u8>,
    postings: Vec<u8>,
    terms: u32,
}

/// Octets of a row's version and its two numbers.
const FRONT_OCTETS_MAX: usize = 1 + 5 + 5;

impl TermRowBuilder {
    /// Adds a term with postings as [`encode_postings`] makes them, unless the row would be too large. An
    /// empty row takes any.
    pub fn push(&mut self, term: &[u8], postings: &[u8]) -> bool {
        debug_assert!(term.len() <= INDEX_TERM_OCTETS_MAX && !term.contains(&END));
        let octets = FRONT_OCTETS_MAX + self.text.len() + self.postings.len();
        if self.terms > 0 && octets + term.len() + 1 + postings.len() > INDEX_ROW_OCTETS_MAX {
            return false;
        }
        self.text.extend_from_slice(term);
        self.text.push(END);
        self.postings.extend_from_slice(postings);
        self.terms += 1;
        true
    }
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.terms == 0
    }
    /// The row; the builder is empty afterwards.
    pub fn take(&mut self) -> Vec<u8> {
        let mut row = Vec::with_capacity(FRONT_OCTETS_MAX + self.text.len() + self.postings.len());
        row.push(VERSION);
        put_varint(&mut row, self.terms.into());
        put_varint(&mut row, self.text.len() as u64);
        row.append(&mut self.text);
        row.append(&mut self.postings);
        self.terms = 0;
        row
    }
}

/// A row of terms, borrowed: the terms one after the other in ascending order, each with an LF behind it, so
/// that all of them are searched as one text; then their postings in the same order.
#[derive(Clone, Copy, Debug)]
pub struct TermRow<'r> {
    terms: u32,
    text: &'r [u8],
    postings: &'r [u8],
}

impl<'r> TermRow<'r> {
    #[must_use]
    pub fn decode(record: &'r [u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let terms = u32::try_from(f.varint()?).ok()?;
        let octets = usize::try_from(f.varint()?).ok()?;
        let text = f.octets(octets)?;
        // One LF each: what is beyond is noticed when it is walked through.
        let fits = terms as usize <= text.len() && text.last() == Some(&END);
        fits.then_some(Self { terms, text, postings: f.rest() })
    }
    #[must_use]
    pub const fn terms(&self) -> u32 {
        self.terms
    }
    /// All terms, each with an LF behind it.
    #[must_use]
    pub const fn text(&self) -> &'r [u8] {
        self.text
    }
    /// Goes through the terms from the first on.
    #[must_use]
    pub const fn walk(&self) -> TermWalk<'r> {
        TermWalk { text: self.text, postings: Fields(self.postings), at: 0, pending: false }
    }
}

/// Where one is in a row of terms.
#[derive(Clone, Copy)]
pub struct TermWalk<'r> {
    text: &'r [u8],
    postings: Fields<'r>,
    at: usize,
    /// The postings of the term before were not taken.
    pending: bool,
}

impl<'r> TermWalk<'r> {
    /// The next term; `Ok(None)` at the end, an error when the row is not what it should be.
    pub fn next_term(&mut self) -> Result<Option<&'r [u8]>, Unreadable> {
        self.skip()?;
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return self.postings.end().map(|()| None).ok_or(Unreadable);
        }
        let end = memchr::memchr(END, rest).ok_or(Unreadable)?;
        self.at += end + 1;
        self.pending = true;
        rest.get(..end).map(Some).ok_or(Unreadable)
    }
    /// Where the next term begins in the text.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }
    /// Calls `visit` with the numbers of the emails that have the term, ascending.
    pub fn postings(&mut self, visit: impl FnMut(u32)) -> Result<(), Unreadable> {
        self.pending = false;
        visit_postings(&mut self.postings, visit).ok_or(Unreadable)
    }
    fn skip(&mut self) -> Result<(), Unreadable> {
        match self.pending {
            true => {
                self.pending = false;
                skip_postings(&mut self.postings).ok_or(Unreadable)
            }
            false => Ok(()),
        }
    }
}

/// A row of the search index cannot be read; the index is built anew then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

const SINGLE: u64 = 0;
const LIST: u64 = 1;
const BITMAP: u64 = 2;

/// Appends a set of numbers, ascending and not empty: the first and the kind; then nothing, or how many more
/// and the distances to them, or bits for those behind the first, whichever is shortest.
pub fn encode_postings(docs: &[u32], out: &mut Vec<u8>) {
    let (Some((&first, more)), Some(&last)) = (docs.split_first(), docs.last()) else { return };
    let front = |kind: u64| u64::from(first) << 2 | kind;
    if more.is_empty() {
        return put_varint(out, front(SINGLE));
    }
    let octets = ((last - first) as usize).div_ceil(8);
    // A distance takes an octet at least.
    if octets < more.len() {
        put_varint(out, front(BITMAP));
        put_varint(out, octets as u64);
        let start = out.len();
        out.resize(start + octets, 0);
        for doc in more {
            let bit = (doc - first - 1) as usize;
            if let Some(octet) = out.get_mut(start + bit / 8) {
                *octet |= 1 << (bit % 8);
            }
        }
        return;
    }
    put_varint(out, front(LIST));
    put_varint(out, more.len() as u64);
    let mut before = first;
    for &doc in more {
        put_varint(out, u64::from(doc - before - 1));
        before = doc;
    }
}

fn visit_postings(f: &mut Fields<'_>, mut visit: impl FnMut(u32)) -> Option<()> {
    let front = f.varint()?;
    let first = u32::try_from(front >> 2).ok().filter(|first| *first < INDEX_SEGMENT_DOCS_MAX)?;
    visit(first);
    match front & 3 {
        SINGLE => Some(()),
        LIST => {
            let mut before = first;
            for _ in 0..f.varint()? {
                let distance = u32::try_from(f.varint()?).ok()?;
                before = before.checked_add(distance)?.checked_add(1)?;
                if before >= INDEX_SEGMENT_DOCS_MAX {
                    return None;
                }
                visit(before);
            }
            Some(())
        }
        BITMAP => {
            let count = usize::try_from(f.varint()?).ok()?;
            let octets = f.octets(count).filter(|_| count <= INDEX_SEGMENT_DOCS_MAX as usize / 8)?;
            for (at, octet) in (0u32..).zip(octets) {
                let mut bits = *octet;
                while bits != 0 {
                    let doc = first + 1 + at * 8 + bits.trailing_zeros();
                    if doc >= INDEX_SEGMENT_DOCS_MAX {
                        return None;
                    }
                    visit(doc);
                    bits &= bits - 1;
                }
            }
            Some(())
        }
        _ => None,
    }
}

/// What [`visit_postings`] goes through, left out.
fn skip_postings(f: &mut Fields<'_>) -> Option<()> {
    match f.varint()? & 3 {
        SINGLE => Some(()),
        LIST => (0..f.varint()?).try_for_each(|_| f.varint().map(drop)),
        BITMAP => {
            let count = usize::try_from(f.varint()?).ok()?;
            f.octets(count).map(drop)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
