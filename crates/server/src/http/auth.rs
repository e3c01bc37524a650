//! Who asks: Basic (RFC 7617 §2) with the account's password or an app password, a bearer token (RFC 6750
//! §2.1), or the cookie of a page of this server, in every request; a WebSocket is also opened by a ticket.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, ORIGIN};
use koi_sessions::{Credentials, Secret};
use koi_types::{Access, MailError};
use tokio::sync::watch;

use super::connection::Connection;
use super::problem::Refused;
use super::web_login::Found;
use crate::edge::Edge;
use crate::metrics::count;
use crate::password::Proven;

/// Longer ones are nobody's.
const HEADER_OCTETS_MAX: usize = 4096;
/// Of pages of this server; the prefix binds it to this host and to TLS.
pub(super) const COOKIE_NAME: &str = "__Host-sid";

/// Somebody whose login was right.
#[derive(Clone, Debug)]
pub(super) struct Entered {
    pub(super) proven: Proven,
    /// It came by a cookie, which is good until this is closed.
    pub(super) until: Option<watch::Receiver<()>>,
}

/// What a request says to prove who it is from.
enum Said {
    Basic(Credentials),
    Bearer(Secret),
}

/// The login of a request; `base`: what URLs of this server begin with.
pub(super) async fn login(
    connection: &Arc<Connection>,
    headers: &HeaderMap,
    base: &str,
) -> Result<Entered, Refused> {
    if !headers.contains_key(AUTHORIZATION)
        && let Some(cookie) = cookie(headers)
    {
        return by_cookie(connection, headers, base, cookie);
    }
    let proven = check(&connection.edge, said(headers)?, connection.peer).await?;
    Ok(Entered { proven, until: None })
}

/// The login of a password that came in another way.
pub(super) async fn by_password(
    connection: &Arc<Connection>,
    credentials: Credentials,
) -> Result<Proven, Refused> {
    check(&connection.edge, Said::Basic(credentials), connection.peer).await
}

/// The login of a ticket, which is worth nothing from now on.
pub(super) fn by_ticket(connection: &Arc<Connection>, ticket: &str) -> Result<Entered, Refused> {
    let found = connection.site.web_logins.redeem(ticket, Instant::now());
    let proven = found.ok_or_else(|| Refused::Unauthorized("This ticket is not good any more.".into()))?;
    connection.edge.passwords.still_holds(&proven).map_err(|error| Refused::from(&error))?;
    Ok(Entered { proven, until: None })
}

/// The value of our cookie.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value).next()
}

/// Whether a page of this very server asks: the browser says so.
pub(super) fn is_same_origin(headers: &HeaderMap, base: &str) -> bool {
    let says = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match says("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => says(ORIGIN.as_str()).is_some_and(|origin| origin.eq_ignore_ascii_case(base)),
    }
}

fn by_cookie(
    connection: &Arc<Connection>,
    headers: &HeaderMap,
    base: &str,
    cookie: &str,
) -> Result<Entered, Refused> {
    if !is_same_origin(headers, base) {
        return Err(Refused::Forbidden("A cookie is good for pages of this server alone.".into()));
    }
    let out = || Refused::Unauthorized("Log in again.".into());
    let Found { proven, until } = connection.site.web_logins.find(cookie, Instant::now()).ok_or_else(out)?;
    if connection.edge.passwords.still_holds(&proven).is_err() {
        connection.site.web_logins.log_out(cookie);
        return Err(out());
    }
    Ok(Entered { proven, until: Some(until) })
}

async fn check(edge: &Edge, said: Said, peer: IpAddr) -> Result<Proven, Refused> {
    let (name, checked) = match said {
        Said::Basic(credentials) => {
            let name = credentials.authcid.clone();
            (name, edge.passwords.check(&credentials, peer).await)
        }
        Said::Bearer(token) => {
            ("a bearer token".into(), edge.passwords.check_token(token.expose(), Access::Jmap, peer).await)
        }
    };
    checked.map_err(|error| told(edge, &name, peer, &error))
}

/// Counts and logs a failure.
fn told(edge: &Edge, name: &str, peer: IpAddr, error: &MailError) -> Refused {
    count(&edge.metrics.login_failures);
    tracing::info!(%peer, login = %name.escape_debug(), %error, "login failed");
    Refused::from(error)
}

fn said(headers: &HeaderMap) -> Result<Said, Refused> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else {
        return Err(Refused::Unauthorized("Log in first.".into()));
    };
    if all.next().is_some() || value.len() > HEADER_OCTETS_MAX {
        return Err(Refused::BadRequest("There must be one Authorization header of moderate length.".into()));
    }
    let text = value.to_str().map_err(|_| malformed())?;
    let (scheme, rest) = text.split_once(' ').ok_or_else(malformed)?;
    let rest = rest.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Said::Bearer(Secret::new(rest.as_bytes().to_vec())));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        return basic(rest).map(Said::Basic).ok_or_else(malformed);
    }
    Err(Refused::Unauthorized("Log in by Basic or Bearer.".into()))
}

fn malformed() -> Refused {
    Refused::BadRequest("The Authorization header is malformed.".into())
}

/// RFC 7617 §2: `user-id ":" password` in base64, and in UTF-8 as we ask for.
fn basic(text: &str) -> Option<Credentials> {
    let octets = Secret::new(STANDARD.decode(text).ok()?);
    let at = octets.expose().iter().position(|octet| *octet == b':')?;
    let (name, password) = octets.expose().split_at(at);
    let name = std::str::from_utf8(name).ok().filter(|name| !name.chars().any(char::is_control))?;
    let password = password.get(1..)?.to_vec();
    let password = Secret::new(password);
    Some(Credentials { access: Access::Jmap, authcid: name.into(), authzid: None, password })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn of(text: &str) -> Result<Said, Refused> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_bytes(text.as_bytes()).unwrap());
        said(&headers)
    }

    // spec: RFC 7617 §2; RFC 6750 §2.1
    #[test]
    fn names_and_passwords_may_be_anything_but_a_name_with_a_colon() {
        let basic = |text: &str| match of(&format!("basic {}", STANDARD.encode(text))) {
            Ok(Said::Basic(said)) => {
                Some((said.authcid.to_string(), String::from_utf8(said.password.expose().into()).unwrap()))
            }
            _ => None,
        };
        let both = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(basic("alice@example.org:a:b "), both("alice@example.org", "a:b "));
        assert_eq!(basic("älice:pässword"), both("älice", "pässword"));
        assert_eq!(basic(":"), both("", ""));
        assert_eq!(basic("no colon"), None);
        assert_eq!(basic("a\nb:c"), None);
        assert!(matches!(of("Bearer  koi_1_abc"), Ok(Said::Bearer(token)) if token.expose() == b"koi_1_abc"));
    }

    #[test]
    fn what_is_neither_is_told_so() {
        for bad in ["Basic", "Basic !!!", "Basic YQ", "Basic  ", "x"] {
            assert!(matches!(of(bad), Err(Refused::BadRequest(_))), "{bad}");
        }
        assert!(matches!(of("Digest a=b"), Err(Refused::Unauthorized(_))));
        assert!(matches!(said(&HeaderMap::new()), Err(Refused::Unauthorized(_))));
        assert!(matches!(of(&format!("Bearer {}", "x".repeat(5000))), Err(Refused::BadRequest(_))));
        let mut two = HeaderMap::new();
        two.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        two.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert!(matches!(said(&two), Err(Refused::BadRequest(_))));
    }
}
