//! NOTIFY (RFC 5465 §3.1): what is to be told from now on, also while no command runs.

use koi_mailbox::{Account, Hierarchy, NameNode, Snapshot};
use koi_proto::imap::command::notify::EVENTS;
use koi_proto::imap::command::{Events, NotifySet, StatusItem};
use koi_proto::imap::response::Code;
use koi_types::{Result, Rights, limits};

use super::status::StatusWriter;
use crate::imap::core::Core;
use crate::imap::job::{Context, Job, Outcome, at_once, ran_twice};
use crate::imap::notify::{Candidate, Notify, Place};
use crate::imap::reply::Reply;
use crate::imap::sync::Sync;
use crate::names::Walk;

pub(crate) fn start(notify: koi_proto::imap::command::Notify) -> Box<dyn Job> {
    match notify {
        koi_proto::imap::command::Notify::None => at_once(|cx| {
            cx.core.begin_to_notify(Box::default());
            Ok(done())
        }),
        koi_proto::imap::command::Notify::Set(set) => Box::new(Setting::Begin(set)),
    }
}

enum Setting {
    Begin(Box<NotifySet>),
    /// What has accumulated is told in the way asked for, everything else as it was until now.
    Tell {
        sync: Sync,
        notify: Box<Notify>,
        status: bool,
    },
    /// The counters of the mailboxes that are watched.
    Status(Walk),
    Over,
}

impl Job for Setting {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        loop {
            match std::mem::replace(self, Self::Over) {
                Self::Begin(set) => {
                    if let Some(reply) = refused(&set) {
                        return Ok(Outcome::Done(reply));
                    }
                    let status = set.status;
                    let notify = Box::new(Notify::new(*set, cx.core)?);
                    if notify.follows_too_many(cx.core) {
                        return Ok(Outcome::Done(too_much("that would be mailboxes of too many users")));
                    }
                    cx.require_room(notify.memory_octets())?;
                    let sync = Sync::instead(notify.selected.everything());
                    *self = Self::Tell { sync, notify, status };
                }
                Self::Tell { mut sync, notify, status } => {
                    if let Some(stopped) = sync.step(cx)? {
                        *self = Self::Tell { sync, notify, status };
                        return Ok(stopped);
                    }
                    cx.core.begin_to_notify(notify);
                    if !status {
                        return Ok(Outcome::Done(done()));
                    }
                    *self = Self::Status(Walk::default());
                }
                Self::Status(mut walk) => {
                    let snapshot = cx.core.snapshot()?;
                    let core = &*cx.core;
                    let stopped = walk.step(&snapshot, cx.out, |hierarchy, node, out| {
                        tell_status(core, &snapshot, hierarchy, node, out)
                    })?;
                    if let Some(stopped) = stopped {
                        *self = Self::Status(walk);
                        return Ok(stopped.into());
                    }
                    return Ok(Outcome::Done(done()));
                }
                Self::Over => return Err(ran_twice()),
            }
        }
    }
}

fn done() -> Reply {
    Reply::ok("NOTIFY completed")
}

/// RFC 5465 §3.1
fn refused(set: &NotifySet) -> Option<Reply> {
    if set.unknown_event {
        return Some(Reply::no("an event is not known here").code(&Code::BadEvent(EVENTS)));
    }
    let names = Notify::names(set);
    (names > limits::IMAP_NOTIFY_NAMES_MAX).then(|| too_much("too many mailboxes are named"))
}

/// RFC 5465 §3.1
fn too_much(why: &'static str) -> Reply {
    Reply::no(why).code(&Code::NotificationOverflow)
}

/// The counters of one mailbox, if messages of it are watched.
fn tell_status(
    core: &Core,
    snapshot: &Snapshot<'_>,
    hierarchy: &Hierarchy,
    node: &NameNode,
    out: &mut Vec<u8>,
) -> Result<()> {
    let Some(mailbox) = node.mailbox else { return Ok(()) };
    let account = core.account()?;
    let place = Place { owner: mailbox.owner.unwrap_or(account.id()), mailbox: mailbox.id };
    let is_selected = core.selected_place() == Some(place);
    let Some(notify) = core.notify.as_ref().filter(|_| !is_selected) else { return Ok(()) };
    let events = notify.of_mailbox(Candidate::new(&node.name, hierarchy, &core.service));
    let mut items = Vec::with_capacity(4);
    if events.contains(Events::MESSAGES) {
        items.extend([StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity]);
    }
    if events.contains(Events::FLAG_CHANGE) {
        items.push(StatusItem::HighestModSeq);
    }
    if items.is_empty() {
        return Ok(());
    }
    let write = |account: &Account, snapshot: &Snapshot<'_>, out: &mut Vec<u8>| {
        let row = snapshot.mailbox_of(node)?.filter(|row| row.rights.contains(Rights::READ));
        row.map_or(Ok(()), |row| StatusWriter::new(core, account, snapshot, &items).write(&row, out))
    };
    match mailbox.owner {
        None => write(account, snapshot, out),
        Some(owner) => {
            let account = account.of(owner)?;
            write(&account, &account.snapshot()?, out)
        }
    }
}
