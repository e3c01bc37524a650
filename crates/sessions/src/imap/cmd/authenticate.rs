//! AUTHENTICATE PLAIN (RFC 9051 §6.2.2, RFC 4616 §2) with an initial response (RFC 4959 §3).

use koi_proto::imap::command::Secret as Response;
use koi_proto::imap::decode::SaslLine;
use koi_proto::imap::response::{Code, Status, challenge, status};
use koi_proto::imap::{Decoded, Phase};
use koi_proto::sasl::parse_plain;
use koi_types::{ErrorKind, MailError, Result};

use super::login::{LogIn, refused_in_clear};
use crate::imap::job::{Context, Job, Outcome, at_once};
use crate::imap::reply::Reply;
use crate::session::{Credentials, Mechanism, Secret};

pub(crate) fn start(mechanism: &str, initial: Option<Response>) -> Box<dyn Job> {
    if !mechanism.eq_ignore_ascii_case("PLAIN") {
        return at_once(|_| Ok(Reply::no("this mechanism is not supported").code(&Code::Cannot)));
    }
    match initial {
        Some(response) => Box::new(Plain::Response(response)),
        None => Box::new(Plain::Begin),
    }
}

enum Plain {
    Begin,
    Challenged,
    Response(Response),
}

impl Job for Plain {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        if !cx.core.may_send_passwords() {
            return Ok(Outcome::Done(refused_in_clear()));
        }
        match std::mem::replace(self, Self::Challenged) {
            Self::Response(response) => Ok(checked(&response)),
            Self::Begin => {
                // RFC 4616 §2: the server speaks no words of its own.
                challenge(b"", cx.out);
                self.read(cx)
            }
            Self::Challenged => self.read(cx),
        }
    }
}

impl Plain {
    fn read(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        cx.core.waiting_for_client = false;
        Ok(match cx.decoder.next(Phase::Sasl) {
            Decoded::NeedMore => {
                cx.core.waiting_for_client = true;
                Outcome::NeedInput
            }
            Decoded::Sasl(SaslLine::Response(response)) => checked(&response),
            // RFC 9051 §6.2.2: the client cancels with `*`, the answer is BAD.
            Decoded::Sasl(SaslLine::Cancelled) => Outcome::Done(Reply::bad("authentication was cancelled")),
            Decoded::Sasl(SaslLine::Malformed(why)) => Outcome::Done(Reply::bad(why)),
            Decoded::Fatal { code, text } => {
                status(None, Status::Bye, code.as_ref(), text, cx.out);
                Outcome::Close("protocol error")
            }
            _ => Outcome::Done(Reply::bad("not a response")),
        })
    }
}

fn checked(response: &Response) -> Outcome {
    match parse_plain(&response.0) {
        Ok(plain) => Outcome::Become(Box::new(LogIn::Begin(Some(Credentials {
            mechanism: Mechanism::Plain,
            authcid: plain.authentication,
            authzid: plain.authorization,
            password: Secret::new(plain.password.as_bytes().to_vec()),
        })))),
        Err(why) => Outcome::Done(Reply::error(&MailError::new(ErrorKind::AuthenticationFailed, why))),
    }
}
