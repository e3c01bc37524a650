//! What a client has asked to hear of by NOTIFY, of the selected mailbox and of everything else (RFC 5465
//! §3.1).
//!
//! Others may change a thousand things while nobody looks: what is kept for a client is how far the logs were
//! read, and the names it knows (`known`). `interest` says which events of which mailbox it wants, `gather`
//! reads the logs, `theirs` knows whose besides the own one, `own` what the client did itself; `names` finds
//! out what became of names, `due` is what waits to be written.

use std::sync::Arc;

use koi_proto::imap::command::{Events, FetchItem, NotifyGroup, NotifyMailboxes, NotifySelected, NotifySet};
use koi_types::Result;

use super::core::Core;
use super::memory;
use super::sync::Synced;
use crate::selected::telling::{Tells, Wants};

mod due;
mod gather;
mod interest;
mod known;
mod names;
mod own;
mod renames;
mod theirs;

use gather::Look;
pub(crate) use gather::Others;
pub(crate) use interest::Candidate;
use interest::Interest;
pub(crate) use known::Place;

/// What one client wants to hear, since it gave NOTIFY.
#[derive(Debug, Default)]
pub(crate) struct Notify {
    pub(crate) selected: OfSelected,
    /// Nothing when it wants to hear of nothing else.
    pub(crate) others: Option<Box<Others>>,
}

/// What it wants to hear of the selected mailbox, whichever that is (RFC 5465 §6.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct OfSelected {
    pub(crate) wants: Wants,
    /// EXPUNGE waits for a command.
    delayed: bool,
    /// Of new messages; nothing for their number alone.
    pub(crate) items: Option<Arc<[FetchItem]>>,
}

impl OfSelected {
    /// Without NOTIFY.
    pub(crate) const USUAL: Self = Self { wants: Wants::ALL, delayed: false, items: None };

    fn new(asked: NotifySelected) -> Self {
        let NotifySelected { delayed, events, items } = asked;
        let wants = Wants {
            messages: events.contains(Events::MESSAGES),
            flags: events.contains(Events::FLAG_CHANGE),
        };
        Self { wants, delayed, items: (!items.is_empty()).then(|| items.into()) }
    }
    /// The same items of whatever has happened: for what has accumulated before.
    pub(crate) fn everything(&self) -> Self {
        Self { wants: Wants::ALL, ..self.clone() }
    }
}

impl Notify {
    /// What changes from now on is told.
    pub(crate) fn new(set: NotifySet, core: &Core) -> Result<Self> {
        let selected = set.selected.map(OfSelected::new).unwrap_or_default();
        let interest = Interest::new(set.groups);
        if interest.is_empty() {
            return Ok(Self { selected, others: None });
        }
        let (snapshot, account) = (core.snapshot()?, core.account()?.id());
        let look = Look { snapshot: &snapshot, service: &core.service, selected: core.selected_place() };
        Ok(Self { selected, others: Some(Box::new(Others::new(account, interest, look)?)) })
    }
    /// Whether it would mean to listen to more accounts of others than one client may.
    pub(crate) fn follows_too_many(&self, core: &Core) -> bool {
        self.others.as_ref().is_some_and(|others| others.follows() > core.settings.notify_accounts_max)
    }
    /// Octets of memory it takes.
    pub(crate) fn memory_octets(&self) -> usize {
        let items = self.selected.items.as_ref().map_or(0, |items| items.len() * size_of::<FetchItem>());
        items + self.others.as_ref().map_or(0, |others| others.memory_octets())
    }
    /// How many names of mailboxes are in it.
    pub(crate) fn names(set: &NotifySet) -> usize {
        let count = |group: &NotifyGroup| match &group.mailboxes {
            NotifyMailboxes::Subtree(names) | NotifyMailboxes::Mailboxes(names) => names.len(),
            _ => 1,
        };
        set.groups.iter().map(count).sum()
    }
    /// What is wanted of a mailbox that is not selected.
    pub(crate) fn of_mailbox(&self, candidate: Candidate<'_>) -> Events {
        self.others.as_ref().map_or(Events::NONE, |others| others.interest().of(candidate))
    }
    /// How changes are told while no command runs; nothing when none are wanted.
    pub(crate) fn tells_between_commands(&self) -> Option<Tells> {
        let wants_any = self.selected.wants.messages || self.others.is_some();
        // RFC 5465 §6.1.2
        wants_any.then_some(if self.selected.delayed { Tells::NoExpunge } else { Tells::All })
    }
    fn tell(&mut self, core: &Core, out: &mut Vec<u8>) -> Result<Synced> {
        let Some(others) = &mut self.others else { return Ok(Synced::Done) };
        let snapshot = core.snapshot()?;
        let look = Look { snapshot: &snapshot, service: &core.service, selected: core.selected_place() };
        loop {
            others.due.write(core, &snapshot, &others.known.all, out)?;
            if !others.due.is_empty() {
                return Ok(Synced::OutputFull);
            }
            if others.has_read(&snapshot) {
                return Ok(Synced::Done);
            }
            if !others.read_on(look)? {
                return Ok(Synced::Slice);
            }
            let too_many = others.due.count() > core.settings.notifications_max
                || others.follows() > core.settings.notify_accounts_max;
            if too_many || others.memory_octets() > core.room_octets() {
                *self = memory::overflow(out);
                return Ok(Synced::Done);
            }
        }
    }
}

/// Tells what others did beside the selected mailbox, to a client that wants to hear of it.
pub(crate) fn tell(core: &mut Core, out: &mut Vec<u8>) -> Result<Synced> {
    let Some(mut notify) = core.notify.take() else { return Ok(Synced::Done) };
    let told = notify.tell(core, out);
    core.notify = Some(notify);
    told
}
