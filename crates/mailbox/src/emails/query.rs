//! Queries of emails (RFC 8620 §5.5, RFC 8621 §4.4), in pieces: each call of [`QueryRun::advance`] does a
//! bounded amount, so that a session can answer others in between.
//!
//! First the leaves of the filter are searched for, one after the other, among the emails that nothing else
//! decides; then columns for the order are filled. Where what was found of a leaf bounds what the filter can
//! hold for, that alone is gone through; otherwise the table is. Of a mailbox of 50,000 the newest fifty are
//! found by looking at fifty; when one step's worth does not find them, everything is gone through by steps.

use std::collections::HashSet;
use std::sync::Arc;

use koi_types::{EmailId, ErrorKind, MailError, Result, Timestamp};

use super::Emails;
use super::filter::{EmailFilter, Test, Verdict};
use super::order::{Comparing, EmailOrder, OrderBy, kinds};
use super::searching::Searching;
use super::sieve::{STEP_COST, Sieve};
use super::state::{DataType, State};
use super::table::Table;
use super::window::{Picked, Picking, Window};
use crate::account::Account;
use crate::row::KeywordTable;
use crate::search::Examined;
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
    began: Timestamp,
    /// When it was begun.
    state: Option<State>,
    leaf: usize,
    searching: Option<Searching>,
    /// For leaves that are done.
    examined: Examined,
    /// The emails it holds for, when they must all be known before the first can be told.
    sieve: Sieve,
    /// So it is.
    needs_all: bool,
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
            sieve: Sieve::new(Verdict::Yes),
            needs_all: !matches!(query.order.as_slice(), [EmailOrder { by: OrderBy::ReceivedAt, .. }]),
            query,
            began: self.inner.env.now(),
            state: None,
            leaf: 0,
            searching: None,
            examined: Examined::default(),
            ordered: Ordered { table: 0, columns: Columns::Wanted },
        })
    }
}

/// Criteria of an order.
const ORDERS_MAX: usize = 32;

