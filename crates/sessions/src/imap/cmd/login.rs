//! LOGIN (RFC 9051 §6.2.3). The password is checked by the edge; here is only what is said before and after.

use koi_proto::imap::command::Secret as Password;
use koi_proto::imap::response::{Code, Status, status};
use koi_types::{Access, ErrorKind, MailError, Result};

use crate::auth::wrong;
use crate::imap::job::{Context, Job, Outcome};
use crate::imap::reply::Reply;
use crate::session::{Credentials, Effect, EffectResult, Login, Note, Secret};

pub(crate) fn start(username: Vec<u8>, password: Password) -> Box<dyn Job> {
    let authcid = String::from_utf8(username).ok();
    let credentials = authcid.map(|authcid| Credentials {
        access: Access::Imap,
        authcid: authcid.into(),
        authzid: None,
        password: Secret::new(password.take()),
    });
    Box::new(LogIn::Begin(credentials))
}

/// Asks the edge, then enters the account.
enum LogIn {
    /// `None` when the name is no text at all: refused like any wrong one.
    Begin(Option<Credentials>),
    Asked,
}

impl Job for LogIn {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match std::mem::replace(self, Self::Asked) {
            Self::Begin(_) if !cx.core.may_send_passwords() => Ok(Outcome::Done(refused_in_clear())),
            Self::Begin(Some(credentials)) => Ok(Outcome::Effect(Effect::Authenticate(credentials))),
            Self::Begin(None) => failed(cx, &wrong()),
            Self::Asked => match cx.core.effect.take() {
                Some(EffectResult::Authenticated(Ok(login))) => enter(cx, login),
                Some(EffectResult::Authenticated(Err(error))) => failed(cx, &error),
                _ => Ok(Outcome::NeedInput),
            },
        }
    }
}

/// RFC 9051 §6.2.3: no password in clear text; the client should not have tried (RFC 9051 §7.1,
/// PRIVACYREQUIRED).
pub(super) fn refused_in_clear() -> Reply {
    Reply::no("use STARTTLS first").code(&Code::PrivacyRequired)
}

pub(super) fn enter(cx: &mut Context<'_>, login: Login) -> Result<Outcome> {
    cx.core.enter(login)?;
    let capabilities = cx.core.capabilities();
    Ok(Outcome::Done(Reply::ok("logged in").code(&Code::Capability(&capabilities))))
}

/// The same words for every reason, so that nobody learns which addresses exist; but who knows the password
/// is told when it is not good for what was asked (RFC 5530 §3). Who is refused for having failed too often
/// fails by it too, or could go on asking on one connection for ever.
pub(super) fn failed(cx: &mut Context<'_>, error: &MailError) -> Result<Outcome> {
    let as_other = error.kind == ErrorKind::NoPermission;
    let counts = matches!(error.kind, ErrorKind::AuthenticationFailed | ErrorKind::LimitReached);
    if !as_other && !counts {
        return Err(error.clone());
    }
    cx.core.failed_logins = cx.core.failed_logins.saturating_add(1);
    if cx.core.failed_logins >= cx.core.settings.failed_logins_max {
        let limited = error.kind == ErrorKind::LimitReached;
        let code = if limited { Code::Limit } else { Code::AuthenticationFailed };
        // RFC 9051 §3.4: whoever closes says so first.
        status(None, Status::Bye, None, "too many failed logins", cx.out);
        return Ok(Outcome::LogOut(Reply::no("too many failed logins").code(&code)));
    }
    if as_other {
        cx.core.notes.push(Note::Failed { command: "AUTHENTICATE", error: error.to_string().into() });
        let reply = Reply::no(error.text.to_string()).code(&Code::AuthorizationFailed);
        return Ok(Outcome::Done(reply));
    }
    Err(error.clone())
}
