//! What the change log says happened to messages and mailboxes since a modseq, read in pieces and kept from
//! one page of changes to the next.
//!
//! For each message it is noted how it was before each thing that happened to it: it came (so it was not
//! there), was marked `\Deleted` (so it was shown), was unmarked (so it was not), or left, of which the log
//! says whether it was marked. Must not: say what there is now, which is for `history`.

mod kept;

use std::collections::HashMap;
use std::ops::ControlFlow;

pub(crate) use kept::KeptLogs;
use kept::Weighed;
use koi_store::key::{self, table};
use koi_store::record::gone::decode_gone;
use koi_store::record::log::{Event, LogRecord, LogSection};
use koi_store::record::membership::Membership;
use koi_types::{EmailId, MailboxId, Result, Rights, SystemFlags, ThreadId, UidSet};

use super::load::known_thread_of;
use super::table::{Place, Table};
use crate::snapshot::Snapshot;

/// Messages in what one step reads, about, and what a line costs beside them.
const READ_PER_STEP: u64 = 16_384;
const LINE_COST: u64 = 8;
/// Messages in what is read; whoever is further behind compares instead.
const MESSAGES_MAX: u64 = 500_000;
/// How a message was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Then {
    Absent,
    Shown,
    Hidden,
}

/// How a message was until a commit.
#[derive(Clone, Copy, Debug)]
struct Moment {
    modseq: u64,
    then: Then,
}

/// In the order of the commits; mostly there is one.
#[derive(Debug)]
enum Moments {
    One(Moment),
    Many(Vec<Moment>),
}

impl Moments {
    fn list(&self) -> &[Moment] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
    fn add(&mut self, moment: Moment) {
        match self {
            Self::One(one) => *self = Self::Many(vec![*one, moment]),
            Self::Many(many) => many.push(moment),
        }
    }
}

/// A message that left.
#[derive(Clone, Copy, Debug)]
struct Gone {
    modseq: u64,
    email: EmailId,
}

