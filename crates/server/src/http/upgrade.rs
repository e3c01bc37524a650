//! The opening handshake of a WebSocket: over HTTP/1.1 by an upgrade (RFC 6455 §4.2), over a stream of HTTP/2
//! by CONNECT (RFC 8441 §4, RFC 8441 §5), for the subprotocol of JMAP alone (RFC 8887 §4.2).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, StatusCode, Version};
use koi_proto::jmap::push::PushTypes;
use koi_proto::jmap::websocket::SUBPROTOCOL;

use super::answer::Answer;
use super::following::Following;
use super::problem::Refused;
use super::routes::Visit;
use super::{auth, cors, query, socket};

/// RFC 6455 §1.3
const ACCEPT_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const VERSION: &str = "13";
const KEY_OCTETS: usize = 16;

/// Whether this asks for a WebSocket over a stream of HTTP/2.
pub(super) fn is_connect(parts: &Parts) -> bool {
    let protocol = parts.extensions.get::<hyper::ext::Protocol>();
    parts.method == Method::CONNECT && protocol.is_some_and(|protocol| protocol.as_str() == "websocket")
}

/// Opens a WebSocket.
pub(super) async fn open(mut visit: Visit<'_>) -> Result<Answer, Refused> {
    let mut answer = handshake(&visit.parts)?;
    from_allowed_page(&visit)?;
    let ticket = visit.parts.uri.query().and_then(|asked| query::value(asked, "ticket"));
    let entered = match ticket {
        Some(ticket) => {
            let entered = auth::by_ticket(visit.connection, &ticket)?;
            visit.has_entered(&entered);
            entered
        }
        None => visit.log_in().await?,
    };
    let upgrade = visit.parts.extensions.remove::<OnUpgrade>().ok_or_else(not_asked)?;
    let following = Following::begin(visit.connection, &entered, PushTypes::All, None)?;
    let (connection, in_flight) = (visit.connection, visit.in_flight.clone());
    let socket = socket::serve(connection.clone(), following, visit.base, upgrade, in_flight);
    connection.keep_socket(socket);
    answer.headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(answer)
}

/// What both sides say to begin (RFC 6455 §4.2.2, RFC 8441 §5).
fn handshake(parts: &Parts) -> Result<Answer, Refused> {
    let headers = &parts.headers;
    let is_connect = is_connect(parts);
    let asks = is_connect
        || (parts.version == Version::HTTP_11
            && lists(headers, &UPGRADE, "websocket")
            && lists(headers, &CONNECTION, "upgrade"));
    if !asks || headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
        return Err(not_asked());
    }
    if !lists(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err(Refused::BadRequest("The subprotocol must be jmap (RFC 8887).".into()));
    }
    if is_connect {
        return Ok(Answer::empty(StatusCode::OK));
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .filter(|key| STANDARD.decode(key.as_bytes()).is_ok_and(|octets| octets.len() == KEY_OCTETS));
    let key = key.ok_or_else(|| Refused::BadRequest("There is no Sec-WebSocket-Key.".into()))?;
    let accept = HeaderValue::from_str(&accept(key.as_bytes())).map_err(|_| Refused::Internal)?;
    let mut answer = Answer::empty(StatusCode::SWITCHING_PROTOCOLS);
    answer.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Ok(answer)
}

/// A browser says which page asks. Programs that are none say nothing (RFC 6455 §10.2).
fn from_allowed_page(visit: &Visit<'_>) -> Result<(), Refused> {
    let headers = &visit.parts.headers;
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let own = origin.as_bytes().eq_ignore_ascii_case(visit.base.as_bytes());
    match own || cors::is_allowed(&visit.connection.site.config().origins, origin) {
        true => Ok(()),
        false => Err(Refused::Forbidden("Pages of this origin may not ask (http.origins).".into())),
    }
}

fn not_asked() -> Refused {
    Refused::UpgradeRequired
}

/// Whether a header that is a list has this in it, in whatever case.
fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let all = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(wanted))
}

fn accept(key: &[u8]) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(key);
    context.update(ACCEPT_SUFFIX);
    STANDARD.encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn parts(change: impl FnOnce(&mut Parts)) -> Parts {
        let request = Request::builder()
            .uri("/jmap/ws/")
            .header("Upgrade", "WebSocket")
            .header("Connection", "keep-alive, Upgrade")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Protocol", "chat, jmap")
            .header("Sec-WebSocket-Version", "13");
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        change(&mut parts);
        parts
    }

    // spec: RFC 6455 §4.2.1; RFC 6455 §4.2.2; RFC 8887 §4.2; RFC 8887 §4.4
    #[test]
    fn the_handshake_of_the_rfc() {
        let answer = handshake(&parts(|_| {})).unwrap();
        assert_eq!(answer.status, StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(answer.headers[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let mut connect = parts(|parts| parts.method = Method::CONNECT);
        assert!(!is_connect(&connect));
        connect.extensions.insert(hyper::ext::Protocol::from_static("websocket"));
        assert!(is_connect(&connect));
        assert_eq!(handshake(&connect).unwrap().status, StatusCode::OK);
    }

    // spec: RFC 6455 §4.2.1; RFC 6455 §4.4
    #[test]
    fn what_is_no_handshake() {
        let set = |name: &'static str, value: &'static str| {
            handshake(&parts(|parts| drop(parts.headers.insert(name, HeaderValue::from_static(value)))))
                .unwrap_err()
        };
        for (name, value) in [
            ("upgrade", "h2c"),
            ("connection", "close"),
            ("sec-websocket-version", "8"),
            ("sec-websocket-version", ""),
        ] {
            assert_eq!(set(name, value), Refused::UpgradeRequired, "{name}: {value}");
        }
        for (name, value) in [
            ("sec-websocket-key", ""),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25j"),
            ("sec-websocket-key", "!!!"),
            ("sec-websocket-protocol", "jmapx"),
        ] {
            assert!(matches!(set(name, value), Refused::BadRequest(_)), "{name}: {value}");
        }
        let old = parts(|parts| parts.version = Version::HTTP_10);
        assert_eq!(handshake(&old).unwrap_err(), Refused::UpgradeRequired);
    }
}
