//! What changed since a state: `/changes` of emails, threads and mailboxes (RFC 8620 §5.2, RFC 8621 §2.2,
//! §3.2 and §4.3).
//!
//! What is told of a thing is how it was at the state and how it is now, whatever happened in between. A
//! client that wants to be told of few at a time goes through the commits in order; what it is told of each
//! is already true of now. So who comes from a state in between may know things as they were later than that:
//! what came or went since is told as created or destroyed, whatever it was then (RFC 8620 §5.2 allows it).
//!
//! It is told in pieces: the log is read a few commits at a time, then gone through a few at a time, always
//! up to what there is in that step; what was touched is judged once more in the last. A log is kept for
//! whoever will ask for more, so that the next page costs what it tells.

use std::collections::HashSet;
use std::hash::Hash;

use koi_types::{EmailId, MailboxId, Result, ThreadId};

use super::Emails;
use super::history::History;
use super::log::{Commit, Kind, Log, ReadOn};
use super::state::{DataType, State};
use super::tables::Whose;

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

/// What one step goes through, in messages.
const STEP_MAX: u64 = 8192;
/// What a commit costs that is about a name.
const NAME_COST: u64 = 256;

/// Something a commit touched, and its place within the commit.
struct Touch<Id> {
    at: u32,
    id: Id,
    counts_only: bool,
}

/// Whether there was such a thing at the state, and is now.
struct WasIs {
    was: bool,
    is: bool,
}

/// Takes what was touched; answers whether to go on.
type Visit<'v, Id> = dyn FnMut(Touch<Id>) -> Result<bool> + 'v;

