//! One method call being made: a small state machine that can be left and taken up again at every step.
//!
//! A call keeps no snapshot between steps, and does about [`SLICE`] of work in one.

use koi_mailbox::emails::Emails;
use koi_mailbox::{Account, Pending, Ticket};
use koi_proto::jmap::MethodError;

use super::context::Context;

/// Objects looked at in one step, about: what costs more than a row of a table counts more.
pub(super) const SLICE: usize = 100;

/// One call between its arguments and its response.
pub(super) trait Call: Send {
    /// Goes on until it has responded or something must happen outside. An error becomes its response.
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError>;
}

/// Where a call stopped.
pub(super) enum Ran {
    /// Everything is said.
    Done,
    /// Others first.
    Yield,
    /// Something is being written. What fails from now on may have been done in part.
    Await(Ticket),
}

/// What [`super::method`] knows of each method.
pub(super) type Started = Result<Box<dyn Call>, MethodError>;

/// A call that needs one step.
pub(super) fn at_once(
    run: impl FnOnce(&mut Context<'_>) -> Result<(), MethodError> + Send + 'static,
) -> Started {
    Ok(Box::new(AtOnce(Some(run))))
}

struct AtOnce<F>(Option<F>);

impl<F: FnOnce(&mut Context<'_>) -> Result<(), MethodError> + Send> Call for AtOnce<F> {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        self.0.take().map_or(Ok(()), |run| run(cx))?;
        Ok(Ran::Done)
    }
}

/// A call that reads emails, in as many steps as it likes.
pub(super) fn with_emails(
    account: Account,
    run: impl FnMut(&Emails<'_>, &mut Context<'_>) -> Result<Ran, MethodError> + Send + 'static,
) -> Started {
    Ok(Box::new(WithEmails { account, run }))
}

struct WithEmails<F> {
    account: Account,
    run: F,
}

impl<F> Call for WithEmails<F>
where
    F: FnMut(&Emails<'_>, &mut Context<'_>) -> Result<Ran, MethodError> + Send,
{
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        match self.account.emails() {
            Ok(Some(emails)) => (self.run)(&emails, cx),
            Ok(None) => Ok(Ran::Yield),
            Err(error) => Err(cx.failed(&error)),
        }
    }
}

/// A call that is one write: it responds when that is durable, or has failed.
pub(super) fn written<T: Send + 'static>(
    pending: Pending<T>,
    finish: impl FnOnce(koi_types::Result<T>, &mut Context<'_>) -> Result<(), MethodError> + Send + 'static,
) -> Box<dyn Call> {
    Box::new(Written(Some(Waiting { pending, finish })))
}

struct Waiting<T: Send + 'static, F> {
    pending: Pending<T>,
    finish: F,
}

struct Written<T: Send + 'static, F>(Option<Waiting<T, F>>);

impl<T: Send + 'static, F> Call for Written<T, F>
where
    F: FnOnce(koi_types::Result<T>, &mut Context<'_>) -> Result<(), MethodError> + Send,
{
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let Some(waiting) = self.0.take() else { return Ok(Ran::Done) };
        let ticket = waiting.pending.ticket();
        if ticket.peek().is_none() {
            self.0 = Some(waiting);
            return Ok(Ran::Await(ticket));
        }
        (waiting.finish)(waiting.pending.take(), cx)?;
        Ok(Ran::Done)
    }
}
