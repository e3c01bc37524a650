//! SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7, RFC 9051 §6.3.8). A name may stay subscribed when its mailbox
//! is gone.

use koi_proto::imap::command::MailboxArg;

use super::name;
use crate::imap::job::{Job, Submitted, write};
use crate::imap::reply::Reply;

pub(crate) fn start(mailbox: MailboxArg, subscribed: bool) -> Box<dyn Job> {
    write(
        move |cx| {
            let name = name(&mailbox)?;
            Ok(Submitted::Pending(cx.core.account()?.subscribe(&name, subscribed)))
        },
        move |cx, _| {
            cx.core.names_changed();
            Ok(Reply::ok(if subscribed { "SUBSCRIBE completed" } else { "UNSUBSCRIBE completed" }))
        },
    )
}
