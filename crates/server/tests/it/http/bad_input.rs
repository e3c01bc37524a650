//! Octets no client should send: refused, and the next connection finds all as it was.

use hyper::{Method, StatusCode};

use super::client::{Mirror, alice, api, empty};
use super::limits::raw;
use crate::rig::Rig;

fn rig(settings: &str) -> Rig {
    Rig::with(settings, Some(Box::new(Mirror::default())))
}

// spec: RFC 9112 §2.2; RFC 9112 §3; RFC 9112 §6.1; RFC 9112 §6.3
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_refused() {
    let rig = rig("[http]\nidle_secs=1\n");
    let login = "Authorization: Basic YWxpY2U6c2VjcmV0\r\nContent-Type: application/json\r\n";
    for (sent, status) in [
        ("* OK IMAP\r\n\r\n".to_owned(), "400"),
        ("GET\r\n\r\n".to_owned(), "400"),
        ("\0\0\0\0\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), "400"),
        ("GET /\u{7f} HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost a\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHo st: a\r\n\r\n".to_owned(), "400"),
        (format!("POST /jmap/api HTTP/1.1\r\nHost: a\r\n{login}Content-Length: x\r\n\r\n"), "400"),
        (
            format!(
                "POST /jmap/api HTTP/1.1\r\nHost: a\r\n{login}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"
            ),
            "400",
        ),
        (format!("POST /jmap/api HTTP/1.1\r\nHost: a\r\n{login}Transfer-Encoding: gzip\r\n\r\n"), "400"),
        (
            format!("POST /jmap/api HTTP/1.1\r\nHost: a\r\n{login}Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "400",
        ),
    ] {
        let answer = raw(&rig, &sent).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{sent:?}: {answer:?}");
    }
    assert_eq!(rig.http1().await.ask(api("{}")).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_bounded() {
    let rig = rig("[http]\nheader_octets_max=16384\n");
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let answer = raw(&rig, &format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(100_000));
    let answer = raw(&rig, &long).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let mut client = rig.http2().await;
    let request = alice(Method::GET, "/.well-known/jmap").header("x", "y".repeat(100_000));
    let refused = client.send(empty(request)).await;
    assert!(refused.is_err() || refused.unwrap().status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(rig.http2().await.ask(api("{}")).await.status, StatusCode::OK);
}

/// HTTP/2 frames that make no sense, and a client that says one version and speaks the other.
// spec: RFC 9113 §3.4; RFC 7301 §3.2
#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_than_was_agreed_on_ends_the_connection() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let rig = rig("[http]\nidle_secs=1\n");
    for sent in [
        &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\xff",
    ] {
        let stream = tokio::net::TcpStream::connect(rig.https).await.unwrap();
        let mut stream = rig.handshake(stream, &[b"h2"]).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut said = Vec::new();
        let end = tokio::time::timeout(std::time::Duration::from_secs(30), stream.read_to_end(&mut said));
        let _ = end.await.expect("the connection ends");
        assert!(!said.starts_with(b"HTTP/1"), "{said:?}");
    }
    let stream = tokio::net::TcpStream::connect(rig.https).await.unwrap();
    assert!(rig.handshake(stream, &[b"imap"]).await.is_err(), "nothing to agree on");
    assert_eq!(rig.http2().await.ask(api("{}")).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_cannot_be_a_host_is_not_sent_back() {
    let rig = rig("");
    let login = "Authorization: Basic YWxpY2U6c2VjcmV0\r\nConnection: close\r\n";
    for host in ["a/b", "\"><script>", "user@host", ""] {
        let head = format!("GET /.well-known/jmap HTTP/1.1\r\nHost: {host}\r\n{login}\r\n");
        let answer = raw(&rig, &head).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains("script"), "{answer}");
    }
    let old = raw(&rig, &format!("GET /.well-known/jmap HTTP/1.0\r\nHost: a\r\n{login}\r\n")).await;
    assert!(old.starts_with("HTTP/1.0 200 "), "{old}");
}
