//! STARTTLS (RFC 9051 §6.2.1). What the client sent behind it in clear text is thrown away unread: it may be
//! from somebody else.

use koi_types::Result;

use crate::imap::job::{Context, Job, Outcome};
use crate::imap::reply::Reply;

pub(crate) fn start() -> Box<dyn Job> {
    Box::new(StartTls)
}

struct StartTls;

impl Job for StartTls {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        if cx.core.has_tls() {
            return Ok(Outcome::Done(Reply::bad("TLS is already active")));
        }
        if !cx.core.settings.starttls {
            return Ok(Outcome::Done(Reply::bad("STARTTLS is not available here")));
        }
        Ok(Outcome::StartTls(Reply::ok("begin TLS negotiation now")))
    }
}
