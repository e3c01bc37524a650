//! What became of names: which LIST lines tell it, and in which order (RFC 5465 §5.4 and §5.5).
//!
//! A client that takes the lines one after the other comes to the names there are now, also when several
//! things have happened: first what is gone, then what was renamed (the lower name before the one above it,
//! and a name is made free before another takes it), then what is new.

use std::collections::{BTreeMap, BTreeSet};

use koi_proto::imap::command::Events;
use koi_types::MailboxName;

use super::known::{Known, Place};

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

/// What is to be told of names and subscriptions.
pub(super) fn lines(
    changes: &NameChanges<'_>,
    subscriptions: &BTreeSet<MailboxName>,
    wanted: &Wanted<'_>,
) -> Vec<NameLine> {
    let Affected { mut names, renamed } = Affected::by(changes);
    names.retain(|name| wanted(name, Events::MAILBOX_NAME));
    let wanted_rename = |from: &MailboxName, to: &MailboxName| {
        wanted(from, Events::MAILBOX_NAME) || wanted(to, Events::MAILBOX_NAME)
    };
    // RFC 5465 §5.4: what was renamed with a name above it is not told by itself.
    let goes_along = |from: &MailboxName, to: &MailboxName| {
        let mut above = std::iter::successors(from.parent(), MailboxName::parent);
        above.any(|above| {
            let moved = renamed.get(&above).filter(|above_to| wanted_rename(&above, above_to));
            moved.and_then(|above_to| from.moved(&above, above_to)).as_ref() == Some(to)
        })
    };
    let told: BTreeMap<&MailboxName, &MailboxName> =
        renamed.iter().filter(|(from, to)| wanted_rename(from, to) && !goes_along(from, to)).collect();
    // The line of the rename says it.
    names.retain(|name| !told.values().any(|to| *to == name));
    names.extend(changes.access.iter().cloned());
    names.extend(subscriptions.iter().filter(|name| wanted(name, Events::SUBSCRIPTION_CHANGE)).cloned());
    // An old name is free only after the rename.
    let is_late = |name: &MailboxName| changes.now.is_mailbox(name) || renamed.contains_key(name);
    let (late, gone): (Vec<MailboxName>, Vec<MailboxName>) = names.into_iter().partition(is_late);
    let plain = |name: MailboxName| {
        let lost = changes.lost.contains(&name) && !changes.now.is_mailbox(&name);
        NameLine { name, old_name: None, lost }
    };
    let mut lines: Vec<NameLine> = gone.into_iter().map(plain).collect();
    let in_circles = order(&told, &mut lines);
    lines.extend(in_circles.into_iter().chain(late).map(plain));
    lines
}

/// Names of which something is to be said.
struct Affected {
    /// Made or deleted, the name above each, and levels that came or went with them.
    names: BTreeSet<MailboxName>,
    /// From the old name to the new one.
    renamed: BTreeMap<MailboxName, MailboxName>,
}

impl Affected {
    fn by(changes: &NameChanges<'_>) -> Self {
        let mut affected = Self { names: BTreeSet::new(), renamed: BTreeMap::new() };
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

/// Puts renames into the order in which they can be told. Answers names that were exchanged: there is no
/// such order for them.
fn order(renamed: &BTreeMap<&MailboxName, &MailboxName>, lines: &mut Vec<NameLine>) -> Vec<MailboxName> {
    let mut from: Vec<&MailboxName> = renamed.keys().copied().collect();
    from.sort_by_key(|name| std::cmp::Reverse(name.as_str().matches('/').count()));
    let (mut done, mut in_circles) = (BTreeSet::new(), Vec::new());
    for first in from {
        let mut chain = Vec::new();
        let mut next = Some(first);
        while let Some(from) = next.filter(|from| done.insert(*from)) {
            let Some(to) = renamed.get(from) else { break };
            chain.push(NameLine { name: (*to).clone(), old_name: Some(from.clone()), lost: false });
            next = renamed.get_key_value(*to).map(|(from, _)| *from);
        }
        if chain.last().is_some_and(|last| last.name == *first) {
            in_circles.extend(chain.into_iter().map(|line| line.name));
        } else {
            lines.extend(chain.into_iter().rev());
        }
    }
    in_circles
}
