//! NAMESPACE (RFC 9051 §6.3.10, RFC 2342 §5): one personal namespace without a prefix; none of others, none
//! shared.

use koi_proto::imap::response::{self, Namespace};

use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;

pub(crate) fn start() -> Box<dyn Job> {
    at_once(|cx| {
        response::namespace(&[Namespace { prefix: "" }], &[], &[], cx.out);
        Ok(Reply::ok("NAMESPACE completed"))
    })
}
