//! WebSockets: requests, pushes, and what no client should do.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use koi_types::AccountId;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

use super::client::{Client, Gate, Mirror, alice, api, empty};
use crate::rig::Rig;

/// More than enough on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);
const BASIC: &str = "Authorization: Basic YWxpY2U6c2VjcmV0\r\n";
const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: jmap\r\n";

pub(super) struct Socket<S>(WebSocketStream<S>);

pub(super) type OverTls = tokio_rustls::client::TlsStream<TcpStream>;

/// The head of the answer to a handshake, and the connection.
async fn shake(rig: &Rig, path: &str, headers: &str) -> (String, OverTls) {
    let stream = TcpStream::connect(rig.https).await.unwrap();
    let mut stream = rig.handshake(stream, &[b"http/1.1"]).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost:8443\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let octet = tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("an answer");
        let Ok(octet) = octet else { break };
        answer.push(octet);
    }
    (String::from_utf8(answer).unwrap(), stream)
}

pub(super) async fn open_at(rig: &Rig, path: &str, headers: &str) -> Result<Socket<OverTls>, String> {
    let (answer, stream) = shake(rig, path, &format!("{HANDSHAKE}{headers}")).await;
    if !answer.starts_with("HTTP/1.1 101 ") {
        return Err(answer);
    }
    let answer = answer.to_ascii_lowercase();
    assert!(answer.contains("sec-websocket-protocol: jmap\r\n"), "{answer}");
    assert!(answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{answer}");
    Ok(Socket(WebSocketStream::from_raw_socket(stream, Role::Client, None).await))
}

async fn open(rig: &Rig) -> Socket<OverTls> {
    open_at(rig, "/jmap/ws/", BASIC).await.expect("a WebSocket")
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }
    pub(super) async fn say(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await;
    }
    /// The next message that is no control frame; nothing when the connection has ended without one.
    async fn message(&mut self) -> Option<Message> {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something is said")? {
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(message) => return Some(message),
                Err(_) => return None,
            }
        }
    }
    pub(super) async fn next(&mut self) -> Value {
        match self.message().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    /// The server closes, and says why.
    pub(super) async fn closes(&mut self) -> CloseCode {
        loop {
            match self.message().await {
                Some(Message::Close(Some(frame))) => return frame.code,
                Some(Message::Text(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    pub(super) async fn echo(&mut self, id: &str) {
        self.say(&request(id, &json!([["Core/echo", {"hello": true, "high": 5}, "b3ff"]]))).await;
        let response = self.next().await;
        assert_eq!((&response["@type"], &response["requestId"]), (&json!("Response"), &json!(id)));
        assert_eq!(response["methodResponses"], json!([["Core/echo", {"hello": true, "high": 5}, "b3ff"]]));
        assert!(response["sessionState"].is_string());
    }
}

fn request(id: &str, calls: &Value) -> Value {
    json!({"@type": "Request", "id": id, "using": ["urn:ietf:params:jmap:core"], "methodCalls": calls})
}

/// The example of RFC 8887.
// spec: RFC 8887 §4; RFC 8887 §4.1; RFC 8887 §4.2; RFC 8887 §4.3.2; RFC 8887 §4.3.3; RFC 8887 §4.3.4
// spec: RFC 8887 §4.4
#[tokio::test(flavor = "multi_thread")]
async fn requests_and_what_is_none() {
    let rig = Rig::real("");
    let mut socket = open(&rig).await;
    socket.echo("R1").await;
    socket.send(Message::text("The quick brown fox jumps over the lazy dog.")).await;
    let error = socket.next().await;
    assert_eq!((&error["@type"], &error["requestId"]), (&json!("RequestError"), &Value::Null));
    assert_eq!(
        (&error["type"], &error["status"]),
        (&json!("urn:ietf:params:jmap:error:notJSON"), &json!(400))
    );
    socket.say(&json!({"@type": "Request", "id": "R2", "using": ["x"], "methodCalls": []})).await;
    let error = socket.next().await;
    assert_eq!(error["requestId"], "R2");
    assert_eq!(error["type"], "urn:ietf:params:jmap:error:unknownCapability");
    // Without an id, and in fragments.
    let text = json!({"@type": "Request", "using": [], "methodCalls": [["x/y", {}, "0"]]}).to_string();
    let (one, two) = text.split_at(20);
    let frame =
        |text: &str, code, last| Message::Frame(Frame::message(text.to_owned(), OpCode::Data(code), last));
    socket.send(frame(one, Data::Text, false)).await;
    socket.send(Message::Ping(b"between".to_vec().into())).await;
    socket.send(frame(two, Data::Continue, true)).await;
    let response = socket.next().await;
    assert!(response.get("requestId").is_none());
    assert_eq!(response["methodResponses"][0][1]["type"], "unknownMethod");
    socket.0.close(None).await.unwrap();
    assert!(matches!(socket.message().await, Some(Message::Close(_))), "it closes too");
    tokio::time::timeout(PATIENCE, rig.edge.admission.drained()).await.expect("and that was all");
}

// spec: RFC 8887 §4.3.5; RFC 8887 §4.3.5.1; RFC 8887 §4.3.5.2; RFC 8887 §4.3.5.3
#[tokio::test(flavor = "multi_thread")]
async fn changes_are_pushed_while_they_are_wanted() {
    let rig = Rig::real("");
    let mut socket = open(&rig).await;
    let own = AccountId(1).to_string();
    rig.deliver("before");
    socket.echo("nothing was pushed").await;
    socket.say(&json!({"@type": "WebSocketPushEnable", "dataTypes": ["Mailbox", "Email"]})).await;
    socket.echo("it is enabled").await;
    rig.deliver("one");
    let push = socket.next().await;
    assert_eq!(push["@type"], "StateChange");
    let types: Vec<_> = push["changed"][&own].as_object().unwrap().keys().collect();
    assert_eq!(types, ["Email", "Mailbox"]);
    let state = push["pushState"].as_str().unwrap().to_owned();
    socket.say(&json!({"@type": "WebSocketPushDisable"})).await;
    socket.echo("it is disabled").await;
    rig.deliver("two");
    socket.echo("nothing was pushed").await;
    // Another connection goes on from there: what was missed is told at once.
    let mut again = open(&rig).await;
    let enable = |state: &str| json!({"@type": "WebSocketPushEnable", "dataTypes": null, "pushState": state});
    again.say(&enable(&state)).await;
    let missed = again.next().await;
    let types: Vec<_> = missed["changed"][&own].as_object().unwrap().keys().collect();
    assert_eq!(types, ["Email", "EmailDelivery", "Mailbox", "Quota", "Thread"]);
    again.say(&enable(missed["pushState"].as_str().unwrap())).await;
    again.echo("nothing was missed").await;
    again.say(&enable("nonsense")).await;
    assert_eq!(again.next().await["@type"], "StateChange", "everything");
}

/// Requests and pushes over one stream of many.
// spec: RFC 8887 §4.2; RFC 8441 §3; RFC 8441 §4; RFC 8441 §5
#[tokio::test(flavor = "multi_thread")]
async fn over_http2() {
    let rig = Rig::real("[http]\nidle_secs=1\n[limits]\nwrite_secs=1\n");
    let mut client = rig.http2().await;
    assert_eq!(
        client.ask(super::client::api("{}")).await.status,
        StatusCode::BAD_REQUEST,
        "settings have come"
    );
    let mut request = empty(
        alice(Method::CONNECT, "/jmap/ws/")
            .header("sec-websocket-protocol", "jmap")
            .header("sec-websocket-version", "13"),
    );
    request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    assert_eq!(answer.headers()["sec-websocket-protocol"], "jmap");
    let upgraded = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
    let mut socket = Socket(WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await);
    socket.echo("R1").await;
    socket.say(&json!({"@type": "WebSocketPushEnable", "dataTypes": null})).await;
    socket.echo("R2").await;
    rig.deliver("one");
    assert_eq!(socket.next().await["@type"], "StateChange");
    // Beside it there is room for others.
    assert_eq!(client.ask(super::client::api("{}")).await.status, StatusCode::BAD_REQUEST);
    rig.edge.admission.shut_down();
    assert_eq!(socket.closes().await, CloseCode::Away);
    drop((socket, client));
    tokio::time::timeout(PATIENCE, rig.edge.admission.drained()).await.expect("connections end");
}

// spec: RFC 6455 §4.2.2; RFC 6455 §4.4; RFC 8887 §4.1; RFC 8887 §4.2
#[tokio::test(flavor = "multi_thread")]
async fn bad_upgrades_are_refused() {
    let rig = Rig::real("[http]\norigins=['https://app.example']\n");
    let without = |name: &str| {
        let lines = HANDSHAKE.split_inclusive("\r\n").filter(|line| !line.starts_with(name));
        lines.collect::<String>()
    };
    for (headers, status) in [
        (format!("{BASIC}{}", without("Upgrade")), "426"),
        (format!("{BASIC}{}", without("Connection")), "426"),
        (format!("{BASIC}{}Sec-WebSocket-Version: 7\r\n", without("Sec-WebSocket-Version")), "426"),
        (format!("{BASIC}{}", without("Sec-WebSocket-Key")), "400"),
        (format!("{BASIC}{}", without("Sec-WebSocket-Protocol")), "400"),
        (format!("{BASIC}{}Sec-WebSocket-Protocol: chat\r\n", without("Sec-WebSocket-Protocol")), "400"),
        (HANDSHAKE.to_owned(), "401"),
        (format!("{HANDSHAKE}Authorization: Bearer koi_1_x\r\n"), "401"),
        (format!("{HANDSHAKE}{BASIC}Origin: https://evil.example\r\n"), "403"),
    ] {
        let (answer, _) = shake(&rig, "/jmap/ws/", &headers).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{headers}: {answer}");
        if status == "426" {
            assert!(answer.to_ascii_lowercase().contains("sec-websocket-version: 13\r\n"), "{answer}");
        }
    }
    for origin in ["https://app.example", "https://localhost:8443"] {
        let headers = format!("{BASIC}Origin: {origin}\r\n");
        open_at(&rig, "/jmap/ws/", &headers).await.unwrap().echo(origin).await;
    }
    let mut client = rig.http2().await;
    client.ask(empty(alice(Method::GET, "/jmap/ws/"))).await.problem(426);
    client.ask(empty(alice(Method::POST, "/jmap/ws/"))).await.problem(405);
}

// spec: RFC 8887 §4.3.1; RFC 8887 §4.3.4; RFC 6455 §7.4.1
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_no_text_ends_it() {
    let rig = Rig::real("[http]\nrequest_octets_max=65536\n");
    let mut socket = open(&rig).await;
    socket.send(Message::text("x".repeat(65_537))).await;
    let error = socket.next().await;
    assert_eq!((&error["@type"], &error["limit"]), (&json!("RequestError"), &json!("maxSizeRequest")));
    assert_eq!(socket.closes().await, CloseCode::Size);
    // The same in many small frames.
    let mut socket = open(&rig).await;
    let small = |code, last| Message::Frame(Frame::message("y".repeat(1000), OpCode::Data(code), last));
    socket.send(small(Data::Text, false)).await;
    for _ in 0..66 {
        if socket.0.send(small(Data::Continue, false)).await.is_err() {
            break;
        }
    }
    assert_eq!(socket.next().await["limit"], "maxSizeRequest");
    let mut socket = open(&rig).await;
    socket.send(Message::binary(b"{}".to_vec())).await;
    assert_eq!(socket.closes().await, CloseCode::Unsupported);
    let mut socket = open(&rig).await;
    socket.send(Message::Frame(Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true))).await;
    assert_eq!(socket.closes().await, CloseCode::Invalid);
    open(&rig).await.echo("others do not feel it").await;
}

/// Frames that are none: unmasked, reserved, without a beginning.
// spec: RFC 6455 §5.1; RFC 6455 §5.2; RFC 6455 §5.4
#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_end_it() {
    let rig = Rig::real("[http]\npause_secs=1\n");
    for octets in [
        &b"\x81\x02{}"[..],
        b"\xf1\x82\0\0\0\0{}",
        b"\x80\x82\0\0\0\0{}",
        b"\x83\x82\0\0\0\0{}",
        b"\x09\x80\0\0\0\0",
        b"\x89\xfe\x01\x00\0\0\0\0",
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    ] {
        let (answer, mut stream) = shake(&rig, "/jmap/ws/", &format!("{HANDSHAKE}{BASIC}")).await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        stream.write_all(octets).await.unwrap();
        let mut said = Vec::new();
        let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await;
        let _ = end.expect("the connection ends");
        assert!(said.len() < 1000, "{said:?}");
    }
    open(&rig).await.echo("others do not feel it").await;
}

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

// spec: RFC 8887 §4.2; RFC 6455 §7.4.1
#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_the_password_and_with_the_server() {
    let rig = Rig::real("");
    let mut socket = open(&rig).await;
    rig.change_password("another");
    assert_eq!(socket.closes().await, CloseCode::Policy);
    rig.change_password("secret");
    let mut socket = open(&rig).await;
    socket.echo("R1").await;
    rig.edge.admission.shut_down();
    assert_eq!(socket.closes().await, CloseCode::Away);
    drop(socket);
    tokio::time::timeout(PATIENCE, rig.edge.admission.drained()).await.expect("connections end");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_and_event_sources_share_their_bound() {
    let rig = Rig::real("[http]\nstreams_per_account_max=1\n");
    let _socket = open(&rig).await;
    let refused = open_at(&rig, "/jmap/ws/", BASIC).await.err().unwrap();
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    let path = "/jmap/eventsource/?types=*&closeafter=no&ping=0";
    rig.http1().await.ask(empty(alice(Method::GET, path))).await.problem(429);
}

/// A page that cannot send a header has a ticket.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_socket() {
    let rig = Rig::real("");
    let mut client: Client = rig.http2().await;
    let made = client.ask(empty(alice(Method::POST, "/jmap/ws/ticket"))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let ticket = made.json();
    assert_eq!(ticket["username"], "alice@example.org");
    assert!(ticket["validUntil"].as_str().unwrap() > ticket["generatedOn"].as_str().unwrap());
    let path = format!("/jmap/ws/?ticket={}", ticket["value"].as_str().unwrap());
    let mut socket = open_at(&rig, &path, "Origin: https://any.example\r\n").await.unwrap();
    socket.echo("R1").await;
    let again = open_at(&rig, &path, "").await.err().unwrap();
    assert!(again.starts_with("HTTP/1.1 401 "), "{again}");
    // Nor is it good when the password has changed meanwhile.
    let made = client.ask(empty(alice(Method::POST, "/jmap/ws/ticket"))).await.json();
    rig.change_password("another");
    assert_eq!(socket.closes().await, CloseCode::Policy);
    let path = format!("/jmap/ws/?ticket={}", made["value"].as_str().unwrap());
    let late = open_at(&rig, &path, "").await.err().unwrap();
    assert!(late.starts_with("HTTP/1.1 401 "), "{late}");
}
