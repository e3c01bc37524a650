//! The change log of a whole account, for clients that watch more than one mailbox (RFC 5465 §3.1).
//!
//! What changed is told line by line, at a cost that grows with what changed; what it means for a client is
//! not decided here. Of the account of another a user is told what happens in mailboxes it may see and read
//! (RFC 5465 §5).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use koi_store::key;
use koi_store::mail::rights::{self, User};
use koi_store::record::account::AccountRecord;
use koi_store::record::log::{Event, LogRecord, LogSection};
use koi_types::{AccountId, EntryName, MailboxId, MailboxName, ModSeq, Result, Rights, UidSet};

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
    /// It has another UIDVALIDITY than before.
    UidValidity,
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

/// Which part of a log is read.
#[derive(Clone, Copy)]
struct Part {
    account: AccountId,
    since: ModSeq,
    commits_max: usize,
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
        let part = Part { account: self.account, since, commits_max };
        self.read_account_log(part, &self.record, &mut |modseq, section| {
            if let Some(what) = WhatChanged::of(&section.event) {
                visit(&AccountChange { modseq, mailbox: section.mailbox, what });
            }
            Ok(())
        })
    }
    /// The same of the account of another: what happened in mailboxes that the user may look up and read, its
    /// own flags among it. That something happened to names is told of all mailboxes: which of them are for
    /// the user, [`Snapshot::shared_by`] says. Nothing when there is no such account any more.
    pub fn changes_of(
        &self,
        owner: AccountId,
        since: ModSeq,
        commits_max: usize,
        visit: &mut dyn FnMut(&AccountChange<'_>),
    ) -> Result<Option<LogRead>> {
        let Some(record) = self.owner_record(owner)? else { return Ok(None) };
        let mut guest = Reader { user: self.user()?, rights: BTreeMap::new() };
        let part = Part { account: owner, since, commits_max };
        let read = self.read_account_log(part, &record, &mut |modseq, section| {
            let Some(mailbox) = section.mailbox else { return Ok(()) };
            let mut shared = Vec::new();
            let what = match &section.event {
                Event::PerUser { user, uids } if *user == guest.user.id => Some(WhatChanged::Flags(uids)),
                Event::Annotations(names) => {
                    // Private entries are the owner's.
                    shared.extend(names.iter().filter(|name| !name.is_private()).cloned());
                    (!shared.is_empty()).then_some(WhatChanged::Annotations(&shared))
                }
                event => WhatChanged::of(event),
            };
            let Some(what) = what else { return Ok(()) };
            if matches!(what, WhatChanged::Name) || guest.may_read(self, owner, &record, mailbox)? {
                visit(&AccountChange { modseq, mailbox: Some(mailbox), what });
            }
            Ok(())
        });
        read.map(Some)
    }
    fn read_account_log(
        &self,
        part: Part,
        record: &AccountRecord,
        visit: &mut dyn FnMut(ModSeq, &LogSection) -> Result<()>,
    ) -> Result<LogRead> {
        let (now, since) = (record.current(), part.since);
        if since >= now {
            return Ok(LogRead::Upto(now));
        }
        if since.value() < record.log_floor {
            return Ok(LogRead::TooLongAgo);
        }
        let from = key::log(part.account, since.value().saturating_add(1));
        let end = key::log(part.account, u64::MAX);
        let (mut upto, mut left, mut readable, mut visited) = (now, part.commits_max, true, Ok(()));
        self.view.scan(&from, &end, &mut |key, row| {
            let (Some(modseq), Some(log)) = (key::modseq_at_end(key), LogRecord::decode(row)) else {
                readable = false;
                return ControlFlow::Break(());
            };
            visited = log.sections.iter().try_for_each(|section| visit(modseq, section));
            left = left.saturating_sub(1);
            if visited.is_ok() && (left > 0 || modseq >= now) {
                return ControlFlow::Continue(());
            }
            upto = modseq;
            ControlFlow::Break(())
        })?;
        visited?;
        Ok(if readable { LogRead::Upto(upto) } else { LogRead::TooLongAgo })
    }
}

/// Who reads the log of another, and the rights that were looked up.
struct Reader {
    user: User,
    rights: BTreeMap<MailboxId, Rights>,
}

impl Reader {
    fn may_read(
        &mut self,
        snapshot: &Snapshot<'_>,
        owner: AccountId,
        record: &AccountRecord,
        mailbox: MailboxId,
    ) -> Result<bool> {
        let rights = match self.rights.get(&mailbox) {
            Some(rights) => *rights,
            None => {
                let rights = rights::rights(&*snapshot.view, owner, record.scope, mailbox, self.user)?;
                self.rights.insert(mailbox, rights);
                rights
            }
        };
        Ok(rights.contains(Rights::LOOKUP.union(Rights::READ)))
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
            Event::UidValidity => Self::UidValidity,
            Event::Subscription => Self::Subscription(None),
            Event::SubscriptionTo(name) => Self::Subscription(Some(name)),
            Event::Annotations(names) => Self::Annotations(names),
            Event::PerUser { .. } | Event::Rights | Event::SubscriptionOf(_) => return None,
            // Of messages that the others tell of already.
            Event::Hidden(_) | Event::Shown(_) | Event::Read(_) | Event::LeftShown(_) | Event::Threads(_) => {
                return None;
            }
            Event::LeftAs(_) | Event::LeftSeen { .. } | Event::Trash => return None,
        })
    }
}
