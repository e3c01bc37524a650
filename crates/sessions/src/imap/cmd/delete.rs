//! DELETE (RFC 9051 §6.3.5). Sessions that have the mailbox selected are told at their next command and
//! closed.

use koi_proto::imap::command::MailboxArg;
use koi_proto::imap::response::Code;

use super::{existing, list};
use crate::imap::job::{Job, Submitted, write};
use crate::imap::reply::Reply;

pub(crate) fn start(mailbox: MailboxArg) -> Box<dyn Job> {
    let gone = mailbox.clone();
    write(
        move |cx| {
            let name = existing(&mailbox)?;
            let account = cx.core.account_of(&name)?;
            let snapshot = account.snapshot()?;
            let names = snapshot.all_names()?;
            let is_level = names.node(&name).is_some_and(koi_mailbox::NameNode::has_children);
            // RFC 9051 §6.3.5: a level of hierarchy goes with the last name below it, not before.
            if snapshot.mailbox_named(&name)?.is_none() && is_level {
                let reply = Reply::no("there is no such mailbox, only names below it");
                return Ok(Submitted::Done(reply.code(&Code::HasChildren)));
            }
            drop(snapshot);
            Ok(Submitted::Pending(account.delete(&name)))
        },
        move |cx, _| {
            cx.core.mailbox_changed(&existing(&gone)?);
            // RFC 9051 §6.3.5: a name that was normalised is told.
            if let Some(sent) = gone.denormalized() {
                list::tell(cx.core, &existing(&gone)?, Some(sent), cx.out)?;
            }
            Ok(Reply::ok("DELETE completed"))
        },
    )
}