/// The log behind a modseq, as far as it was read.
pub(crate) struct Log {
    /// It begins behind this commit, and goes up to that.
    from: u64,
    upto: u64,
    commits: Vec<Commit>,
    moments: HashMap<Place, Moments>,
    gone: HashMap<Place, Gone>,
    /// Where emails were that they are no more.
    past: HashMap<EmailId, Vec<Place>>,
    threads: HashMap<EmailId, ThreadId>,
    created: HashMap<MailboxId, u64>,
    /// The emails of `past` by their threads, but for those that were not put there yet: the last piece came
    /// upon these, and of those what comes behind it in the log may say the thread.
    lost: HashMap<ThreadId, Vec<EmailId>>,
    unplaced: Vec<EmailId>,
    unknown: Vec<EmailId>,
    /// Messages that came, left, or went out of sight or came back.
    messages: u64,
    /// What was read: lines, and messages in them.
    read: u64,
    weighed: Weighed,
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
    pub(super) fn messages(&self) -> u64 {
        self.uids.count()
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

/// What reading on came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ReadOn {
    /// Everything is read that the snapshot shows.
    ToTheEnd,
    Further,
    /// The log does not tell it.
    Untold,
}

impl Log {
    fn since(modseq: u64, weighed: Weighed) -> Self {
        Self {
            from: modseq,
            upto: modseq,
            commits: Vec::new(),
            moments: HashMap::new(),
            gone: HashMap::new(),
            past: HashMap::new(),
            threads: HashMap::new(),
            created: HashMap::new(),
            lost: HashMap::new(),
            unplaced: Vec::new(),
            unknown: Vec::new(),
            messages: 0,
            read: 0,
            weighed,
        }
    }
    /// Reads the next piece.
    pub(super) fn read_on(&mut self, snapshot: &Snapshot<'_>, table: &Table) -> Result<ReadOn> {
        let record = &snapshot.record;
        if self.upto == record.modseq {
            return Ok(ReadOn::ToTheEnd);
        }
        if self.upto < record.log_floor.max(record.visibility_floor) || self.upto > record.modseq {
            return Ok(ReadOn::Untold);
        }
        let from = key::log(snapshot.account, self.upto.saturating_add(1));
        let end = key::log(snapshot.account, u64::MAX);
        let enough = self.read.saturating_add(READ_PER_STEP);
        let mut reader = Reader { log: self, snapshot, readable: HashMap::new() };
        let (mut usable, mut upto) = (Ok(true), record.modseq);
        snapshot.view.scan(&from, &end, &mut |key, row| {
            let modseq = key::modseq_at_end(key).map_or(0, koi_types::ModSeq::value);
            usable = match LogRecord::decode(row) {
                Some(log) => reader.commit(modseq, log.sections),
                None => Ok(false),
            };
            let is_enough = reader.log.read >= enough;
            if is_enough {
                upto = modseq;
            }
            if is_enough || !matches!(usable, Ok(true)) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        if !usable? {
            return Ok(ReadOn::Untold);
        }
        if !self.weighed.grow_to(self.read) && !snapshot.logs.make_room() {
            return Ok(ReadOn::Untold);
        }
        self.upto = upto;
        self.place_lost(snapshot, table)?;
        if self.upto < record.modseq {
            return Ok(ReadOn::Further);
        }
        self.place_unknown();
        Ok(ReadOn::ToTheEnd)
    }
    /// Threads are asked for after every piece and kept: before the next the rows may be gone that name them.
    fn place_lost(&mut self, snapshot: &Snapshot<'_>, table: &Table) -> Result<()> {
        for email in std::mem::take(&mut self.unplaced) {
            let known = table.email(email).map(|entry| entry.thread);
            let known = match known.or_else(|| self.threads.get(&email).copied()) {
                Some(thread) => Some(thread),
                None => known_thread_of(snapshot, email)?,
            };
            match known {
                Some(thread) => self.place(email, thread),
                None => self.unknown.push(email),
            }
        }
        Ok(())
    }
    /// At the end the log has said of all emails that are nowhere any more which threads have other names.
    fn place_unknown(&mut self) {
        for email in std::mem::take(&mut self.unknown) {
            let thread = self.threads.get(&email).copied();
            self.place(email, thread.unwrap_or(ThreadId(email.0)));
        }
    }
    fn place(&mut self, email: EmailId, thread: ThreadId) {
        self.lost.entry(thread).or_default().push(email);
        if thread.0 != email.0 {
            self.threads.insert(email, thread);
        }
    }
    /// The commits after one.
    pub(super) fn commits_after(&self, modseq: u64) -> &[Commit] {
        let at = self.commits.partition_point(|commit| commit.modseq <= modseq);
        self.commits.get(at..).unwrap_or_default()
    }
    /// How a message was at a modseq; nothing when nothing happened to it since.
    pub(super) fn then(&self, place: Place, since: u64) -> Option<Then> {
        let moments = self.moments.get(&place)?.list();
        moments.iter().find(|moment| moment.modseq > since).map(|moment| moment.then)
    }
    /// The email of a message that is gone.
    pub(super) fn gone(&self, place: Place) -> Option<EmailId> {
        self.gone.get(&place).map(|gone| gone.email)
    }
    /// Where an email was that it left after a modseq.
    pub(super) fn left_after(&self, email: EmailId, since: u64) -> impl Iterator<Item = Place> + '_ {
        let past = self.past.get(&email).map(Vec::as_slice).unwrap_or_default();
        let is_after = move |place: &&Place| self.gone.get(place).is_some_and(|gone| gone.modseq > since);
        past.iter().filter(is_after).copied()
    }
    /// The thread of an email that left some mailbox, if it has another name.
    pub(super) fn thread_of(&self, email: EmailId) -> Option<ThreadId> {
        self.threads.get(&email).copied()
    }
    /// Emails of a thread that left some mailbox.
    pub(super) fn lost_of(&self, thread: ThreadId) -> &[EmailId] {
        self.lost.get(&thread).map(Vec::as_slice).unwrap_or_default()
    }
    /// When a mailbox was made, if the log says it.
    pub(super) fn created(&self, mailbox: MailboxId) -> Option<u64> {
        self.created.get(&mailbox).copied()
    }
}

/// A log while some of it is read.
struct Reader<'r, 's> {
    log: &'r mut Log,
    snapshot: &'r Snapshot<'s>,
    /// What a guest may read.
    readable: HashMap<MailboxId, bool>,
}

impl Reader<'_, '_> {
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
    fn commit(&mut self, modseq: u64, sections: Vec<LogSection>) -> Result<bool> {
        let is_guest = self.snapshot.guest.is_some();
        let shown = left_shown(&sections);
        let mut commit = Commit { modseq, parts: Vec::new() };
        for LogSection { mailbox, event } in sections {
            if let Event::Threads(threads) = event {
                self.log.threads.extend(threads.into_iter().map(|of| (of.email, of.thread)));
                continue;
            }
            let Some(mailbox) = mailbox else { continue };
            // With rights and names what a guest is shown comes and goes as a whole.
            let of_names =
                matches!(event, Event::MailboxCreated | Event::MailboxRenamed | Event::MailboxDeleted);
            if is_guest && (of_names || matches!(event, Event::Rights)) {
                return Ok(false);
            }
            if !self.may_read(mailbox)? {
                continue;
            }
            let left_shown = shown.get(&mailbox);
            self.event(&mut commit, mailbox, event, left_shown)?;
            if self.log.messages >= MESSAGES_MAX {
                return Ok(false);
            }
        }
        self.log.read += LINE_COST + commit.parts.iter().map(Part::messages).sum::<u64>();
        if !commit.parts.is_empty() {
            self.log.commits.push(commit);
        }
        Ok(true)
    }
    fn event(
        &mut self,
        commit: &mut Commit,
        mailbox: MailboxId,
        event: Event,
        left_shown: Option<&UidSet>,
    ) -> Result<()> {
        let user = self.snapshot.guest.as_ref().map(|guest| guest.user.id);
        let modseq = commit.modseq;
        let mut part = |kind, uids| commit.parts.push(Part { mailbox, kind, uids });
        match event {
            Event::Added(uids) => {
                self.was(mailbox, &uids, Moment { modseq, then: Then::Absent });
                part(Kind::Came, uids);
            }
            Event::Flags(uids) => part(Kind::Flags, uids),
            Event::Hidden(uids) => {
                self.was(mailbox, &uids, Moment { modseq, then: Then::Shown });
                part(Kind::Sight, uids);
            }
            Event::Shown(uids) => {
                self.was(mailbox, &uids, Moment { modseq, then: Then::Hidden });
                part(Kind::Sight, uids);
            }
            Event::Read(uids) => part(Kind::Read, uids),
            Event::PerUser { user: whose, uids } if Some(whose) == user => {
                part(Kind::Flags, uids.clone());
                part(Kind::Read, uids);
            }
            Event::Expunged { uids, emails } => {
                for (uid, email) in uids.iter().zip(emails) {
                    let was_shown = left_shown.is_some_and(|shown| shown.contains(uid));
                    self.went(Place { mailbox, uid }, Gone { modseq, email }, !was_shown);
                }
                part(Kind::Left, uids);
            }
            Event::MailboxDeleted => {
                let uids = self.went_with(mailbox, modseq)?;
                part(Kind::Left, uids);
                part(Kind::Deleted, UidSet::new());
            }
            Event::MailboxCreated => {
                self.log.created.insert(mailbox, modseq);
                part(Kind::Created, UidSet::new());
            }
            Event::MailboxRenamed | Event::Subscription | Event::SubscriptionTo(_) | Event::Rights => {
                part(Kind::Renamed, UidSet::new());
            }
            Event::SubscriptionOf(whose) if Some(whose) == user => part(Kind::Renamed, UidSet::new()),
            Event::Trash => part(Kind::Trash, UidSet::new()),
            _ => {}
        }
        Ok(())
    }
    fn was(&mut self, mailbox: MailboxId, uids: &UidSet, moment: Moment) {
        self.log.messages = self.log.messages.saturating_add(uids.count());
        if self.log.messages < MESSAGES_MAX {
            uids.iter().for_each(|uid| self.note(Place { mailbox, uid }, moment));
        }
    }
    fn note(&mut self, place: Place, moment: Moment) {
        let moments = self.log.moments.entry(place);
        moments.and_modify(|moments| moments.add(moment)).or_insert(Moments::One(moment));
    }
    fn went(&mut self, place: Place, gone: Gone, hidden: bool) {
        self.log.messages = self.log.messages.saturating_add(1);
        let then = if hidden { Then::Hidden } else { Then::Shown };
        self.note(place, Moment { modseq: gone.modseq, then });
        self.log.gone.insert(place, gone);
        let past = self.log.past.entry(gone.email).or_default();
        if past.is_empty() {
            self.log.unplaced.push(gone.email);
        }
        past.push(place);
    }
    /// The messages that went with a mailbox that was deleted: those that are reclaimed already, and the rows
    /// that are still there.
    fn went_with(&mut self, mailbox: MailboxId, modseq: u64) -> Result<UidSet> {
        let account = self.snapshot.account;
        let left = MESSAGES_MAX.saturating_sub(self.log.messages);
        let mut uids = UidSet::new();
        let mut rows = Vec::new();
        let reclaimed = key::below(&key::gone_with(account, modseq, mailbox));
        self.snapshot.view.scan(&reclaimed.from, &reclaimed.end, &mut |_, row| {
            rows.extend(decode_gone(row).unwrap_or_default());
            if rows.len() as u64 >= left { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        for message in rows {
            uids.insert(message.uid);
            self.log.threads.insert(message.email, message.thread);
            let gone = Gone { modseq, email: message.email };
            self.went(Place { mailbox, uid: message.uid }, gone, message.hidden);
        }
        let there = key::below(&key::mailbox(account, table::MEMBERSHIP, mailbox));
        let view = &self.snapshot.view;
        view.scan(&there.from, &there.end, &mut |key, row| {
            if let (Some(uid), Some(row)) = (key::uid_at_end(key), Membership::decode(row)) {
                uids.insert(uid);
                let hidden = row.flags.contains(SystemFlags::DELETED);
                self.went(Place { mailbox, uid }, Gone { modseq, email: row.email }, hidden);
            }
            if self.log.messages >= MESSAGES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(uids)
    }
}

fn left_shown(sections: &[LogSection]) -> HashMap<MailboxId, UidSet> {
    let shown = sections.iter().filter_map(|section| match &section.event {
        Event::LeftShown(uids) => Some((section.mailbox?, uids.clone())),
        _ => None,
    });
    shown.collect()
}
