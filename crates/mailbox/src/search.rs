//! A search that may take long, in pieces: each call of [`SearchRun::advance`] does a bounded amount on a
//! view of its own, so that a session can answer others in between.
//!
//! What UIDs alone decide takes no scan, and what a row alone can decide is decided in the scan of the rows.
//! Only the rest is looked up: header fields in the beginning of the stored message, text in all of it, in
//! the order in which bodies lie in the store, by all cores at once. Where the account has an index, it says
//! first which messages cannot match and need not be read (`index::lookup`); the answer is the same, and
//! exact.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_types::{
    AccountId, EmailId, ErrorKind, MailError, MailboxId, ModSeq, NumSet, Result, Timestamp, Uid, UidSet,
};

use crate::access::Visitor;
use crate::account::Account;
use crate::filter::Filter;
use crate::index::lookup::{Looked, Lookup, TextFilter};
use crate::row::MessageRow;
use crate::service::Inner;
use crate::snapshot::Snapshot;

mod fuzzy;
mod narrow;
mod plan;
mod text;
mod texts;

pub use fuzzy::{RELEVANCY_MAX, Ranked, Relevancy};
use plan::{Plan, Verdict};
pub(crate) use texts::TextSearch;

/// Rows one call looks at.
const ROWS_MAX: usize = 32_768;
/// Messages one call reads, and octets of them after which it stops taking more.
const CANDIDATES_MAX: usize = 1024;
const CANDIDATE_OCTETS_MAX: u64 = 4 << 20;

/// A search under way.
pub struct SearchRun {
    inner: Arc<Inner>,
    account: AccountId,
    guest: Visitor,
    mailbox: MailboxId,
    plan: Plan,
    /// What is still to be looked at.
    left: NumSet,
    total: u64,
    /// Octets of the messages that were read.
    read_octets: u64,
    found: UidSet,
    modseq: Option<ModSeq>,
    corrupt: UidSet,
    /// Scores, when they are wanted.
    ranked: Option<Vec<Ranked>>,
    /// While the index is asked.
    lookup: Option<Box<Lookup>>,
    /// What it has answered takes so many octets.
    answer_octets: usize,
}

/// What a search has looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Examined {
    /// Messages that are decided.
    pub messages: u64,
    /// Octets of those among them whose row did not decide.
    pub octets: u64,
}

impl Examined {
    pub(crate) const fn add(&mut self, other: Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.octets = self.octets.saturating_add(other.octets);
    }
}

/// What one search may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SearchBounds {
    /// From its beginning to its end; 0: no bound.
    pub secs_max: u32,
    /// Octets of messages that are read; nothing: no bound.
    pub octets_max: Option<u64>,
}

impl Default for SearchBounds {
    fn default() -> Self {
        Self { secs_max: 300, octets_max: None }
    }
}

impl SearchBounds {
    /// `LimitReached` when a search that is not done yet has cost as much as one may.
    pub(crate) fn allow(&self, began: Timestamp, now: Timestamp, examined: Examined) -> Result<()> {
        let limit = |text, context: String| MailError::new(ErrorKind::LimitReached, text).context(context);
        if self.secs_max > 0 && now >= began.plus_secs(self.secs_max) {
            return Err(limit("this search takes too long", format!("stopped after {} s", self.secs_max)));
        }
        if self.octets_max.is_some_and(|max| examined.octets > max) {
            let context = format!("stopped after {} octets", examined.octets);
            return Err(limit("this search reads too much", context));
        }
        Ok(())
    }
}

/// A message whose row does not decide.
struct Candidate {
    uid: Uid,
    email: EmailId,
    modseq: ModSeq,
    /// Where its row lies in the batch.
    row: std::ops::Range<usize>,
}

/// Messages to be read by one call.
#[derive(Default)]
struct Batch {
    rows: Vec<u8>,
    candidates: Vec<Candidate>,
    octets: u64,
    /// Whether scores are wanted.
    ranked: bool,
}

impl Batch {
    fn add(&mut self, row: &MessageRow<'_>) {
        let start = self.rows.len();
        row.membership.encode_same(&mut self.rows);
        let row_range = start..self.rows.len();
        let (uid, email, modseq) = (row.uid, row.email, row.modseq);
        self.candidates.push(Candidate { uid, email, modseq, row: row_range });
        self.octets += u64::from(row.octets);
    }
    fn is_full(&self) -> bool {
        self.candidates.len() >= CANDIDATES_MAX || self.octets >= CANDIDATE_OCTETS_MAX
    }
}

