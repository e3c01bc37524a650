//! RENAME (DMAP-00 §7.3.5). What lies below moves along; renaming INBOX moves its messages and leaves it
//! empty.

use koi_proto::dmap::name::MailboxArg;

use super::{existing, name};
use crate::dmap::job::{Job, Submitted, write};
use crate::dmap::reply::Reply;

pub(crate) fn start(from: MailboxArg, to: MailboxArg) -> Box<dyn Job> {
    write(
        move |cx| {
            let (from, to) = (existing(&from)?, name(&to)?);
            Ok(Submitted::Pending(cx.core.account()?.rename(&from, &to)))
        },
        |_, renamed| renamed.map(|()| Reply::ok("RENAME completed")),
    )
}
