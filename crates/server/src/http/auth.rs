//! Who asks: Basic (RFC 7617 §2) with the account's password or an app password, or a bearer token (RFC 6750
//! §2.1), in every request.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderMap};
use koi_sessions::{Credentials, Login, Secret};
use koi_types::{Access, MailError};

use super::problem::Refused;
use crate::edge::Edge;
use crate::metrics::count;

/// Longer ones are nobody's.
const HEADER_OCTETS_MAX: usize = 4096;

/// What a request says to prove who it is from.
enum Said {
    Basic(Credentials),
    Bearer(Secret),
}

/// The login of a request.
pub(super) async fn login(edge: &Edge, headers: &HeaderMap, peer: IpAddr) -> Result<Login, Refused> {
    let (name, checked) = match said(headers)? {
        Said::Basic(credentials) => {
            let name = credentials.authcid.clone();
            (name, edge.passwords.check(&credentials, peer).await)
        }
        Said::Bearer(token) => {
            ("a bearer token".into(), edge.passwords.check_token(token.expose(), Access::Jmap, peer).await)
        }
    };
    match checked {
        Ok(proven) => Ok(proven.login),
        Err(error) => Err(told(edge, &name, peer, &error)),
    }
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
