//! LOGOUT (RFC 9051 §6.1.3).

use koi_proto::imap::response::{Status, status};
use koi_types::Result;

use crate::imap::job::{Context, Job, Outcome};
use crate::imap::reply::Reply;

pub(crate) fn start() -> Box<dyn Job> {
    Box::new(Logout)
}

struct Logout;

impl Job for Logout {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        status(None, Status::Bye, None, "logging out", cx.out);
        Ok(Outcome::LogOut(Reply::ok("LOGOUT completed")))
    }
}
