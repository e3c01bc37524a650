//! CLOSE (DMAP-00 §7.6.1) and UNSELECT (RFC 9051 §6.4.2).

use koi_types::ErrorKind;

use crate::dmap::job::{Context, Job, Submitted, at_once, write};
use crate::dmap::reply::Reply;

/// `expunging`: CLOSE removes messages with `\Deleted`, silently; UNSELECT removes none.
pub(crate) fn start(expunging: bool) -> Box<dyn Job> {
    match expunging {
        false => at_once(|cx| Ok(unselected(cx, "UNSELECT completed"))),
        true => write(
            |cx| {
                let view = cx.core.view()?;
                // DMAP-00 §7.6.1: no messages are removed if the mailbox was selected by EXAMINE.
                if view.read_only {
                    return Ok(Submitted::Done(unselected(cx, "CLOSE completed")));
                }
                Ok(Submitted::Pending(cx.core.account()?.expunge(view.mailbox, None)))
            },
            |cx, done| match done {
                // Nor where there is no mailbox any more.
                Err(error) if error.kind != ErrorKind::NotFound => Err(error),
                _ => Ok(unselected(cx, "CLOSE completed")),
            },
        ),
    }
}

fn unselected(cx: &mut Context<'_>, text: &'static str) -> Reply {
    cx.core.selected = None;
    Reply::ok(text)
}
