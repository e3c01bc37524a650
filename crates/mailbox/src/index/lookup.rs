//! Which emails may match: those with a term around every piece of a needle. The others that the index knows
//! need not be read; those it does not know are.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use koi_message::search::term_rules;
use koi_store::key::index as keys;
use koi_store::kv::View;
use koi_store::mail::index;
use koi_store::record::index::{
    INDEX_DOCS_PER_ROW, IndexHead, SegmentRecord, TermRow, Unreadable, decode_docs,
};
use koi_types::{AccountId, EmailId, ErrorKind, ModSeq, Result};
use memchr::memmem;

use crate::row::MessageRow;
use crate::service::Inner;

/// Rows of one step, some 16 MB: a fraction of a millisecond once they are in memory. Threads of its own
/// would cost a lookup as much as they save.
const ROWS_PER_STEP: u32 = 512;
/// A shorter piece is in most emails.
const PIECE_OCTETS_MIN: usize = 2;
/// Pieces looked for together; a search with more does without the index.
const PIECES_MAX: usize = 64;
/// How often a lookup begins again because segments were merged meanwhile.
const STARTS_MAX: u32 = 4;
/// An index that leaves more than half of the emails is of no use; fewer are never too many.
const EMAILS_FEW: usize = 512;
/// What is made to look for one needle, about.
const FINDER_OCTETS: usize = 256;
/// Emails noted for all texts of a search together, about 32 octets each.
const EMAILS_MAX: usize = 1 << 20;

/// What the index says of one text that is looked for.
pub(crate) struct TextFilter {
    modseq: ModSeq,
    upto: Option<EmailId>,
    emails: HashSet<EmailId>,
}

impl TextFilter {
    /// Octets of memory it takes.
    pub(crate) fn octets(&self) -> usize {
        octets_of(&self.emails)
    }
    /// Whether the message cannot match.
    pub(crate) fn excludes(&self, row: &MessageRow<'_>) -> bool {
        row.created_modseq <= self.modseq && self.excludes_email(row.email)
    }
    /// Whether an email cannot match that came before [`TextFilter::modseq`].
    pub(crate) fn excludes_email(&self, email: EmailId) -> bool {
        self.upto.is_none_or(|upto| email <= upto) && !self.emails.contains(&email)
    }
    /// What came later is not known.
    pub(crate) const fn modseq(&self) -> ModSeq {
        self.modseq
    }
    /// The emails that may match, and the last MODSEQ at which everything that came is known; nothing while
    /// the index is built for the first time.
    pub(crate) fn emails(&self) -> Option<(&HashSet<EmailId>, ModSeq)> {
        self.upto.is_none().then_some((&self.emails, self.modseq))
    }
}

/// A lookup of the texts of one search, in steps.
pub(crate) struct Lookup {
    head: IndexHead,
    finders: Vec<memmem::Finder<'static>>,
    /// For each text, the pieces that all must be there: places in `finders`. The same text is looked for
    /// once, in however many fields.
    texts: Vec<Vec<usize>>,
    /// For each text that was asked for, its place in `texts`.
    asked: Vec<usize>,
    /// For each text the emails that may match; nothing once they are too many to be of use.
    found: Vec<Option<HashSet<EmailId>>>,
    /// The segment and the row that are next.
    segment: usize,
    row: u32,
    sets: Sets,
    starts: u32,
}

/// What a step of a lookup came to.
pub(crate) enum Looked {
    More,
    /// For each text a filter, where the index is of use.
    Done(Vec<Option<Arc<TextFilter>>>),
    /// The index is not to be used.
    Useless,
}

