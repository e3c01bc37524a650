//! What is logged for those who are not shown messages with `\\Deleted` (RFC 8621 §4.1.1): when such a
//! message went out of their sight or came back, so that from the log alone it follows which emails there
//! were for them at any modseq it reaches back to. A message that just comes in costs nothing.

use koi_types::{MailboxId, SystemFlags, Uid, UidSet};

use super::account::AccountTxn;
use crate::record::log::{Event, LogSection, ThreadOf};

/// Of one mailbox in one transaction.
#[derive(Default)]
pub(super) struct Visibility {
    hidden: UidSet,
    shown: UidSet,
    read: UidSet,
    left_shown: UidSet,
    threads: Vec<ThreadOf>,
}

/// Flags that decide whether a message counts as unread.
const READ: SystemFlags = SystemFlags::SEEN.union(SystemFlags::DRAFT);

impl Visibility {
    pub(super) fn came(&mut self, uid: Uid, flags: SystemFlags) {
        if flags.contains(SystemFlags::DELETED) {
            self.hidden.insert(uid);
        }
    }
    pub(super) fn flags_changed(&mut self, uid: Uid, old: SystemFlags, new: SystemFlags) {
        let (was, is) = (old.contains(SystemFlags::DELETED), new.contains(SystemFlags::DELETED));
        if was != is {
            // Back and forth in one transaction is nothing.
            let (to, back) =
                if is { (&mut self.hidden, &mut self.shown) } else { (&mut self.shown, &mut self.hidden) };
            if back.contains(uid) {
                back.0.remove_range(uid.value()..=uid.value());
            } else {
                to.insert(uid);
            }
        }
        if old.0 & READ.0 != new.0 & READ.0 {
            self.read.insert(uid);
        }
    }
    pub(super) fn left(&mut self, uid: Uid, flags: SystemFlags, thread: Option<ThreadOf>) {
        if !flags.contains(SystemFlags::DELETED) {
            self.left_shown.insert(uid);
        }
        self.threads.extend(thread);
    }
    /// Whether a message went out of sight, or came back, without leaving or coming.
    pub(super) fn is_changed(&self) -> bool {
        !self.hidden.is_empty() || !self.shown.is_empty()
    }
    /// Whether counts of unread messages changed.
    pub(super) fn is_read_changed(&self) -> bool {
        !self.read.is_empty()
    }
    /// To be logged before what left.
    pub(super) fn log_flags(&mut self, mailbox: MailboxId, sections: &mut Vec<LogSection>) {
        for (uids, event) in [
            (std::mem::take(&mut self.hidden), Event::Hidden as fn(UidSet) -> Event),
            (std::mem::take(&mut self.shown), Event::Shown),
            (std::mem::take(&mut self.read), Event::Read),
        ] {
            if !uids.is_empty() {
                sections.push(LogSection { mailbox: Some(mailbox), event: event(uids) });
            }
        }
    }
    /// To be logged behind what left.
    pub(super) fn log_left(self, mailbox: MailboxId, sections: &mut Vec<LogSection>) {
        let mailbox = Some(mailbox);
        if !self.left_shown.is_empty() {
            sections.push(LogSection { mailbox, event: Event::LeftShown(self.left_shown) });
        }
        if !self.threads.is_empty() {
            sections.push(LogSection { mailbox, event: Event::Threads(self.threads) });
        }
    }
}

/// Types of data that a transaction changes.
#[derive(Clone, Copy, Default)]
pub(super) struct Touched {
    pub(super) email: bool,
    pub(super) mailbox: bool,
    pub(super) thread: bool,
    pub(super) delivery: bool,
    pub(super) identity: bool,
    pub(super) submission: bool,
    pub(super) vacation: bool,
}

impl Touched {
    /// By something that stands in no section of the log.
    pub(super) const fn is_setting(self) -> bool {
        self.identity || self.submission || self.vacation
    }
    /// By what happened to mailboxes as such.
    pub(super) fn by_sections(&mut self, sections: &[LogSection]) {
        for section in sections {
            match section.event {
                Event::MailboxCreated
                | Event::MailboxRenamed
                | Event::MailboxDeleted
                | Event::Subscription
                | Event::SubscriptionTo(_)
                | Event::SubscriptionOf(_)
                | Event::Rights => self.mailbox = true,
                Event::PerUser { .. } => {
                    self.email = true;
                    self.mailbox = true;
                }
                _ => {}
            }
        }
    }
}

impl AccountTxn<'_> {
    /// Brings the states of the touched types to the modseq of this transaction.
    pub(super) fn take_states(&mut self) {
        let modseq = self.modseq.value();
        let (touched, states) = (self.touched, &mut self.record.states);
        for (is_touched, state) in [
            (touched.email, &mut states.email),
            (touched.mailbox, &mut states.mailbox),
            (touched.thread, &mut states.thread),
            (touched.delivery, &mut states.delivery),
            (touched.identity, &mut states.identity),
            (touched.submission, &mut states.submission),
            (touched.vacation, &mut states.vacation),
        ] {
            if is_touched {
                *state = modseq;
            }
        }
    }
}
