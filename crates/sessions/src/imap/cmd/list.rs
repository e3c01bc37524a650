//! LIST (RFC 9051 §6.3.9, RFC 3501 §6.3.8, RFC 3348 §3, RFC 6154 §2).
//!
//! The extended form (RFC 5258) is read and answered as far as the options here go; it is not advertised.

use koi_proto::imap::command::{List, ListPattern, ListReturn, ListSelect};
use koi_proto::imap::response::{Attribute, ListEntry, list};
use koi_types::Result;

use super::status;
use crate::imap::job::{Context, Job, at_once};
use crate::imap::reply::Reply;
use crate::imap::tree::{Node, Pattern, Tree};

pub(crate) fn start(list: List) -> Box<dyn Job> {
    at_once(move |cx| {
        match is_separator_question(&list) {
            true => separator(cx),
            false => write(cx, &list)?,
        }
        Ok(Reply::ok("LIST completed"))
    })
}

fn is_separator_question(list: &List) -> bool {
    !list.extended && list.patterns.iter().all(|p| matches!(p, ListPattern::Text(text) if text.is_empty()))
}

/// RFC 9051 §6.3.9: an empty pattern asks for the separator and the root of the reference.
fn separator(cx: &mut Context<'_>) {
    let entry = ListEntry { name: "", attributes: &[Attribute::NoSelect], subscribed_below: false };
    list(&entry, cx.core.names(), cx.out);
}

fn write(cx: &mut Context<'_>, command: &List) -> Result<()> {
    let names = cx.core.names();
    let snapshot = cx.core.snapshot()?;
    let tree = Tree::new(snapshot.mailboxes()?, snapshot.subscriptions());
    let patterns: Vec<Pattern> =
        command.patterns.iter().map(|pattern| Pattern::new(&command.reference, pattern)).collect();
    let wants = Wants::new(command);
    let matching = tree.names.iter().filter(|(name, _)| patterns.iter().any(|p| p.matches(name)));
    for (name, node) in matching.filter(|(_, node)| wants.node(node)) {
        let attributes = attributes(node, &wants);
        let subscribed_below = wants.recursive && node.subscribed_below;
        list(&ListEntry { name, attributes: &attributes, subscribed_below }, names, cx.out);
        for wanted in &command.returns {
            if let (ListReturn::Status(items), Some(row)) = (wanted, &node.row) {
                status::write(row, items, names, cx.out);
            }
        }
    }
    Ok(())
}

/// The options of one LIST.
struct Wants {
    subscribed_only: bool,
    recursive: bool,
    special_use_only: bool,
    tell_subscribed: bool,
}

impl Wants {
    fn new(list: &List) -> Self {
        let selects = |option: ListSelect| list.select.contains(&option);
        let subscribed_only = selects(ListSelect::Subscribed);
        Self {
            subscribed_only,
            recursive: selects(ListSelect::RecursiveMatch),
            special_use_only: selects(ListSelect::SpecialUse),
            tell_subscribed: subscribed_only || list.returns.contains(&ListReturn::Subscribed),
        }
    }
    fn node(&self, node: &Node) -> bool {
        if self.special_use_only && node.role().is_none() {
            return false;
        }
        if self.subscribed_only {
            return node.subscribed || (self.recursive && node.subscribed_below);
        }
        node.is_listed()
    }
}

fn attributes(node: &Node, wants: &Wants) -> Vec<Attribute> {
    let mut attributes = Vec::with_capacity(4);
    // RFC 9051 §7.3.1: a name that is only a level of hierarchy cannot be selected.
    if node.row.is_none() {
        let missing = wants.subscribed_only && !node.has_children;
        attributes.push(if missing { Attribute::NonExistent } else { Attribute::NoSelect });
    }
    attributes.push(if node.has_children { Attribute::HasChildren } else { Attribute::HasNoChildren });
    if wants.tell_subscribed && node.subscribed {
        attributes.push(Attribute::Subscribed);
    }
    attributes.extend(node.role().map(Attribute::Role));
    attributes
}
