//! How the results of a query changed since a state (RFC 8620 §5.6), for every filter and order.
//!
//! What may have changed are the emails that were touched since; where the query looks at whole threads, all
//! emails of theirs. All of these are told as removed, and those that are among the results now as added, at
//! their places: what a client has otherwise stays as it was, in the same order.

use std::collections::HashSet;

use koi_types::{EmailId, Result};

use super::Emails;
use super::filter::DependsOn;
use super::history::{History, Kind};
use super::query::{EmailQuery, QueryRun};
use super::state::{DataType, State};
use crate::account::Account;

/// Changes of results.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryChanged {
    pub new_state: State,
    pub removed: Vec<EmailId>,
    /// In order.
    pub added: Vec<AddedEmail>,
    pub total: u64,
}

/// An email and its place among the results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddedEmail {
    pub email: EmailId,
    pub index: u64,
}

/// What came of asking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QueryChanges {
    Changes(QueryChanged),
    /// More than the client wants.
    TooMany,
    CannotCalculate,
}

/// Asking for changes of results, under way.
pub struct QueryChangesRun {
    account: Account,
    run: QueryRun,
    since: State,
    changes_max: Option<usize>,
    up_to: Option<EmailId>,
}

impl Account {
    /// Begins to ask how the results of a query changed since `since`. What lies behind `up_to` need not be
    /// told, if nothing the query looks at ever changes.
    pub fn query_email_changes(
        &self,
        query: EmailQuery,
        since: State,
        changes_max: Option<usize>,
        up_to: Option<EmailId>,
    ) -> Result<QueryChangesRun> {
        let run = self.query_emails(query)?;
        Ok(QueryChangesRun { account: self.clone(), run, since, changes_max, up_to })
    }
}

impl QueryChangesRun {
    /// Does the next piece, a few milliseconds.
    pub fn advance(&mut self) -> Result<Option<QueryChanges>> {
        let account = self.account.clone();
        let Some(emails) = account.emails()? else { return Ok(None) };
        let now = emails.state(DataType::Email);
        if self.since.modseq > now.modseq {
            return Ok(Some(QueryChanges::CannotCalculate));
        }
        drop(emails);
        let Some(emails) = self.run.ready(&account)? else { return Ok(None) };
        let affected = match self.since == emails.state(DataType::Email) {
            true => Some(HashSet::new()),
            false => self.affected(&emails)?,
        };
        let Some(affected) = affected else { return Ok(Some(QueryChanges::CannotCalculate)) };
        Ok(Some(self.told(&emails, self.run.reached(&emails), &affected)))
    }
    /// Runs to the end, on this thread. For tools and tests.
    pub fn finish(mut self) -> Result<QueryChanges> {
        loop {
            if let Some(changes) = self.advance()? {
                return Ok(changes);
            }
        }
    }
    fn depends_on(&self) -> DependsOn {
        let query = self.run.query();
        query.order.iter().fold(query.filter.depends_on(), |on, by| {
            let by = by.depends_on();
            DependsOn {
                mailboxes: on.mailboxes,
                keywords: on.keywords || by.keywords,
                threads: on.threads || by.threads,
            }
        })
    }
    /// Emails whose place may have changed, and whether each was there before; nothing when the log does not
    /// tell.
    fn affected(&self, emails: &Emails<'_>) -> Result<Option<HashSet<Affected>>> {
        let Some(history) = History::read(&emails.snapshot, &emails.table, self.since)? else {
            return Ok(None);
        };
        let on = self.depends_on();
        let whole_threads = on.threads || self.run.query().collapse_threads;
        let concerns = |kind: Kind| kind.touches_places() || on.keywords && kind == Kind::Flags;
        let mut affected = HashSet::new();
        let mut threads = HashSet::new();
        let parts = history.commits.iter().flat_map(|commit| &commit.parts);
        for place in parts.filter(|part| concerns(part.kind)).flat_map(|part| part.places()) {
            let Some(email) = history.email_of(place)? else { continue };
            // Who comes from a state in between may have any of them.
            let was_shown = |email| self.since.is_between() || history.was_shown(email);
            let mut add = |email| affected.insert(Affected { email, was_shown: was_shown(email) });
            add(email);
            if whole_threads {
                let thread = history.thread_of(email)?;
                if threads.insert(thread) {
                    history.emails_of(thread)?.into_iter().for_each(|email| {
                        add(email);
                    });
                }
            }
        }
        Ok(Some(affected))
    }
    fn told(&self, emails: &Emails<'_>, now: State, affected: &HashSet<Affected>) -> QueryChanges {
        let ids = self.run.ids(emails);
        let on = self.depends_on();
        let immutable = !on.mailboxes && !on.keywords && !on.threads && !self.run.query().collapse_threads;
        let up_to = self.up_to.filter(|_| immutable);
        let end = up_to.and_then(|up_to| ids.iter().position(|id| *id == up_to));
        let shown = ids.get(..end.map_or(ids.len(), |end| end + 1)).unwrap_or_default();
        let known: HashSet<EmailId> = affected.iter().map(|affected| affected.email).collect();
        let added = (0u64..).zip(shown).filter(|(_, id)| known.contains(id));
        let added: Vec<AddedEmail> = added.map(|(index, id)| AddedEmail { email: *id, index }).collect();
        let removed = affected.iter().filter(|affected| affected.was_shown);
        let mut removed: Vec<EmailId> = removed.map(|affected| affected.email).collect();
        removed.sort_unstable();
        if self.changes_max.is_some_and(|max| removed.len() + added.len() > max) {
            return QueryChanges::TooMany;
        }
        QueryChanges::Changes(QueryChanged { new_state: now, removed, added, total: ids.len() as u64 })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Affected {
    email: EmailId,
    was_shown: bool,
}
