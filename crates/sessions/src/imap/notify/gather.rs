//! Reading the change logs of accounts for a client that watches more than the selected mailbox, and what of
//! it the client is to be told (RFC 5465 §5).
//!
//! The cost grows with what changed since they were last read. Nothing is told twice that one line can say,
//! and nothing of what the client itself has done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use koi_mailbox::{
    AccountChange, ChangedAnnotation, Hierarchy, LogRead, MailboxService, Snapshot, WhatChanged,
};
use koi_proto::imap::command::Events;
use koi_types::annotation::Target;
use koi_types::{AccountId, MailboxId, MailboxName, ModSeq, Result, UidSet, limits};

use super::due::{Due, DueStatus};
use super::interest::{Candidate, Interest};
use super::known::{Known, Place};
use super::names::{self, NameChanges};
use super::own::Own;
use super::theirs::{Access, Reload, Theirs};

/// Commits of one account that are read in one step.
pub(super) const COMMITS_PER_STEP_MAX: usize = 2000;

/// What a client hears of everything but the selected mailbox.
#[derive(Debug)]
pub(crate) struct Others {
    interest: Interest,
    account: AccountId,
    /// The log was read up to here.
    read: ModSeq,
    /// The names the client knows.
    pub(super) known: Known,
    theirs: Theirs,
    own: Own,
    gathered: Gathered,
    pub(super) due: Due,
}

/// What is looked at.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) snapshot: &'a Snapshot<'a>,
    pub(super) service: &'a MailboxService,
    /// Of its messages the client hears in another way.
    pub(super) selected: Option<Place>,
}

/// What was read and not yet looked into.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// `MESSAGES` and `FLAG_CHANGE`, and `MAILBOX_NAME` where UIDVALIDITY is another.
    mailboxes: BTreeMap<Place, Events>,
    /// Mailboxes that were made, deleted or renamed.
    names: BTreeSet<Place>,
    /// By the client itself.
    named_itself: BTreeSet<Place>,
    subscriptions: BTreeSet<MailboxName>,
    annotations: BTreeMap<AccountId, BTreeSet<ChangedAnnotation>>,
    /// What others share may be something else.
    pub(super) reload: Reload,
    /// The own log does not reach back to here: everything is compared instead.
    since: Option<ModSeq>,
    /// The logs of these others do not reach back.
    pub(super) unread: BTreeSet<AccountId>,
    /// The last change of messages in the selected mailbox that was passed over.
    passed_over: Option<ModSeq>,
}

