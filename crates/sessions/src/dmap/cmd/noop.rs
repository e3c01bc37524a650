//! NOOP (DMAP-00 §7.1.2): nothing but a moment in which changes may be told.

use crate::dmap::job::{Job, at_once};
use crate::dmap::reply::Reply;

pub(crate) fn start() -> Box<dyn Job> {
    at_once(|_| Ok(Reply::ok("NOOP completed")))
}
