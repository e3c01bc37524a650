//! RENAME (RFC 9051 §6.3.6). What lies below moves along; renaming INBOX moves its messages and leaves it
//! empty.

use koi_proto::imap::command::MailboxArg;

use super::{existing, name};
use crate::imap::job::{Job, Submitted, write};
use crate::imap::reply::Reply;

pub(crate) fn start(from: MailboxArg, to: MailboxArg) -> Box<dyn Job> {
    write(
        move |cx| {
            let (from, to) = (existing(&from)?, name(&to)?);
            Ok(Submitted::Pending(cx.core.account()?.rename(&from, &to)))
        },
        |_, _| Ok(Reply::ok("RENAME completed")),
    )
}
