//! Queries of emails (RFC 8620 §5.5, RFC 8621 §4.4), in pieces: each call of [`QueryRun::advance`] does a
//! bounded amount, so that a session can answer others in between.
//!
//! First the leaves of the filter are searched for, one after the other, among the emails that nothing else
//! decides; then columns for the order are filled. Where what was found of a leaf bounds what the filter can
//! hold for, that alone is gone through; otherwise the table is. Of a mailbox of 50,000 the newest fifty are
//! found by looking at fifty.

use std::collections::HashSet;
use std::sync::Arc;

use koi_types::{EmailId, ErrorKind, MailError, Result, Timestamp};

use super::Emails;
use super::filter::{EmailFilter, Test, Verdict};
use super::order::{Comparing, EmailOrder, OrderBy, kinds};
use super::searching::Searching;
use super::state::{DataType, State};
use super::table::Table;
use super::window::{Picked, Picking, Window};
use crate::account::Account;
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
        if self.fill(&emails)? { Ok(Some(emails)) } else { Ok(None) }
    }
    pub(super) const fn query(&self) -> &EmailQuery {
        &self.query
    }
    /// Slots of emails of which that is known, ascending.
    fn with_verdict(&self, emails: &Emails<'_>, wanted: Verdict) -> Vec<u32> {
        self.test.slots(&emails.table, &emails.snapshot.keywords(), wanted)
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
                    let slots = self.with_verdict(emails, Verdict::Yes);
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
    fn found(&self, emails: &Emails<'_>, state: State, window: &Window) -> QueryOutcome {
        let known = self.known_total(emails);
        let Some(Picked { start, ids, count }) = self.pick(emails, window, known) else {
            return QueryOutcome::NoAnchor;
        };
        let total = window.total.then(|| known.unwrap_or(count as u64));
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
    /// All results, in order.
    pub(super) fn ids(&self, emails: &Emails<'_>) -> Vec<EmailId> {
        self.pick(emails, &Window::ALL, None).map(|picked| picked.ids).unwrap_or_default()
    }
    /// What is in a window; nothing without its anchor. `total` is how many there are, if that is known.
    fn pick(&self, emails: &Emails<'_>, window: &Window, total: Option<u64>) -> Option<Picked> {
        let (table, keywords) = (&*emails.table, emails.snapshot.keywords());
        let picking = Picking::new(*window, total);
        let order = match self.query.order.as_slice() {
            [EmailOrder { by: OrderBy::ReceivedAt, ascending, .. }] => {
                return match (self.test.few(table), ascending) {
                    (Some(few), _) => {
                        let mut slots = few;
                        slots.retain(|slot| self.test.holds(table, &keywords, *slot));
                        table.sort_by_received(&mut slots);
                        if !ascending {
                            slots.reverse();
                        }
                        self.pick_of(table, slots.into_iter(), picking)
                    }
                    (None, true) => {
                        let slots = table.by_received().iter().copied();
                        let holds = |slot: &u32| self.test.holds(table, &keywords, *slot);
                        self.pick_of(table, slots.filter(holds), picking)
                    }
                    (None, false) => {
                        let slots = table.by_received().iter().rev().copied();
                        let holds = |slot: &u32| self.test.holds(table, &keywords, *slot);
                        self.pick_of(table, slots.filter(holds), picking)
                    }
                };
            }
            order => order,
        };
        let slots = self.with_verdict(emails, Verdict::Yes);
        let columns = match &self.ordered.columns {
            Columns::Ready(columns) => columns.as_slice(),
            _ => &[],
        };
        let comparing = Comparing { table, keywords: &keywords, columns };
        self.pick_of(table, comparing.sorted(&slots, order).into_iter(), picking)
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
