//! A client of HTTP/1.1 and 2, and what it talks to.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use koi_proto::jmap::push::{PushTypes, StateChange};
use koi_proto::jmap::websocket::{ClientMessage, RefusedMessage};
use koi_proto::jmap::{Request as JmapRequest, RequestError, RequestLimit};
use koi_server::config::HttpConfig;
use koi_server::http::{Asked, Boxed, Jmap, Out, Refused, Sent};
use koi_sessions::Login;
use koi_sessions::jmap::{News, Told};
use koi_types::MailError;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::rig::Rig;

/// Answers a request with itself; a few are commands.
#[derive(Default)]
pub(crate) struct Mirror {
    /// How many of those that wait may go on.
    pub(crate) gate: Arc<Gate>,
}

pub(crate) struct Gate {
    pub(crate) open: Semaphore,
    /// Those that have come to it.
    pub(crate) arrived: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self { open: Semaphore::new(0), arrived: Semaphore::new(0) }
    }
}

impl Gate {
    async fn wait(&self) {
        self.arrived.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }
    pub(crate) async fn arrived(&self, count: u32) {
        let arrived = self.arrived.acquire_many(count);
        tokio::time::timeout(Duration::from_secs(30), arrived)
            .await
            .expect("requests come")
            .unwrap()
            .forget();
    }
}

impl Jmap for Mirror {
    fn session(&self, login: &Login, base: &str) -> Result<Vec<u8>, MailError> {
        let session = json!({ "username": login.address.to_string(), "apiUrl": format!("{base}/jmap/api") });
        Ok(session.to_string().into_bytes())
    }
    fn answer(&self, asked: Asked, sent: Sent, out: Out) -> Boxed<Result<(), Refused>> {
        let gate = Arc::clone(&self.gate);
        Box::pin(async move {
            assert_eq!(asked.login.address.to_string(), "alice@example.org");
            let request = match sent {
                Sent::Body(request) => request,
                Sent::Message { id, .. } => Bytes::from(id.unwrap_or_default().into_string()),
            };
            let text = String::from_utf8_lossy(&request).into_owned();
            let answer: Result<Vec<u8>, Refused> = match text.split_once(' ').unwrap_or((&text, "")) {
                ("panic", _) => panic!("asked to"),
                ("calls", _) => {
                    let (limit, detail) = (RequestLimit::MaxCallsInRequest, "Too many calls.".into());
                    Err(RequestError::Limit { limit, detail }.into())
                }
                ("large", count) => Ok(large(count.parse().unwrap())),
                ("wait", then) => {
                    gate.wait().await;
                    assert_ne!(then, "panic", "asked to");
                    Ok(b"\"waited\"".to_vec())
                }
                ("pause", count) => {
                    gate.wait().await;
                    out.write(large(count.parse().unwrap())).await;
                    gate.wait().await;
                    Ok(b"paused".to_vec())
                }
                ("break", count) => {
                    out.write(large(count.parse().unwrap())).await;
                    panic!("asked to");
                }
                _ => Ok(request.to_vec()),
            };
            out.write(answer?).await;
            Ok(())
        })
    }
    fn limit(&self, _: &HttpConfig) {}
    /// Any text is a request, in which nothing but its id matters.
    fn message(&self, octets: &[u8]) -> Result<ClientMessage, RefusedMessage> {
        let (id, calls) = (Some(String::from_utf8_lossy(octets).into()), Vec::new());
        let (using, created_ids) = Default::default();
        Ok(ClientMessage::Request { id, request: JmapRequest { using, calls, created_ids } })
    }
    /// There are none.
    fn news(&self, _login: &Login, _types: &PushTypes, since: &Told) -> Result<News, MailError> {
        Ok(News { change: StateChange::default(), told: since.clone() })
    }
}

/// So many octets that compress well, and are not all the same.
pub(crate) fn large(octets: usize) -> Vec<u8> {
    let text = (0..).flat_map(|n: u32| format!("{{\"number\":{n}}},").into_bytes());
    text.take(octets).collect()
}

/// One connection.
pub(crate) enum Client {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

/// An answer that is all there.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
    /// It is a problem of this status.
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(
            (self.status.as_u16(), problem["status"].as_u64()),
            (status, Some(status.into())),
            "{problem}"
        );
        problem
    }
}

impl Rig {
    pub(crate) async fn http1(&self) -> Client {
        let stream = TcpStream::connect(self.https).await.unwrap();
        let io = TokioIo::new(self.handshake(stream, &[b"http/1.1"]).await.unwrap());
        let (client, connection) = http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        Client::One(client)
    }
    pub(crate) async fn http2(&self) -> Client {
        self.http2_by(&http2::Builder::new(TokioExecutor::new())).await
    }
    /// A client with so much room for what it has not read of a stream.
    pub(crate) async fn http2_with_room(&self, octets: u32) -> Client {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        self.http2_by(builder.initial_stream_window_size(octets)).await
    }
    async fn http2_by(&self, builder: &http2::Builder<TokioExecutor>) -> Client {
        let stream = TcpStream::connect(self.https).await.unwrap();
        let stream = self.handshake(stream, &[b"h2", b"http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (client, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client::Two(client)
    }
}

/// A request of alice with her password.
pub(crate) fn alice(method: Method, path: &str) -> Builder {
    let basic = format!("Basic {}", STANDARD.encode("alice@example.org:secret"));
    anybody(method, path).header(AUTHORIZATION, basic)
}

pub(crate) fn anybody(method: Method, path: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(format!("https://localhost:8443{path}"))
        .header(HOST, "localhost:8443")
}

pub(crate) fn api(text: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = alice(Method::POST, "/jmap/api").header(CONTENT_TYPE, "application/json");
    request.body(Full::new(text.into())).unwrap()
}

pub(crate) fn empty(request: Builder) -> Request<Full<Bytes>> {
    request.body(Full::default()).unwrap()
}

impl Client {
    /// Sends a request and gets the head of the answer.
    pub(crate) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(client) => {
                // What a client of HTTP/1.1 asks a server for.
                let path = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
                *request.uri_mut() = path;
                client.ready().await?;
                client.send_request(request).await
            }
            Self::Two(client) => {
                request.headers_mut().remove(HOST);
                client.ready().await?;
                client.send_request(request).await
            }
        }
    }
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Got {
        let answer = tokio::time::timeout(Duration::from_secs(30), self.send(request)).await;
        let (head, body) = answer.expect("an answer").unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got { status: head.status, headers: head.headers, body }
    }
    /// A second handle on the same connection.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Two(client) => Self::Two(client.clone()),
            Self::One(_) => panic!("one request at a time"),
        }
    }
}
