//! SUBSCRIBE and UNSUBSCRIBE (DMAP-00 §7.3.6 and §7.3.7). A name may stay subscribed when its mailbox is
//! gone, and need not be subscribed to be unsubscribed.

use koi_proto::dmap::name::MailboxArg;

use super::name;
use crate::dmap::job::{Job, Submitted, write};
use crate::dmap::reply::Reply;

pub(crate) fn start(mailbox: MailboxArg, subscribed: bool) -> Box<dyn Job> {
    let text = if subscribed { "SUBSCRIBE completed" } else { "UNSUBSCRIBE completed" };
    write(
        move |cx| Ok(Submitted::Pending(cx.core.account()?.subscribe(&name(&mailbox)?, subscribed))),
        move |_, done| done.map(|()| Reply::ok(text)),
    )
}
