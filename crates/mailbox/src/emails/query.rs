//! Queries of emails (RFC 8620 §5.5, RFC 8621 §4.4), in pieces: each call of [`QueryRun::advance`] does a
//! bounded amount, so that a session can answer others in between.
//!
//! First the leaves of the filter are searched for, one after the other, among the emails that nothing else
//! decides; then columns for the order are filled; the rest is one pass over the table. Of a mailbox of
//! 50,000 the newest fifty are found by looking at fifty.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use koi_types::{EmailId, ErrorKind, MailError, MailboxId, NumSet, Result, Uid};

use super::Emails;
use super::attachments;
use super::filter::{EmailFilter, LeafKind, Test, Verdict};
use super::order::{Comparing, EmailOrder, OrderBy, kinds};
use super::state::{DataType, State};
use super::table::Place;
use crate::account::Account;
use crate::search::SearchRun;
use crate::sort::column::Column;
use crate::sort::fill::{Filling, Seen};

/// A query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailQuery {
    pub filter: EmailFilter,
    /// Without any, the newest first.
    pub order: Vec<EmailOrder>,
    /// Of each thread only the first.
    pub collapse_threads: bool,
}

/// Which of the results are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    pub from: WindowFrom,
    pub ids_max: usize,
    /// How many there are is to be told; it may have to be counted.
    pub total: bool,
}

/// Where a window begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowFrom {
    /// From the beginning; below 0, from the end.
    Position(i64),
    /// So many behind an email, or before it.
    Anchor { email: EmailId, offset: i64 },
}

impl Window {
    /// All of them.
    pub const ALL: Self = Self { from: WindowFrom::Position(0), ids_max: usize::MAX, total: true };
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Queried {
    /// Changes are to be asked for from here. In between, when something changed while it was looked for:
    /// what is told from there puts everything right that changed.
    pub state: State,
    /// Of the first of the ids.
    pub position: u64,
    pub ids: Vec<EmailId>,
    /// If it was wanted.
    pub total: Option<u64>,
}

/// What a query came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QueryOutcome {
    Found(Queried),
    /// The anchor is not among the results.
    NoAnchor,
}

/// A query under way.
pub struct QueryRun {
    account: Account,
    query: EmailQuery,
    test: Test,
    /// When it was begun.
    state: Option<State>,
    leaf: usize,
    searching: Option<Searching>,
    looking: Option<Looking>,
    ordered: Ordered,
}

enum Columns {
    Wanted,
    Filling(Box<Filling>),
    Ready(Vec<Arc<Column>>),
}

/// What columns are of, and how far they are.
struct Ordered {
    /// The number of the table whose slots they are by.
    table: u64,
    columns: Columns,
}

/// Emails whose attachments are being looked for.
struct Looking {
    left: Vec<EmailId>,
    found: HashSet<EmailId>,
}

/// A leaf being searched for.
struct Searching {
    /// Mailboxes that are still to be searched, with their messages.
    left: HashMap<MailboxId, NumSet>,
    run: Option<(MailboxId, SearchRun)>,
    emails: HashMap<Place, EmailId>,
    found: HashSet<EmailId>,
}

impl Account {
    /// Begins a query. `InvalidInput` when the filter is too large.
    pub fn query_emails(&self, mut query: EmailQuery) -> Result<QueryRun> {
        if !query.filter.is_bounded() || query.order.len() > ORDERS_MAX {
            return Err(MailError::new(ErrorKind::InvalidInput, "the query has too many conditions"));
        }
        if query.order.is_empty() {
            query.order.push(EmailOrder::newest());
        }
        Ok(QueryRun {
            account: self.clone(),
            test: Test::new(&query.filter),
            query,
            state: None,
            leaf: 0,
            searching: None,
            looking: None,
            ordered: Ordered { table: 0, columns: Columns::Wanted },
        })
    }
}

/// Criteria of an order.
const ORDERS_MAX: usize = 32;