/// What a type of data has of its own.
struct Subject<Id> {
    data: DataType,
    /// Goes through what a commit touched, in the order of the places, from one on.
    touched: fn(&History<'_, '_>, &Commit, u32, &mut Visit<'_, Id>) -> Result<()>,
    judged: fn(&History<'_, '_>, Id) -> Result<WasIs>,
}

/// Changes since a state, in pieces.
pub struct ChangesRun<Id> {
    subject: Subject<Id>,
    since: State,
    max: usize,
    log: Option<Log>,
    /// Everything up to here was gone through, and so much of the next commit.
    done: u64,
    within: u32,
    touched: Vec<Id>,
    known: HashSet<Id>,
    /// What neither was nor is, as of a modseq.
    passed: HashSet<Id>,
    passed_at: u64,
    /// Of these more than counts changed.
    whole: HashSet<Id>,
}

impl ChangesRun<EmailId> {
    /// Emails that changed after `since`, at most `max`.
    #[must_use]
    pub fn emails(since: State, max: usize) -> Self {
        Self::new(
            Subject { data: DataType::Email, touched: touched_emails, judged: judged_email },
            since,
            max,
        )
    }
}

impl ChangesRun<ThreadId> {
    /// Threads that changed after `since`, at most `max`.
    #[must_use]
    pub fn threads(since: State, max: usize) -> Self {
        let subject = Subject { data: DataType::Thread, touched: touched_threads, judged: judged_thread };
        Self::new(subject, since, max)
    }
}

impl ChangesRun<MailboxId> {
    /// Mailboxes that changed after `since`, at most `max`.
    #[must_use]
    pub fn mailboxes(since: State, max: usize) -> Self {
        let subject = Subject { data: DataType::Mailbox, touched: touched_mailboxes, judged: judged_mailbox };
        Self::new(subject, since, max)
    }
    /// Of what was told: whether of those that are updated nothing changed but counts.
    fn with_counts(&self, changed: Changed<MailboxId>) -> ChangedMailboxes {
        let counts_only = changed.updated.iter().all(|mailbox| !self.whole.contains(mailbox));
        ChangedMailboxes { changed, counts_only }
    }
    /// Like [`ChangesRun::advance`].
    pub fn advance_mailboxes(&mut self, emails: &Emails<'_>) -> Result<Option<Told<ChangedMailboxes>>> {
        Ok(self.advance(emails)?.map(|told| match told {
            Told::Changes(changed) => Told::Changes(self.with_counts(changed)),
            Told::CannotCalculate => Told::CannotCalculate,
        }))
    }
}

impl<Id: Copy + Eq + Hash> ChangesRun<Id> {
    fn new(subject: Subject<Id>, since: State, max: usize) -> Self {
        Self {
            subject,
            since,
            max,
            log: None,
            done: since.modseq,
            within: since.done(),
            touched: Vec::new(),
            known: HashSet::new(),
            passed: HashSet::new(),
            passed_at: 0,
            whole: HashSet::new(),
        }
    }
    /// Does the next piece, a few milliseconds, with the emails as of now. What is told in the end is so as
    /// of the emails of that step.
    pub fn advance(&mut self, emails: &Emails<'_>) -> Result<Option<Told<Changed<Id>>>> {
        let now = emails.state(self.subject.data);
        if self.since == now {
            return Ok(Some(Told::Changes(Changed::none(now))));
        }
        if self.since.modseq > now.modseq {
            return Ok(Some(Told::CannotCalculate));
        }
        let (snapshot, whose) = (&emails.snapshot, Whose::of(&emails.snapshot));
        let mut log = match self.log.take() {
            Some(log) => log,
            None => snapshot.logs.take(whose, self.since.modseq),
        };
        match log.read_on(snapshot, &emails.table)? {
            ReadOn::Untold => return Ok(Some(Told::CannotCalculate)),
            ReadOn::Further => {
                self.log = Some(log);
                return Ok(None);
            }
            ReadOn::ToTheEnd => {}
        }
        let gone_through = self.go_through(&History { emails, log: &log, since: self.since })?;
        let upto = match gone_through {
            GoneThrough::More => {
                self.log = Some(log);
                return Ok(None);
            }
            GoneThrough::Full(upto) => Some(upto),
            GoneThrough::All => None,
        };
        let changed = self.told(&History { emails, log: &log, since: self.since }, upto.unwrap_or(now))?;
        if upto.is_some() {
            snapshot.logs.keep(whose, log);
        }
        Ok(Some(Told::Changes(Changed { more: upto.is_some(), ..changed })))
    }
    fn go_through(&mut self, history: &History<'_, '_>) -> Result<GoneThrough> {
        let now = history.emails.modseq().value();
        if self.passed_at != now {
            self.passed.clear();
            self.passed_at = now;
        }
        let mut left = STEP_MAX;
        for commit in history.commits_after(self.done) {
            if left == 0 {
                return Ok(GoneThrough::More);
            }
            let mut full = None;
            let (judged, max) = (self.subject.judged, self.max);
            let (touched, known, passed, whole) =
                (&mut self.touched, &mut self.known, &mut self.passed, &mut self.whole);
            (self.subject.touched)(history, commit, self.within, &mut |touch| {
                if !touch.counts_only {
                    whole.insert(touch.id);
                }
                if known.contains(&touch.id) || passed.contains(&touch.id) {
                    return Ok(true);
                }
                let WasIs { was, is } = judged(history, touch.id)?;
                if !was && !is {
                    passed.insert(touch.id);
                } else if touched.len() < max {
                    touched.push(touch.id);
                    known.insert(touch.id);
                } else {
                    full = Some(touch.at);
                }
                Ok(full.is_none())
            })?;
            if let Some(at) = full {
                return Ok(GoneThrough::Full(State::between(self.done, at)));
            }
            (self.done, self.within) = (commit.modseq, 0);
            left = left.saturating_sub(commit.cost());
        }
        Ok(GoneThrough::All)
    }
    fn told(&self, history: &History<'_, '_>, new_state: State) -> Result<Changed<Id>> {
        let mut changed = Changed::none(new_state);
        for id in &self.touched {
            let WasIs { was, is } = (self.subject.judged)(history, *id)?;
            match (was, is) {
                (false, true) => changed.created.push(*id),
                (true, true) => changed.updated.push(*id),
                (true, false) => changed.destroyed.push(*id),
                (false, false) => {}
            }
        }
        Ok(changed)
    }
    /// To the end, on this thread.
    fn finish(mut self, emails: &Emails<'_>) -> Result<Told<Changed<Id>>> {
        loop {
            if let Some(told) = self.advance(emails)? {
                return Ok(told);
            }
        }
    }
}

/// How far the commits were gone through.
enum GoneThrough {
    /// Not to the end in this step.
    More,
    /// There is something that has no room, behind this state.
    Full(State),
    All,
}

impl Commit {
    fn cost(&self) -> u64 {
        let of_part = |part: &super::log::Part| match part.kind {
            Kind::Created | Kind::Renamed | Kind::Deleted | Kind::Trash => NAME_COST,
            _ => part.messages(),
        };
        self.parts.iter().map(of_part).sum::<u64>().saturating_add(1)
    }
}

fn touched_emails(
    history: &History<'_, '_>,
    commit: &Commit,
    from: u32,
    visit: &mut Visit<'_, EmailId>,
) -> Result<()> {
    let places = commit.parts.iter().filter(|part| part.kind.touches_emails());
    for (at, place) in (0u32..).zip(places.flat_map(|part| part.places())).skip(from as usize) {
        let Some(id) = history.email_of(place)? else { continue };
        if !visit(Touch { at, id, counts_only: false })? {
            break;
        }
    }
    Ok(())
}

fn judged_email(history: &History<'_, '_>, email: EmailId) -> Result<WasIs> {
    Ok(WasIs { was: history.was_shown(email), is: history.is_shown(email) })
}

fn touched_threads(
    history: &History<'_, '_>,
    commit: &Commit,
    from: u32,
    visit: &mut Visit<'_, ThreadId>,
) -> Result<()> {
    let places = commit.parts.iter().filter(|part| part.kind.touches_places());
    for (at, place) in (0u32..).zip(places.flat_map(|part| part.places())).skip(from as usize) {
        let Some(email) = history.email_of(place)? else { continue };
        if history.was_shown(email) == history.is_shown(email) {
            continue;
        }
        if !visit(Touch { at, id: history.thread_of(email)?, counts_only: false })? {
            break;
        }
    }
    Ok(())
}

fn judged_thread(history: &History<'_, '_>, thread: ThreadId) -> Result<WasIs> {
    let emails = history.emails_of(thread);
    let is = emails.iter().any(|email| history.is_shown(*email));
    let was = match history.since.is_between() {
        false => emails.iter().any(|email| history.was_shown(*email)),
        // It was there all the time only if one of its emails was.
        true => !is || emails.iter().any(|email| history.stayed_shown(*email)),
    };
    Ok(WasIs { was, is })
}

fn touched_mailboxes(
    history: &History<'_, '_>,
    commit: &Commit,
    from: u32,
    visit: &mut Visit<'_, MailboxId>,
) -> Result<()> {
    // Ordered by id: that is what the place within the commit says.
    for TouchedMailbox { mailbox, counts_only } in mailboxes_of(history, commit)? {
        if mailbox.0 >= from && !visit(Touch { at: mailbox.0, id: mailbox, counts_only })? {
            break;
        }
    }
    Ok(())
}

fn judged_mailbox(history: &History<'_, '_>, mailbox: MailboxId) -> Result<WasIs> {
    let is = history.emails.snapshot.mailbox(mailbox)?.is_some();
    let is_new = history.log.created(mailbox).is_some_and(|modseq| modseq > history.since.modseq);
    Ok(WasIs { was: !is_new || (history.since.is_between() && !is), is })
}

struct TouchedMailbox {
    mailbox: MailboxId,
    counts_only: bool,
}

/// The mailboxes a commit touched, by their ids.
fn mailboxes_of(history: &History<'_, '_>, commit: &Commit) -> Result<Vec<TouchedMailbox>> {
    let emails = history.emails;
    let mut touched = Vec::new();
    let mut add = |mailbox, counts_only| touched.push(TouchedMailbox { mailbox, counts_only });
    for part in &commit.parts {
        match part.kind {
            Kind::Created | Kind::Renamed => {
                add(part.mailbox, false);
                emails.children(part.mailbox).into_iter().for_each(|child| add(child, false));
            }
            Kind::Deleted => {
                add(part.mailbox, false);
                // Nobody knows any more which were below it.
                emails.orphans().into_iter().for_each(|orphan| add(orphan, false));
            }
            Kind::Trash => {
                // What came, left or was read since is told by itself.
                let beside = emails.table.beside_unread(part.mailbox);
                beside.into_iter().for_each(|mailbox| add(mailbox, true));
            }
            kind if kind.touches_counts() => {
                add(part.mailbox, true);
                let mut threads = HashSet::new();
                for place in part.places() {
                    let Some(email) = history.email_of(place)? else { continue };
                    let thread = history.thread_of(email)?;
                    if threads.insert(thread) {
                        let others = emails.table.thread(thread);
                        others.flat_map(|entry| entry.mailboxes()).for_each(|mailbox| add(mailbox, true));
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

/// The same at once. For tools and tests, never for a session.
impl Emails<'_> {
    pub fn email_changes(&self, since: State, max: usize) -> Result<Told<Changed<EmailId>>> {
        ChangesRun::emails(since, max).finish(self)
    }
    pub fn thread_changes(&self, since: State, max: usize) -> Result<Told<Changed<ThreadId>>> {
        ChangesRun::threads(since, max).finish(self)
    }
    pub fn mailbox_changes(&self, since: State, max: usize) -> Result<Told<ChangedMailboxes>> {
        let mut run = ChangesRun::mailboxes(since, max);
        loop {
            if let Some(told) = run.advance_mailboxes(self)? {
                return Ok(told);
            }
        }
    }
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
