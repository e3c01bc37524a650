//! Reading the change log of the account for a client that watches more than the selected mailbox, and what
//! of it the client is to be told (RFC 5465 §5).
//!
//! The cost grows with what changed since it was last read. Nothing is told twice that one line can say, and
//! nothing of what the client itself has done.

// DEVIATION RFC 5465 §5.9: mailboxes of other users are ignored like names that are not there, selected ones
// apart, because what happens to them is in the logs of their accounts, and only that of the own one is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use koi_mailbox::{
    AccountChange, ChangedAnnotation, Hierarchy, LogRead, MailboxService, Snapshot, WhatChanged,
};
use koi_proto::imap::command::Events;
use koi_types::annotation::Target;
use koi_types::{MailboxId, MailboxName, ModSeq, Result, UidSet, limits};

use super::due::{Due, DueStatus};
use super::interest::{Candidate, Interest};
use super::names::{self, NameChanges};

/// Commits that are read in one step.
const COMMITS_PER_STEP_MAX: usize = 2000;

/// What a client hears of everything but the selected mailbox.
#[derive(Debug)]
pub(crate) struct Others {
    interest: Interest,
    /// The log was read up to here.
    read: ModSeq,
    /// The names the client knows.
    names: Arc<Hierarchy>,
    own: Own,
    gathered: Gathered,
    /// The last change of messages in the selected mailbox that was passed over.
    passed_over: Option<ModSeq>,
    pub(super) due: Due,
}

/// What is looked at.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) snapshot: &'a Snapshot<'a>,
    pub(super) service: &'a MailboxService,
    /// Of its messages the client hears in another way.
    pub(super) selected: Option<MailboxId>,
}

/// What the client did itself: it is not told of that (RFC 5465 §5).
#[derive(Debug, Default)]
struct Own {
    /// Commits of CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE.
    names: Vec<ModSeq>,
    /// Commits of SETMETADATA.
    annotations: Vec<ModSeq>,
    added: Vec<OwnMessages>,
    expunged: Vec<OwnMessages>,
}

#[derive(Debug)]
struct OwnMessages {
    mailbox: MailboxId,
    uids: UidSet,
}

/// What was read and not yet looked into.
#[derive(Debug, Default)]
struct Gathered {
    /// `MESSAGES` and `FLAG_CHANGE`, and `MAILBOX_NAME` where UIDVALIDITY may be another.
    mailboxes: BTreeMap<MailboxId, Events>,
    /// Mailboxes that were made, deleted or renamed.
    names: BTreeSet<MailboxId>,
    subscriptions: BTreeSet<MailboxName>,
    annotations: BTreeSet<ChangedAnnotation>,
    /// The log does not reach back to here: everything is compared instead.
    since: Option<ModSeq>,
}

