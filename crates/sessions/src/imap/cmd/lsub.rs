//! LSUB (RFC 3501 §6.3.9): subscribed names, also of mailboxes that are gone.

use koi_proto::imap::command::ListPattern;
use koi_proto::imap::response::{Attribute, ListEntry, lsub};

use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;
use crate::imap::tree::{Pattern, Tree};

pub(crate) fn start(reference: ListPattern, pattern: ListPattern) -> Box<dyn Job> {
    at_once(move |cx| {
        let names = cx.core.names();
        let snapshot = cx.core.snapshot()?;
        let tree = Tree::new(snapshot.mailboxes()?, snapshot.subscriptions());
        let ends_in_percent = matches!(&pattern, ListPattern::Text(text) if text.ends_with('%'));
        let pattern = Pattern::new(&reference, &pattern);
        for (name, node) in tree.names.iter().filter(|(name, _)| pattern.matches(name)) {
            // RFC 3501 §6.3.9: with `%` a level above a subscribed name is told too, as one that is not
            // subscribed.
            let above = ends_in_percent && node.subscribed_below;
            if !node.subscribed && !above {
                continue;
            }
            let gone = !node.subscribed || node.row.is_none();
            let attributes: &[Attribute] = if gone { &[Attribute::NoSelect] } else { &[] };
            lsub(&ListEntry { name, attributes, subscribed_below: false }, names, cx.out);
        }
        Ok(Reply::ok("LSUB completed"))
    })
}
