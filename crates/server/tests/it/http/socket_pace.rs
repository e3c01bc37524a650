//! WebSockets whose peers are slow, whose requests are long, and whose requests break.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use super::client::{Gate, Mirror, api};
use super::sockets::{BASIC, HANDSHAKE, PATIENCE, open, request, shake};
use crate::rig::Rig;

/// A message that trickles in holds memory for no longer than a body of HTTP may.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_must_come_in_time() {
    let rig = Rig::real("[http]\npause_secs=1\n");
    let mut socket = open(&rig).await;
    socket.send(Message::Frame(Frame::message("{", OpCode::Data(Data::Text), false))).await;
    assert_eq!(socket.closes().await, CloseCode::Policy);
}

/// Control frames between its frames make it no younger (RFC 6455 §5.4).
// spec: RFC 6455 §5.4
#[tokio::test(flavor = "multi_thread")]
async fn a_message_with_pings_between_its_frames_must_come_in_time_too() {
    let rig = Rig::real("[http]\npause_secs=1\n");
    let mut socket = open(&rig).await;
    socket.send(Message::Frame(Frame::message("{", OpCode::Data(Data::Text), false))).await;
    let began = Instant::now();
    let mut pings = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            _ = pings.tick() => if socket.0.send(Message::Ping(b"?".to_vec().into())).await.is_err() { break },
            message = socket.0.next() => match message {
                Some(Ok(Message::Close(Some(frame)))) => {
                    assert_eq!(frame.code, CloseCode::Policy);
                    break;
                }
                Some(Ok(Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            },
        }
        assert!(began.elapsed() < PATIENCE, "it goes on for ever");
    }
}

/// What is held of a message counts with the requests of the account; others wait, and are answered then.
// spec: RFC 8620 §2
#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_has_a_place_before_it_is_there() {
    let rig = Rig::real("[http]\nrequests_per_account_max=1\n");
    let (mut first, mut second) = (open(&rig).await, open(&rig).await);
    let text = request("long", &json!([["Core/echo", {"text": "x".repeat(200_000)}, "0"]])).to_string();
    let (most, rest) = text.split_at(150_000);
    let frame =
        |text: &str, code, last| Message::Frame(Frame::message(text.to_owned(), OpCode::Data(code), last));
    first.send(frame(most, Data::Text, false)).await;
    let mut client = rig.http1().await;
    let empty = r#"{"using":[],"methodCalls":[]}"#;
    let began = Instant::now();
    while client.ask(api(empty)).await.status != StatusCode::TOO_MANY_REQUESTS {
        assert!(began.elapsed() < PATIENCE, "it takes no place");
    }
    // What is short is told so; what is long is not read any further until there is room.
    second.say(&request("short", &json!([]))).await;
    let error = second.next().await;
    assert_eq!((&error["requestId"], &error["limit"]), (&json!("short"), &json!("maxConcurrentRequests")));
    second.send(Message::text(text.clone())).await;
    first.send(frame(rest, Data::Continue, true)).await;
    assert_eq!(first.next().await["requestId"], "long");
    assert_eq!(second.next().await["requestId"], "long");
    second.echo("there is room again").await;
    let began = Instant::now();
    while client.ask(api(empty)).await.status != StatusCode::OK {
        assert!(began.elapsed() < PATIENCE, "a place is lost");
    }
}

/// As octets on the wire.
fn large_request() -> Vec<u8> {
    let large = json!([["Core/echo", {"text": "x".repeat(1_000_000)}, "0"]]);
    let text = request("R", &large).to_string();
    let mut frames = b"\x81\xff".to_vec();
    frames.extend_from_slice(&(text.len() as u64).to_be_bytes());
    frames.extend_from_slice(&[0; 4]);
    frames.extend_from_slice(text.as_bytes());
    frames
}

/// It is sent while it is made, and is one message all the same.
// spec: RFC 8887 §4.3.3; RFC 6455 §5.4
#[tokio::test(flavor = "multi_thread")]
async fn a_long_response_is_one_message() {
    let rig = Rig::real("");
    let mut socket = open(&rig).await;
    let text = "x".repeat(1_000_000);
    let calls: Vec<Value> = (0..5).map(|n| json!(["Core/echo", {"text": text}, n.to_string()])).collect();
    socket.say(&request("long", &json!(calls))).await;
    socket.say(&request("short", &json!([["Core/echo", {}, "0"]]))).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let response = socket.next().await;
        if response["requestId"] == "long" {
            assert!(response["methodResponses"] == json!(calls), "nothing is lost");
        }
        ids.push(response["requestId"].as_str().unwrap().to_owned());
    }
    ids.sort();
    assert_eq!(ids, ["long", "short"]);
}

