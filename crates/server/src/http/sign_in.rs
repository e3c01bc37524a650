//! Logins without a password in every request: a page of this server logs in once and has a cookie then, and
//! whoever is logged in may have a ticket that opens one WebSocket, because a page of another origin cannot
//! send a login with it.

use std::time::{Duration, Instant};

use hyper::header::{CONTENT_TYPE, HeaderValue, SET_COOKIE};
use hyper::{Method, StatusCode};
use koi_proto::jmap::{Raw, UtcDate};
use koi_sessions::{Credentials, Secret};
use koi_types::Access;
use serde::Deserialize;

use super::answer::Answer;
use super::auth::{self, COOKIE_NAME, Entered};
use super::problem::Refused;
use super::routes::Visit;
use super::web_login::TICKET_SECS;

/// What a login form sends.
#[derive(Deserialize)]
struct Form {
    username: String,
    password: String,
}

/// Logs a page of this server in, or out.
pub(super) async fn web_login(visit: Visit<'_>, octets: &[u8]) -> Result<Answer, Refused> {
    // No page may log its visitor in to an account of its own.
    if !auth::is_same_origin(&visit.parts.headers, &visit.base) {
        return Err(Refused::Forbidden("This is for pages of this server alone.".into()));
    }
    match visit.parts.method {
        Method::DELETE => {
            if let Some(cookie) = auth::cookie(&visit.parts.headers) {
                visit.connection.site.web_logins.log_out(cookie);
            }
            let mut answer = Answer::empty(StatusCode::NO_CONTENT);
            set_cookie(&mut answer, "", Duration::ZERO)?;
            Ok(answer)
        }
        _ => log_in(visit, octets).await,
    }
}

async fn log_in(mut visit: Visit<'_>, octets: &[u8]) -> Result<Answer, Refused> {
    let is_json = |value: &HeaderValue| value.as_bytes().starts_with(b"application/json");
    let form = || Refused::BadRequest("Send JSON with `username` and `password`.".into());
    if !visit.parts.headers.get(CONTENT_TYPE).is_some_and(is_json) {
        return Err(form());
    }
    let Form { username, password } = serde_json::from_slice(octets).map_err(|_| form())?;
    let password = Secret::new(password.into_bytes());
    let name = Some(username).filter(|name| !name.chars().any(char::is_control)).ok_or_else(form)?;
    let credentials = Credentials { access: Access::Jmap, authcid: name.into(), authzid: None, password };
    let proven = auth::by_password(visit.connection, credentials).await?;
    let username = proven.login.address.to_string();
    visit.has_entered(&Entered { proven: proven.clone(), until: None });
    let site = &visit.connection.site;
    let cookie = site.web_logins.log_in(proven, Instant::now());
    let told = Raw::build(|slot| slot.members(|told| told.put("username", &username)));
    let mut answer = Answer::json(told.as_str().as_bytes().to_vec());
    set_cookie(&mut answer, &cookie, site.config().login_idle)?;
    Ok(answer)
}

fn set_cookie(answer: &mut Answer, value: &str, age: Duration) -> Result<(), Refused> {
    let age = age.as_secs();
    let cookie = format!("{COOKIE_NAME}={value}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Strict");
    let cookie = HeaderValue::from_str(&cookie).map_err(|_| Refused::Internal)?;
    answer.headers.insert(SET_COOKIE, cookie);
    Ok(())
}

/// Makes a ticket.
pub(super) async fn ticket(mut visit: Visit<'_>) -> Result<Answer, Refused> {
    let entered = visit.log_in().await?;
    let username = entered.proven.login.address.to_string();
    let value = visit.connection.site.web_logins.ticket(entered.proven, Instant::now());
    let now = crate::clock::now();
    let until = now.plus_secs(u32::try_from(TICKET_SECS).unwrap_or(0));
    let ticket = Raw::build(|slot| {
        slot.members(|ticket| {
            ticket.put("value", &value);
            ticket.put("username", &username);
            ticket.put("generatedOn", &UtcDate(now));
            ticket.put("validUntil", &UtcDate(until));
        });
    });
    let octets = ticket.as_str().as_bytes().to_vec();
    Ok(Answer::of(StatusCode::CREATED, "application/json", octets))
}
