//! AUTH (RFC 4954 §4): the wire of `auth`'s exchange. Only on submission, and once.

use koi_proto::sasl::{Mechanism, base64_decode, base64_encode};
use koi_proto::smtp::{Decoded, Phase, Reply};
use koi_types::{Access, ErrorKind, MailError};

use super::session::{Next, SmtpSession};
use super::{Role, replies};
use crate::auth::{Authentication, NotOffered, Offer, Turn, wrong};
use crate::session::{EffectResult, Login, Note};

/// What can be logged in with now.
pub(super) fn offer(session: &SmtpSession) -> Offer {
    let settings = &session.settings;
    let offer = Offer::new(session.peer.tls.as_ref(), settings.plain_without_tls, settings.scram);
    Offer { login: true, bound: session.bound, ..offer }
}

/// As EHLO names them; empty when there is nothing to log in with, or no need to.
pub(super) fn offered(session: &SmtpSession) -> String {
    if session.role != Role::Submission || session.login.is_some() {
        return String::new();
    }
    offer(session).mechanisms().map(Mechanism::name).collect::<Vec<_>>().join(" ")
}

pub(super) fn begin(session: &mut SmtpSession, mechanism: &str, initial: Option<&str>) -> Next {
    if let Some(refusal) = out_of_place(session) {
        return Next::Reply(refusal);
    }
    let mut authentication = match Authentication::new(mechanism, &offer(session), Access::Submission) {
        Ok(authentication) => Box::new(authentication),
        Err(NotOffered::Mechanism) => return Next::Reply(replies::no_such_mechanism()),
        Err(NotOffered::Unprotected) => return Next::Reply(replies::needs_encryption()),
        Err(NotOffered::BoundAlready) => return Next::Reply(replies::bound_already()),
    };
    let initial = match initial {
        None => None,
        // RFC 4954 §4: `=` is an empty response.
        Some("=") => Some(Vec::new()),
        Some(initial) => match base64_decode(initial.as_bytes()) {
            Ok(initial) => Some(initial),
            Err(why) => return Next::Reply(replies::not_base64(why)),
        },
    };
    let turn = authentication.begin(initial.as_deref());
    take(session, authentication, turn)
}

fn out_of_place(session: &SmtpSession) -> Option<Reply> {
    match session.role {
        Role::Lmtp => Some(replies::unrecognized()),
        Role::Inbound => Some(replies::not_implemented("no login here: submission has its own port")),
        Role::Submission if session.client.is_none() => Some(replies::out_of_order("EHLO first")),
        Role::Submission if session.login.is_some() => Some(replies::out_of_order("you are logged in")),
        Role::Submission if session.transaction.is_some() => {
            Some(replies::out_of_order("a transaction is under way"))
        }
        Role::Submission => None,
    }
}

/// The client's answer to a challenge; the exchange comes back when it is not there yet.
pub(super) fn next_line(
    session: &mut SmtpSession,
    mut authentication: Box<Authentication>,
) -> Result<Next, Box<Authentication>> {
    Ok(match session.decoder.next(Phase::Auth) {
        Decoded::NeedMore => return Err(authentication),
        // A client that was told it failed has failed, whatever it says to that.
        Decoded::AuthLine(line) if &*line == "*" && authentication.has_failed() => failed(session, &wrong()),
        Decoded::AuthLine(line) if &*line == "*" => Next::Reply(replies::cancelled()),
        Decoded::AuthLine(line) => match base64_decode(line.as_bytes()) {
            Ok(response) => {
                let turn = authentication.response(&response);
                take(session, authentication, turn)
            }
            Err(why) => Next::Reply(replies::not_base64(why)),
        },
        Decoded::Bad(reply) => Next::Reply(reply),
        Decoded::Fatal(reply) => Next::Close(reply, "protocol error"),
        Decoded::Command(_) | Decoded::Data | Decoded::DataEnd(_) => Next::Nothing,
    })
}

/// What came of the effect.
pub(super) fn asked(
    session: &mut SmtpSession,
    mut authentication: Box<Authentication>,
    result: EffectResult,
) -> Next {
    let turn = authentication.effect_done(result);
    take(session, authentication, turn)
}

fn take(session: &mut SmtpSession, authentication: Box<Authentication>, turn: Turn) -> Next {
    match turn {
        Turn::Challenge(octets) => {
            Next::Challenge(replies::challenge(&base64_encode(&octets)), authentication)
        }
        Turn::Effect(effect) => {
            session.bound |= authentication.binds();
            Next::Effect(effect, authentication)
        }
        Turn::Accepted(login) => accepted(session, login),
        Turn::Refused(error) => failed(session, &error),
    }
}

fn accepted(session: &mut SmtpSession, login: Login) -> Next {
    session.notes.push(Note::LoggedIn { address: login.address.clone() });
    session.login = Some(login);
    Next::Reply(replies::logged_in())
}

fn failed(session: &mut SmtpSession, error: &MailError) -> Next {
    session.notes.push(Note::Failed { command: "AUTHENTICATE", error: error.to_string().into() });
    session.failed_logins = session.failed_logins.saturating_add(1);
    match session.failed_logins >= session.settings.failed_logins_max {
        true => Next::Close(replies::too_many_failed_logins(), "too many failed logins"),
        false => Next::Reply(refused(error)),
    }
}

/// RFC 4954 §6: what is not about the password may be tried again.
fn refused(error: &MailError) -> Reply {
    let text = error.text.to_string();
    match error.kind {
        ErrorKind::AuthenticationFailed | ErrorKind::NotFound => replies::reply(535, 7, 8, text),
        ErrorKind::NoPermission => replies::reply(535, 7, 0, text),
        _ => replies::reply(454, 7, 0, text),
    }
}
