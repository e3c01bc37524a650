//! Mailboxes as JMAP has them (RFC 8621 §2): a name of one level, a parent, and counts of emails and threads.
//!
//! A level of the hierarchy that is no mailbox, as IMAP has it when a superior mailbox was deleted, cannot be
//! a parent: then the name begins behind the nearest superior that is one, and has the separator in it.

use koi_store::key::{self, table};
use koi_types::name::SEPARATOR;
use koi_types::{MailboxId, MailboxName, Result, Rights, Role};

use super::Emails;
use super::counts::MailCounts;
use crate::INBOX;
use crate::hierarchy::{Hierarchy, NameNode, NamedMailbox};

/// What a mailbox is for; the INBOX is no special use in IMAP (RFC 6154 §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MailboxRole {
    Inbox,
    Special(Role),
}

/// A mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxView {
    pub id: MailboxId,
    /// Below its parent.
    pub name: Box<str>,
    /// The name as IMAP has it, in the account that owns it.
    pub full_name: MailboxName,
    pub parent: Option<MailboxId>,
    pub role: Option<MailboxRole>,
    pub sort_order: u32,
    pub counts: MailCounts,
    /// What whoever looks may do with it.
    pub rights: Rights,
    /// By whoever looks.
    pub subscribed: bool,
}

impl Emails<'_> {
    /// All mailboxes whoever looks may know of, in the order of their full names. Costs what there are
    /// mailboxes; counting costs nothing.
    pub fn mailboxes(&self) -> Result<Vec<MailboxView>> {
        let hierarchy = self.snapshot.hierarchy();
        let mut views = Vec::new();
        for node in hierarchy.nodes() {
            if let Some(mailbox) = node.mailbox {
                views.extend(self.mailbox_view(&hierarchy, node, mailbox)?);
            }
        }
        Ok(views)
    }
    /// One mailbox.
    pub fn mailbox(&self, id: MailboxId) -> Result<Option<MailboxView>> {
        let hierarchy = self.snapshot.hierarchy();
        match hierarchy.mailbox(id).and_then(|node| Some((node, node.mailbox?))) {
            Some((node, mailbox)) => self.mailbox_view(&hierarchy, node, mailbox),
            None => Ok(None),
        }
    }
    fn mailbox_view(
        &self,
        hierarchy: &Hierarchy,
        node: &NameNode,
        mailbox: NamedMailbox,
    ) -> Result<Option<MailboxView>> {
        let rights = self.snapshot.rights(mailbox.id)?;
        if !rights.contains(Rights::LOOKUP) {
            return Ok(None);
        }
        let parent = self.parent(hierarchy, &node.name)?;
        let from = parent.as_ref().map_or(0, |parent| parent.name.as_str().len() + SEPARATOR.len_utf8());
        let role = match mailbox.id {
            INBOX => Some(MailboxRole::Inbox),
            _ => mailbox.role.map(MailboxRole::Special),
        };
        Ok(Some(MailboxView {
            id: mailbox.id,
            name: node.name.as_str().get(from..).unwrap_or_default().into(),
            full_name: node.name.clone(),
            parent: parent.and_then(|parent| parent.mailbox).map(|parent| parent.id),
            // That of the account (RFC 8621 §2), whoever looks; in IMAP it is its owner's alone.
            role,
            sort_order: mailbox.sort_order,
            counts: match rights.contains(Rights::READ) {
                true => self.table.counts.of(mailbox.id),
                false => MailCounts::default(),
            },
            rights,
            subscribed: self.is_subscribed(node)?,
        }))
    }
    /// The nearest superior that is a mailbox whoever looks may know of.
    fn parent<'h>(&self, hierarchy: &'h Hierarchy, name: &MailboxName) -> Result<Option<&'h NameNode>> {
        let mut above = name.parent();
        while let Some(name) = above {
            if let Some(node) = hierarchy.node(&name)
                && let Some(mailbox) = node.mailbox
                && self.snapshot.rights(mailbox.id)?.contains(Rights::LOOKUP)
            {
                return Ok(Some(node));
            }
            above = name.parent();
        }
        Ok(None)
    }
    fn is_subscribed(&self, node: &NameNode) -> Result<bool> {
        let Some(guest) = &self.snapshot.guest else { return Ok(node.subscribed) };
        let Some(name) = guest.outer(&node.name) else { return Ok(false) };
        let key = key::name(guest.user.id, table::SUBSCRIPTION, &name);
        Ok(self.snapshot.view.get(&key)?.is_some())
    }
    /// Mailboxes whose parent is this one.
    pub(super) fn children(&self, mailbox: MailboxId) -> Vec<MailboxId> {
        let hierarchy = self.snapshot.hierarchy();
        let Some(name) = hierarchy.mailbox(mailbox).map(|node| node.name.clone()) else { return Vec::new() };
        let below = hierarchy.below(&name).filter_map(|node| Some((node, node.mailbox?)));
        let is_child = |node: &NameNode| nearest(&hierarchy, &node.name) == Some(mailbox);
        below.filter(|(node, _)| is_child(node)).map(|(_, mailbox)| mailbox.id).collect()
    }
    /// Mailboxes that have lost the superior next above.
    pub(super) fn orphans(&self) -> Vec<MailboxId> {
        let hierarchy = self.snapshot.hierarchy();
        let is_orphan = |node: &&NameNode| {
            let above =
                node.name.parent().map(|above| hierarchy.node(&above).and_then(|above| above.mailbox));
            above == Some(None)
        };
        hierarchy
            .nodes()
            .filter(is_orphan)
            .filter_map(|node| node.mailbox)
            .map(|mailbox| mailbox.id)
            .collect()
    }
}

fn nearest(hierarchy: &Hierarchy, name: &MailboxName) -> Option<MailboxId> {
    let mut above = name.parent();
    while let Some(name) = above {
        if let Some(mailbox) = hierarchy.node(&name).and_then(|node| node.mailbox) {
            return Some(mailbox.id);
        }
        above = name.parent();
    }
    None
}
