//! UNAUTHENTICATE (RFC 8437 §3): the connection is as new, for somebody else to log in.

use koi_types::Result;

use crate::imap::job::{Context, Job, Outcome};
use crate::imap::reply::Reply;

pub(crate) fn start() -> Box<dyn Job> {
    Box::new(Unauthenticate)
}

struct Unauthenticate;

impl Job for Unauthenticate {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        // RFC 8437 §3: BAD, as for a command that is not known; there is no NO.
        if !cx.core.settings.unauthenticate {
            return Ok(Outcome::Done(Reply::bad("UNAUTHENTICATE is not available here")));
        }
        Ok(Outcome::Unauthenticate(Reply::ok("nobody is logged in")))
    }
}
