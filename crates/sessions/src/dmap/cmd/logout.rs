//! LOGOUT (DMAP-00 §7.1.3).

use koi_types::Result;

use crate::dmap::job::{Context, Job, Outcome};
use crate::dmap::reply::{Reply, bye};

pub(crate) fn start() -> Box<dyn Job> {
    Box::new(Logout)
}

struct Logout;

impl Job for Logout {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        bye(None, "logging out", cx.out);
        Ok(Outcome::LogOut(Reply::ok("LOGOUT completed")))
    }
}