impl Others {
    /// What happens after this snapshot is told.
    pub(super) fn new(account: AccountId, interest: Interest, look: Look<'_>) -> Result<Self> {
        let mut theirs = Theirs::new(look, &interest)?;
        let own = Known::new(account, look.snapshot.hierarchy(), Arc::default());
        let everybodys = Reload { all: true, ..Reload::default() };
        let shared = theirs.reload(look, &own, &everybodys)?;
        let known = Known::new(account, own.own, shared);
        theirs.follow(look, &interest, &known)?;
        let is_wanted =
            |name: &MailboxName| !interest.of(Candidate::new(name, &known.all, look.service)).is_empty();
        let due = Due::of_names(theirs.unreadable(&known, &is_wanted));
        Ok(Self {
            interest,
            account,
            read: look.snapshot.modseq(),
            known,
            theirs,
            own: Own::default(),
            gathered: Gathered::default(),
            due,
        })
    }
    /// Octets of memory it takes; one's own names belong to all.
    pub(crate) fn memory_octets(&self) -> usize {
        self.interest.memory_octets()
            + self.known.memory_octets()
            + self.theirs.memory_octets()
            + self.own.memory_octets()
            + self.gathered.memory_octets()
            + self.due.memory_octets()
    }
    pub(crate) const fn interest(&self) -> &Interest {
        &self.interest
    }
    /// To write down what the client itself has done in an account. It need not have been heard of yet.
    pub(crate) fn own(&mut self, account: AccountId) -> &mut Own {
        if account != self.account {
            self.theirs.heard(account);
        }
        &mut self.own
    }
    /// Something was committed there.
    pub(crate) fn heard(&mut self, account: AccountId) {
        self.theirs.heard(account);
    }
    /// Accounts to be heard of, besides the user's own.
    pub(crate) fn watched(&self) -> impl Iterator<Item = AccountId> {
        self.theirs.watched()
    }
    /// How many of these are other users'.
    pub(crate) fn follows(&self) -> usize {
        self.theirs.follows()
    }
    /// The mailbox is not selected any more, and its client was told of it up to here.
    pub(crate) fn left(&mut self, place: Place, told: ModSeq) {
        if self.gathered.passed_over.take().is_some_and(|last| last > told) {
            note(&mut self.gathered.mailboxes, place, Events::MESSAGES | Events::FLAG_CHANGE);
        }
    }
    /// Whether there is nothing more to be found in this snapshot.
    pub(super) fn has_read(&self, snapshot: &Snapshot<'_>) -> bool {
        self.read >= snapshot.modseq() && self.gathered.mailboxes.is_empty() && !self.theirs.is_behind()
    }
    /// Reads on; answers whether it has come to the end, so that what is due is known.
    pub(super) fn read_on(&mut self, look: Look<'_>) -> Result<bool> {
        let (gathered, own, account) = (&mut self.gathered, &self.own, self.account);
        let read = look.snapshot.changes_after(self.read, COMMITS_PER_STEP_MAX, &mut |change| {
            gathered.add(account, change, own, look.selected);
        })?;
        match read {
            LogRead::Upto(upto) => self.read = upto,
            LogRead::TooLongAgo => {
                self.gathered.since.get_or_insert(self.read);
                self.read = look.snapshot.modseq();
                self.gathered.passed_over = Some(self.read);
            }
        }
        if self.read < look.snapshot.modseq() || !self.theirs.read_on(look, &self.own, &mut self.gathered)? {
            return Ok(false);
        }
        self.settle(look)?;
        Ok(true)
    }
    /// Everything is read: what of it is wanted.
    fn settle(&mut self, look: Look<'_>) -> Result<()> {
        let mut gathered = std::mem::take(&mut self.gathered);
        self.gathered.passed_over = gathered.passed_over;
        let own = std::mem::take(&mut self.own);
        let before = self.known.clone();
        let access = self.learn(look, &before, &gathered)?;
        if let Some(since) = gathered.since {
            gathered.compare(look, self.account, &before.own, since, &own)?;
        }
        gathered.names.extend(&access.moved);
        let wanted = |name: &MailboxName, event: Events| {
            let then = self.interest.of(Candidate::new(name, &before.all, look.service));
            (then | self.interest.of(Candidate::new(name, &self.known.all, look.service))).contains(event)
        };
        let changes = NameChanges {
            before: &before,
            now: &self.known,
            mailboxes: &gathered.names,
            access: &access.told,
            lost: &access.lost,
        };
        let names::NameNews { lines, anew } = names::news(&changes, &gathered.subscriptions, &wanted);
        self.due.names = lines.into();
        self.note_uidvalidities(&mut gathered, &before, &wanted);
        gathered.note_anew(&self.known, &anew);
        gathered.note_all(&self.known, &access.gained);
        self.due_statuses(look, &gathered);
        self.due.annotations = self.wanted_annotations(look, gathered.annotations);
        Ok(())
    }
    /// The names that there are now; what is told of them because of rights.
    fn learn(&mut self, look: Look<'_>, before: &Known, gathered: &Gathered) -> Result<Access> {
        let own = look.snapshot.hierarchy();
        let reload = &gathered.reload;
        let has_changed = reload.all || reload.owners.iter().any(|owner| *owner != self.account);
        if Arc::ptr_eq(&own, &before.own) && !has_changed {
            return Ok(Access::default());
        }
        let now = Known::new(self.account, own, Arc::clone(&before.shared));
        let shared = self.theirs.reload(look, &now, reload)?;
        self.known = Known::new(self.account, now.own, shared);
        self.theirs.follow(look, &self.interest, &self.known)?;
        let (interest, now) = (&self.interest, &self.known);
        let is_wanted = |name: &MailboxName| {
            let then = interest.of(Candidate::new(name, &before.all, look.service));
            !(then | interest.of(Candidate::new(name, &now.all, look.service))).is_empty()
        };
        Ok(self.theirs.compare(before, now, &gathered.named_itself, &is_wanted))
    }
    /// RFC 5465 §5.1: what is new under its name has another UIDVALIDITY than whatever was there. A client
    /// that is told of a rename knows that the mailbox is the same.
    fn note_uidvalidities(
        &self,
        gathered: &mut Gathered,
        before: &Known,
        wanted: &dyn Fn(&MailboxName, Events) -> bool,
    ) {
        for place in &gathered.names {
            let Some(now) = self.known.name(*place) else { continue };
            let is_told = |name: &MailboxName| wanted(name, Events::MAILBOX_NAME);
            let is_known = |then: &MailboxName| then == now || is_told(then) || is_told(now);
            if !before.name(*place).is_some_and(is_known) {
                note(&mut gathered.mailboxes, *place, Events::MAILBOX_NAME);
            }
        }
    }
    fn due_statuses(&mut self, look: Look<'_>, gathered: &Gathered) {
        for (place, happened) in &gathered.mailboxes {
            let (place, happened) = (*place, *happened);
            // Selected since.
            let name = self.known.readable(place).filter(|_| look.selected != Some(place));
            let Some(name) = name else { continue };
            let wanted = self.interest.of(Candidate::new(name, &self.known.all, look.service));
            let due = DueStatus { happened, wanted };
            if due.is_due() {
                self.due.statuses.insert(place, due);
            }
        }
    }
    fn wanted_annotations(
        &self,
        look: Look<'_>,
        changed: BTreeMap<AccountId, BTreeSet<ChangedAnnotation>>,
    ) -> BTreeMap<AccountId, VecDeque<ChangedAnnotation>> {
        let wants_server = self.interest.wants_server();
        let is_wanted = |owner: AccountId, target: Target| match target {
            Target::Server => wants_server,
            Target::Mailbox(mailbox) => self.known.readable(Place { owner, mailbox }).is_some_and(|name| {
                let events = self.interest.of(Candidate::new(name, &self.known.all, look.service));
                events.contains(Events::MAILBOX_METADATA_CHANGE)
            }),
        };
        let wanted = changed.into_iter().map(|(owner, all)| {
            let all = all.into_iter().filter(|changed| is_wanted(owner, changed.target));
            (owner, all.collect::<VecDeque<_>>())
        });
        wanted.filter(|(_, all)| !all.is_empty()).collect()
    }
}