/// With the gate at which requests wait.
fn mirror(settings: &str) -> (Rig, Arc<Gate>) {
    let mirror = Mirror::default();
    let gate = Arc::clone(&mirror.gate);
    (Rig::with(settings, Some(Box::new(mirror))), gate)
}

/// A message that cannot be read while a long response is made and sent is not late for that.
// spec: RFC 6455 §5.4
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_not_late_while_the_server_does_not_listen() {
    const LONG: usize = 2_000_000;
    let (rig, gate) = mirror("[http]\npause_secs=2\n");
    let mut socket = open(&rig).await;
    socket.send(Message::text(format!("pause {LONG}"))).await;
    gate.arrived(1).await;
    socket.send(Message::Frame(Frame::message("an", OpCode::Data(Data::Text), false))).await;
    socket.send(Message::Ping(b"?".to_vec().into())).await;
    let pong = tokio::time::timeout(PATIENCE, socket.0.next()).await.expect("it is read");
    assert!(matches!(pong, Some(Ok(Message::Pong(_)))), "{pong:?}");
    gate.open.add_permits(1);
    gate.arrived(1).await;
    // Longer than a message may stand still.
    let response = tokio::time::timeout(Duration::from_millis(2500), socket.0.next()).await;
    assert!(response.is_err(), "it is not all made: {response:?}");
    gate.open.add_permits(1);
    let Some(Message::Text(long)) = socket.message().await else { panic!("no response") };
    assert!(long.len() == LONG + "paused".len() && long.ends_with("paused"));
    socket.send(Message::Frame(Frame::message("other", OpCode::Data(Data::Continue), true))).await;
    assert_eq!(socket.message().await, Some(Message::text("another")));
}

/// Before there is a part of its response, after that, and while the server goes down.
// spec: RFC 6455 §7.4.1
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_panics_ends_its_socket_alone_and_is_counted() {
    let (rig, gate) = mirror("");
    let mut other = open(&rig).await;
    for (request, count) in [("panic", 1), ("break 2000000", 2)] {
        let mut socket = open(&rig).await;
        socket.send(Message::text(request)).await;
        assert_eq!(socket.closes().await, CloseCode::Error, "{request}");
        assert_eq!(rig.edge.metrics.sessions_panicked.load(Ordering::Relaxed), count, "{request}");
    }
    other.send(Message::text("still there")).await;
    assert_eq!(other.message().await, Some(Message::text("still there")));
    other.send(Message::text("wait panic")).await;
    gate.arrived(1).await;
    rig.edge.admission.shut_down();
    gate.open.add_permits(1);
    assert_eq!(other.closes().await, CloseCode::Error);
    assert_eq!(rig.edge.metrics.sessions_panicked.load(Ordering::Relaxed), 3);
}

/// So it cannot have more and more of them made, over as many sockets as it may have.
// spec: RFC 8620 §2
#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_is_not_read_keeps_its_place() {
    let rig = Rig::real("[http]\nrequests_per_account_max=1\n");
    let (_, mut stream) = shake(&rig, "/jmap/ws/", &format!("{HANDSHAKE}{BASIC}")).await;
    let frames = large_request();
    // Until the server waits for this to be read.
    let blocked = Duration::from_secs(3);
    while matches!(tokio::time::timeout(blocked, stream.write_all(&frames)).await, Ok(Ok(()))) {}
    rig.http1().await.ask(api("{}")).await.problem(429);
}

/// A peer that asks and does not read is dropped.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_read_is_dropped() {
    let rig = Rig::real("[limits]\nwrite_secs=1\n");
    let (answer, mut stream) = shake(&rig, "/jmap/ws/", &format!("{HANDSHAKE}{BASIC}")).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    let frames = large_request();
    let began = Instant::now();
    // It is not read any more when it does not read.
    while tokio::time::timeout(PATIENCE, stream.write_all(&frames)).await.expect("it ends").is_ok() {
        assert!(began.elapsed() < PATIENCE);
    }
    tokio::time::timeout(PATIENCE, rig.edge.admission.drained()).await.expect("it is dropped");
}
