//! AUTHENTICATE (RFC 9051 §6.2.2) with an initial response (RFC 4959 §3): the wire of `auth`'s exchange.

use koi_proto::imap::command::Secret as Response;
use koi_proto::imap::decode::SaslLine;
use koi_proto::imap::response::{Code, Status, challenge, status};
use koi_proto::imap::{Decoded, Phase};
use koi_types::{Access, Result};

use super::login::{enter, failed, refused_in_clear};
use crate::auth::{Authentication, NotOffered, Turn, wrong};
use crate::imap::job::{Context, Job, Outcome, ran_twice};
use crate::imap::reply::Reply;

pub(crate) fn start(mechanism: &str, initial: Option<Response>) -> Box<dyn Job> {
    Box::new(Authenticate::Begin { mechanism: mechanism.into(), initial })
}

enum Authenticate {
    Begin {
        mechanism: Box<str>,
        initial: Option<Response>,
    },
    /// A challenge was sent.
    Challenged(Box<Authentication>),
    /// The edge was asked.
    Asked(Box<Authentication>),
    Over,
}

impl Job for Authenticate {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match std::mem::replace(self, Self::Over) {
            Self::Begin { mechanism, initial } => {
                match Authentication::new(&mechanism, &cx.core.offer(), Access::Imap) {
                    Ok(mut authentication) => {
                        let turn = authentication.begin(initial.as_ref().map(|r| r.0.as_slice()));
                        self.take(cx, Box::new(authentication), turn)
                    }
                    Err(why) => Ok(Outcome::Done(not_offered(why))),
                }
            }
            Self::Challenged(authentication) => self.read(cx, authentication),
            Self::Asked(mut authentication) => match cx.core.effect.take() {
                Some(result) => {
                    let turn = authentication.effect_done(result);
                    self.take(cx, authentication, turn)
                }
                None => {
                    *self = Self::Asked(authentication);
                    Ok(Outcome::NeedInput)
                }
            },
            Self::Over => Err(ran_twice()),
        }
    }
}

impl Authenticate {
    fn take(
        &mut self,
        cx: &mut Context<'_>,
        authentication: Box<Authentication>,
        turn: Turn,
    ) -> Result<Outcome> {
        match turn {
            Turn::Challenge(text) => {
                challenge(&text, cx.out);
                self.read(cx, authentication)
            }
            Turn::Effect(effect) => {
                cx.core.bound |= authentication.binds();
                *self = Self::Asked(authentication);
                Ok(Outcome::Effect(effect))
            }
            Turn::Accepted(login) => enter(cx, login),
            Turn::Refused(error) => failed(cx, &error),
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, mut authentication: Box<Authentication>) -> Result<Outcome> {
        cx.core.waiting_for_client = false;
        Ok(match cx.decoder.next(Phase::Sasl) {
            Decoded::NeedMore => {
                cx.core.waiting_for_client = true;
                *self = Self::Challenged(authentication);
                Outcome::NeedInput
            }
            Decoded::Sasl(SaslLine::Response(response)) => {
                let turn = authentication.response(&response.0);
                return self.take(cx, authentication, turn);
            }
            // RFC 9051 §6.2.2: the client cancels with `*`, the answer is BAD.
            Decoded::Sasl(SaslLine::Cancelled) if authentication.has_failed() => {
                return cancelled_after_failure(cx);
            }
            Decoded::Sasl(SaslLine::Cancelled) => Outcome::Done(Reply::bad(CANCELLED)),
            Decoded::Sasl(SaslLine::Malformed(why)) => Outcome::Done(Reply::bad(why)),
            Decoded::Fatal { code, text } => {
                status(None, Status::Bye, code.as_ref(), text, cx.out);
                Outcome::Close("protocol error")
            }
            _ => Outcome::Done(Reply::bad("not a response")),
        })
    }
}

const CANCELLED: &str = "authentication was cancelled";

/// It counts as what it was.
fn cancelled_after_failure(cx: &mut Context<'_>) -> Result<Outcome> {
    match failed(cx, &wrong()) {
        Err(_) => Ok(Outcome::Done(Reply::bad(CANCELLED))),
        closing => closing,
    }
}

fn not_offered(why: NotOffered) -> Reply {
    match why {
        NotOffered::Mechanism => Reply::no("this mechanism is not supported").code(&Code::Cannot),
        NotOffered::Unprotected => refused_in_clear(),
        NotOffered::BoundAlready => {
            Reply::no("connect again to log in with channel binding").code(&Code::Unavailable)
        }
    }
}
