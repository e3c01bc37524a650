//! EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, RFC 9051 §6.4.9, RFC 4315 §2.1).
//!
//! The EXPUNGE responses are those of every command: computed from the change log when the removal is
//! durable.

use koi_proto::imap::SequenceSet;
use koi_types::Result;

use crate::imap::job::{Context, Job, Submitted, write};
use crate::imap::reply::Reply;
use crate::selected::sequence;
use crate::selected::telling::Telling;
use koi_proto::imap::response::Code;

pub(crate) fn start(uids: Option<SequenceSet>) -> Box<dyn Job> {
    write(
        move |cx| {
            let view = cx.core.view()?;
            if view.read_only {
                return Ok(Submitted::Done(read_only()));
            }
            let uids = match &uids {
                None => None,
                Some(set) => match sequence::uids(view, set, true) {
                    Ok(uids) => Some(uids),
                    Err(bad) => return Ok(Submitted::Done(bad.into())),
                },
            };
            Ok(Submitted::Pending(cx.core.open()?.account.expunge(view.mailbox, uids.as_ref())))
        },
        |cx, expunged| finished(cx, &expunged),
    )
}

/// RFC 7162 §3.1.2.2: the modseq at which they went, for clients that keep one.
fn finished(cx: &mut Context<'_>, expunged: &koi_mailbox::Expunged) -> Result<Reply> {
    let telling = Telling { expunged: expunged.uids.0.clone(), ..Telling::default() };
    let reply = Reply::ok("EXPUNGE completed").telling(telling);
    // RFC 7162 §3.2: not to a client that does not hear of everything up to there.
    Ok(match expunged.modseq.filter(|_| cx.core.condstore && cx.core.is_told_everything()) {
        Some(modseq) => reply.code(&Code::HighestModSeq(modseq)),
        None => reply,
    })
}

pub(crate) fn read_only() -> Reply {
    Reply::no("the mailbox is open read-only").code(&Code::ReadOnly)
}