impl Lookup {
    /// Begins to look for texts of which the pieces are given; nothing when there is no index, or it cannot
    /// help.
    pub(crate) fn begin(
        view: &dyn View,
        account: AccountId,
        texts: &[Vec<Box<[u8]>>],
    ) -> Result<Option<Self>> {
        let mut pieces: Vec<&[u8]> = Vec::new();
        let (mut numbered, mut asked) = (Vec::<Vec<usize>>::new(), Vec::with_capacity(texts.len()));
        for text in texts {
            let mut numbers = Vec::new();
            for piece in text.iter().filter(|piece| piece.len() >= PIECE_OCTETS_MIN) {
                let known = pieces.iter().position(|known| *known == &**piece);
                numbers.push(known.unwrap_or(pieces.len()));
                if known.is_none() {
                    pieces.push(piece);
                }
            }
            let known = numbered.iter().position(|known| *known == numbers);
            asked.push(known.unwrap_or(numbered.len()));
            if known.is_none() {
                numbered.push(numbers);
            }
        }
        if pieces.is_empty() || pieces.len() > PIECES_MAX {
            return Ok(None);
        }
        let head = readable_head(view, account)?.filter(|head| head.rules == term_rules());
        let Some(head) = head else { return Ok(None) };
        Ok(Some(Self {
            head,
            finders: pieces.into_iter().map(|piece| memmem::Finder::new(piece).into_owned()).collect(),
            found: nothing_found(&numbered),
            texts: numbered,
            asked,
            segment: 0,
            row: 0,
            sets: Sets::default(),
            starts: 0,
        }))
    }
    /// Octets of memory it takes between two pieces.
    pub(crate) fn octets(&self) -> usize {
        let found: usize = self.found.iter().flatten().map(octets_of).sum();
        let needles: usize = self.finders.iter().map(|finder| finder.needle().len() + FINDER_OCTETS).sum();
        found + needles + self.sets.octets()
    }
    /// Does the next piece, a few milliseconds.
    pub(crate) fn advance(&mut self, inner: &Inner, account: AccountId) -> Result<Looked> {
        match self.step(inner, account) {
            Ok(_) if self.found.iter().all(Option::is_none) => Ok(Looked::Useless),
            Ok(true) => Ok(Looked::Done(self.filters())),
            Ok(false) => Ok(Looked::More),
            // Damaged, or changed again and again: the texts themselves are there.
            Err(error) if matches!(error.kind, ErrorKind::Corrupt | ErrorKind::Conflict) => {
                Ok(Looked::Useless)
            }
            Err(error) => Err(error),
        }
    }
    fn step(&mut self, inner: &Inner, account: AccountId) -> Result<bool> {
        let view = inner.kv.view()?;
        let now = readable_head(&*view, account)?.filter(|now| now.rules == self.head.rules);
        let Some(now) = now else { return Err(super::merge::unreadable()) };
        if !self.head.segments.iter().all(|mine| now.segments.contains(mine)) {
            self.start_again(now)?;
        }
        let Some(segment) = self.head.segments.get(self.segment).copied() else { return Ok(true) };
        let rows = self.row..segment.rows.min(self.row.saturating_add(ROWS_PER_STEP));
        let sets = scan_rows(&*view, account, &segment, rows.clone(), &self.finders)?;
        self.sets.join(sets);
        self.row = rows.end;
        if self.row >= segment.rows {
            self.end_segment(&*view, account, &segment)?;
            self.segment += 1;
            self.row = 0;
        }
        Ok(self.segment >= self.head.segments.len())
    }
    fn start_again(&mut self, now: IndexHead) -> Result<()> {
        self.starts += 1;
        if self.starts > STARTS_MAX {
            return Err(koi_types::MailError::new(ErrorKind::Conflict, "the search index changes too often"));
        }
        self.head = now;
        (self.segment, self.row) = (0, 0);
        self.sets = Sets::default();
        self.found = nothing_found(&self.texts);
        Ok(())
    }
    /// Notes the emails of a segment that may match.
    fn end_segment(&mut self, view: &dyn View, account: AccountId, segment: &SegmentRecord) -> Result<()> {
        let sets = std::mem::take(&mut self.sets);
        for number in 0..self.texts.len() {
            self.note(view, account, segment, &sets, number)?;
            self.let_go();
        }
        Ok(())
    }
    /// The emails that may match one text.
    fn note(
        &mut self,
        view: &dyn View,
        account: AccountId,
        segment: &SegmentRecord,
        sets: &Sets,
        text: usize,
    ) -> Result<()> {
        if let (Some(text), Some(Some(found))) = (self.texts.get(text), self.found.get_mut(text)) {
            let mut row = Vec::new();
            let mut loaded = None;
            for doc in sets.matching(text) {
                let number = doc / INDEX_DOCS_PER_ROW;
                if loaded != Some(number) {
                    let key = keys::docs(account, segment.number, number);
                    row = view.get(&key)?.ok_or_else(super::merge::unreadable)?.into_owned();
                    loaded = Some(number);
                }
                let docs = decode_docs(&row).ok_or_else(super::merge::unreadable)?;
                let email = docs.get((doc % INDEX_DOCS_PER_ROW) as usize);
                found.insert(EmailId(*email.ok_or_else(super::merge::unreadable)?));
            }
        }
        Ok(())
    }
    /// Forgets the emails of texts that most have, and of those with the most while all are too many.
    fn let_go(&mut self) {
        let few = usize::try_from(self.head.docs() / 2).unwrap_or(usize::MAX).max(EMAILS_FEW);
        let count = |found: &Option<HashSet<EmailId>>| found.as_ref().map_or(0, HashSet::len);
        loop {
            let all: usize = self.found.iter().map(count).sum();
            let Some(most) = self.found.iter_mut().max_by_key(|found| count(found)) else { return };
            if count(most) <= few && all <= EMAILS_MAX {
                return;
            }
            *most = None;
        }
    }
    fn filters(&mut self) -> Vec<Option<Arc<TextFilter>>> {
        let (modseq, upto) = (self.head.modseq, self.head.upto);
        let filter = |emails| Arc::new(TextFilter { modseq, upto, emails });
        let found = std::mem::take(&mut self.found).into_iter();
        let filters: Vec<Option<Arc<TextFilter>>> = found.map(|found| found.map(filter)).collect();
        self.asked.iter().map(|text| filters.get(*text).cloned().flatten()).collect()
    }
}

