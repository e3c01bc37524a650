//! CAPABILITY (DMAP-00 §7.1.1).

use koi_proto::dmap::Response;

use crate::dmap::job::{Job, at_once};
use crate::dmap::reply::Reply;

pub(crate) fn start() -> Box<dyn Job> {
    at_once(|cx| {
        Response::Capability(cx.core.capabilities()).push(cx.out);
        Ok(Reply::ok("CAPABILITY completed"))
    })
}
