//! What waits to be told of names, mailboxes and annotations, and writing it: LIST, STATUS and METADATA
//! lines (RFC 5465 §5).
//!
//! Numbers and attributes are those of the moment in which a line is written.

use std::collections::{BTreeMap, VecDeque};

use koi_mailbox::{ChangedAnnotation, Snapshot};
use koi_proto::imap::command::{Events, StatusItem};
use koi_types::{MailboxId, Result, limits};

use super::names::NameLine;
use crate::imap::annotations;
use crate::imap::cmd::list;
use crate::imap::cmd::status::StatusWriter;
use crate::imap::core::Core;

/// Lines that are due, in the order in which they are written.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(super) names: VecDeque<NameLine>,
    pub(super) statuses: BTreeMap<MailboxId, DueStatus>,
    pub(super) annotations: VecDeque<ChangedAnnotation>,
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
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }
    /// About how many lines.
    pub(super) fn count(&self) -> usize {
        self.names.len() + self.statuses.len() + self.annotations.len()
    }
    /// Octets of memory they take.
    pub(super) fn memory_octets(&self) -> usize {
        let name = |line: &NameLine| {
            let old = line.old_name.as_ref().map_or(0, |old| old.as_str().len());
            size_of::<NameLine>() + line.name.as_str().len() + old
        };
        let statuses = self.statuses.len() * 2 * size_of::<(MailboxId, DueStatus)>();
        self.names.iter().map(name).sum::<usize>() + statuses + annotations::names_octets(&self.annotations)
    }
    /// Whole lines, until there is nothing left or no room.
    pub(super) fn write(&mut self, core: &Core, snapshot: &Snapshot<'_>, out: &mut Vec<u8>) -> Result<()> {
        let is_full = |out: &Vec<u8>| out.len() >= limits::OUTPUT_OCTETS_HIGH;
        let hierarchy = snapshot.hierarchy();
        while let Some(line) = self.names.front().filter(|_| !is_full(out)) {
            let old_name = line.old_name.as_ref().map(koi_types::MailboxName::as_str);
            list::line(&hierarchy, &line.name, old_name, core.names(), out);
            self.names.pop_front();
        }
        while !is_full(out) {
            let Some((mailbox, due)) = self.statuses.pop_first() else { break };
            // Gone meanwhile: that is told when its name is.
            if let Some(row) = snapshot.mailbox(mailbox)? {
                let items = due.items(core.condstore);
                StatusWriter::new(core, core.account()?, snapshot, &items).write(&row, out)?;
            }
        }
        annotations::write(&mut self.annotations, snapshot, core.names(), out)
    }
}
