//! COMPARATOR (RFC 5255 §4.7): asks for the active collation, or chooses another one.

use koi_message::Collation;
use koi_proto::imap::command::ComparatorArg;
use koi_proto::imap::response::{self, Code};

use crate::imap::core::Comparator;
use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;

pub(crate) fn start(orders: Vec<ComparatorArg>) -> Box<dyn Job> {
    at_once(move |cx| {
        let mut matching = Vec::new();
        if !orders.is_empty() {
            // The first argument that matches anything wins, and of what it matches the most useful.
            let Some(order) = orders.iter().find(|order| of(order).next().is_some()) else {
                let reply = Reply::no("there is no such comparator");
                return Ok(reply.code(&Code::BadComparator));
            };
            let collation = of(order).next().unwrap_or_default();
            cx.core.comparator = Comparator { collation, inverted: order.inverted };
            let all = Collation::ALL.into_iter();
            matching.extend(
                all.filter(|collation| orders.iter().any(|order| of(order).any(|c| c == *collation))),
            );
        }
        let Comparator { collation, inverted } = cx.core.comparator;
        let matching: Vec<&str> = matching.into_iter().map(Collation::name).collect();
        response::comparator(collation.name(), inverted, &matching, cx.out);
        Ok(Reply::ok("COMPARATOR completed"))
    })
}

/// What an argument matches.
fn of(order: &ComparatorArg) -> impl Iterator<Item = Collation> {
    let default = (&*order.pattern == "default").then_some(Collation::default());
    let named = Collation::ALL.into_iter().filter(|collation| order.matches(collation.name()));
    default.into_iter().chain(named)
}
