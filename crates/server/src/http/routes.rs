//! What there is by HTTP, and who may ask for it.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Method, Request, Uri};
use koi_proto::jmap::{RequestError, RequestLimit};
use koi_sessions::Login;
use koi_types::MailError;

use super::answer::Answer;
use super::body::Bounds;
use super::connection::{Answered, Connection, InFlight};
use super::problem::Refused;
use super::{Jmap, auth, autoconfig, blobs, cors};
use crate::metrics::count;

/// Of what is sent by whoever has not logged in.
const ANONYMOUS_OCTETS_MAX: usize = 16 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Route<'p> {
    /// RFC 8620 §2.2
    Session,
    /// RFC 8620 §3.1
    Api,
    /// RFC 8620 §6.1; with the rest of the path.
    Upload(&'p str),
    /// RFC 8620 §6.2; with the rest of the path.
    Download(&'p str),
    /// Settings for Thunderbird and others.
    Autoconfig,
    /// The same for Outlook.
    Autodiscover,
}

impl<'p> Route<'p> {
    const fn methods(self) -> &'static str {
        match self {
            Self::Session | Self::Download(_) | Self::Autoconfig => "GET, HEAD, OPTIONS",
            Self::Api | Self::Upload(_) | Self::Autodiscover => "POST, OPTIONS",
        }
    }
    fn of(path: &'p str, has_jmap: bool) -> Option<Self> {
        let below = |top: &str| path.strip_prefix(top).filter(|_| has_jmap);
        if let Some(target) = below("/jmap/upload/") {
            return Some(Self::Upload(target));
        }
        if let Some(target) = below("/jmap/download/") {
            return Some(Self::Download(target));
        }
        match path {
            "/.well-known/jmap" if has_jmap => Some(Self::Session),
            "/jmap/api" | "/jmap/api/" if has_jmap => Some(Self::Api),
            "/.well-known/autoconfig/mail/config-v1.1.xml" | "/mail/config-v1.1.xml" => {
                Some(Self::Autoconfig)
            }
            // Outlook writes it in several ways.
            path if path.eq_ignore_ascii_case("/autodiscover/autodiscover.xml") => Some(Self::Autodiscover),
            _ => None,
        }
    }
}

/// Answers one request.
pub(super) async fn answer(
    connection: &Arc<Connection>,
    request: Request<Incoming>,
    in_flight: &InFlight,
) -> Answered {
    let mut account = None;
    let answer = match routed(connection, request, in_flight, &mut account).await {
        Ok(answer) => answer,
        Err(refused) => {
            count(&connection.edge.metrics.http_refused);
            refused.answer()
        }
    };
    Answered { answer, account: account.map(|login| login.address) }
}

async fn routed(
    connection: &Arc<Connection>,
    request: Request<Incoming>,
    in_flight: &InFlight,
    account: &mut Option<Login>,
) -> Result<Answer, Refused> {
    let (parts, body) = request.into_parts();
    let site = &connection.site;
    let route = Route::of(parts.uri.path(), site.jmap.is_some()).ok_or(Refused::NotFound)?;
    if parts.method == Method::OPTIONS && parts.headers.contains_key(ORIGIN) {
        return Ok(cors::preflight(route.methods()));
    }
    let allowed = route.methods().split(", ").any(|method| method == parts.method.as_str());
    if !allowed || parts.method == Method::OPTIONS {
        return Err(Refused::Method(route.methods()));
    }
    match (route, site.jmap.as_deref()) {
        (Route::Autoconfig, _) => autoconfig::thunderbird(&site.mail, parts.uri.query()),
        (Route::Autodiscover, _) => {
            let bounds = anonymous(connection);
            autoconfig::outlook(&site.mail, &bounds.read(body, in_flight).await?)
        }
        (Route::Session, Some(jmap)) => {
            let login = log_in(connection, &parts, account).await?;
            let base = base(site.config.url.as_deref(), &parts.uri, &parts.headers)?;
            jmap.session(&login, &base).map(Answer::json).map_err(|error| failed(connection, &error))
        }
        (Route::Api, Some(jmap)) => {
            let login = log_in(connection, &parts, account).await?;
            api(connection, jmap, login, &parts, body, in_flight).await
        }
        (Route::Upload(target), Some(_)) => {
            let mailbox = site.mailbox.as_ref().ok_or(Refused::NotFound)?;
            let login = log_in(connection, &parts, account).await?;
            blobs::upload(site, mailbox, &login, target, &parts, body, in_flight).await
        }
        (Route::Download(target), Some(_)) => {
            let mailbox = site.mailbox.as_ref().ok_or(Refused::NotFound)?;
            let login = log_in(connection, &parts, account).await?;
            blobs::download(site, mailbox, &login, target, parts.uri.query())
        }
        (Route::Session | Route::Api | Route::Upload(_) | Route::Download(_), None) => Err(Refused::NotFound),
    }
}

