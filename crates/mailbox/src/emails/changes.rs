//! What changed since a state: `/changes` of emails, threads and mailboxes (RFC 8620 §5.2, RFC 8621 §2.2,
//! §3.2 and §4.3).
//!
//! What is told of a thing is how it was at the state and how it is now, whatever happened in between. A
//! client that wants to be told of few at a time goes through the commits in order; what it is told of each
//! is already true of now. So who comes from a state in between may know things as they were later than that:
//! what came or went since is told as created or destroyed, whatever it was then (RFC 8620 §5.2 allows it).

use std::collections::HashSet;
use std::hash::Hash;

use koi_types::{EmailId, MailboxId, Result, ThreadId};

use super::Emails;
use super::history::{Commit, History, Kind};
use super::state::{DataType, State};

/// What changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed<Id> {
    pub created: Vec<Id>,
    pub updated: Vec<Id>,
    pub destroyed: Vec<Id>,
    /// Where the client is then.
    pub new_state: State,
    /// There is more to be told from there on.
    pub more: bool,
}

/// What changed in mailboxes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangedMailboxes {
    pub changed: Changed<MailboxId>,
    /// Of those that are updated nothing changed but counts.
    pub counts_only: bool,
}

/// Changes, or that they cannot be told: the state is older than the log, or was never given out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told<T> {
    Changes(T),
    CannotCalculate,
}

/// Things one answer tells of when the client sets no limit.
pub const CHANGES_MAX: usize = 10_000;

impl Emails<'_> {
    /// Emails that changed after `since`, at most `max`.
    pub fn email_changes(&self, since: State, max: usize) -> Result<Told<Changed<EmailId>>> {
        self.told(DataType::Email, since, |history| {
            let mut page = Page::new(max);
            'commits: for commit in history.commits.iter() {
                let places = commit.parts.iter().filter(|part| part.kind.touches_emails());
                for (at, place) in (0u32..).zip(places.flat_map(|part| part.places())) {
                    if page.is_before(since, history, commit, at) {
                        continue;
                    }
                    let Some(email) = history.email_of(place)? else { continue };
                    let (was, is) = (history.was_shown(email), history.is_shown(email));
                    if !page.tell(email, was, is) {
                        page.stop(at);
                        break 'commits;
                    }
                }
                page.end(commit);
            }
            Ok(page.changed)
        })
    }
    /// Threads that changed after `since`, at most `max`.
    pub fn thread_changes(&self, since: State, max: usize) -> Result<Told<Changed<ThreadId>>> {
        self.told(DataType::Thread, since, |history| {
            let mut page = Page::new(max);
            'commits: for commit in history.commits.iter() {
                let places = commit.parts.iter().filter(|part| part.kind.touches_places());
                for (at, place) in (0u32..).zip(places.flat_map(|part| part.places())) {
                    if page.is_before(since, history, commit, at) {
                        continue;
                    }
                    let Some(email) = history.email_of(place)? else { continue };
                    if history.was_shown(email) == history.is_shown(email) {
                        continue;
                    }
                    let thread = history.thread_of(email)?;
                    let emails = history.emails_of(thread)?;
                    let is = emails.iter().any(|email| history.is_shown(*email));
                    let was = match since.is_between() {
                        false => emails.iter().any(|email| history.was_shown(*email)),
                        // It was there all the time only if one of its emails was.
                        true => !is || emails.iter().any(|email| history.stayed_shown(*email)),
                    };
                    if !page.tell(thread, was, is) {
                        page.stop(at);
                        break 'commits;
                    }
                }
                page.end(commit);
            }
            Ok(page.changed)
        })
    }
    /// Mailboxes that changed after `since`, at most `max`.
    pub fn mailbox_changes(&self, since: State, max: usize) -> Result<Told<ChangedMailboxes>> {
        let mut counts_only = true;
        let told = self.told(DataType::Mailbox, since, |history| {
            let mut page = Page::new(max);
            let created = created_since(history);
            'commits: for commit in history.commits.iter() {
                let touched = self.mailboxes_of(history, commit)?;
                for touched in touched {
                    // Ordered by id: that is what the place within the commit says.
                    let at = touched.mailbox.0;
                    if page.is_before(since, history, commit, at) {
                        continue;
                    }
                    let is = self.mailbox_is_shown(touched.mailbox)?;
                    let was = !created.contains(&touched.mailbox) || (since.is_between() && !is);
                    if was && is {
                        counts_only &= touched.counts_only;
                    }
                    if !page.tell(touched.mailbox, was, is) {
                        page.stop(at);
                        break 'commits;
                    }
                }
                page.end(commit);
            }
            Ok(page.changed)
        })?;
        Ok(match told {
            Told::Changes(changed) => Told::Changes(ChangedMailboxes { changed, counts_only }),
            Told::CannotCalculate => Told::CannotCalculate,
        })
    }
    fn told<Id>(
        &self,
        data: DataType,
        since: State,
        tell: impl FnOnce(&History<'_, '_>) -> Result<Changed<Id>>,
    ) -> Result<Told<Changed<Id>>> {
        let now = self.state(data);
        if since == now {
            return Ok(Told::Changes(Changed::none(now)));
        }
        if since.modseq > now.modseq {
            return Ok(Told::CannotCalculate);
        }
        let Some(history) = History::read(&self.snapshot, &self.table, since)? else {
            return Ok(Told::CannotCalculate);
        };
        let mut changed = tell(&history)?;
        if !changed.more {
            changed.new_state = now;
        }
        Ok(Told::Changes(changed))
    }
    fn mailbox_is_shown(&self, mailbox: MailboxId) -> Result<bool> {
        Ok(self.snapshot.mailbox(mailbox)?.is_some())
    }
    /// The mailboxes a commit touched, by their ids.
    fn mailboxes_of(&self, history: &History<'_, '_>, commit: &Commit) -> Result<Vec<Touched>> {
        let mut touched = Vec::new();
        let mut add = |mailbox, counts_only| touched.push(Touched { mailbox, counts_only });
        for part in &commit.parts {
            match part.kind {
                Kind::Created | Kind::Renamed => {
                    add(part.mailbox, false);
                    self.children(part.mailbox).into_iter().for_each(|child| add(child, false));
                }
                Kind::Deleted => {
                    add(part.mailbox, false);
                    // Nobody knows any more which were below it.
                    self.orphans().into_iter().for_each(|orphan| add(orphan, false));
                }
                Kind::Trash => {
                    // What came, left or was read since is told by itself.
                    let beside = self.table.beside_unread(part.mailbox);
                    beside.into_iter().for_each(|mailbox| add(mailbox, true));
                }
                kind if kind.touches_counts() => {
                    add(part.mailbox, true);
                    let mut threads = HashSet::new();
                    for place in part.places() {
                        let Some(email) = history.email_of(place)? else { continue };
                        let thread = history.thread_of(email)?;
                        if threads.insert(thread) {
                            let emails = self.table.thread(thread);
                            emails.flat_map(|entry| entry.mailboxes()).for_each(|mailbox| add(mailbox, true));
                        }
                    }
                }
                _ => {}
            }
        }
        // What is more than counts comes first, and stays.
        touched.sort_unstable_by_key(|touched| (touched.mailbox, touched.counts_only));
        touched.dedup_by_key(|touched| touched.mailbox);
        Ok(touched)
    }
}

