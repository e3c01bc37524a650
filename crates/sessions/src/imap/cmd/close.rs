//! CLOSE and UNSELECT (RFC 9051 §6.4.1, RFC 9051 §6.4.2, RFC 3691 §2).

use koi_mailbox::Expunged;
use koi_types::{ErrorKind, Result};

use crate::imap::job::{Context, Job, Submitted, at_once, write_or};
use crate::imap::reply::Reply;

/// `expunging`: CLOSE removes messages with `\Deleted`, silently; UNSELECT removes none.
pub(crate) fn start(expunging: bool) -> Box<dyn Job> {
    match expunging {
        false => at_once(|cx| Ok(unselected(cx, "UNSELECT completed"))),
        true => write_or(
            |cx| {
                let view = cx.core.view()?;
                // RFC 9051 §6.4.1: no messages are removed if the mailbox was selected by EXAMINE.
                if view.read_only {
                    return Ok(Submitted::Done(unselected(cx, "CLOSE completed")));
                }
                Ok(Submitted::Pending(cx.core.open()?.account.expunge(view.mailbox, None)))
            },
            |cx, done: Result<Expunged>| {
                let expunged = match done {
                    // RFC 4314 §4: who has no `e` closes, and nothing is expunged; nor where there is nothing
                    // any more.
                    Err(error) if matches!(error.kind, ErrorKind::NoPermission | ErrorKind::NotFound) => {
                        Expunged::default()
                    }
                    done => done?,
                };
                let place = cx.core.open()?.place();
                let reply = unselected(cx, "CLOSE completed");
                cx.core.messages_expunged(place, &expunged.uids);
                Ok(reply)
            },
        ),
    }
}

fn unselected(cx: &mut Context<'_>, text: &'static str) -> Reply {
    cx.core.unselect();
    Reply::ok(text)
}
