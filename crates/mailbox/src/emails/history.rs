//! What the change log says since a state, made ready to answer two questions: which messages were touched,
//! in order, and whether an email was shown then.
//!
//! For each message the first thing that happened to it tells how it was before: it came (so it was not
//! there), was marked `\Deleted` (so it was shown), was unmarked (so it was not), or left, of which the log
//! says whether it was marked. If nothing of that happened, it is now as it was then.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::ControlFlow;

use koi_store::key::{self, table};
use koi_store::record::gone::decode_gone;
use koi_store::record::log::{Event, LogRecord, LogSection};
use koi_store::record::membership::Membership;
use koi_types::{EmailId, MailboxId, Result, Rights, SystemFlags, ThreadId, UidSet};

use super::load::{email_at, thread_of};
use super::state::State;
use super::table::{EmailEntry, Member, Place, Table};
use crate::snapshot::Snapshot;

/// Messages in what is read; whoever is further behind compares instead.
const MESSAGES_MAX: u64 = 500_000;

/// How a message was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    Absent,
    Shown,
    Hidden,
}

/// The log after a modseq.
pub(super) struct History<'s, 'a> {
    snapshot: &'s Snapshot<'a>,
    table: &'s Table,
    pub(super) commits: Vec<Commit>,
    /// It begins at a state in between.
    between: bool,
    then: HashMap<Place, Then>,
    /// Emails of messages that are gone.
    gone: HashMap<Place, EmailId>,
    /// Where emails were that they are no more.
    past: HashMap<EmailId, Vec<Place>>,
    threads: HashMap<EmailId, ThreadId>,
    /// What a guest may read.
    readable: HashMap<MailboxId, bool>,
    /// Emails that are nowhere any more, by their threads.
    lost: OnceCell<HashMap<ThreadId, Vec<EmailId>>>,
}

/// What one commit did.
pub(super) struct Commit {
    pub(super) modseq: u64,
    pub(super) parts: Vec<Part>,
}

/// Kinds of what a commit did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Came,
    Flags,
    /// `\Deleted` was set or taken away.
    Sight,
    /// `\Seen` or `\Draft` changed.
    Read,
    Left,
    Created,
    Renamed,
    Deleted,
    /// It became the trash, or is not any more.
    Trash,
}

pub(super) struct Part {
    pub(super) mailbox: MailboxId,
    pub(super) kind: Kind,
    /// Of messages.
    uids: UidSet,
}

impl Part {
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.uids.iter().map(|uid| Place { mailbox: self.mailbox, uid })
    }
}

impl Kind {
    /// Something about emails, whatever it is.
    pub(super) const fn touches_emails(self) -> bool {
        matches!(self, Self::Came | Self::Flags | Self::Left)
    }
    /// Emails may have come into sight, or gone out of it, here or in other mailboxes.
    pub(super) const fn touches_places(self) -> bool {
        matches!(self, Self::Came | Self::Sight | Self::Left)
    }
    pub(super) const fn touches_counts(self) -> bool {
        self.touches_places() || matches!(self, Self::Read)
    }
}

