//! IDLE (RFC 9051 §6.3.13): what changes is told at once, until DONE.

use koi_proto::dmap::response::continuation;
use koi_proto::dmap::{Decoded, Phase};
use koi_types::Result;

use crate::dmap::job::{Context, Job, Outcome};
use crate::dmap::reply::{Reply, bye};
use crate::dmap::session::MAILBOX_GONE;
use crate::dmap::sync::Sync;

pub(crate) fn start() -> Box<dyn Job> {
    Box::new(Idle { began: false, telling: None })
}

struct Idle {
    began: bool,
    /// Half told: the output was full.
    telling: Option<Sync>,
}

impl Job for Idle {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        if !self.began {
            self.began = true;
            continuation("idling", cx.out);
            cx.core.idling = true;
            // It may be for hours.
            cx.core.forget_made();
            // What happened before: nobody told us, as nobody was asked to.
            cx.core.advanced = true;
        }
        cx.core.waiting_for_client = false;
        let outcome = self.go_on(cx);
        match outcome {
            Ok(Outcome::NeedInput) => cx.core.waiting_for_client = true,
            Ok(Outcome::OutputFull | Outcome::Yield) => {}
            _ => cx.core.idling = false,
        }
        outcome
    }
}

impl Idle {
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        if cx.core.advanced && self.telling.is_none() {
            self.telling = Some(Sync::between_commands());
        }
        if let Some(sync) = &mut self.telling {
            if let Some(stopped) = sync.step(cx)? {
                return Ok(stopped);
            }
            if sync.mailbox_is_gone() {
                bye(None, MAILBOX_GONE, cx.out);
                return Ok(Outcome::Close("selected mailbox was deleted"));
            }
            self.telling = None;
        }
        Ok(match cx.decoder.next(Phase::Idle) {
            Decoded::NeedMore => Outcome::NeedInput,
            Decoded::Done => Outcome::Done(Reply::ok("IDLE completed")),
            Decoded::Fatal { code, text } => {
                bye(code.as_ref(), text, cx.out);
                Outcome::Close("protocol error")
            }
            _ => Outcome::Done(Reply::bad("expected DONE")),
        })
    }
}