async fn log_in(
    connection: &Arc<Connection>,
    parts: &Parts,
    account: &mut Option<Login>,
) -> Result<Login, Refused> {
    let login = auth::login(&connection.edge, &parts.headers, connection.peer).await?;
    connection.logged_in();
    *account = Some(login.clone());
    Ok(login)
}

/// RFC 8620 §3.1, RFC 8620 §3.6.1
async fn api(
    connection: &Arc<Connection>,
    jmap: &dyn Jmap,
    login: Login,
    parts: &Parts,
    body: Incoming,
    in_flight: &InFlight,
) -> Result<Answer, Refused> {
    let (site, config) = (&connection.site, &connection.site.config);
    let _loaded = site.loads.begin(login.account, config.requests_per_account_max).ok_or_else(|| {
        let why = format!("{} requests of this account are worked on.", config.requests_per_account_max);
        Refused::limit(RequestLimit::MaxConcurrentRequests, why)
    })?;
    if !is_json(&parts.headers) {
        let detail = "The content type must be application/json.".into();
        return Err(RequestError::NotJson { detail }.into());
    }
    let bounds = Bounds {
        octets_max: config.request_octets_max,
        pause: config.pause,
        too_large: |max| {
            Refused::limit(RequestLimit::MaxSizeRequest, format!("A request may have {max} octets."))
        },
    };
    let octets = bounds.read(body, in_flight).await?;
    jmap.answer(login, octets).await.map(Answer::json)
}

fn anonymous(connection: &Connection) -> Bounds {
    Bounds {
        octets_max: ANONYMOUS_OCTETS_MAX,
        pause: connection.site.config.pause,
        too_large: |max| Refused::TooLarge(format!("This may have {max} octets.").into()),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = value.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

/// What URLs begin with: as the configuration says, else as the client has asked.
fn base(configured: Option<&str>, uri: &Uri, headers: &HeaderMap) -> Result<String, Refused> {
    if let Some(url) = configured {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let authority = uri.authority().map(ToString::to_string);
    let host = || headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let named = authority.or_else(host).filter(|host| is_host(host));
    let host = named.ok_or_else(|| Refused::BadRequest("There is no Host that can be used.".into()))?;
    Ok(format!("https://{host}"))
}

fn is_host(host: &str) -> bool {
    let usual = |octet: u8| octet.is_ascii_alphanumeric() || b".-:[]_".contains(&octet);
    !host.is_empty() && host.len() <= 260 && host.bytes().all(usual)
}

fn failed(connection: &Connection, error: &MailError) -> Refused {
    tracing::warn!(peer = %connection.peer, %error, "request failed");
    Refused::from(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn paths_lead_to_what_there_is() {
        assert_eq!(Route::of("/.well-known/jmap", true), Some(Route::Session));
        assert_eq!(Route::of("/.well-known/jmap", false), None, "not announced");
        assert_eq!(Route::of("/jmap/api/", true), Some(Route::Api));
        assert_eq!(Route::of("/jmap/api//", true), None);
        assert_eq!(Route::of("/Autodiscover/Autodiscover.xml", false), Some(Route::Autodiscover));
        assert_eq!(Route::of("/../jmap/api", true), None);
    }

    #[test]
    fn urls_begin_as_the_client_has_asked_or_as_is_written() {
        let (mut headers, uri) = (HeaderMap::new(), Uri::from_static("/.well-known/jmap"));
        assert!(base(None, &uri, &headers).is_err());
        headers.insert(HOST, HeaderValue::from_static("mail.example.org:8443"));
        assert_eq!(base(None, &uri, &headers).unwrap(), "https://mail.example.org:8443");
        let written = base(Some("https://jmap.example.org/"), &uri, &headers).unwrap();
        assert_eq!(written, "https://jmap.example.org");
        let uri = Uri::from_static("https://[::1]:10443/.well-known/jmap");
        assert_eq!(base(None, &uri, &headers).unwrap(), "https://[::1]:10443");
        for bad in ["a/b", "a\"b", "user@host", ""] {
            headers.insert(HOST, HeaderValue::from_str(bad).unwrap());
            assert!(base(None, &Uri::from_static("/"), &headers).is_err(), "{bad}");
        }
    }

    #[test]
    fn json_is_json_with_a_charset_too() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(text));
            is_json(&headers)
        };
        assert!(of("application/json") && of("Application/JSON; charset=utf-8"));
        assert!(!of("text/plain") && !of("application/jsonx") && !is_json(&HeaderMap::new()));
    }
}
