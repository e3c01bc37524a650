//! The names that a client of NOTIFY knows: the user's own, and those of others that it may look up (RFC 5465
//! §5.4). Must not: read anything but memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use koi_mailbox::{Hierarchy, NameNode, SharedName};
use koi_types::{AccountId, MailboxId, MailboxName, Rights};

/// A mailbox, whosever it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Place {
    pub(crate) owner: AccountId,
    pub(crate) mailbox: MailboxId,
}

/// What others share.
pub(super) type Shared = BTreeMap<Place, SharedName>;

/// Names at one moment; a copy costs nothing.
#[derive(Clone, Debug)]
pub(super) struct Known {
    account: AccountId,
    pub(super) own: Arc<Hierarchy>,
    pub(super) shared: Arc<Shared>,
    /// Both together.
    pub(super) all: Arc<Hierarchy>,
    shared_octets: usize,
}

/// What all events need (RFC 5465 §5).
const NEEDED: Rights = Rights::LOOKUP.union(Rights::READ);

impl Known {
    pub(super) fn new(account: AccountId, own: Arc<Hierarchy>, shared: Arc<Shared>) -> Self {
        let all = match shared.is_empty() {
            true => Arc::clone(&own),
            false => Arc::new(own.with(shared.values())),
        };
        // Once by its place, and as a node and its way down to it.
        let octets = |shared: &SharedName| 8 * size_of::<SharedName>() + 2 * shared.name.as_str().len();
        let shared_octets = shared.values().map(octets).sum();
        Self { account, own, shared, all, shared_octets }
    }
    /// Octets of memory that what others share takes; one's own names belong to all.
    pub(super) const fn memory_octets(&self) -> usize {
        self.shared_octets
    }
    /// What the client calls a mailbox that it may look up.
    pub(super) fn name(&self, place: Place) -> Option<&MailboxName> {
        match place.owner == self.account {
            true => self.own.mailbox(place.mailbox).map(|node| &node.name),
            false => self.shared.get(&place).map(|shared| &shared.name),
        }
    }
    /// The same of one that it may read too.
    pub(super) fn readable(&self, place: Place) -> Option<&MailboxName> {
        let is_shared = || self.shared.get(&place).is_some_and(may_read);
        self.name(place).filter(|_| place.owner == self.account || is_shared())
    }
    /// The mailbox of this name for the client.
    pub(super) fn place(&self, name: &MailboxName) -> Option<Place> {
        let mailbox = self.all.node(name)?.mailbox?;
        Some(Place { owner: mailbox.owner.unwrap_or(self.account), mailbox: mailbox.id })
    }
    pub(super) fn is_mailbox(&self, name: &MailboxName) -> bool {
        self.place(name).is_some()
    }
    /// A mailbox, or a level above one.
    pub(super) fn is_there(&self, name: &MailboxName) -> bool {
        self.all.node(name).is_some_and(NameNode::is_there)
    }
}

pub(super) const fn may_read(shared: &SharedName) -> bool {
    shared.mailbox.rights.contains(NEEDED)
}
