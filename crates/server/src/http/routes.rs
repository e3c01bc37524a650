//! What there is by HTTP, and who may ask for it.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap, ORIGIN, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::{Method, Request, Uri};
use koi_sessions::Login;
use koi_types::MailError;

use super::answer::Answer;
use super::auth::Entered;
use super::body::Bounds;
use super::connection::{Answered, Connection, InFlight};
use super::problem::Refused;
use super::{api, auth, autoconfig, blobs, cors, events, sign_in, upgrade};
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
    /// RFC 8620 §7.3
    EventSource,
    /// RFC 8887 §4
    Socket,
    /// What opens a WebSocket of a page that cannot send a login with it.
    Ticket,
    /// The login of a page of this server.
    WebLogin,
    /// Settings for Thunderbird and others.
    Autoconfig,
    /// The same for Outlook.
    Autodiscover,
}

impl<'p> Route<'p> {
    const fn methods(self) -> &'static str {
        match self {
            Self::Session | Self::Download(_) | Self::Autoconfig => "GET, HEAD, OPTIONS",
            Self::Api | Self::Upload(_) | Self::Ticket | Self::Autodiscover => "POST, OPTIONS",
            Self::EventSource | Self::Socket => "GET, OPTIONS",
            Self::WebLogin => "POST, DELETE, OPTIONS",
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
            "/jmap/eventsource" | "/jmap/eventsource/" if has_jmap => Some(Self::EventSource),
            "/jmap/ws" | "/jmap/ws/" if has_jmap => Some(Self::Socket),
            "/jmap/ws/ticket" if has_jmap => Some(Self::Ticket),
            "/auth/session" if has_jmap => Some(Self::WebLogin),
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
    let from_page = request.headers().get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    let answer = match routed(connection, request, in_flight, &mut account).await {
        Ok(answer) => answer,
        Err(refused) => {
            count(&connection.edge.metrics.http_refused);
            let mut answer = refused.answer();
            if from_page {
                // A browser would ask its user by itself; our pages do that better.
                answer.headers.remove(WWW_AUTHENTICATE);
            }
            answer
        }
    };
    Answered { answer, account: account.map(|login| login.address) }
}

/// One request on its way through: what all handlers need of it.
pub(super) struct Visit<'a> {
    pub(super) connection: &'a Arc<Connection>,
    pub(super) parts: Parts,
    /// What URLs of this server begin with.
    pub(super) base: String,
    pub(super) in_flight: &'a InFlight,
    /// For the log.
    account: &'a mut Option<Login>,
}

impl Visit<'_> {
    pub(super) async fn log_in(&mut self) -> Result<Entered, Refused> {
        let entered = auth::login(self.connection, &self.parts.headers, &self.base).await?;
        self.has_entered(&entered);
        Ok(entered)
    }
    pub(super) fn has_entered(&mut self, entered: &Entered) {
        self.connection.logged_in();
        *self.account = Some(entered.proven.login.clone());
    }
}

async fn routed(
    connection: &Arc<Connection>,
    request: Request<Incoming>,
    in_flight: &InFlight,
    account: &mut Option<Login>,
) -> Result<Answer, Refused> {
    let (parts, body) = request.into_parts();
    let (site, path) = (&connection.site, parts.uri.path().to_owned());
    let route = Route::of(&path, site.jmap.is_some()).ok_or(Refused::NotFound)?;
    if parts.method == Method::OPTIONS && parts.headers.contains_key(ORIGIN) {
        return Ok(cors::preflight(route.methods()));
    }
    let mut allowed = route.methods().split(", ").any(|method| method == parts.method.as_str());
    allowed |= route == Route::Socket && upgrade::is_connect(&parts);
    if !allowed || parts.method == Method::OPTIONS {
        return Err(Refused::Method(route.methods()));
    }
    match route {
        Route::Autoconfig => return autoconfig::thunderbird(&site.mail, parts.uri.query()),
        Route::Autodiscover => {
            let octets = anonymous(connection).read(body, in_flight).await?;
            return autoconfig::outlook(&site.mail, &octets);
        }
        _ => {}
    }
    let base = base(site.config().url.as_deref(), &parts.uri, &parts.headers)?;
    jmap(route, Visit { connection, parts, base, in_flight, account }, body).await
}

/// What there is where JMAP is offered.
async fn jmap(route: Route<'_>, mut visit: Visit<'_>, body: Incoming) -> Result<Answer, Refused> {
    let (connection, site) = (visit.connection, Arc::clone(&visit.connection.site));
    let jmap = site.jmap.as_deref().ok_or(Refused::NotFound)?;
    match route {
        Route::Session => {
            let login = visit.log_in().await?.proven.login;
            let session = jmap.session(&login, &visit.base);
            session.map(Answer::json).map_err(|error| failed(connection, &error))
        }
        Route::Api => api::answer(visit, jmap, body).await,
        Route::Upload(target) => {
            let mailbox = site.mailbox.as_ref().ok_or(Refused::NotFound)?;
            let login = visit.log_in().await?.proven.login;
            blobs::upload(&site, mailbox, &login, target, &visit.parts, body, visit.in_flight).await
        }
        Route::Download(target) => {
            let mailbox = site.mailbox.as_ref().ok_or(Refused::NotFound)?;
            let login = visit.log_in().await?.proven.login;
            blobs::download(&site, mailbox, &login, target, visit.parts.uri.query()).await
        }
        Route::EventSource => {
            let entered = visit.log_in().await?;
            let Visit { parts, in_flight, .. } = visit;
            events::open(connection, &entered, parts.uri.query(), &parts.headers, in_flight)
        }
        Route::Socket => upgrade::open(visit).await,
        Route::Ticket => sign_in::ticket(visit).await,
        Route::WebLogin => {
            let octets = anonymous(connection).read(body, visit.in_flight).await?;
            sign_in::web_login(visit, &octets).await
        }
        Route::Autoconfig | Route::Autodiscover => Err(Refused::NotFound),
    }
}

fn anonymous(connection: &Connection) -> Bounds {
    Bounds {
        octets_max: ANONYMOUS_OCTETS_MAX,
        pause: connection.site.config().pause,
        too_large: |max| Refused::TooLarge(format!("This may have {max} octets.").into()),
    }
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
}