impl Account {
    /// Begins to search those of `among` that are in the mailbox. `InvalidInput` when the filter is too
    /// large.
    pub fn search(&self, mailbox: MailboxId, among: NumSet, filter: &Filter) -> Result<SearchRun> {
        if !filter.is_bounded() {
            return Err(MailError::new(ErrorKind::InvalidInput, "the search has too many conditions"));
        }
        let snapshot = self.snapshot()?;
        let mut plan = Plan::new(filter, &snapshot.keywords());
        let lookup = match self.inner.options.index.enabled {
            true => begin_lookup(&snapshot, &mut plan)?,
            false => None,
        };
        Ok(SearchRun {
            inner: Arc::clone(&self.inner),
            account: self.id,
            guest: self.guest.clone(),
            mailbox,
            plan,
            total: among.count(),
            left: among,
            read_octets: 0,
            found: UidSet::new(),
            modseq: None,
            corrupt: UidSet::new(),
            ranked: None,
            lookup,
            answer_octets: 0,
        })
    }
    /// The same, with a score for every message that is found: [`SearchRun::ranked`] (RFC 6203 §4).
    pub fn search_ranked(&self, mailbox: MailboxId, among: NumSet, filter: &Filter) -> Result<SearchRun> {
        Ok(SearchRun { ranked: Some(Vec::new()), ..self.search(mailbox, among, filter)? })
    }
}

/// Begins to ask the index, if there is one and it can help.
fn begin_lookup(snapshot: &Snapshot<'_>, plan: &mut Plan) -> Result<Option<Box<Lookup>>> {
    let mut texts = Vec::new();
    plan.each_indexed(&mut |text| texts.push(text.pieces().to_vec()));
    Ok(Lookup::begin(&*snapshot.view, snapshot.account, &texts)?.map(Box::new))
}

