//! DELETE (DMAP-00 §7.3.4). Sessions that have the mailbox selected are told at their next command and
//! closed.

use koi_proto::dmap::Code;
use koi_proto::dmap::name::MailboxArg;

use super::existing;
use crate::dmap::job::{Job, Submitted, write};
use crate::dmap::reply::Reply;

pub(crate) fn start(mailbox: MailboxArg) -> Box<dyn Job> {
    write(
        move |cx| {
            let name = existing(&mailbox)?;
            let account = cx.core.account()?;
            let names = account.snapshot()?.hierarchy();
            let node = names.node(&name);
            // DMAP-00 §7.3.4: a level of hierarchy goes with the last name below it, not before.
            if node.is_some_and(|node| node.mailbox.is_none() && node.has_children()) {
                let reply = Reply::no("there is no such mailbox, only names below it");
                return Ok(Submitted::Done(reply.code(Code::Cannot)));
            }
            Ok(Submitted::Pending(account.delete(&name)))
        },
        |_, deleted| deleted.map(|_| Reply::ok("DELETE completed")),
    )
}