impl Others {
    /// What happens after this snapshot is told.
    pub(super) fn new(interest: Interest, snapshot: &Snapshot<'_>) -> Self {
        Self {
            interest,
            read: snapshot.modseq(),
            names: snapshot.hierarchy(),
            own: Own::default(),
            gathered: Gathered::default(),
            passed_over: None,
            due: Due::default(),
        }
    }
    /// Octets of memory it takes; the names themselves belong to all.
    pub(crate) fn memory_octets(&self) -> usize {
        self.interest.memory_octets()
            + self.own.memory_octets()
            + self.gathered.memory_octets()
            + self.due.memory_octets()
    }
    pub(crate) const fn interest(&self) -> &Interest {
        &self.interest
    }
    pub(crate) fn named_itself(&mut self, commit: Option<ModSeq>) {
        self.own.names.extend(commit);
    }
    pub(crate) fn annotated_itself(&mut self, commit: Option<ModSeq>) {
        self.own.annotations.extend(commit);
    }
    pub(crate) fn added_itself(&mut self, mailbox: MailboxId, uids: &UidSet) {
        self.own.added.push(OwnMessages { mailbox, uids: uids.clone() });
    }
    pub(crate) fn expunged_itself(&mut self, mailbox: MailboxId, uids: &UidSet) {
        self.own.expunged.push(OwnMessages { mailbox, uids: uids.clone() });
    }
    /// The mailbox is not selected any more, and its client was told of it up to here.
    pub(crate) fn left(&mut self, mailbox: MailboxId, told: ModSeq) {
        if self.passed_over.take().is_some_and(|last| last > told) {
            note(&mut self.gathered.mailboxes, mailbox, Events::MESSAGES | Events::FLAG_CHANGE);
        }
    }
    /// Whether there is nothing more to be found in this snapshot.
    pub(super) fn has_read(&self, snapshot: &Snapshot<'_>) -> bool {
        self.read >= snapshot.modseq() && self.gathered.mailboxes.is_empty()
    }
    /// Reads on; answers whether it has come to the end, so that what is due is known.
    pub(super) fn read_on(&mut self, look: Look<'_>) -> Result<bool> {
        let (gathered, own) = (&mut self.gathered, &self.own);
        let passed_over = &mut self.passed_over;
        let read = look.snapshot.changes_after(self.read, COMMITS_PER_STEP_MAX, &mut |change| {
            if change.mailbox.is_some() && change.mailbox == look.selected {
                *passed_over = Some(change.modseq);
            }
            gathered.add(change, own, look.selected);
        })?;
        match read {
            LogRead::Upto(upto) => self.read = upto,
            LogRead::TooLongAgo => {
                gathered.since.get_or_insert(self.read);
                self.read = look.snapshot.modseq();
                *passed_over = Some(self.read);
            }
        }
        if self.read < look.snapshot.modseq() {
            return Ok(false);
        }
        self.settle(look)?;
        Ok(true)
    }
    /// Everything is read: what of it is wanted.
    fn settle(&mut self, look: Look<'_>) -> Result<()> {
        let mut gathered = std::mem::take(&mut self.gathered);
        let before = std::mem::replace(&mut self.names, look.snapshot.hierarchy());
        let own = std::mem::take(&mut self.own);
        if let Some(since) = gathered.since {
            gathered.compare(look, &before, since, &own)?;
        }
        let changes = NameChanges { before: &before, now: &self.names, mailboxes: &gathered.names };
        let wanted = |name: &MailboxName, event: Events| {
            let then = self.interest.of(Candidate::new(name, &before, look.service));
            (then | self.interest.of(Candidate::new(name, &self.names, look.service))).contains(event)
        };
        self.due.names = names::lines(&changes, &gathered.subscriptions, &wanted).into();
        self.due_statuses(look, &gathered);
        let now = |mailbox: MailboxId| {
            let node = self.names.mailbox(mailbox)?;
            Some(self.interest.of(Candidate::new(&node.name, &self.names, look.service)))
        };
        let wants_server = self.interest.wants_server();
        gathered.annotations.retain(|changed| match changed.target {
            Target::Server => wants_server,
            Target::Mailbox(mailbox) => {
                now(mailbox).is_some_and(|events| events.contains(Events::MAILBOX_METADATA_CHANGE))
            }
        });
        self.due.annotations = gathered.annotations.into_iter().collect();
        Ok(())
    }
    fn due_statuses(&mut self, look: Look<'_>, gathered: &Gathered) {
        for (mailbox, happened) in &gathered.mailboxes {
            let (mailbox, happened) = (*mailbox, *happened);
            // Selected since.
            let node = self.names.mailbox(mailbox).filter(|_| look.selected != Some(mailbox));
            let Some(node) = node else { continue };
            let wanted = self.interest.of(Candidate::new(&node.name, &self.names, look.service));
            let due = DueStatus { happened, wanted };
            if due.is_due() {
                self.due.statuses.insert(mailbox, due);
            }
        }
    }
}

fn note(happened: &mut BTreeMap<MailboxId, Events>, mailbox: MailboxId, event: Events) {
    let all = happened.entry(mailbox).or_default();
    *all = *all | event;
}