fn note(happened: &mut BTreeMap<Place, Events>, place: Place, event: Events) {
    let all = happened.entry(place).or_default();
    *all = *all | event;
}

/// Everything that may have happened to a mailbox.
fn everything() -> Events {
    Events::MESSAGES | Events::FLAG_CHANGE | Events::MAILBOX_NAME
}

impl Gathered {
    /// About: names are counted as long as one may be.
    fn memory_octets(&self) -> usize {
        let places = self.mailboxes.len() + self.names.len() + self.named_itself.len();
        let annotations: usize = self.annotations.values().map(BTreeSet::len).sum();
        let owners = self.reload.owners.len() + self.unread.len() + self.annotations.len();
        places * 2 * size_of::<(Place, Events)>()
            + owners * 4 * size_of::<AccountId>()
            + self.subscriptions.len() * limits::MAILBOX_NAME_OCTETS_MAX
            + annotations * (size_of::<ChangedAnnotation>() + limits::ANNOTATION_NAME_OCTETS_MAX)
    }
    /// A line of the log of an account.
    pub(super) fn add(
        &mut self,
        owner: AccountId,
        change: &AccountChange<'_>,
        own: &Own,
        selected: Option<Place>,
    ) {
        let place = change.mailbox.map(|mailbox| Place { owner, mailbox });
        if place.is_some() && place == selected {
            self.passed_over = Some(change.modseq);
        }
        let of_messages = place.filter(|place| Some(*place) != selected);
        let of_own = |test: fn(&Own, Place, &UidSet) -> bool, uids: &UidSet| {
            place.is_some_and(|place| test(own, place, uids))
        };
        let event = match change.what {
            WhatChanged::Added(uids) if !of_own(Own::has_added, uids) => Events::MESSAGES,
            WhatChanged::Expunged(uids) if !of_own(Own::has_expunged, uids) => Events::MESSAGES,
            WhatChanged::Flags(_) => Events::FLAG_CHANGE,
            WhatChanged::UidValidity => Events::MAILBOX_NAME,
            _ => return self.add_other(owner, change, own),
        };
        of_messages.into_iter().for_each(|place| note(&mut self.mailboxes, place, event));
    }
    /// Of what is not in a mailbox.
    fn add_other(&mut self, owner: AccountId, change: &AccountChange<'_>, own: &Own) {
        let place = change.mailbox.map(|mailbox| Place { owner, mailbox });
        match change.what {
            WhatChanged::Name => {
                self.reload.owners.insert(owner);
                let by_itself = own.has_named(owner, change.modseq);
                let names = if by_itself { &mut self.named_itself } else { &mut self.names };
                names.extend(place);
            }
            WhatChanged::Subscription(_) if own.has_named(owner, change.modseq) => {}
            WhatChanged::Subscription(Some(name)) => drop(self.subscriptions.insert(name.clone())),
            // Written by a version that did not tell which name it was.
            WhatChanged::Subscription(None) => drop(self.since.get_or_insert(change.modseq)),
            WhatChanged::Annotations(names) if !own.has_annotated(owner, change.modseq) => {
                let target = change.mailbox.map_or(Target::Server, Target::Mailbox);
                let changed = names.iter().map(|name| ChangedAnnotation { target, name: name.clone() });
                self.annotations.entry(owner).or_default().extend(changed);
            }
            _ => {}
        }
    }
    /// Names that the client cannot know to have another mailbox now.
    fn note_anew(&mut self, known: &Known, anew: &BTreeSet<MailboxName>) {
        for place in &self.names {
            if known.name(*place).is_some_and(|name| anew.contains(name)) {
                note(&mut self.mailboxes, *place, everything());
            }
        }
    }
    /// Mailboxes of which the client may have missed anything.
    fn note_all(&mut self, known: &Known, gained: &BTreeSet<Place>) {
        let unread = known.shared.keys().filter(|place| self.unread.contains(&place.owner));
        for place in unread.chain(gained) {
            note(&mut self.mailboxes, *place, everything());
        }
    }
    /// Without the log: all there is against what the client knows.
    fn compare(
        &mut self,
        look: Look<'_>,
        owner: AccountId,
        before: &Hierarchy,
        since: ModSeq,
        own: &Own,
    ) -> Result<()> {
        let place = |mailbox: MailboxId| Place { owner, mailbox };
        for row in look.snapshot.mailboxes()? {
            if row.highest_modseq > since && Some(place(row.id)) != look.selected {
                note(&mut self.mailboxes, place(row.id), everything());
            }
        }
        let now = look.snapshot.hierarchy();
        for node in before.nodes().chain(now.nodes()) {
            self.names.extend(node.mailbox.map(|mailbox| place(mailbox.id)));
            let subscribed = |names: &Hierarchy| names.node(&node.name).is_some_and(|node| node.subscribed);
            if subscribed(before) != subscribed(&now) {
                self.subscriptions.insert(node.name.clone());
            }
        }
        let news = look.snapshot.annotation_news(since, &own.annotated(owner), usize::MAX)?;
        self.annotations.entry(owner).or_default().extend(news.changed);
        Ok(())
    }
}
