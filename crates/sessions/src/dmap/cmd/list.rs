//! LIST (DMAP-00 §7.3.8, RFC 5258 §3, RFC 5819 §2, RFC 6154 §2): one's own mailboxes; what others share is
//! not here.

use koi_mailbox::{Hierarchy, MailboxRow, NameNode, Snapshot};
use koi_proto::dmap::Response;
use koi_proto::dmap::command::{List, ListReturn, ListSelect, StatusItem, UseAttr};
use koi_proto::dmap::name::MailboxArg;
use koi_proto::dmap::response::{ListEntry, ListExtra, MailboxAttr};
use koi_types::{ErrorKind, Result};

use super::status::values;
use crate::dmap::job::{Context, Job, Outcome};
use crate::dmap::reply::Reply;
use crate::names::{Pattern, Walk};

pub(crate) fn start(command: &List) -> Box<dyn Job> {
    Box::new(Listing::new(command))
}

/// A LIST under way.
struct Listing {
    patterns: Vec<Pattern>,
    select: Selection,
    tell_subscribed: bool,
    /// Empty for none.
    status: Vec<StatusItem>,
    meta: bool,
    walk: Walk,
}

/// RFC 5258 §3.1: all that are given must hold.
#[derive(Clone, Copy)]
struct Selection {
    subscribed: bool,
    special_use: bool,
    recursive: bool,
}

impl Listing {
    fn new(command: &List) -> Self {
        let selects = |option: ListSelect| command.select.contains(&option);
        let select = Selection {
            subscribed: selects(ListSelect::Subscribed),
            special_use: selects(ListSelect::SpecialUse),
            recursive: selects(ListSelect::RecursiveMatch),
        };
        let mut status = Vec::new();
        for option in &command.returns {
            if let ListReturn::Status(items) = option {
                items.iter().for_each(|item| {
                    if !status.contains(item) {
                        status.push(*item);
                    }
                });
            }
        }
        Self {
            patterns: command.patterns.iter().map(|pattern| Pattern::new(pattern)).collect(),
            select,
            // RFC 5258 §3.1: the selection option SUBSCRIBED implies the return option.
            tell_subscribed: select.subscribed || command.returns.contains(&ListReturn::Subscribed),
            status,
            meta: command.returns.contains(&ListReturn::Meta),
            walk: Walk::default(),
        }
    }
    fn node(
        &self,
        snapshot: &Snapshot<'_>,
        hierarchy: &Hierarchy,
        node: &NameNode,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        if !self.matches(node) {
            return Ok(());
        }
        let selected = self.select.takes(node);
        let subscribed_below = self.select.recursive && self.takes_below(hierarchy, node, selected);
        if !selected && !subscribed_below {
            return Ok(());
        }
        let mut extras = Vec::new();
        // RFC 5258 §3.5
        if subscribed_below {
            extras.push(ListExtra::ChildInfo(vec!["SUBSCRIBED".into()]));
        }
        let mut attributes = self.attributes(node);
        if selected && !self.status.is_empty() && node.mailbox.is_some() {
            match counters(snapshot, node)? {
                Some(row) => extras.push(ListExtra::Status(values(&row, &self.status))),
                None => attributes.push(MailboxAttr::NoSelect),
            }
        }
        if let Some(mailbox) = node.mailbox.filter(|_| selected && self.meta) {
            extras.push(ListExtra::Meta(snapshot.mailbox_meta(mailbox.id)?));
        }
        let mailbox = MailboxArg::Name(node.name.clone());
        Response::List(ListEntry { mailbox, attributes, extras }).push(out);
        Ok(())
    }
    fn matches(&self, node: &NameNode) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(node.name.as_str()))
    }
    /// RFC 5258 §3.5: a name that is not selected itself is told only for something below it that is selected
    /// and not told.
    fn takes_below(&self, hierarchy: &Hierarchy, node: &NameNode, selected: bool) -> bool {
        let mut below = hierarchy.below(&node.name).filter(|below| self.select.takes(below));
        below.any(|below| selected || !self.matches(below))
    }
    fn attributes(&self, node: &NameNode) -> Vec<MailboxAttr> {
        let mut attributes = Vec::with_capacity(4);
        // DMAP-00 §7.3.8: a name that is only a level of hierarchy cannot be selected.
        if node.mailbox.is_none() {
            let is_level = node.has_children();
            attributes.push(if is_level { MailboxAttr::NoSelect } else { MailboxAttr::NonExistent });
        }
        let children = node.has_children();
        attributes.push(if children { MailboxAttr::HasChildren } else { MailboxAttr::HasNoChildren });
        if self.tell_subscribed && node.subscribed {
            attributes.push(MailboxAttr::Subscribed);
        }
        attributes.extend(node.role().map(|role| MailboxAttr::Use(UseAttr::Role(role))));
        attributes
    }
}

impl Selection {
    fn takes(self, node: &NameNode) -> bool {
        let any = self.subscribed || self.special_use;
        let subscribed = !self.subscribed || node.subscribed;
        let special_use = !self.special_use || node.role().is_some();
        if any { subscribed && special_use } else { node.is_there() }
    }
}

/// RFC 5819 §2: a mailbox whose counters cannot be read is told without them.
fn counters(snapshot: &Snapshot<'_>, node: &NameNode) -> Result<Option<MailboxRow>> {
    match snapshot.mailbox_of(node) {
        Err(error) if matches!(error.kind, ErrorKind::Corrupt | ErrorKind::NotFound) => Ok(None),
        row => row,
    }
}

impl Job for Listing {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        let mut walk = std::mem::take(&mut self.walk);
        let snapshot = cx.core.snapshot()?;
        let names = || Ok(snapshot.hierarchy());
        let stopped =
            walk.step_in(names, cx.out, |hierarchy, node, out| self.node(&snapshot, hierarchy, node, out))?;
        self.walk = walk;
        Ok(stopped.map_or_else(|| Outcome::Done(Reply::ok("LIST completed")), Outcome::from))
    }
}