impl Own {
    fn memory_octets(&self) -> usize {
        let sets = self.added.iter().chain(&self.expunged);
        let messages: usize = sets.map(|own| size_of::<OwnMessages>() + own.uids.0.memory_octets()).sum();
        messages + (self.names.capacity() + self.annotations.capacity()) * size_of::<ModSeq>()
    }
    fn has_added(&self, mailbox: MailboxId, uids: &UidSet) -> bool {
        has_all(&self.added, mailbox, uids)
    }
    fn has_expunged(&self, mailbox: MailboxId, uids: &UidSet) -> bool {
        has_all(&self.expunged, mailbox, uids)
    }
}

fn has_all(own: &[OwnMessages], mailbox: MailboxId, uids: &UidSet) -> bool {
    own.iter().any(|own| own.mailbox == mailbox && uids.0.difference(&own.uids.0).is_empty())
}

impl Gathered {
    /// About: names are counted as long as one may be.
    fn memory_octets(&self) -> usize {
        let numbers = self.mailboxes.len() + self.names.len();
        let annotation = size_of::<ChangedAnnotation>() + limits::ANNOTATION_NAME_OCTETS_MAX;
        numbers * 2 * size_of::<u64>()
            + self.subscriptions.len() * limits::MAILBOX_NAME_OCTETS_MAX
            + self.annotations.len() * annotation
    }
    fn add(&mut self, change: &AccountChange<'_>, own: &Own, selected: Option<MailboxId>) {
        let messages = |gathered: &mut Self, event: Events, own: bool| {
            if let Some(mailbox) = change.mailbox.filter(|mailbox| !own && Some(*mailbox) != selected) {
                note(&mut gathered.mailboxes, mailbox, event);
            }
        };
        let of_own = |test: fn(&Own, MailboxId, &UidSet) -> bool, uids: &UidSet| {
            change.mailbox.is_some_and(|mailbox| test(own, mailbox, uids))
        };
        match change.what {
            WhatChanged::Added(uids) => messages(self, Events::MESSAGES, of_own(Own::has_added, uids)),
            WhatChanged::Expunged(uids) => messages(self, Events::MESSAGES, of_own(Own::has_expunged, uids)),
            WhatChanged::Flags(_) => messages(self, Events::FLAG_CHANGE, false),
            WhatChanged::Name if own.names.contains(&change.modseq) => {}
            WhatChanged::Name => {
                messages(self, Events::MAILBOX_NAME, false);
                self.names.extend(change.mailbox);
            }
            WhatChanged::Subscription(_) if own.names.contains(&change.modseq) => {}
            WhatChanged::Subscription(Some(name)) => drop(self.subscriptions.insert(name.clone())),
            // Written by a version that did not tell which name it was.
            WhatChanged::Subscription(None) => drop(self.since.get_or_insert(change.modseq)),
            WhatChanged::Annotations(_) if own.annotations.contains(&change.modseq) => {}
            WhatChanged::Annotations(names) => {
                let target = change.mailbox.map_or(Target::Server, Target::Mailbox);
                let changed = names.iter().map(|name| ChangedAnnotation { target, name: name.clone() });
                self.annotations.extend(changed);
            }
        }
    }
    /// Without the log: all there is against what the client knows.
    fn compare(&mut self, look: Look<'_>, before: &Hierarchy, since: ModSeq, own: &Own) -> Result<()> {
        for row in look.snapshot.mailboxes()? {
            if row.highest_modseq > since && Some(row.id) != look.selected {
                let all = Events::MESSAGES | Events::FLAG_CHANGE | Events::MAILBOX_NAME;
                note(&mut self.mailboxes, row.id, all);
            }
        }
        let now = look.snapshot.hierarchy();
        for node in before.nodes().chain(now.nodes()) {
            self.names.extend(node.mailbox.map(|mailbox| mailbox.id));
            let subscribed = |names: &Hierarchy| names.node(&node.name).is_some_and(|node| node.subscribed);
            if subscribed(before) != subscribed(&now) {
                self.subscriptions.insert(node.name.clone());
            }
        }
        let news = look.snapshot.annotation_news(since, &own.annotations, usize::MAX)?;
        self.annotations.extend(news.changed);
        Ok(())
    }
}
