//! The names of an account as a hierarchy: mailboxes, levels above mailboxes that are none themselves, and
//! names that are only subscribed (RFC 9051 §6.3.9, RFC 5258 §3). A copy shares what did not change;
//! counters are not in it.

use koi_store::record::mailbox::NameRecord;
use koi_types::name::SEPARATOR;
use koi_types::{AccountId, MailboxId, MailboxName, Rights, Role, Timestamp};

use crate::shared::SharedName;
use crate::sorted::{Keyed, Sorted};

/// Every name there is something to say about, in order.
#[derive(Clone, Debug, Default)]
pub struct Hierarchy {
    nodes: Sorted<NameNode>,
    by_id: Sorted<Bearer>,
}

/// One name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameNode {
    pub name: MailboxName,
    /// `None` for a level of hierarchy, or a name that is only subscribed.
    pub mailbox: Option<NamedMailbox>,
    pub subscribed: bool,
    /// Names one level below that have a node.
    below: u32,
    /// Of these, mailboxes and levels above one.
    there_below: u32,
}

/// What changes rarely in a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NamedMailbox {
    pub id: MailboxId,
    pub role: Option<Role>,
    pub created_at: Timestamp,
    /// Where it is shown among its siblings (RFC 8621 §2).
    pub sort_order: u32,
    /// Whose it is, if it is shared by another; what its id is of.
    pub owner: Option<AccountId>,
    /// What the user may do with it; of one's own everything.
    pub rights: Rights,
}

impl NamedMailbox {
    pub(crate) const fn own(id: MailboxId, record: &NameRecord) -> Self {
        let NameRecord { role, created_at, sort_order, .. } = *record;
        Self { id, role, created_at, sort_order, owner: None, rights: Rights::ALL }
    }
}

/// Which name a mailbox has.
#[derive(Clone, Debug)]
struct Bearer {
    id: MailboxId,
    name: MailboxName,
}

impl Keyed for NameNode {
    type Key = MailboxName;
    fn key(&self) -> &MailboxName {
        &self.name
    }
}

impl Keyed for Bearer {
    type Key = MailboxId;
    fn key(&self) -> &MailboxId {
        &self.id
    }
}

impl Hierarchy {
    /// All names in order.
    pub fn nodes(&self) -> impl Iterator<Item = &NameNode> {
        self.nodes.iter()
    }
    /// The names behind `name` in order, whether or not it is one of them.
    pub fn after(&self, name: &MailboxName) -> impl Iterator<Item = &NameNode> {
        self.nodes.rest(&|node| node.name <= *name)
    }
    /// The names below `name`, at any depth.
    pub fn below(&self, name: &MailboxName) -> impl Iterator<Item = &NameNode> {
        let prefix = format!("{name}{SEPARATOR}");
        let rest = self.nodes.rest(&|node| node.name.as_str() < prefix.as_str());
        rest.take_while(move |node| node.name.as_str().starts_with(&prefix))
    }
    #[must_use]
    pub fn node(&self, name: &MailboxName) -> Option<&NameNode> {
        self.nodes.get(name)
    }
    /// The node of a mailbox.
    #[must_use]
    pub fn mailbox(&self, id: MailboxId) -> Option<&NameNode> {
        self.nodes.get(&self.by_id.get(&id)?.name)
    }
    /// The mailbox with a role.
    #[must_use]
    pub fn with_role(&self, role: Role) -> Option<MailboxId> {
        let mut mailboxes = self.nodes().filter_map(|node| node.mailbox);
        mailboxes.find(|mailbox| mailbox.role == Some(role)).map(|mailbox| mailbox.id)
    }
    /// These names, and among them those of others, which are not found by their ids.
    #[must_use]
    pub fn with<'a>(&self, shared: impl IntoIterator<Item = &'a SharedName>) -> Self {
        let mut all = self.clone();
        for SharedName { name, mailbox } in shared {
            all.change(name, Change::Mailbox(Some(*mailbox)));
        }
        all
    }
    /// Gives a name to a mailbox, or takes it away.
    pub(crate) fn set_mailbox(&mut self, name: &MailboxName, mailbox: Option<NamedMailbox>) {
        if let Some(old) = self.node(name).and_then(|node| node.mailbox) {
            self.by_id.remove(&old.id);
        }
        if let Some(new) = mailbox {
            self.by_id.insert(Bearer { id: new.id, name: name.clone() });
        }
        self.change(name, Change::Mailbox(mailbox));
    }
    pub(crate) fn set_subscribed(&mut self, name: &MailboxName, subscribed: bool) {
        self.change(name, Change::Subscribed(subscribed));
    }
    /// Changes a node, and those above it as far as they are concerned.
    fn change(&mut self, name: &MailboxName, change: Change) {
        let mut next = Some((name.clone(), change));
        while let Some((name, change)) = next {
            let before = self.node(&name);
            let mut node = before.cloned().unwrap_or_else(|| NameNode::nothing(&name));
            let (was_needed, was_there) = (before.is_some(), node.is_there());
            node.apply(change);
            let above = Change::Below {
                more: i32::from(node.is_needed()) - i32::from(was_needed),
                more_there: i32::from(node.is_there()) - i32::from(was_there),
            };
            match node.is_needed() {
                true => self.nodes.insert(node),
                false => self.nodes.remove(&name),
            }
            let concerned = above != Change::Below { more: 0, more_there: 0 };
            next = name.parent().filter(|_| concerned).map(|parent| (parent, above));
        }
    }
}

