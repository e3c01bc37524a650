//! COMPRESS (RFC 4978 §3). The octets themselves are the driver's.

use koi_proto::imap::response::Code;
use koi_types::{Result, limits};

use crate::imap::job::{Context, Job, Outcome};
use crate::imap::reply::Reply;

pub(crate) fn start() -> Box<dyn Job> {
    Box::new(Compress)
}

struct Compress;

impl Job for Compress {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        if !cx.core.settings.compress {
            return Ok(Outcome::Done(Reply::bad("COMPRESS is not available here")));
        }
        if cx.core.compressed {
            let reply = Reply::bad("DEFLATE is active already").code(&Code::CompressionActive);
            return Ok(Outcome::Done(reply));
        }
        // RFC 4978 §3: the client waits for the answer. Nobody could tell what is sent before it: it is taken
        // for what it says, and stays so.
        if cx.decoder.buffered() > 0 {
            let reply = Reply::bad("nothing may be sent behind COMPRESS").code(&Code::ClientBug);
            return Ok(Outcome::Done(reply));
        }
        cx.require_room(limits::COMPRESSION_OCTETS_MAX)?;
        cx.core.compressed = true;
        Ok(Outcome::StartCompress(Reply::ok("DEFLATE active")))
    }
}