impl QueryRun {
    /// Does the next piece, a few milliseconds; what was found when all is done.
    pub fn advance(&mut self, window: &Window) -> Result<Option<QueryOutcome>> {
        let account = self.account.clone();
        let Some(emails) = self.ready(&account)? else { return Ok(None) };
        Ok(Some(self.found(&emails, self.reached(&emails), window)))
    }
    /// The state what was found is of: that of when it was begun, and where data have changed since then it
    /// is not certain that all of it was seen as it was.
    pub(super) fn reached(&self, emails: &Emails<'_>) -> State {
        let now = emails.state(DataType::Email);
        match self.state {
            Some(begun) if begun != now => State::between(begun.modseq, 0),
            _ => now,
        }
    }
    /// Runs to the end, on this thread. For tools and tests.
    pub fn finish(mut self, window: &Window) -> Result<QueryOutcome> {
        loop {
            if let Some(outcome) = self.advance(window)? {
                return Ok(outcome);
            }
        }
    }
    /// The emails, once everything is known that the filter and the order need.
    pub(super) fn ready<'a>(&mut self, account: &'a Account) -> Result<Option<Emails<'a>>> {
        let Some(emails) = account.emails()? else { return Ok(None) };
        self.state.get_or_insert(emails.state(DataType::Email));
        if self.leaf < self.test.leaves.len() {
            self.search(&emails)?;
            return Ok(None);
        }
        if self.fill(&emails)? { Ok(Some(emails)) } else { Ok(None) }
    }
    pub(super) const fn query(&self) -> &EmailQuery {
        &self.query
    }
    fn verdicts<'e>(&'e self, emails: &'e Emails<'_>, wanted: Verdict) -> impl Iterator<Item = u32> + 'e {
        let (table, keywords) = (&*emails.table, emails.snapshot.keywords());
        (0..table.slots_end()).filter(move |slot| {
            let shown = table.slot(*slot).filter(|email| email.is_shown());
            shown.is_some_and(|email| self.test.verdict(table, &keywords, email) == wanted)
        })
    }
    /// Goes on with the leaf that is next.
    fn search(&mut self, emails: &Emails<'_>) -> Result<()> {
        if matches!(self.test.leaves.get(self.leaf).map(|leaf| &leaf.what), Some(LeafKind::Attachment)) {
            return self.look_for_attachments(emails);
        }
        let mut searching = match self.searching.take() {
            Some(searching) => searching,
            None => self.begin(emails),
        };
        if searching.advance(&self.account, self.leaf_filter())? {
            self.answer(searching.found);
        } else {
            self.searching = Some(searching);
        }
        Ok(())
    }
    fn look_for_attachments(&mut self, emails: &Emails<'_>) -> Result<()> {
        let mut looking = match self.looking.take() {
            Some(looking) => looking,
            None => {
                let undecided = self.verdicts(emails, Verdict::Unknown);
                let left = undecided.filter_map(|slot| emails.table.slot(slot)).map(|email| email.id);
                Looking { left: left.collect(), found: HashSet::new() }
            }
        };
        if attachments::look(&emails.snapshot, &mut looking.left, &mut looking.found)? {
            self.answer(looking.found);
        } else {
            self.looking = Some(looking);
        }
        Ok(())
    }
    fn answer(&mut self, found: HashSet<EmailId>) {
        if let Some(leaf) = self.test.leaves.get_mut(self.leaf) {
            leaf.found = Some(found);
        }
        self.leaf += 1;
    }
    fn leaf_filter(&self) -> Option<&crate::filter::Filter> {
        match self.test.leaves.get(self.leaf).map(|leaf| &leaf.what) {
            Some(LeafKind::Search(filter)) => Some(filter),
            _ => None,
        }
    }
    /// One message of each email that is undecided: their texts are the same.
    fn begin(&self, emails: &Emails<'_>) -> Searching {
        let mut searching =
            Searching { left: HashMap::new(), run: None, emails: HashMap::new(), found: HashSet::new() };
        for slot in self.verdicts(emails, Verdict::Unknown) {
            let Some(email) = emails.table.slot(slot) else { continue };
            let Some(member) = email.shown().next() else { continue };
            let place = Place { mailbox: member.mailbox, uid: member.uid };
            searching.left.entry(place.mailbox).or_default().insert(place.uid.value());
            searching.emails.insert(place, email.id);
        }
        searching
    }
    /// Answers whether the columns for the order are there.
    fn fill(&mut self, emails: &Emails<'_>) -> Result<bool> {
        // Slots of a table that was made anew are others.
        if matches!(self.ordered.columns, Columns::Wanted) || self.ordered.table != emails.table.number {
            let kinds = kinds(&self.query.order);
            self.ordered.table = emails.table.number;
            self.ordered.columns = match kinds.is_empty() {
                true => Columns::Ready(Vec::new()),
                false => {
                    let seen = self.verdicts(emails, Verdict::Yes).filter_map(|slot| {
                        let email = emails.table.slot(slot)?;
                        let (received_at, octets) = (email.received_at, email.octets);
                        Some(Seen { uid: slot, email: email.id, received_at, octets })
                    });
                    let (inner, id, number) = (&self.account.inner, self.account.id, emails.table.number);
                    Columns::Filling(Box::new(Filling::of_emails(inner, id, number, seen.collect(), kinds)))
                }
            };
        }
        if let Columns::Filling(filling) = &mut self.ordered.columns {
            let Some(columns) = filling.advance()? else { return Ok(false) };
            self.ordered.columns = Columns::Ready(columns);
        }
        Ok(true)
    }
    fn found(&self, emails: &Emails<'_>, state: State, window: &Window) -> QueryOutcome {
        let start = match window.from {
            WindowFrom::Position(position) => usize::try_from(position).ok(),
            WindowFrom::Anchor { .. } => None,
        };
        let known = if window.total { self.known_total(emails) } else { None };
        // Further than this nobody looks.
        let enough = match start {
            Some(start) if !window.total || known.is_some() => start.saturating_add(window.ids_max),
            _ => usize::MAX,
        };
        let ids = self.ids(emails, start.unwrap_or(0), enough);
        let Results { ids, total } = ids;
        let start = match window.from {
            WindowFrom::Position(position) if position < 0 => {
                let back = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
                total.saturating_sub(back)
            }
            WindowFrom::Position(_) => start.unwrap_or(0),
            WindowFrom::Anchor { email, offset } => {
                let Some(at) = ids.iter().position(|id| *id == email) else { return QueryOutcome::NoAnchor };
                at.saturating_add_signed(isize::try_from(offset).unwrap_or(isize::MIN))
            }
        };
        // With a plain position, what lies before it was not kept.
        let skip = if matches!(window.from, WindowFrom::Position(0..)) { 0 } else { start };
        let ids: Vec<EmailId> = ids.into_iter().skip(skip).take(window.ids_max).collect();
        let total = window.total.then(|| known.unwrap_or(total as u64));
        QueryOutcome::Found(Queried { state, position: start as u64, ids, total })
    }
    /// How many there are, where that is counted anyway.
    fn known_total(&self, emails: &Emails<'_>) -> Option<u64> {
        let counts = match self.query.filter.only_mailbox()? {
            None => emails.table.counts.all,
            Some(mailbox) => emails.table.counts.of(mailbox),
        };
        let total = if self.query.collapse_threads { counts.total_threads } else { counts.total_emails };
        Some(u64::from(total))
    }
    /// The results in order, but for the first `skip`, until `enough` were counted.
    pub(super) fn ids(&self, emails: &Emails<'_>, skip: usize, enough: usize) -> Results {
        let (table, keywords) = (&*emails.table, emails.snapshot.keywords());
        let matches = |slot: &u32| {
            let shown = table.slot(*slot).filter(|email| email.is_shown());
            shown.is_some_and(|email| self.test.verdict(table, &keywords, email) == Verdict::Yes)
        };
        match self.query.order.as_slice() {
            [EmailOrder { by: OrderBy::ReceivedAt, ascending, .. }] => {
                let slots = table.by_received().iter();
                match ascending {
                    true => self.collect(emails, slots.copied().filter(matches), skip, enough),
                    false => self.collect(emails, slots.rev().copied().filter(matches), skip, enough),
                }
            }
            order => {
                let slots: Vec<u32> = (0..table.slots_end()).filter(matches).collect();
                let columns = match &self.ordered.columns {
                    Columns::Ready(columns) => columns.as_slice(),
                    _ => &[],
                };
                let comparing = Comparing { table, keywords: &keywords, columns };
                self.collect(emails, comparing.sorted(&slots, order).into_iter(), skip, enough)
            }
        }
    }
    fn collect(
        &self,
        emails: &Emails<'_>,
        slots: impl Iterator<Item = u32>,
        skip: usize,
        enough: usize,
    ) -> Results {
        let mut results = Results { ids: Vec::new(), total: 0 };
        let mut threads = HashSet::new();
        for email in slots.filter_map(|slot| emails.table.slot(slot)) {
            if results.total >= enough {
                break;
            }
            if self.query.collapse_threads && !threads.insert(email.thread) {
                continue;
            }
            if results.total >= skip {
                results.ids.push(email.id);
            }
            results.total += 1;
        }
        results
    }
}

/// What was found, in order.
pub(super) struct Results {
    pub(super) ids: Vec<EmailId>,
    /// Those that were skipped too.
    pub(super) total: usize,
}

impl Searching {
    /// Answers whether all is searched.
    fn advance(&mut self, account: &Account, filter: Option<&crate::filter::Filter>) -> Result<bool> {
        let Some(filter) = filter else { return Ok(true) };
        if self.run.is_none() {
            let Some(mailbox) = self.left.keys().next().copied() else { return Ok(true) };
            let among = self.left.remove(&mailbox).unwrap_or_default();
            self.run = Some((mailbox, account.search(mailbox, among, filter)?));
        }
        let Some((mailbox, run)) = &mut self.run else { return Ok(true) };
        if !run.advance()? {
            return Ok(false);
        }
        let found = |uid: Uid| self.emails.get(&Place { mailbox: *mailbox, uid });
        self.found.extend(run.found().iter().filter_map(found));
        self.run = None;
        Ok(self.left.is_empty())
    }
}