impl SearchRun {
    /// Does the next piece, a few milliseconds. Answers whether the search is finished.
    pub fn advance(&mut self) -> Result<bool> {
        if let Some(lookup) = &mut self.lookup {
            match lookup.advance(&self.inner, self.account)? {
                Looked::More => return Ok(self.left.is_empty()),
                Looked::Done(answers) => self.narrow(answers)?,
                Looked::Useless => {}
            }
            self.lookup = None;
        }
        if !self.left.is_empty() && !self.decided_by_uids()? {
            let batch = self.scan()?;
            if !batch.candidates.is_empty() {
                self.read_octets = self.read_octets.saturating_add(batch.octets);
                self.read(&batch)?;
            }
        }
        if self.left.is_empty() {
            self.forget_index();
        }
        Ok(self.left.is_empty())
    }
    /// When more than so many octets are held, lets go of what the index has said: the rest of the search
    /// finds the same without it, and reads more.
    pub fn let_go_beyond(&mut self, octets: usize) {
        if self.memory_octets() > octets {
            self.forget_index();
        }
    }
    fn forget_index(&mut self) {
        self.lookup = None;
        if std::mem::take(&mut self.answer_octets) > 0 {
            self.plan.each_indexed(&mut |text| text.answer(None));
        }
    }
    /// Runs to the end, on this thread. For tools and tests.
    pub fn finish(mut self) -> Result<UidSet> {
        while !self.advance()? {}
        Ok(self.found)
    }
    /// How much was done.
    #[must_use]
    pub fn examined(&self) -> Examined {
        Examined { messages: self.total.saturating_sub(self.left.count()), octets: self.read_octets }
    }
    /// How many messages are searched.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }
    /// Messages that match, so far.
    #[must_use]
    pub const fn found(&self) -> &UidSet {
        &self.found
    }
    /// The same messages with their scores, in the order of the UIDs; empty unless they were asked for.
    #[must_use]
    pub fn ranked(&self) -> &[Ranked] {
        self.ranked.as_deref().unwrap_or_default()
    }
    /// Octets of memory it keeps between two pieces.
    #[must_use]
    pub fn memory_octets(&self) -> usize {
        let ranked = self.ranked.as_ref().map_or(0, Vec::capacity) * size_of::<Ranked>();
        let sets = [&self.left, &self.found.0, &self.corrupt.0];
        let index = self.answer_octets + self.lookup.as_ref().map_or(0, |lookup| lookup.octets());
        ranked + index + sets.iter().map(|set| set.memory_octets()).sum::<usize>()
    }
    /// The highest MODSEQ of a message that matches (RFC 7162 §3.1.5); nothing when the filter has no
    /// [`Filter::ModSeq`] and was decided without looking at rows.
    #[must_use]
    pub const fn modseq(&self) -> Option<ModSeq> {
        self.modseq
    }
    /// Messages that could not be read, and so were not found.
    #[must_use]
    pub const fn corrupt(&self) -> &UidSet {
        &self.corrupt
    }
    /// Leaves out what the index says cannot match.
    fn narrow(&mut self, answers: Vec<Option<Arc<TextFilter>>>) -> Result<()> {
        self.answer_octets = answers.iter().flatten().map(|answer| answer.octets()).sum();
        let mut answers = answers.into_iter();
        self.plan.each_indexed(&mut |text| text.answer(answers.next().flatten()));
        let Some(candidates) = self.plan.candidates() else { return Ok(()) };
        let inner = Arc::clone(&self.inner);
        let snapshot = Snapshot::open(&inner, self.account, self.guest.clone())?;
        if let Some(uids) = candidates.uids(&snapshot, self.mailbox)? {
            self.left = self.left.intersect(&uids);
        }
        Ok(())
    }
    /// Finds all at once without looking at a row, where UIDs decide. Answers whether they do.
    fn decided_by_uids(&mut self) -> Result<bool> {
        let uids = self.plan.by_uids(&self.left).filter(|_| self.ranked.is_none());
        let Some(uids) = uids else { return Ok(false) };
        let there = Snapshot::open(&self.inner, self.account, self.guest.clone())?.uids(self.mailbox)?;
        self.found = UidSet(uids.intersect(&there.0));
        self.left = NumSet::new();
        Ok(true)
    }
    /// Decides by rows what can be; the others are the batch.
    fn scan(&mut self) -> Result<Batch> {
        let inner = Arc::clone(&self.inner);
        let snapshot = Snapshot::open(&inner, self.account, self.guest.clone())?;
        let mut batch = Batch { ranked: self.ranked.is_some(), ..Batch::default() };
        // A message that matches anyway is read for its score.
        let read_all = batch.ranked && self.plan.is_fuzzy();
        let mut rows = 0usize;
        let mut last = None;
        let (plan, found, highest, ranked) =
            (&self.plan, &mut self.found, &mut self.modseq, &mut self.ranked);
        let scanned = snapshot.messages(self.mailbox, &self.left, |row| {
            match plan.by_row(row) {
                Verdict::Yes if !read_all => {
                    found.insert(row.uid);
                    *highest = (*highest).max(Some(row.modseq));
                    if let Some(ranked) = ranked {
                        ranked.push(Ranked { uid: row.uid, relevancy: Relevancy::UNKNOWN });
                    }
                }
                Verdict::No => {}
                Verdict::Yes | Verdict::Ask => batch.add(row),
            }
            rows += 1;
            if rows >= ROWS_MAX || batch.is_full() {
                last = Some(row.uid.value());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        self.corrupt.0.extend(&scanned.corrupt.0);
        match last {
            Some(last) => {
                let mut done = NumSet::new();
                done.insert_range(1..=last);
                self.left = self.left.difference(&done);
            }
            None => self.left = NumSet::new(),
        }
        Ok(batch)
    }
    /// Decides the batch by reading its messages.
    fn read(&mut self, batch: &Batch) -> Result<()> {
        let outcome = text::read(&self.inner, self.account, &self.plan, batch)?;
        for found in outcome.matching {
            if let Some(candidate) = batch.candidates.get(found.at) {
                let uid = candidate.uid;
                self.found.insert(uid);
                self.modseq = self.modseq.max(Some(candidate.modseq));
                if let Some(ranked) = &mut self.ranked {
                    ranked.push(Ranked { uid, relevancy: found.relevancy.unwrap_or(Relevancy::UNKNOWN) });
                }
            }
        }
        for at in outcome.corrupt {
            self.corrupt.0.extend(&batch.candidates.get(at).map(|c| c.uid.value()).into_iter().collect());
        }
        Ok(())
    }
}
