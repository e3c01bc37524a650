//! What became of names: which LIST lines tell it, and in which order (RFC 5465 §5.4 and §5.5).
//!
//! A client that takes the lines one after the other comes to the names there are now, also when several
//! things have happened: first what is gone, then what was renamed, then what is new.

use std::collections::BTreeSet;

use koi_proto::imap::command::Events;
use koi_types::MailboxName;

use super::known::{Known, Place};
use super::renames::{Rename, Renamed, Renames};

/// One LIST line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NameLine {
    pub(super) name: MailboxName,
    pub(super) old_name: Option<MailboxName>,
    /// Another's, which this client may not look up any more, or which is gone: it is not told which (RFC
    /// 5465 §5.9).
    pub(super) lost: bool,
}

/// The names a client knows, and those there are.
pub(super) struct NameChanges<'a> {
    pub(super) before: &'a Known,
    pub(super) now: &'a Known,
    /// Those of which the log says that something happened to their names.
    pub(super) mailboxes: &'a BTreeSet<Place>,
    /// Names of mailboxes of others that are told in any case.
    pub(super) access: &'a BTreeSet<MailboxName>,
    /// Names by which others shared something.
    pub(super) lost: &'a BTreeSet<MailboxName>,
}

/// Whether a name is among those for which the client wants to hear of an event.
type Wanted<'w> = dyn Fn(&MailboxName, Events) -> bool + 'w;

/// What is told.
#[derive(Debug, Default)]
pub(super) struct NameNews {
    pub(super) lines: Vec<NameLine>,
    /// Names that have another mailbox than the client may believe.
    pub(super) anew: BTreeSet<MailboxName>,
}

/// What is to be told of names and subscriptions.
pub(super) fn news(
    changes: &NameChanges<'_>,
    subscriptions: &BTreeSet<MailboxName>,
    wanted: &Wanted<'_>,
) -> NameNews {
    let Affected { mut names, renamed } = Affected::by(changes);
    names.retain(|name| wanted(name, Events::MAILBOX_NAME));
    let stays = |from: &MailboxName| {
        let mut below = changes.before.all.below(from);
        below.any(|node| {
            node.mailbox.is_some() && changes.now.place(&node.name) == changes.before.place(&node.name)
        })
    };
    let Renames { told, broken } = Renames::of(&renamed, &stays, &|from, to| {
        wanted(from, Events::MAILBOX_NAME) || wanted(to, Events::MAILBOX_NAME)
    });
    // The line of the rename says it.
    let new_names: BTreeSet<&MailboxName> = told.iter().map(|rename| &rename.to).collect();
    names.retain(|name| !new_names.contains(name));
    names.extend(broken.keys().filter(|from| !changes.now.is_mailbox(from)).cloned());
    names.extend(broken.values().cloned());
    names.extend(changes.access.iter().cloned());
    names.extend(subscriptions.iter().filter(|name| wanted(name, Events::SUBSCRIPTION_CHANGE)).cloned());
    // An old name is free only after the rename.
    let is_renamed = |name: &MailboxName| renamed.contains_key(name) && !broken.contains_key(name);
    let is_late = |name: &MailboxName| changes.now.is_mailbox(name) || is_renamed(name);
    let (late, gone): (Vec<MailboxName>, Vec<MailboxName>) = names.into_iter().partition(is_late);
    let plain = |name: MailboxName| {
        let lost = changes.lost.contains(&name) && !changes.now.is_mailbox(&name);
        NameLine { name, old_name: None, lost }
    };
    let mut lines: Vec<NameLine> = gone.into_iter().map(plain).collect();
    let rename = |Rename { from, to }| NameLine { name: to, old_name: Some(from), lost: false };
    lines.extend(told.into_iter().map(rename));
    lines.extend(late.into_iter().map(plain));
    NameNews { lines, anew: broken.into_values().collect() }
}

/// Names of which something is to be said.
struct Affected {
    /// Made or deleted, the name above each, and levels that came or went with them.
    names: BTreeSet<MailboxName>,
    renamed: Renamed,
}

impl Affected {
    fn by(changes: &NameChanges<'_>) -> Self {
        let mut affected = Self { names: BTreeSet::new(), renamed: Renamed::new() };
        // Where a name came or went.
        let mut places = BTreeSet::new();
        for id in changes.mailboxes {
            let name = |names: &Known| names.name(*id).cloned();
            match (name(changes.before), name(changes.now)) {
                (Some(from), Some(to)) if from != to => {
                    places.extend([from.clone(), to.clone()]);
                    affected.renamed.insert(from, to);
                }
                (Some(name), None) | (None, Some(name)) => {
                    places.insert(name.clone());
                    // RFC 5465 §5.4: the direct parent is affected, whether or not it is a mailbox.
                    affected.names.extend(name.parent());
                    affected.names.insert(name);
                }
                _ => {}
            }
        }
        let to: BTreeSet<&MailboxName> = affected.renamed.values().collect();
        let is_renamed = |name: &MailboxName| affected.renamed.contains_key(name) || to.contains(name);
        let levels: Vec<MailboxName> =
            places.iter().flat_map(|place| changed_levels(changes, place, &is_renamed)).collect();
        affected.names.extend(levels);
        // A name that went with a rename is not gone: it is what the client has to rename.
        affected.names.retain(|name| changes.now.is_mailbox(name) || !affected.renamed.contains_key(name));
        affected
    }
}

/// The levels above a name that are there in one hierarchy and not in the other, and the name above those.
/// Of what was renamed the line of the rename tells.
fn changed_levels(
    changes: &NameChanges<'_>,
    name: &MailboxName,
    is_renamed: &dyn Fn(&MailboxName) -> bool,
) -> Vec<MailboxName> {
    let changed = |level: &MailboxName| {
        changes.before.is_there(level) != changes.now.is_there(level) && !is_renamed(level)
    };
    let above = || std::iter::successors(name.parent(), MailboxName::parent);
    match above().take_while(&changed).count() {
        0 => Vec::new(),
        count => above().take(count + 1).collect(),
    }
}
