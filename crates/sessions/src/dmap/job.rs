//! A command being carried out: a small state machine that can be left and taken up again at every step.
//!
//! A job keeps no snapshot between steps. What it wrote to `out` stays written, so it must know where it was.

use koi_mailbox::{Pending, Ticket};
use koi_proto::dmap::{Decoder, Tag};
use koi_types::{MailError, Result, Timestamp};

use super::core::Core;
use super::reply::Reply;
use crate::names::Stopped;
use crate::session::Effect;

/// One command between its line and its tagged end.
pub(crate) trait Job: Send {
    /// Goes on until it is finished or something must happen outside. An error becomes the tagged NO.
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome>;
    /// Whether the next step works on whole messages, which may be large.
    fn works_long(&self) -> bool {
        false
    }
}

/// What a job may touch.
pub(crate) struct Context<'a> {
    pub(crate) core: &'a mut Core,
    pub(crate) decoder: &'a mut Decoder,
    pub(crate) tag: &'a Tag,
    /// When the command began.
    pub(crate) began: Timestamp,
    pub(crate) out: &'a mut Vec<u8>,
}

/// Where a job stopped.
pub(crate) enum Outcome {
    /// Pending changes and the tagged line come next.
    Done(Reply),
    OutputFull,
    Yield,
    Await(Ticket),
    Effect(Effect),
    /// More octets from the client, or the deadline, or a commit in the account.
    NeedInput,
    /// BYE was written, or nothing can be said any more.
    Close(&'static str),
    /// The tagged line, then the end.
    LogOut(Reply),
}

impl From<Stopped> for Outcome {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::OutputFull => Self::OutputFull,
            Stopped::Slice => Self::Yield,
        }
    }
}

/// A command that needs no second step.
pub(crate) fn at_once(run: impl FnOnce(&mut Context<'_>) -> Result<Reply> + Send + 'static) -> Box<dyn Job> {
    Box::new(AtOnce(Some(run)))
}

struct AtOnce<F>(Option<F>);

impl<F: FnOnce(&mut Context<'_>) -> Result<Reply> + Send> Job for AtOnce<F> {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match self.0.take() {
            Some(run) => run(cx).map(Outcome::Done),
            None => Err(ran_twice()),
        }
    }
}

/// Whether a write was submitted, or is not needed.
pub(crate) enum Submitted<T> {
    Pending(Pending<T>),
    Done(Reply),
}

/// A command that is one write: `submit` queues it, `finish` runs when it is durable or has failed (I6:
/// nothing before).
pub(crate) fn write<T, S, F>(submit: S, finish: F) -> Box<dyn Job>
where
    T: Send + 'static,
    S: FnOnce(&mut Context<'_>) -> Result<Submitted<T>> + Send + 'static,
    F: FnOnce(&mut Context<'_>, Result<T>) -> Result<Reply> + Send + 'static,
{
    Box::new(Write::Submit(submit, finish))
}

enum Write<T, S, F>
where
    T: Send + 'static,
{
    Submit(S, F),
    Wait(Pending<T>, F),
    Over,
}

impl<T, S, F> Job for Write<T, S, F>
where
    T: Send + 'static,
    S: FnOnce(&mut Context<'_>) -> Result<Submitted<T>> + Send,
    F: FnOnce(&mut Context<'_>, Result<T>) -> Result<Reply> + Send,
{
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match std::mem::replace(self, Self::Over) {
            Self::Submit(submit, finish) => match submit(cx)? {
                Submitted::Done(reply) => Ok(Outcome::Done(reply)),
                Submitted::Pending(pending) => {
                    let ticket = pending.ticket();
                    *self = Self::Wait(pending, finish);
                    Ok(Outcome::Await(ticket))
                }
            },
            Self::Wait(pending, finish) => finish(cx, pending.take()).map(Outcome::Done),
            Self::Over => Err(ran_twice()),
        }
    }
}

pub(crate) fn ran_twice() -> MailError {
    MailError::new(koi_types::ErrorKind::Internal, "internal error")
        .context("a finished command was run again")
}
