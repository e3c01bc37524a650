//! What peers may take: octets, requests at a time, time; and the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::client::{Client, Gate, Mirror, alice, api, empty};
use crate::rig::Rig;

/// With the gate at which requests wait.
fn rig(settings: &str) -> (Rig, Arc<Gate>) {
    let mirror = Mirror::default();
    let gate = Arc::clone(&mirror.gate);
    (Rig::with(settings, Some(Box::new(mirror))), gate)
}

async fn drained(rig: &Rig) {
    tokio::time::timeout(Duration::from_secs(30), rig.edge.admission.drained())
        .await
        .expect("connections end");
}

// spec: RFC 8620 §3.6.1; RFC 8620 §3.6.1.1
#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_so_many_octets() {
    let (rig, _) = rig("[http]\nrequest_octets_max=65536\n");
    for mut client in [rig.http1().await, rig.http2().await] {
        assert_eq!(client.ask(api(vec![b'x'; 65_536])).await.status, StatusCode::OK);
        let problem = client.ask(api(vec![b'x'; 65_537])).await.problem(400);
        assert_eq!(problem["limit"], "maxSizeRequest");
    }
}

/// What is said to be too large is refused before it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_announced_too_large_is_not_waited_for() {
    let (rig, _) = rig("[http]\nrequest_octets_max=65536\n");
    let head = "POST /jmap/api HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Authorization: Basic YWxpY2U6c2VjcmV0\r\nContent-Length: 1000000000\r\n\
                Expect: 100-continue\r\n\r\n";
    let answer = raw(&rig, head).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("maxSizeRequest"), "{answer}");
    let nobody = head.replace("Authorization", "X");
    assert!(raw(&rig, &nobody).await.starts_with("HTTP/1.1 401 "));
}

/// What a server says until it closes.
pub(super) async fn raw(rig: &Rig, sent: &str) -> String {
    let stream = TcpStream::connect(rig.https).await.unwrap();
    let mut stream = rig.handshake(stream, &[]).await.unwrap();
    // It may close before it has read all of what it refuses.
    let _ = stream.write_all(sent.as_bytes()).await;
    let _ = stream.flush().await;
    let mut said = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut said)).await.expect("an end");
    String::from_utf8_lossy(&said).into_owned()
}

// spec: RFC 8620 §2
#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_so_many_requests_at_a_time() {
    let (rig, gate) = rig("[http]\nrequests_per_account_max=2\n");
    let client = rig.http2().await;
    let waiting: Vec<_> = (0..2).map(|_| waits(&client)).collect();
    gate.arrived(2).await;
    let mut other = rig.http1().await;
    let refused = other.ask(api("{}")).await;
    assert_eq!(refused.problem(429)["limit"], "maxConcurrentRequests");
    assert_eq!(refused.header("retry-after"), "1");
    let session = other.ask(empty(alice(Method::GET, "/.well-known/jmap"))).await;
    assert_eq!(session.status, StatusCode::OK, "what is no API request goes on");
    gate.open.add_permits(2);
    for one in waiting {
        assert_eq!(one.await.unwrap(), "\"waited\"");
    }
    assert_eq!(other.ask(api("{}")).await.status, StatusCode::OK, "there is room again");
}

fn waits(client: &Client) -> tokio::task::JoinHandle<String> {
    let mut client = client.again();
    tokio::spawn(async move { String::from_utf8(client.ask(api("wait")).await.body.to_vec()).unwrap() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_requests_ends() {
    let (rig, _) = rig("[http]\nidle_secs=1\n[limits]\nwrite_secs=1\n");
    let (mut one, mut two) = (rig.http1().await, rig.http2().await);
    for client in [&mut one, &mut two] {
        assert_eq!(client.ask(api("{}")).await.status, StatusCode::OK);
    }
    drained(&rig).await;
    assert!(raw(&rig, "").await.is_empty(), "one that never asks");
    assert!(raw(&rig, "GET / HTTP/1.1\r\nX: ").await.is_empty(), "and one that never ends to ask");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let (rig, _) = rig("[http]\npause_secs=1\n");
    let head = "POST /jmap/api HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Authorization: Basic YWxpY2U6c2VjcmV0\r\nContent-Length: 10\r\n\r\n{";
    let answer = raw(&rig, head).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

/// 20 MB are asked for and not read: by a connection of HTTP/1.1, and by one stream of HTTP/2.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_read_is_dropped() {
    let (rig, _) = rig("[limits]\nwrite_secs=1\n");
    for version in [1, 2] {
        let mut client = if version == 1 { rig.http1().await } else { rig.http2().await };
        let held = client.send(api("large 20000000")).await.unwrap();
        drained(&rig).await;
        assert!(held.into_body().collect().await.is_err(), "it ends in the middle");
    }
    assert_eq!(rig.edge.metrics.slow_peers_dropped.load(Ordering::Relaxed), 2);
}

/// One stream stands still while others of its connection go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_not_read_is_noticed_beside_others() {
    let (rig, _) = rig("[limits]\nwrite_secs=1\n");
    let mut client = rig.http2().await;
    let held = client.send(api("large 20000000")).await.unwrap();
    let began = std::time::Instant::now();
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    while let Ok(answer) = client.send(api("{}")).await {
        let _ = answer.into_body().collect().await;
        pause.tick().await;
        assert!(began.elapsed() < Duration::from_secs(30), "it stands still for ever");
    }
    assert!(held.into_body().collect().await.is_err(), "it ends in the middle");
    assert_eq!(rig.edge.metrics.slow_peers_dropped.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_shutdown_what_has_begun_is_answered() {
    let (rig, gate) = rig("");
    let two = rig.http2().await;
    let mut one = rig.http1().await;
    let waiting = [
        waits(&two),
        tokio::spawn(async move { String::from_utf8(one.ask(api("wait")).await.body.to_vec()).unwrap() }),
    ];
    gate.arrived(2).await;
    let _idle = (rig.http1().await, rig.http2().await);
    rig.edge.admission.shut_down();
    gate.open.add_permits(2);
    for one in waiting {
        assert_eq!(one.await.unwrap(), "\"waited\"");
    }
    drained(&rig).await;
}
