//! AUTHENTICATE (DMAP-00 §7.2.1): STACIE always, PLAIN and SCRAM-SHA-256 where accounts are trustful. The
//! wire of both exchanges; passwords, proofs and tokens are checked by the edge.
//!
//! A response that is not base64, or not what the mechanism asks for, is BAD, as is `*`, by which the client
//! gives up; what is wrong is NO, in the same words whatever it is.

use koi_mailbox::Pending;
use koi_proto::dmap::command::Secret;
use koi_proto::dmap::response::challenge;
use koi_proto::dmap::{Code, Decoded, Phase};
use koi_proto::sasl::SaslLine;
use koi_types::{Access, ErrorKind, MailError, Result};

use crate::auth::{self, Authentication, NotOffered, wrong};
use crate::dmap::job::{Context, Job, Outcome, ran_twice};
use crate::dmap::reply::{Reply, bye};
use crate::dmap::stacie::{self, Stacie};
use crate::session::{EffectResult, Login, Note};

pub(crate) fn start(mechanism: Box<str>, initial: Option<Secret>) -> Box<dyn Job> {
    Box::new(Authenticate { phase: AuthPhase::Begin { mechanism, initial } })
}

struct Authenticate {
    phase: AuthPhase,
}

enum AuthPhase {
    Begin {
        mechanism: Box<str>,
        initial: Option<Secret>,
    },
    /// A challenge was sent.
    Challenged(Exchange),
    /// The edge was asked.
    Asked(Exchange),
    /// The account is entered; what DMAP needs of it is being made ready.
    Prepare(Pending<()>),
    Over,
}

enum Exchange {
    Stacie(Box<Stacie>),
    Other(Box<Authentication>),
}

/// What happens next, whatever the mechanism.
enum Turn {
    Stacie(stacie::Turn),
    Other(auth::Turn),
}

impl Job for Authenticate {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match std::mem::replace(&mut self.phase, AuthPhase::Over) {
            AuthPhase::Begin { mechanism, initial } => match Exchange::new(cx, &mechanism) {
                Ok(mut exchange) => {
                    let turn = exchange.begin(initial.as_ref().map(|secret| secret.0.as_slice()));
                    self.take(cx, exchange, turn)
                }
                Err(why) => Ok(Outcome::Done(not_offered(why))),
            },
            AuthPhase::Challenged(exchange) => self.read(cx, exchange),
            AuthPhase::Asked(mut exchange) => match cx.core.effect.take() {
                Some(result) => {
                    let turn = exchange.effect_done(result);
                    self.take(cx, exchange, turn)
                }
                None => {
                    self.phase = AuthPhase::Asked(exchange);
                    Ok(Outcome::NeedInput)
                }
            },
            AuthPhase::Prepare(pending) => {
                pending.take().unwrap_or_else(|error| unprepared(cx, &error));
                Ok(Outcome::Done(entered(cx)))
            }
            AuthPhase::Over => Err(ran_twice()),
        }
    }
}

impl Exchange {
    fn new(cx: &Context<'_>, mechanism: &str) -> std::result::Result<Self, NotOffered> {
        let offer = cx.core.offer();
        match mechanism {
            "STACIE" => Ok(Self::Stacie(Box::new(Stacie::new(None)))),
            "STACIE-PLUS" if offer.exporter.is_none() => Err(NotOffered::Mechanism),
            "STACIE-PLUS" if offer.bound => Err(NotOffered::BoundAlready),
            "STACIE-PLUS" => Ok(Self::Stacie(Box::new(Stacie::new(offer.exporter)))),
            _ if !cx.core.trusts() => Err(NotOffered::Mechanism),
            other => Authentication::new(other, &offer, Access::Dmap).map(|a| Self::Other(Box::new(a))),
        }
    }
    fn begin(&mut self, initial: Option<&[u8]>) -> Turn {
        match self {
            Self::Stacie(stacie) => Turn::Stacie(stacie.begin(initial)),
            Self::Other(other) => Turn::Other(other.begin(initial)),
        }
    }
    fn response(&mut self, response: &[u8]) -> Turn {
        match self {
            Self::Stacie(stacie) => Turn::Stacie(stacie.response(response)),
            Self::Other(other) => Turn::Other(other.response(response)),
        }
    }
    fn effect_done(&mut self, result: EffectResult) -> Turn {
        match self {
            Self::Stacie(stacie) => Turn::Stacie(stacie.effect_done(result)),
            Self::Other(other) => Turn::Other(other.effect_done(result)),
        }
    }
    fn binds(&self) -> bool {
        match self {
            Self::Stacie(stacie) => stacie.binds(),
            Self::Other(other) => other.binds(),
        }
    }
    /// Whether the client was told that it failed, though the exchange has not ended.
    fn has_failed(&self) -> bool {
        matches!(self, Self::Other(other) if other.has_failed())
    }
}

