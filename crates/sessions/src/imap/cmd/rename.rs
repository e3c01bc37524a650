//! RENAME (RFC 9051 §6.3.6). What lies below moves along; renaming INBOX moves its messages and leaves it
//! empty.

use koi_proto::imap::command::MailboxArg;

use super::{existing, list, name};
use crate::imap::job::{Job, Submitted, write};
use crate::imap::reply::Reply;

pub(crate) fn start(from: MailboxArg, to: MailboxArg) -> Box<dyn Job> {
    let told = (from.clone(), to.clone());
    write(
        move |cx| {
            let (from, to) = (existing(&from)?, name(&to)?);
            Ok(Submitted::Pending(cx.core.account_of(&from)?.rename(&from, &to)))
        },
        move |cx, ()| {
            let (from, to) = told;
            let old = existing(&from)?;
            cx.core.mailbox_changed(&old);
            // RFC 9051 §6.3.6: the old name as the client wrote it; nothing of INBOX, which stays.
            if !old.is_inbox() {
                let sent = from.denormalized().unwrap_or_else(|| old.as_str());
                list::tell(cx.core, &name(&to)?, Some(sent), cx.out)?;
            }
            Ok(Reply::ok("RENAME completed"))
        },
    )
}
