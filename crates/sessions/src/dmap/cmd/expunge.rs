//! EXPUNGE and UID EXPUNGE (DMAP-00 §7.6.2, RFC 9051 §6.4.9).
//!
//! The EXPUNGE responses are those of every command: computed from the change log when the removal is
//! durable.

use koi_proto::dmap::Code;
use koi_types::UidSet;

use crate::dmap::job::{Job, Submitted, write};
use crate::dmap::reply::Reply;

pub(crate) fn start(uids: Option<UidSet>) -> Box<dyn Job> {
    write(
        move |cx| {
            let view = cx.core.view()?;
            if view.read_only {
                return Ok(Submitted::Done(read_only()));
            }
            // What this client does not know of it cannot mean.
            let uids = uids.map(|uids| UidSet(uids.0.intersect(view.known())));
            Ok(Submitted::Pending(cx.core.account()?.expunge(view.mailbox, uids.as_ref())))
        },
        |_, done| {
            let reply = Reply::ok("EXPUNGE completed");
            // RFC 7162 §3.1.2.2: the modseq at which they went.
            Ok(match done?.modseq {
                Some(modseq) => reply.code(Code::HighestModSeq(modseq)),
                None => reply,
            })
        },
    )
}

pub(super) fn read_only() -> Reply {
    Reply::no("the mailbox is open read-only").code(Code::ReadOnly)
}
