//! CLOSE and UNSELECT (RFC 9051 §6.4.1, RFC 9051 §6.4.2, RFC 3691 §2).

use koi_mailbox::Expunged;
use koi_types::Result;

use crate::imap::job::{Context, Job, Submitted, at_once, write};
use crate::imap::reply::Reply;

/// `expunging`: CLOSE removes messages with `\Deleted`, silently; UNSELECT removes none.
pub(crate) fn start(expunging: bool) -> Box<dyn Job> {
    match expunging {
        false => at_once(|cx| Ok(unselected(cx, "UNSELECT completed"))),
        true => write(
            |cx| {
                let view = cx.core.view()?;
                // RFC 9051 §6.4.1: no messages are removed if the mailbox was selected by EXAMINE.
                if view.read_only {
                    return Ok(Submitted::Done(unselected(cx, "CLOSE completed")));
                }
                Ok(Submitted::Pending(cx.core.open()?.account.expunge(view.mailbox, None)))
            },
            |cx, expunged: Expunged| -> Result<Reply> {
                let mailbox = cx.core.view()?.mailbox;
                let reply = unselected(cx, "CLOSE completed");
                if let Some(others) = cx.core.others() {
                    others.expunged_itself(mailbox, &expunged.uids);
                }
                Ok(reply)
            },
        ),
    }
}

fn unselected(cx: &mut Context<'_>, text: &'static str) -> Reply {
    cx.core.unselect();
    Reply::ok(text)
}
