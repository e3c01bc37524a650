//! CAPABILITY (RFC 9051 §6.1.1).

use koi_proto::imap::response;

use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;

pub(crate) fn start() -> Box<dyn Job> {
    at_once(|cx| {
        response::capability(&cx.core.capabilities(), cx.out);
        Ok(Reply::ok("CAPABILITY completed"))
    })
}