impl<'s, 'a> History<'s, 'a> {
    /// Everything after `since`; nothing when the log does not tell.
    pub(super) fn read(snapshot: &'s Snapshot<'a>, table: &'s Table, since: State) -> Result<Option<Self>> {
        let record = &snapshot.record;
        let floor = record.log_floor.max(record.visibility_floor);
        if since.modseq < floor || since.modseq > record.modseq {
            return Ok(None);
        }
        let mut history = Self {
            snapshot,
            table,
            commits: Vec::new(),
            between: since.is_between(),
            then: HashMap::new(),
            gone: HashMap::new(),
            past: HashMap::new(),
            threads: HashMap::new(),
            readable: HashMap::new(),
            lost: OnceCell::new(),
        };
        let from = key::log(snapshot.account, since.modseq.saturating_add(1));
        let end = key::log(snapshot.account, u64::MAX);
        let (mut usable, mut left) = (Ok(true), MESSAGES_MAX);
        snapshot.view.scan(&from, &end, &mut |key, row| {
            let modseq = key::modseq_at_end(key).map_or(0, koi_types::ModSeq::value);
            usable = match LogRecord::decode(row) {
                Some(log) => history.commit(modseq, log.sections, &mut left),
                None => Ok(false),
            };
            if matches!(usable, Ok(true)) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(usable?.then_some(history))
    }
    /// Of what a guest may not read it is told nothing.
    fn may_read(&mut self, mailbox: MailboxId) -> Result<bool> {
        if self.snapshot.guest.is_none() {
            return Ok(true);
        }
        if let Some(known) = self.readable.get(&mailbox) {
            return Ok(*known);
        }
        let rights = self.snapshot.rights(mailbox)?;
        let may = rights.contains(Rights::LOOKUP.union(Rights::READ));
        self.readable.insert(mailbox, may);
        Ok(may)
    }
    /// Answers whether the commit can be told of.
    fn commit(&mut self, modseq: u64, sections: Vec<LogSection>, left: &mut u64) -> Result<bool> {
        let user = self.snapshot.guest.as_ref().map(|guest| guest.user.id);
        let shown = left_shown(&sections);
        let mut commit = Commit { modseq, parts: Vec::new() };
        for LogSection { mailbox, event } in sections {
            if let Event::Threads(threads) = event {
                self.threads.extend(threads.into_iter().map(|of| (of.email, of.thread)));
                continue;
            }
            let Some(mailbox) = mailbox else { continue };
            // With rights and names what a guest is shown comes and goes as a whole.
            let of_names =
                matches!(event, Event::MailboxCreated | Event::MailboxRenamed | Event::MailboxDeleted);
            if user.is_some() && (of_names || matches!(event, Event::Rights)) {
                return Ok(false);
            }
            if !self.may_read(mailbox)? {
                continue;
            }
            let mut part = |kind, uids| commit.parts.push(Part { mailbox, kind, uids });
            match event {
                Event::Added(uids) => {
                    self.first(mailbox, &uids, Then::Absent, left);
                    part(Kind::Came, uids);
                }
                Event::Flags(uids) => part(Kind::Flags, uids),
                Event::Hidden(uids) => {
                    self.first(mailbox, &uids, Then::Shown, left);
                    part(Kind::Sight, uids);
                }
                Event::Shown(uids) => {
                    self.first(mailbox, &uids, Then::Hidden, left);
                    part(Kind::Sight, uids);
                }
                Event::Read(uids) => part(Kind::Read, uids),
                Event::PerUser { user: whose, uids } if Some(whose) == user => {
                    part(Kind::Flags, uids.clone());
                    part(Kind::Read, uids);
                }
                Event::Expunged { uids, emails } => {
                    for (uid, email) in uids.iter().zip(emails) {
                        let place = Place { mailbox, uid };
                        let was_shown = shown.get(&mailbox).is_some_and(|shown| shown.contains(uid));
                        self.went(place, email, !was_shown, left);
                    }
                    part(Kind::Left, uids);
                }
                Event::MailboxDeleted => {
                    let uids = self.went_with(mailbox, modseq, left)?;
                    part(Kind::Left, uids);
                    part(Kind::Deleted, UidSet::new());
                }
                Event::MailboxCreated => part(Kind::Created, UidSet::new()),
                Event::MailboxRenamed | Event::Subscription | Event::SubscriptionTo(_) | Event::Rights => {
                    part(Kind::Renamed, UidSet::new());
                }
                Event::Trash => part(Kind::Trash, UidSet::new()),
                _ => {}
            }
            if *left == 0 {
                return Ok(false);
            }
        }
        if !commit.parts.is_empty() {
            self.commits.push(commit);
        }
        Ok(true)
    }
    fn first(&mut self, mailbox: MailboxId, uids: &UidSet, then: Then, left: &mut u64) {
        *left = left.saturating_sub(uids.count());
        if *left > 0 {
            for uid in uids.iter() {
                self.then.entry(Place { mailbox, uid }).or_insert(then);
            }
        }
    }
    fn went(&mut self, place: Place, email: EmailId, hidden: bool, left: &mut u64) {
        *left = left.saturating_sub(1);
        let then = if hidden { Then::Hidden } else { Then::Shown };
        self.then.entry(place).or_insert(then);
        self.gone.insert(place, email);
        self.past.entry(email).or_default().push(place);
    }
    /// The messages that went with a mailbox that was deleted: those that are reclaimed already, and the rows
    /// that are still there.
    fn went_with(&mut self, mailbox: MailboxId, modseq: u64, left: &mut u64) -> Result<UidSet> {
        let account = self.snapshot.account;
        let mut uids = UidSet::new();
        let mut rows = Vec::new();
        let reclaimed = key::below(&key::gone_with(account, modseq, mailbox));
        self.snapshot.view.scan(&reclaimed.from, &reclaimed.end, &mut |_, row| {
            rows.extend(decode_gone(row).unwrap_or_default());
            if rows.len() as u64 >= *left { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        for message in rows {
            uids.insert(message.uid);
            self.threads.insert(message.email, message.thread);
            self.went(Place { mailbox, uid: message.uid }, message.email, message.hidden, left);
        }
        let there = key::below(&key::mailbox(account, table::MEMBERSHIP, mailbox));
        let view = &self.snapshot.view;
        view.scan(&there.from, &there.end, &mut |key, row| {
            if let (Some(uid), Some(row)) = (key::uid_at_end(key), Membership::decode(row)) {
                uids.insert(uid);
                let hidden = row.flags.contains(SystemFlags::DELETED);
                self.went(Place { mailbox, uid }, row.email, hidden, left);
            }
            if *left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(uids)
    }
    /// The email of a message that was touched; nothing when it is not known any more, which the table's
    /// reader need not be told.
    pub(super) fn email_of(&self, place: Place) -> Result<Option<EmailId>> {
        match self.gone.get(&place) {
            Some(email) => Ok(Some(*email)),
            None => email_at(self.snapshot, place.mailbox, place.uid),
        }
    }
    /// Whether there was such an email for whoever looks. To who comes from a state in between what came or
    /// went since may have been told as it was at any time since: then it is another than now.
    pub(super) fn was_shown(&self, email: EmailId) -> bool {
        if self.between && self.has_moved(email) {
            return !self.is_shown(email);
        }
        let members = self.table.email(email).map(EmailEntry::members).unwrap_or_default();
        let now = members.iter().any(|member| {
            let place = Place { mailbox: member.mailbox, uid: member.uid };
            match self.then.get(&place) {
                Some(then) => *then == Then::Shown,
                None => member.is_shown(),
            }
        });
        let past = self.past.get(&email).map(Vec::as_slice).unwrap_or_default();
        now || past.iter().any(|place| self.then.get(place) == Some(&Then::Shown))
    }
    /// Whether any message of it came or went, or into sight or out of it.
    fn has_moved(&self, email: EmailId) -> bool {
        let members = self.table.email(email).map(EmailEntry::members).unwrap_or_default();
        let place = |member: &Member| Place { mailbox: member.mailbox, uid: member.uid };
        self.past.contains_key(&email) || members.iter().any(|member| self.then.contains_key(&place(member)))
    }
    /// Whether it was shown from the state on until now.
    pub(super) fn stayed_shown(&self, email: EmailId) -> bool {
        self.is_shown(email) && !self.has_moved(email)
    }
    pub(super) fn is_shown(&self, email: EmailId) -> bool {
        self.table.email(email).is_some_and(EmailEntry::is_shown)
    }
    pub(super) fn thread_of(&self, email: EmailId) -> Result<ThreadId> {
        if let Some(entry) = self.table.email(email) {
            return Ok(entry.thread);
        }
        match self.threads.get(&email) {
            Some(thread) => Ok(*thread),
            None => thread_of(self.snapshot, email),
        }
    }
    /// Emails of a thread that were there at some time since, and are in the table no more.
    pub(super) fn lost_of(&self, thread: ThreadId) -> Result<&[EmailId]> {
        if self.lost.get().is_none() {
            let mut lost: HashMap<ThreadId, Vec<EmailId>> = HashMap::new();
            for email in self.past.keys().filter(|email| self.table.email(**email).is_none()) {
                lost.entry(self.thread_of(*email)?).or_default().push(*email);
            }
            // Nobody else is here.
            let _ = self.lost.set(lost);
        }
        Ok(self.lost.get().and_then(|lost| lost.get(&thread)).map(Vec::as_slice).unwrap_or_default())
    }
    /// The thread's emails that are or were there.
    pub(super) fn emails_of(&self, thread: ThreadId) -> Result<Vec<EmailId>> {
        let mut emails: Vec<EmailId> = self.table.thread(thread).map(|entry| entry.id).collect();
        emails.extend_from_slice(self.lost_of(thread)?);
        Ok(emails)
    }
}

fn left_shown(sections: &[LogSection]) -> HashMap<MailboxId, UidSet> {
    let shown = sections.iter().filter_map(|section| match &section.event {
        Event::LeftShown(uids) => Some((section.mailbox?, uids.clone())),
        _ => None,
    });
    shown.collect()
}
