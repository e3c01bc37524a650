//! MBOXMETA: the META block of a mailbox, which is the client's own (docs/DMAP.md, META).

use std::sync::Arc;

use koi_proto::dmap::Response;
use koi_proto::dmap::command::MetaChange;
use koi_proto::dmap::name::MailboxArg;

use super::existing;
use crate::dmap::job::{Job, Submitted, at_once, write};
use crate::dmap::reply::Reply;

pub(crate) fn start(mailbox: MailboxArg, change: Option<MetaChange>) -> Box<dyn Job> {
    let Some(change) = change else {
        return at_once(move |cx| {
            let row = cx.core.mailbox(&existing(&mailbox)?)?;
            let meta = cx.core.snapshot()?.mailbox_meta(row.id)?;
            Response::MailboxMeta { mailbox: MailboxArg::Name(row.name), meta }.push(cx.out);
            Ok(Reply::ok("MBOXMETA completed"))
        });
    };
    write(
        move |cx| {
            let row = cx.core.mailbox(&existing(&mailbox)?)?;
            let meta = change.octets().map(Arc::from);
            Ok(Submitted::Pending(cx.core.account()?.set_mailbox_meta(row.id, meta)))
        },
        |_, done| done.map(|_| Reply::ok("MBOXMETA completed")),
    )
}