/// One email in a set, with the octet by which it is found.
fn octets_of(emails: &HashSet<EmailId>) -> usize {
    emails.capacity() * (size_of::<EmailId>() + 1)
}

/// Of a text without pieces nothing can be said.
fn nothing_found(texts: &[Vec<usize>]) -> Vec<Option<HashSet<EmailId>>> {
    texts.iter().map(|text| (!text.is_empty()).then(HashSet::new)).collect()
}

fn readable_head(view: &dyn View, account: AccountId) -> Result<Option<IndexHead>> {
    match index::head(view, account) {
        Err(error) if error.kind == ErrorKind::Corrupt => Ok(None),
        head => head,
    }
}

/// Sets of emails of a segment, by number: for each piece those that have it, and those that every search
/// must read.
#[derive(Default)]
struct Sets {
    pieces: Vec<Set>,
    always: Set,
}

/// Bits.
#[derive(Clone, Default)]
struct Set(Vec<u64>);

impl Set {
    fn insert(&mut self, number: u32) {
        let at = number as usize / 64;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        if let Some(word) = self.0.get_mut(at) {
            *word |= 1 << (number % 64);
        }
    }
    fn join(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }
    fn word(&self, at: usize) -> u64 {
        self.0.get(at).copied().unwrap_or(0)
    }
}

impl Sets {
    fn new(pieces: usize) -> Self {
        Self { pieces: vec![Set::default(); pieces], always: Set::default() }
    }
    fn join(&mut self, other: Self) {
        if self.pieces.is_empty() {
            *self = other;
            return;
        }
        for (mine, others) in self.pieces.iter_mut().zip(&other.pieces) {
            mine.join(others);
        }
        self.always.join(&other.always);
    }
    fn octets(&self) -> usize {
        let sets = self.pieces.iter().chain([&self.always]);
        sets.map(|set| set.0.capacity()).sum::<usize>() * size_of::<u64>()
    }
    /// Numbers of the emails that have all of `pieces`, ascending.
    fn matching(&self, pieces: &[usize]) -> impl Iterator<Item = u32> {
        let sets: Vec<&Set> = pieces.iter().filter_map(|piece| self.pieces.get(*piece)).collect();
        let words = self.pieces.iter().chain([&self.always]).map(|set| set.0.len()).max().unwrap_or(0);
        (0..words).flat_map(move |at| {
            let all = sets.iter().fold(u64::MAX, |all, set| all & set.word(at)) | self.always.word(at);
            bits(all).map(move |bit| at as u32 * 64 + bit)
        })
    }
}

/// The bits that are set, ascending.
fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        (word != 0).then(|| {
            word &= word - 1;
            bit
        })
    })
}

/// Looks through rows of a segment.
fn scan_rows(
    view: &dyn View,
    account: AccountId,
    segment: &SegmentRecord,
    rows: Range<u32>,
    finders: &[memmem::Finder<'_>],
) -> Result<Sets> {
    let mut sets = Sets::new(finders.len());
    let mut left = rows.len();
    let mut good = true;
    let from = keys::terms(account, segment.number, rows.start);
    let end = keys::terms(account, segment.number, rows.end);
    view.scan(&from, &end, &mut |_, row| {
        left = left.wrapping_sub(1);
        good = TermRow::decode(row).is_some_and(|row| scan_row(&row, finders, &mut sets).is_ok());
        if good { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) }
    })?;
    if good && left == 0 { Ok(sets) } else { Err(super::merge::unreadable()) }
}

fn scan_row(
    row: &TermRow<'_>,
    finders: &[memmem::Finder<'_>],
    sets: &mut Sets,
) -> std::result::Result<(), Unreadable> {
    let mut walk = row.walk();
    if row.text().starts_with(b"\n") {
        walk.next_term()?;
        let always = &mut sets.always;
        walk.postings(|doc| always.insert(doc))?;
    }
    for (finder, set) in finders.iter().zip(&mut sets.pieces) {
        let mut walk = row.walk();
        for at in finder.find_iter(row.text()) {
            if walk.position() > at {
                // In the same term once more.
                continue;
            }
            while walk.position() <= at {
                walk.next_term()?.ok_or(Unreadable)?;
            }
            walk.postings(|doc| set.insert(doc))?;
        }
    }
    Ok(())
}