/// What happens to one node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Mailbox(Option<NamedMailbox>),
    Subscribed(bool),
    Below { more: i32, more_there: i32 },
}

impl NameNode {
    fn nothing(name: &MailboxName) -> Self {
        Self { name: name.clone(), mailbox: None, subscribed: false, below: 0, there_below: 0 }
    }
    fn apply(&mut self, change: Change) {
        match change {
            Change::Mailbox(mailbox) => self.mailbox = mailbox,
            Change::Subscribed(subscribed) => self.subscribed = subscribed,
            Change::Below { more, more_there } => {
                self.below = self.below.saturating_add_signed(more);
                self.there_below = self.there_below.saturating_add_signed(more_there);
            }
        }
    }
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.mailbox.and_then(|mailbox| mailbox.role)
    }
    /// There are mailboxes below, at any depth.
    #[must_use]
    pub const fn has_children(&self) -> bool {
        self.there_below > 0
    }
    /// A mailbox or a level above one; not a name that is only subscribed.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.mailbox.is_some() || self.has_children()
    }
    const fn is_needed(&self) -> bool {
        self.mailbox.is_some() || self.subscribed || self.below > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> MailboxName {
        MailboxName::new(text).unwrap()
    }

    fn mailbox(id: u32) -> Option<NamedMailbox> {
        let record = NameRecord { name: name("any"), role: None, created_at: Timestamp(0), sort_order: 0 };
        Some(NamedMailbox::own(MailboxId(id), &record))
    }

    fn hierarchy(mailboxes: &[&str], subscribed: &[&str]) -> Hierarchy {
        let mut all = Hierarchy::default();
        for (id, text) in (1u32..).zip(mailboxes) {
            all.set_mailbox(&name(text), mailbox(id));
        }
        subscribed.iter().for_each(|text| all.set_subscribed(&name(text), true));
        all
    }

    fn texts<'a>(nodes: impl Iterator<Item = &'a NameNode>) -> Vec<&'a str> {
        nodes.map(|node| node.name.as_str()).collect()
    }

    // spec: RFC 9051 §6.3.9.5
    #[test]
    fn levels_and_subscriptions_have_nodes() {
        let all = hierarchy(&["a/b/c", "a-b", "z"], &["z", "gone/below"]);
        assert_eq!(texts(all.nodes()), ["a", "a-b", "a/b", "a/b/c", "gone", "gone/below", "z"]);
        let of = |text| all.node(&name(text)).unwrap();
        assert!(of("a").has_children() && of("a").mailbox.is_none() && of("a/b").has_children());
        assert!(!of("a-b").has_children() && !of("z").has_children() && of("z").subscribed);
        assert!(of("gone/below").subscribed && !of("gone/below").is_there() && !of("gone").is_there());
        assert!(all.node(&name("b")).is_none());
        assert_eq!(all.mailbox(MailboxId(1)).unwrap().name, name("a/b/c"));
    }

    #[test]
    fn ranges() {
        let all = hierarchy(&["a", "a b", "a/b", "a/b/c", "a0", "b"], &[]);
        assert_eq!(texts(all.below(&name("a"))), ["a/b", "a/b/c"]);
        assert_eq!(texts(all.below(&name("b"))), Vec::<&str>::new());
        assert_eq!(texts(all.after(&name("a/b"))), ["a/b/c", "a0", "b"]);
        assert_eq!(texts(all.after(&name("a/a"))), ["a/b", "a/b/c", "a0", "b"]);
        assert!(all.after(&name("b")).next().is_none());
    }

    #[test]
    fn levels_go_with_the_last_name_below_them() {
        let mut all = hierarchy(&["a/b/c", "a/b/d"], &["a/b/e/f"]);
        let before = all.clone();
        all.set_mailbox(&name("a/b/c"), None);
        assert!(all.node(&name("a")).unwrap().has_children());
        all.set_mailbox(&name("a/b/d"), None);
        assert_eq!(texts(all.nodes()), ["a", "a/b", "a/b/e", "a/b/e/f"]);
        assert!(!all.node(&name("a")).unwrap().is_there() && !all.node(&name("a/b")).unwrap().is_there());
        all.set_mailbox(&name("a/b"), mailbox(9));
        all.set_subscribed(&name("a/b/e/f"), false);
        assert_eq!(texts(all.nodes()), ["a", "a/b"]);
        assert!(all.node(&name("a")).unwrap().has_children());
        all.set_mailbox(&name("a/b"), None);
        assert!(all.nodes().next().is_none() && all.mailbox(MailboxId(9)).is_none());
        assert_eq!(texts(before.nodes()).len(), 6, "who holds it sees no change");
        assert!(before.node(&name("a/b")).unwrap().has_children());
    }
}
