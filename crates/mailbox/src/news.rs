//! The change log of a whole account, for clients that watch more than one mailbox (RFC 5465 §3.1).
//!
//! What changed is told line by line, at a cost that grows with what changed; what it means for a client is
//! not decided here.

use std::ops::ControlFlow;

use koi_store::key;
use koi_store::record::log::{Event, LogRecord};
use koi_types::{EntryName, MailboxId, MailboxName, ModSeq, Result, UidSet};

use crate::snapshot::Snapshot;

/// One line of the log.
#[derive(Clone, Copy, Debug)]
pub struct AccountChange<'c> {
    pub modseq: ModSeq,
    /// Nothing for a subscription to a name without mailbox, and for annotations of the server.
    pub mailbox: Option<MailboxId>,
    pub what: WhatChanged<'c>,
}

/// Kinds of change.
#[derive(Clone, Copy, Debug)]
pub enum WhatChanged<'c> {
    Added(&'c UidSet),
    Flags(&'c UidSet),
    Expunged(&'c UidSet),
    /// Created, deleted, renamed, or given another role.
    Name,
    /// Of this name; of some name, where the log does not tell.
    Subscription(Option<&'c MailboxName>),
    Annotations(&'c [EntryName]),
}

/// How far the log was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogRead {
    /// Everything up to here was told; the account may have come further.
    Upto(ModSeq),
    /// It does not reach back so far: what there is must be compared with what is known.
    TooLongAgo,
}

impl Snapshot<'_> {
    /// Visits what happened in the account after `since`, in order, in at most `commits_max` commits.
    pub fn changes_after(
        &self,
        since: ModSeq,
        commits_max: usize,
        visit: &mut dyn FnMut(&AccountChange<'_>),
    ) -> Result<LogRead> {
        // What happens in all of an account is its owner's to know.
        if self.guest.is_some() {
            return Err(crate::access::not_allowed());
        }
        let now = self.modseq();
        if since >= now {
            return Ok(LogRead::Upto(now));
        }
        if since.value() < self.record.log_floor {
            return Ok(LogRead::TooLongAgo);
        }
        let from = key::log(self.account, since.value().saturating_add(1));
        let end = key::log(self.account, u64::MAX);
        let (mut upto, mut left, mut readable) = (now, commits_max, true);
        self.view.scan(&from, &end, &mut |key, row| {
            let (Some(modseq), Some(log)) = (key::modseq_at_end(key), LogRecord::decode(row)) else {
                readable = false;
                return ControlFlow::Break(());
            };
            for section in &log.sections {
                if let Some(what) = WhatChanged::of(&section.event) {
                    visit(&AccountChange { modseq, mailbox: section.mailbox, what });
                }
            }
            left = left.saturating_sub(1);
            if left > 0 || modseq >= now {
                return ControlFlow::Continue(());
            }
            upto = modseq;
            ControlFlow::Break(())
        })?;
        Ok(if readable { LogRead::Upto(upto) } else { LogRead::TooLongAgo })
    }
}

impl<'c> WhatChanged<'c> {
    /// Nothing of what only concerns others.
    fn of(event: &'c Event) -> Option<Self> {
        Some(match event {
            Event::Added(uids) => Self::Added(uids),
            Event::Flags(uids) => Self::Flags(uids),
            Event::Expunged { uids, .. } => Self::Expunged(uids),
            Event::MailboxCreated | Event::MailboxRenamed | Event::MailboxDeleted => Self::Name,
            Event::Subscription => Self::Subscription(None),
            Event::SubscriptionTo(name) => Self::Subscription(Some(name)),
            Event::Annotations(names) => Self::Annotations(names),
            Event::PerUser { .. } | Event::Rights => return None,
            // Of messages that the others tell of already.
            Event::Hidden(_) | Event::Shown(_) | Event::Read(_) | Event::LeftShown(_) | Event::Threads(_) => {
                return None;
            }
        })
    }
}