struct Touched {
    mailbox: MailboxId,
    counts_only: bool,
}

fn created_since(history: &History<'_, '_>) -> HashSet<MailboxId> {
    let parts = history.commits.iter().flat_map(|commit| &commit.parts);
    parts.filter(|part| part.kind == Kind::Created).map(|part| part.mailbox).collect()
}

impl<Id> Changed<Id> {
    pub(crate) const fn none(state: State) -> Self {
        Self {
            created: Vec::new(),
            updated: Vec::new(),
            destroyed: Vec::new(),
            new_state: state,
            more: false,
        }
    }
}

/// What one answer tells of.
struct Page<Id> {
    changed: Changed<Id>,
    told: HashSet<Id>,
    max: usize,
    /// Everything up to here was told.
    done: u64,
}

impl<Id: Copy + Eq + Hash> Page<Id> {
    fn new(max: usize) -> Self {
        Self { changed: Changed::none(State::default()), told: HashSet::new(), max, done: 0 }
    }
    /// Whether this was told before the state the client comes from.
    fn is_before(&mut self, since: State, history: &History<'_, '_>, commit: &Commit, at: u32) -> bool {
        self.done = self.done.max(since.modseq);
        let first = history.commits.first().map(|first| first.modseq);
        first == Some(commit.modseq) && at < since.done()
    }
    /// Answers whether there was room.
    fn tell(&mut self, id: Id, was: bool, is: bool) -> bool {
        let list = match (was, is) {
            (false, true) => &mut self.changed.created,
            (true, true) => &mut self.changed.updated,
            (true, false) => &mut self.changed.destroyed,
            (false, false) => return true,
        };
        if self.told.contains(&id) {
            return true;
        }
        if self.told.len() >= self.max {
            return false;
        }
        self.told.insert(id);
        list.push(id);
        true
    }
    fn end(&mut self, commit: &Commit) {
        self.done = commit.modseq;
    }
    /// The next thing to be told is `at` in the commit behind what is done.
    fn stop(&mut self, at: u32) {
        self.changed.new_state = State::between(self.done, at);
        self.changed.more = true;
    }
}
