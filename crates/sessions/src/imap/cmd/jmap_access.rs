//! GETJMAPACCESS (RFC 9698 §4): where the same mail is by JMAP.

use koi_proto::imap::response;

use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;

pub(crate) fn start() -> Box<dyn Job> {
    at_once(|cx| {
        // RFC 9698 §4: BAD where there is none.
        let Some(url) = cx.core.jmap_url() else {
            return Ok(Reply::bad("there is no JMAP for this login"));
        };
        response::jmap_access(url, cx.out);
        Ok(Reply::ok("GETJMAPACCESS completed"))
    })
}
