//! DELETE (RFC 9051 §6.3.5). Sessions that have the mailbox selected are told at their next command and
//! closed.

use koi_proto::imap::command::MailboxArg;

use super::existing;
use crate::imap::job::{Job, Submitted, write};
use crate::imap::reply::Reply;

pub(crate) fn start(mailbox: MailboxArg) -> Box<dyn Job> {
    write(
        move |cx| {
            let name = existing(&mailbox)?;
            Ok(Submitted::Pending(cx.core.account()?.delete(&name)))
        },
        |_, _| Ok(Reply::ok("DELETE completed")),
    )
}
