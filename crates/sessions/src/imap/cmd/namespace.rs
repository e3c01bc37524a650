//! NAMESPACE (RFC 9051 §6.3.10, RFC 2342 §5): one personal namespace without a prefix, one of other users;
//! what belongs to nobody is not shared here.

use koi_mailbox::OTHER_USERS;
use koi_proto::imap::response::{self, Namespace};
use koi_types::name::SEPARATOR;

use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;

pub(crate) fn start() -> Box<dyn Job> {
    at_once(|cx| {
        let others = format!("{OTHER_USERS}{SEPARATOR}");
        let (personal, others) = (Namespace { prefix: "" }, Namespace { prefix: &others });
        response::namespace(&[personal], &[others], &[], cx.out);
        Ok(Reply::ok("NAMESPACE completed"))
    })
}