impl Authenticate {
    fn take(&mut self, cx: &mut Context<'_>, exchange: Exchange, turn: Turn) -> Result<Outcome> {
        match turn {
            Turn::Stacie(stacie::Turn::Challenge(text)) | Turn::Other(auth::Turn::Challenge(text)) => {
                challenge(&text, cx.out);
                self.read(cx, exchange)
            }
            Turn::Stacie(stacie::Turn::Effect(effect)) | Turn::Other(auth::Turn::Effect(effect)) => {
                cx.core.bound |= exchange.binds();
                self.phase = AuthPhase::Asked(exchange);
                Ok(Outcome::Effect(effect))
            }
            Turn::Stacie(stacie::Turn::Accepted(login)) | Turn::Other(auth::Turn::Accepted(login)) => {
                self.enter(cx, login)
            }
            Turn::Stacie(stacie::Turn::Refused(error)) | Turn::Other(auth::Turn::Refused(error)) => {
                failed(cx, &error)
            }
            Turn::Stacie(stacie::Turn::Malformed(why)) => Ok(Outcome::Done(Reply::bad(why))),
        }
    }
    fn read(&mut self, cx: &mut Context<'_>, mut exchange: Exchange) -> Result<Outcome> {
        cx.core.waiting_for_client = false;
        Ok(match cx.decoder.next(Phase::Sasl) {
            Decoded::NeedMore => {
                cx.core.waiting_for_client = true;
                self.phase = AuthPhase::Challenged(exchange);
                Outcome::NeedInput
            }
            Decoded::Sasl(SaslLine::Response(response)) => {
                let turn = exchange.response(&response.0);
                return self.take(cx, exchange, turn);
            }
            // It counts as what it was.
            Decoded::Sasl(SaslLine::Cancelled) if exchange.has_failed() => match failed(cx, &wrong()) {
                Err(_) => Outcome::Done(Reply::bad(CANCELLED)),
                Ok(closing) => closing,
            },
            Decoded::Sasl(SaslLine::Cancelled) => Outcome::Done(Reply::bad(CANCELLED)),
            Decoded::Sasl(SaslLine::Malformed(why)) => Outcome::Done(Reply::bad(why)),
            Decoded::Fatal { code, text } => {
                bye(code.as_ref(), text, cx.out);
                Outcome::Close("protocol error")
            }
            _ => Outcome::Done(Reply::bad("not a response")),
        })
    }
    fn enter(&mut self, cx: &mut Context<'_>, login: Login) -> Result<Outcome> {
        cx.core.enter(login)?;
        match cx.core.prepare() {
            Ok(Some(pending)) => {
                let ticket = pending.ticket();
                self.phase = AuthPhase::Prepare(pending);
                return Ok(Outcome::Await(ticket));
            }
            Ok(None) => {}
            Err(error) => unprepared(cx, &error),
        }
        Ok(Outcome::Done(entered(cx)))
    }
}

const CANCELLED: &str = "authentication was cancelled";

/// The user is in: what can be done without is done. The next login tries again, or another one that came at
/// the same time has done it.
fn unprepared(cx: &mut Context<'_>, error: &MailError) {
    cx.core.notes.push(Note::Failed { command: "AUTHENTICATE", error: error.to_string().into() });
}

fn entered(cx: &Context<'_>) -> Reply {
    Reply::ok("logged in").code(Code::Capability(cx.core.capabilities()))
}

fn not_offered(why: NotOffered) -> Reply {
    match why {
        NotOffered::Mechanism | NotOffered::Unprotected => {
            Reply::no("this mechanism is not supported").code(Code::Cannot)
        }
        NotOffered::BoundAlready => {
            Reply::no("connect again to log in with channel binding").code(Code::Unavailable)
        }
    }
}

/// The same words for every reason, so that nobody learns which addresses exist; but who knows the password
/// is told when it is not good for what was asked (RFC 5530 §3). Who is refused for having failed too often
/// fails by it too, or could go on asking on one connection for ever.
fn failed(cx: &mut Context<'_>, error: &MailError) -> Result<Outcome> {
    let as_other = error.kind == ErrorKind::NoPermission;
    let counts = matches!(error.kind, ErrorKind::AuthenticationFailed | ErrorKind::LimitReached);
    if !as_other && !counts {
        return Err(error.clone());
    }
    cx.core.failed_logins = cx.core.failed_logins.saturating_add(1);
    if cx.core.failed_logins >= cx.core.settings.failed_logins_max {
        let limited = error.kind == ErrorKind::LimitReached;
        let code = if limited { Code::Limit } else { Code::AuthenticationFailed };
        bye(None, "too many failed logins", cx.out);
        return Ok(Outcome::LogOut(Reply::no("too many failed logins").code(code)));
    }
    if as_other {
        cx.core.notes.push(Note::Failed { command: "AUTHENTICATE", error: error.to_string().into() });
        let reply = Reply::no(error.text.to_string()).code(Code::AuthorizationFailed);
        return Ok(Outcome::Done(reply));
    }
    Err(error.clone())
}
