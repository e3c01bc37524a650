//! What is asked for, and how it is answered.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, CONTENT_TYPE, ORIGIN};
use hyper::{Method, StatusCode};

use super::client::{Client, Mirror, alice, anybody, api, empty, large};
use crate::rig::Rig;

fn rig() -> Rig {
    Rig::with("", Some(Box::new(Mirror::default())))
}

// spec: RFC 8620 §2; RFC 8620 §2.2; RFC 8620 §3.1; RFC 9113 §3.2
#[tokio::test(flavor = "multi_thread")]
async fn session_and_api_by_both_versions() {
    let rig = rig();
    for mut client in [rig.http1().await, rig.http2().await] {
        let session = client.ask(empty(alice(Method::GET, "/.well-known/jmap"))).await;
        assert_eq!(session.status, StatusCode::OK);
        assert_eq!(session.json()["username"], "alice@example.org");
        assert_eq!(session.json()["apiUrl"], "https://localhost:8443/jmap/api");
        assert_eq!(session.header("cache-control"), "no-cache, no-store, must-revalidate");
        assert_eq!(session.header("content-type"), "application/json");
        for text in ["{\"using\":[]}", "[]", "x"] {
            let got = client.ask(api(text)).await;
            assert_eq!((got.status, &*got.body), (StatusCode::OK, text.as_bytes()), "mirrored");
        }
        let head = client.ask(empty(alice(Method::HEAD, "/.well-known/jmap"))).await;
        assert!(head.status == StatusCode::OK && head.body.is_empty());
        assert_eq!(head.header("content-length"), session.body.len().to_string());
    }
    assert_eq!(rig.edge.metrics.http_requests.load(Ordering::Relaxed), 10);
}

// spec: RFC 9110 §15.5.6
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_refused_in_words() {
    let rig = rig();
    let mut client = rig.http2().await;
    for path in ["/", "/jmap", "/jmap/api/x", "/jmap/eventsource/x", "/favicon.ico", "/.well-known/jmap/x"] {
        let problem = client.ask(empty(alice(Method::GET, path))).await.problem(404);
        assert_eq!(problem["type"], "about:blank", "{path}");
    }
    let got = client.ask(empty(alice(Method::GET, "/jmap/api"))).await;
    got.problem(405);
    assert_eq!(got.header("allow"), "POST, OPTIONS");
    client.ask(empty(alice(Method::DELETE, "/.well-known/jmap"))).await.problem(405);
    let plain = alice(Method::POST, "/jmap/api").header(CONTENT_TYPE, "text/plain");
    let problem = client.ask(plain.body(Full::new(Bytes::from("{}"))).unwrap()).await.problem(400);
    assert_eq!(problem["type"], "urn:ietf:params:jmap:error:notJSON");
    let problem = client.ask(api("calls")).await.problem(400);
    assert_eq!(problem["type"], "urn:ietf:params:jmap:error:limit");
    assert_eq!(problem["limit"], "maxCallsInRequest");
}

/// A server without JMAP says nothing of it, and still tells mail clients their settings.
#[tokio::test(flavor = "multi_thread")]
async fn without_jmap_there_is_none() {
    let rig = Rig::new("");
    let mut client = rig.http1().await;
    client.ask(empty(alice(Method::GET, "/.well-known/jmap"))).await.problem(404);
    client.ask(api("{}")).await.problem(404);
    let path = "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=bob%40example.org";
    let settings = client.ask(empty(anybody(Method::GET, path))).await;
    let text = String::from_utf8(settings.body.to_vec()).unwrap();
    assert!(text.contains("<hostname>mail.example.org</hostname>"), "{text}");
    let request =
        "<Autodiscover><Request><EMailAddress>bob@example.org</EMailAddress></Request></Autodiscover>";
    let post = anybody(Method::POST, "/Autodiscover/autodiscover.xml").body(Full::new(Bytes::from(request)));
    let settings = client.ask(post.unwrap()).await;
    assert_eq!(settings.status, StatusCode::OK, "{settings:?}");
    let post =
        anybody(Method::POST, "/autodiscover/autodiscover.xml").body(Full::new(vec![b'x'; 20_000].into()));
    client.ask(post.unwrap()).await.problem(413);
}

// spec: RFC 9110 §12.5.3; RFC 9110 §8.4
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_as_the_client_takes_them() {
    let rig = rig();
    for mut client in [rig.http1().await, rig.http2().await] {
        for octets in [2_000, 3_000_000] {
            let ask = |accept: &'static str| {
                let mut request = api(format!("large {octets}"));
                request.headers_mut().insert(ACCEPT_ENCODING, accept.parse().unwrap());
                request
            };
            let clear = client.ask(ask("identity")).await;
            assert!(clear.body == large(octets) && clear.header("vary").contains("Accept-Encoding"));
            let brotli = client.ask(ask("gzip, br")).await;
            assert!(brotli.header("content-encoding") == "br" && brotli.body.len() < octets / 2);
            let mut unpacked = Vec::new();
            brotli::BrotliDecompress(&mut &*brotli.body, &mut unpacked).unwrap();
            assert!(unpacked == large(octets));
            let gzip = client.ask(ask("gzip")).await;
            assert!(gzip.header("content-encoding") == "gzip" && gzip.body.len() < octets / 2);
            assert!(gzip.body.starts_with(&[0x1f, 0x8b, 8]));
        }
        let mut small = api("{}");
        small.headers_mut().insert(ACCEPT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(client.ask(small).await.header("content-encoding"), "");
    }
}

/// A browser asks before it sends a login to another origin; refusals too must be readable for the page.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_may_ask() {
    let rig = rig();
    let mut client: Client = rig.http2().await;
    let preflight = anybody(Method::OPTIONS, "/jmap/api").header(ORIGIN, "https://app.example");
    let got = client.ask(empty(preflight.header("access-control-request-method", "POST"))).await;
    assert_eq!((got.status, got.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(got.header("access-control-allow-origin"), "*");
    assert!(got.header("access-control-allow-headers").contains("Authorization"));
    assert!(got.header("access-control-allow-methods").contains("POST"));
    let refused = client.ask(empty(anybody(Method::GET, "/.well-known/jmap").header(ORIGIN, "null"))).await;
    assert_eq!(refused.problem(401)["title"], "Unauthorized");
    assert_eq!(refused.header("access-control-allow-origin"), "*");

    let rig = Rig::with("[http]\norigins=['https://app.example']\n", Some(Box::new(Mirror::default())));
    let mut client = rig.http1().await;
    let from = |origin| empty(alice(Method::GET, "/.well-known/jmap").header(ORIGIN, origin));
    let got = client.ask(from("https://app.example")).await;
    assert_eq!(got.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(got.header("vary"), "Origin");
    let got = client.ask(from("https://evil.example")).await;
    assert_eq!(got.header("access-control-allow-origin"), "");
}

/// Nothing is lost but the request.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_fails_one_request_alone() {
    let rig = rig();
    for mut client in [rig.http1().await, rig.http2().await] {
        client.ask(api("panic")).await.problem(500);
        assert_eq!(client.ask(api("{}")).await.status, StatusCode::OK, "the same connection");
    }
    assert_eq!(rig.edge.metrics.sessions_panicked.load(Ordering::Relaxed), 2);
}
