//! What waits to be told of names, mailboxes and annotations, and writing it: LIST, STATUS and METADATA
//! lines (RFC 5465 §5).
//!
//! Numbers are those of the moment in which a line is written, and so are the rights that show them.

use std::collections::{BTreeMap, VecDeque};

use koi_mailbox::{Account, ChangedAnnotation, Hierarchy, Snapshot};
use koi_proto::imap::command::{Events, StatusItem};
use koi_types::{AccountId, ErrorKind, MailboxName, Result, Rights, limits};

use super::known::Place;
use super::names::NameLine;
use crate::imap::annotations;
use crate::imap::cmd::list::{self, Line};
use crate::imap::cmd::status::StatusWriter;
use crate::imap::core::Core;

/// Lines that are due, in the order in which they are written.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(super) names: VecDeque<NameLine>,
    pub(super) statuses: BTreeMap<Place, DueStatus>,
    /// By whose they are; none of them is empty.
    pub(super) annotations: BTreeMap<AccountId, VecDeque<ChangedAnnotation>>,
}

/// Why a STATUS line is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct DueStatus {
    pub(super) happened: Events,
    pub(super) wanted: Events,
}

impl DueStatus {
    pub(super) fn is_due(self) -> bool {
        let messages = self.wanted.contains(Events::MESSAGES) && self.happened.contains(Events::MESSAGES);
        // RFC 5465 §5.1: with FlagChange, also that UIDVALIDITY is another.
        let flags = Events::FLAG_CHANGE | Events::MAILBOX_NAME;
        messages || self.wanted.contains(Events::FLAG_CHANGE) && self.happened.intersects(flags)
    }
    /// RFC 5465 §5.1 to §5.3. UNSEEN is told with everything that may change it.
    fn items(self, modseqs: bool) -> Vec<StatusItem> {
        let mut items = Vec::with_capacity(5);
        if self.happened.intersects(Events::MESSAGES | Events::MAILBOX_NAME) {
            items.extend([StatusItem::Messages, StatusItem::UidNext]);
        }
        items.push(StatusItem::UidValidity);
        if self.wanted.contains(Events::FLAG_CHANGE) {
            items.push(StatusItem::Unseen);
        }
        items.extend(modseqs.then_some(StatusItem::HighestModSeq));
        items
    }
}

impl Due {
    /// Names as they are.
    pub(super) fn of_names(names: Vec<MailboxName>) -> Self {
        let line = |name| NameLine { name, old_name: None, lost: false };
        Self { names: names.into_iter().map(line).collect(), ..Self::default() }
    }
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }
    /// About how many lines.
    pub(super) fn count(&self) -> usize {
        let annotations: usize = self.annotations.values().map(VecDeque::len).sum();
        self.names.len() + self.statuses.len() + annotations
    }
    /// Octets of memory they take.
    pub(super) fn memory_octets(&self) -> usize {
        let name = |line: &NameLine| {
            let old = line.old_name.as_ref().map_or(0, |old| old.as_str().len());
            size_of::<NameLine>() + line.name.as_str().len() + old
        };
        let statuses = self.statuses.len() * 2 * size_of::<(Place, DueStatus)>();
        let annotations: usize = self.annotations.values().map(annotations::names_octets).sum();
        self.names.iter().map(name).sum::<usize>() + statuses + annotations
    }
    /// Whole lines, until there is nothing left or no room. `names` are those the lines are about.
    pub(super) fn write(
        &mut self,
        core: &Core,
        snapshot: &Snapshot<'_>,
        names: &Hierarchy,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let is_full = |out: &Vec<u8>| out.len() >= limits::OUTPUT_OCTETS_HIGH;
        while let Some(due) = self.names.front().filter(|_| !is_full(out)) {
            let old_name = due.old_name.as_ref().map(MailboxName::as_str);
            let may_not_read = |node: &koi_mailbox::NameNode| {
                node.mailbox.is_some_and(|mailbox| !mailbox.rights.contains(Rights::READ))
            };
            let no_access = due.lost || names.node(&due.name).is_some_and(may_not_read);
            list::line(names, &Line { name: &due.name, old_name, no_access }, core.names(), out);
            self.names.pop_front();
        }
        while !is_full(out) {
            let Some((place, due)) = self.statuses.pop_first() else { break };
            write_status(core, snapshot, place, due, out)?;
        }
        while let Some(mut queue) = self.annotations.first_entry().filter(|_| !is_full(out)) {
            let written = match theirs(core, *queue.key()) {
                Ok(None) => annotations::write(queue.get_mut(), snapshot, core.names(), out),
                Ok(Some(account)) => account
                    .snapshot()
                    .and_then(|snapshot| annotations::write(queue.get_mut(), &snapshot, core.names(), out)),
                Err(error) => Err(error),
            };
            if let Err(error) = written {
                gone(error)?;
                queue.get_mut().clear();
            }
            if queue.get().is_empty() {
                queue.remove();
            }
        }
        Ok(())
    }
}

/// The account of another, for its id; nothing for the user's own.
fn theirs(core: &Core, owner: AccountId) -> Result<Option<Account>> {
    let own = core.account()?;
    match own.id() == owner {
        true => Ok(None),
        false => own.of(owner).map(Some),
    }
}

fn write_status(
    core: &Core,
    snapshot: &Snapshot<'_>,
    place: Place,
    due: DueStatus,
    out: &mut Vec<u8>,
) -> Result<()> {
    let items = due.items(core.condstore);
    let write = |account: &Account, snapshot: &Snapshot<'_>, out: &mut Vec<u8>| {
        // Gone meanwhile, or not to be read any more: that is told when its name is.
        let row = snapshot.mailbox(place.mailbox)?.filter(|row| row.rights.contains(Rights::LOOKUP));
        row.map_or(Ok(()), |row| StatusWriter::new(core, account, snapshot, &items).write(&row, out))
    };
    match theirs(core, place.owner) {
        Ok(None) => write(core.account()?, snapshot, out),
        Ok(Some(account)) => match account.snapshot() {
            Ok(snapshot) => write(&account, &snapshot, out),
            Err(error) => gone(error),
        },
        Err(error) => gone(error),
    }
}

/// That the account of another was removed is no failure.
fn gone(error: koi_types::MailError) -> Result<()> {
    if error.kind == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
