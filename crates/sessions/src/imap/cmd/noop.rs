//! NOOP and CHECK (RFC 9051 §6.1.2, RFC 3501 §6.4.1): nothing but a moment in which changes may be told.

use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;

pub(crate) fn start(text: &'static str) -> Box<dyn Job> {
    at_once(move |_| Ok(Reply::ok(text)))
}
