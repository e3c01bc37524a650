//! The names of an account as a hierarchy: mailboxes, levels above mailboxes that are none themselves, and
//! names that are only subscribed (RFC 9051 §6.3.9, RFC 5258 §3). Made once for each change of names;
//! counters are not in it.

use std::collections::{BTreeMap, BTreeSet};

use koi_types::name::SEPARATOR;
use koi_types::{MailboxId, MailboxName, Role};

use crate::names::NameEntry;

/// Every name there is something to say about, in order.
#[derive(Debug, Default)]
pub struct Hierarchy {
    nodes: Vec<NameNode>,
}

/// One name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameNode {
    pub name: MailboxName,
    /// `None` for a level of hierarchy, or a name that is only subscribed.
    pub mailbox: Option<MailboxId>,
    pub role: Option<Role>,
    pub subscribed: bool,
    /// There are mailboxes below, at any depth.
    pub has_children: bool,
}

impl Hierarchy {
    pub(crate) fn new(entries: &[NameEntry], subscriptions: &BTreeSet<MailboxName>) -> Self {
        let mut nodes: BTreeMap<MailboxName, NameNode> = entries
            .iter()
            .map(|entry| {
                let node =
                    NameNode { mailbox: Some(entry.id), role: entry.role, ..NameNode::nothing(&entry.name) };
                (entry.name.clone(), node)
            })
            .collect();
        for entry in entries {
            let mut above = entry.name.parent();
            while let Some(name) = above {
                let node = nodes.entry(name.clone()).or_insert_with(|| NameNode::nothing(&name));
                // Whoever marked this one has marked those above it.
                if std::mem::replace(&mut node.has_children, true) {
                    break;
                }
                above = name.parent();
            }
        }
        for name in subscriptions {
            nodes.entry(name.clone()).or_insert_with(|| NameNode::nothing(name)).subscribed = true;
            let mut above = name.parent();
            while let Some(name) = above {
                nodes.entry(name.clone()).or_insert_with(|| NameNode::nothing(&name));
                above = name.parent();
            }
        }
        Self { nodes: nodes.into_values().collect() }
    }
    /// All names in order.
    #[must_use]
    pub fn nodes(&self) -> &[NameNode] {
        &self.nodes
    }
    /// The names behind `name` in order, whether or not it is one of them.
    #[must_use]
    pub fn after(&self, name: &MailboxName) -> &[NameNode] {
        let at = self.nodes.partition_point(|node| node.name <= *name);
        self.nodes.get(at..).unwrap_or_default()
    }
    /// The names below `name`, at any depth.
    #[must_use]
    pub fn below(&self, name: &MailboxName) -> &[NameNode] {
        let prefix = format!("{name}{SEPARATOR}");
        let from = self.nodes.partition_point(|node| node.name.as_str() < prefix.as_str());
        let rest = self.nodes.get(from..).unwrap_or_default();
        let count = rest.partition_point(|node| node.name.as_str().starts_with(&prefix));
        rest.get(..count).unwrap_or_default()
    }
    #[must_use]
    pub fn node(&self, name: &MailboxName) -> Option<&NameNode> {
        let at = self.nodes.binary_search_by(|node| node.name.cmp(name)).ok()?;
        self.nodes.get(at)
    }
}

impl NameNode {
    fn nothing(name: &MailboxName) -> Self {
        Self { name: name.clone(), mailbox: None, role: None, subscribed: false, has_children: false }
    }
    /// A mailbox or a level above one; not a name that is only subscribed.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.mailbox.is_some() || self.has_children
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use koi_types::Timestamp;

    fn name(text: &str) -> MailboxName {
        MailboxName::new(text).unwrap()
    }

    fn hierarchy(mailboxes: &[&str], subscribed: &[&str]) -> Hierarchy {
        let mut mailboxes: Vec<MailboxName> = mailboxes.iter().map(|text| name(text)).collect();
        mailboxes.sort();
        let entries: Vec<NameEntry> = (1u32..)
            .zip(mailboxes)
            .map(|(id, name)| NameEntry { id: MailboxId(id), name, role: None, created_at: Timestamp(0) })
            .collect();
        Hierarchy::new(&entries, &subscribed.iter().map(|text| name(text)).collect())
    }

    fn texts(nodes: &[NameNode]) -> Vec<&str> {
        nodes.iter().map(|node| node.name.as_str()).collect()
    }

    // spec: RFC 9051 §6.3.9.5
    #[test]
    fn levels_and_subscriptions_have_nodes() {
        let all = hierarchy(&["a/b/c", "a-b", "z"], &["z", "gone/below"]);
        assert_eq!(texts(all.nodes()), ["a", "a-b", "a/b", "a/b/c", "gone", "gone/below", "z"]);
        let of = |text| all.node(&name(text)).unwrap();
        assert!(of("a").has_children && of("a").mailbox.is_none() && of("a/b").has_children);
        assert!(!of("a-b").has_children && !of("z").has_children && of("z").subscribed);
        assert!(of("gone/below").subscribed && !of("gone/below").is_there() && !of("gone").is_there());
        assert!(all.node(&name("b")).is_none());
    }

    #[test]
    fn ranges() {
        let all = hierarchy(&["a", "a b", "a/b", "a/b/c", "a0", "b"], &[]);
        assert_eq!(texts(all.below(&name("a"))), ["a/b", "a/b/c"]);
        assert_eq!(texts(all.below(&name("b"))), Vec::<&str>::new());
        assert_eq!(texts(all.after(&name("a/b"))), ["a/b/c", "a0", "b"]);
        assert_eq!(texts(all.after(&name("a/a"))), ["a/b", "a/b/c", "a0", "b"]);
        assert!(all.after(&name("b")).is_empty());
    }
}