impl QueryRun {
    /// Does the next piece, a few milliseconds; what was found when all is done. `LimitReached` when it has
    /// cost what one query may (`Options::query_bounds`), or its conditions are too much for so many emails.
    pub fn advance(&mut self, window: &Window) -> Result<Option<QueryOutcome>> {
        let account = self.account.clone();
        let Some(emails) = self.ready(&account)? else { return Ok(None) };
        Ok(self.found(&emails, self.reached(&emails), window))
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
    /// Emails that were read so far to decide what the table does not, and their octets.
    #[must_use]
    pub fn examined(&self) -> Examined {
        let mut examined = self.examined;
        examined.add(self.searching.as_ref().map(Searching::examined).unwrap_or_default());
        examined
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
        let (bounds, now) = (&self.account.inner.options.query_bounds, self.account.inner.env.now());
        bounds.allow(self.began, now, self.examined())?;
        let Some(emails) = account.emails()? else { return Ok(None) };
        let found_now = self.searching.as_ref().map_or(0, Searching::found_now);
        self.test.leaves.allow(emails.table.slots_end(), found_now)?;
        self.state.get_or_insert(emails.state(DataType::Email));
        if self.test.leaves.get(self.leaf).is_some() {
            self.search(&emails)?;
            return Ok(None);
        }
        if self.needs_all && !self.go_through(&emails)? {
            return Ok(None);
        }
        if self.fill(&emails)? { Ok(Some(emails)) } else { Ok(None) }
    }
    pub(super) const fn query(&self) -> &EmailQuery {
        &self.query
    }
    /// Answers whether all emails are known that it holds for.
    fn go_through(&mut self, emails: &Emails<'_>) -> Result<bool> {
        let (table, keywords) = (&emails.table, emails.snapshot.keywords());
        self.sieve.advance(&self.test, table, &keywords, || Ok(self.test.few(table)))
    }
    /// Goes on with the leaf that is next.
    fn search(&mut self, emails: &Emails<'_>) -> Result<()> {
        let mut searching = match (self.searching.take(), self.test.leaves.get(self.leaf)) {
            (Some(searching), _) => searching,
            (None, Some(leaf)) => Searching::begin(&self.account, &leaf.what)?,
            (None, None) => return Ok(()),
        };
        let done = searching.advance(emails, &self.test)?;
        if !done {
            self.searching = Some(searching);
            return Ok(());
        }
        self.examined.add(searching.examined());
        self.test.leaves.decide(self.leaf, searching.found());
        self.leaf += 1;
        Ok(())
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
                    let slots = self.sieve.chosen(&emails.table);
                    let seen = slots.into_iter().filter_map(|slot| {
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
    /// Nothing when all must be gone through first.
    fn found(&mut self, emails: &Emails<'_>, state: State, window: &Window) -> Option<QueryOutcome> {
        let known = self.known_total(emails);
        let Some(Picked { start, ids, count }) = self.pick(emails, window, known)? else {
            return Some(QueryOutcome::NoAnchor);
        };
        let total = window.total.then(|| known.unwrap_or(count as u64));
        Some(QueryOutcome::Found(Queried { state, position: start as u64, ids, total }))
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
    /// All results, in order. Nothing when all must be gone through first.
    pub(super) fn ids(&mut self, emails: &Emails<'_>) -> Option<Vec<EmailId>> {
        let picked = self.pick(emails, &Window::ALL, None)?;
        Some(picked.map(|picked| picked.ids).unwrap_or_default())
    }
    /// What is in a window; in the inner answer nothing without its anchor. `total` is how many there are, if
    /// that is known.
    fn pick(&mut self, emails: &Emails<'_>, window: &Window, total: Option<u64>) -> Option<Option<Picked>> {
        let (table, keywords) = (&*emails.table, emails.snapshot.keywords());
        let picking = Picking::new(*window, total);
        let order = self.query.order.as_slice();
        if let [EmailOrder { by: OrderBy::ReceivedAt, ascending, .. }] = order {
            let slots = match self.needs_all {
                true => self.sieve.chosen(table),
                false => match self.test.few(table) {
                    Some(few) if self.is_little(few.len()) => {
                        few.into_iter().filter(|slot| self.test.holds(table, &keywords, *slot)).collect()
                    }
                    Some(_) => {
                        self.needs_all = true;
                        return None;
                    }
                    None => return self.pick_received(table, &keywords, *ascending, picking),
                },
            };
            return Some(self.pick_of(table, received(table, slots, *ascending).into_iter(), picking));
        }
        let slots = self.sieve.chosen(table);
        let columns = match &self.ordered.columns {
            Columns::Ready(columns) => columns.as_slice(),
            _ => &[],
        };
        let comparing = Comparing { table, keywords: &keywords, columns };
        Some(self.pick_of(table, comparing.sorted(&slots, order).into_iter(), picking))
    }
    /// Goes through the emails as they were received, but for no more than one step may.
    fn pick_received(
        &mut self,
        table: &Table,
        keywords: &KeywordTable,
        ascending: bool,
        picking: Picking,
    ) -> Option<Option<Picked>> {
        let mut left = STEP_COST / self.test.cost();
        let mut is_too_much = false;
        let mut holds = |slot: &u32| {
            let Some(rest) = left.checked_sub(1) else {
                is_too_much = true;
                return None;
            };
            left = rest;
            Some(self.test.holds(table, keywords, *slot).then_some(*slot))
        };
        let all = table.by_received().iter();
        let picked = match ascending {
            true => self.pick_of(table, all.map_while(&mut holds).flatten(), picking),
            false => self.pick_of(table, all.rev().map_while(&mut holds).flatten(), picking),
        };
        if is_too_much {
            self.needs_all = true;
            return None;
        }
        Some(picked)
    }
    fn is_little(&self, slots: usize) -> bool {
        (slots as u64).saturating_mul(self.test.cost()) <= STEP_COST
    }
    fn pick_of(
        &self,
        table: &Table,
        slots: impl Iterator<Item = u32>,
        mut picking: Picking,
    ) -> Option<Picked> {
        let mut threads = HashSet::new();
        for email in slots.filter_map(|slot| table.slot(slot)) {
            if self.query.collapse_threads && !threads.insert(email.thread) {
                continue;
            }
            if !picking.take(email.id) {
                break;
            }
        }
        picking.finish()
    }
}

/// Slots, which ascend, in the order in which their emails were received.
fn received(table: &Table, mut slots: Vec<u32>, ascending: bool) -> Vec<u32> {
    if slots.len() <= SORTED_MAX {
        table.sort_by_received(&mut slots);
    } else {
        let end = table.slots_end() as usize;
        let mut is_one = vec![false; end];
        slots.iter().for_each(|slot| is_one.get_mut(*slot as usize).into_iter().for_each(|one| *one = true));
        let is_one = |slot: &u32| is_one.get(*slot as usize).is_some_and(|one| *one);
        slots = table.by_received().iter().copied().filter(is_one).collect();
    }
    if !ascending {
        slots.reverse();
    }
    slots
}

/// Of more emails than these it costs less to go through all that were received than to sort them.
const SORTED_MAX: usize = 4096;
