//! WebSockets: requests, pushes, and what no client should do.

use std::time::Duration;

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

use super::client::{Client, alice, empty};
use crate::rig::Rig;

/// More than enough on a slow machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
pub(super) const BASIC: &str = "Authorization: Basic YWxpY2U6c2VjcmV0\r\n";
pub(super) const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: jmap\r\n";

pub(super) struct Socket<S>(pub(super) WebSocketStream<S>);

pub(super) type OverTls = tokio_rustls::client::TlsStream<TcpStream>;

/// The head of the answer to a handshake, and the connection.
pub(super) async fn shake(rig: &Rig, path: &str, headers: &str) -> (String, OverTls) {
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

pub(super) async fn open(rig: &Rig) -> Socket<OverTls> {
    open_at(rig, "/jmap/ws/", BASIC).await.expect("a WebSocket")
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(super) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }
    pub(super) async fn say(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await;
    }
    /// The next message that is no control frame; nothing when the connection has ended without one.
    pub(super) async fn message(&mut self) -> Option<Message> {
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

pub(super) fn request(id: &str, calls: &Value) -> Value {
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
    assert_eq!(types, ["Email", "EmailDelivery", "Mailbox", "Thread"]);
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
