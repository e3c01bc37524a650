//! How the results of a query changed since a state (RFC 8620 §5.6), for every filter and order.
//!
//! What may have changed are the emails that were touched since; where the query looks at whole threads, all
//! emails of theirs. All of these are told as removed, and those that are among the results now as added, at
//! their places: what a client has otherwise stays as it was, in the same order.

use std::collections::HashSet;

use koi_types::{EmailId, Result};

use super::Emails;
use super::filter::DependsOn;
use super::history::History;
use super::log::{Kind, Log, ReadOn};
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
    log: Option<Log>,
    /// Up to here the log was gone through, and touched these.
    done: u64,
    touched: HashSet<EmailId>,
}

/// Messages of the log that one step goes through.
const STEP_MAX: u64 = 8192;

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
        Ok(QueryChangesRun {
            account: self.clone(),
            run,
            since,
            changes_max,
            up_to,
            log: None,
            done: since.modseq,
            touched: HashSet::new(),
        })
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
            true => HashSet::new(),
            false => match self.affected(&emails)? {
                Looked::All(affected) => affected,
                Looked::More => return Ok(None),
                Looked::Untold => return Ok(Some(QueryChanges::CannotCalculate)),
            },
        };
        let Some(ids) = self.run.ids(&emails) else { return Ok(None) };
        Ok(Some(self.told(&ids, self.run.reached(&emails), &affected)))
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
    /// Emails whose place may have changed, and whether each was there before. A piece at a time, always up
    /// to what there is in that step.
    fn affected(&mut self, emails: &Emails<'_>) -> Result<Looked> {
        let on = self.depends_on();
        let log = self.log.get_or_insert_with(|| emails.snapshot.logs.since(self.since.modseq));
        match log.read_on(&emails.snapshot, &emails.table)? {
            ReadOn::Untold => return Ok(Looked::Untold),
            ReadOn::Further => return Ok(Looked::More),
            ReadOn::ToTheEnd => {}
        }
        let history = History { emails, log, since: self.since };
        let concerns = |kind: Kind| kind.touches_places() || on.keywords && kind == Kind::Flags;
        let mut left = STEP_MAX;
        for commit in history.commits_after(self.done) {
            if left == 0 {
                return Ok(Looked::More);
            }
            for part in commit.parts.iter().filter(|part| concerns(part.kind)) {
                left = left.saturating_sub(part.messages());
                for place in part.places() {
                    self.touched.extend(history.email_of(place)?);
                }
            }
            left = left.saturating_sub(1);
            self.done = commit.modseq;
        }
        let mut touched = self.touched.clone();
        if on.threads || self.run.query().collapse_threads {
            let mut threads = HashSet::new();
            for email in &self.touched {
                let thread = history.thread_of(*email)?;
                if threads.insert(thread) {
                    touched.extend(history.emails_of(thread));
                }
            }
        }
        // Who comes from a state in between may have any of them.
        let was_shown = |email| self.since.is_between() || history.was_shown(email);
        let affected = |email| Affected { email, was_shown: was_shown(email) };
        Ok(Looked::All(touched.into_iter().map(affected).collect()))
    }
    fn told(&self, ids: &[EmailId], now: State, affected: &HashSet<Affected>) -> QueryChanges {
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

/// What looking for them came to.
enum Looked {
    All(HashSet<Affected>),
    More,
    Untold,
}
