//! LSUB (RFC 3501 §6.3.9): subscribed names, also of mailboxes that are gone. Clients that have enabled rev2
//! may still ask so.

use koi_mailbox::{Hierarchy, NameNode};
use koi_proto::imap::command::ListPattern;
use koi_proto::imap::response::{Attribute, ListEntry, NameEncoding, lsub};
use koi_types::Result;

use crate::imap::job::{Context, Job, Outcome};
use crate::imap::reply::Reply;
use crate::names::{Pattern, Walk};

pub(crate) fn start(reference: &ListPattern, pattern: &ListPattern) -> Box<dyn Job> {
    let ends_in_percent = matches!(pattern, ListPattern::Text(text) if text.ends_with('%'));
    Box::new(Lsub {
        pattern: super::list::pattern(reference, pattern),
        ends_in_percent,
        walk: Walk::default(),
    })
}

struct Lsub {
    pattern: Pattern,
    ends_in_percent: bool,
    walk: Walk,
}

impl Job for Lsub {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        let names = cx.core.names();
        let mut walk = std::mem::take(&mut self.walk);
        let stopped = walk.step(&cx.core.snapshot()?, cx.out, |hierarchy, node, out| {
            self.node(hierarchy, node, names, out);
            Ok(())
        })?;
        self.walk = walk;
        Ok(stopped.map_or_else(|| Outcome::Done(Reply::ok("LSUB completed")), Outcome::from))
    }
}

impl Lsub {
    fn node(&self, hierarchy: &Hierarchy, node: &NameNode, names: NameEncoding, out: &mut Vec<u8>) {
        if !self.pattern.matches(node.name.as_str()) {
            return;
        }
        // RFC 3501 §6.3.9: with `%` a level above a subscribed name is told too, as one that is not
        // subscribed.
        let above = || self.ends_in_percent && hierarchy.below(&node.name).any(|n| n.subscribed);
        if !node.subscribed && !above() {
            return;
        }
        let gone = !node.subscribed || node.mailbox.is_none();
        let attributes: &[Attribute] = if gone { &[Attribute::NoSelect] } else { &[] };
        let name = node.name.as_str();
        lsub(&ListEntry { name, attributes, subscribed_below: false, old_name: None }, names, out);
    }
}
