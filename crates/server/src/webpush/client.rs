//! One request to a push service and its answer: HTTP/1.1 and 2 over TLS, kept connections, no redirects.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, StatusCode};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use koi_webpush::{Endpoint, Header};

use super::connect::{ConnectError, Connector, Reach, Resolve};
use crate::problem::Problem;
use crate::tls::trusted;

/// Idle connections kept for one push service; of HTTP/2 one is enough.
const IDLE_MAX: usize = 8;
const IDLE: Duration = Duration::from_secs(60);
/// What is read of an answer's body, so that its connection can be used again.
const BODY_OCTETS_MAX: usize = 16 * 1024;
/// A kept connection of HTTP/2 that is dead is noticed so soon.
const PING: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);
/// What a push service said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Vec<u8>>,
}

/// Why it said nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NoAnswer {
    /// Trying again is of no use.
    Forbidden(&'static str),
    /// The push service is not well, or the way to it.
    Trouble(String),
}

/// Sends requests.
pub(super) struct Client {
    http: legacy::Client<Connector, Full<Bytes>>,
    answer: Duration,
}

impl Client {
    /// `ca_file`: whom to trust instead of whom the system trusts. `answer`: for a whole request, connecting
    /// included.
    pub(super) fn new(
        reach: Reach,
        ca_file: Option<&Path>,
        answer: Duration,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, Problem> {
        let connector = Connector { resolver, reach, tls: Arc::new(tls(ca_file)?) };
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_buf_size(64 * 1024)
            .http2_max_header_list_size(64 * 1024)
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PONG)
            .build(connector);
        Ok(Self { http, answer })
    }
    /// Posts a message to an endpoint.
    pub(super) async fn post(
        &self,
        endpoint: &Endpoint,
        headers: Vec<Header>,
        body: Vec<u8>,
    ) -> Result<Answer, NoAnswer> {
        let mut request = request(endpoint, headers, body).ok_or(NoAnswer::Forbidden("not a valid URL"))?;
        let connection = capture_connection(&mut request);
        let within = tokio::time::timeout(self.answer, self.exchange(request)).await;
        within.unwrap_or_else(|_| {
            // Nothing more over a connection that stalls.
            if let Some(connected) = connection.connection_metadata().as_ref() {
                connected.poison();
            }
            Err(NoAnswer::Trouble("no answer in time".into()))
        })
    }
    async fn exchange(&self, request: hyper::Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        let response = self.http.request(request).await.map_err(|error| no_answer(&error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).map(|value| value.as_bytes().to_vec());
        let mut body = response.into_body();
        let mut octets = 0;
        while let Some(Ok(frame)) = body.frame().await {
            octets += frame.data_ref().map_or(0, Bytes::len);
            if octets > BODY_OCTETS_MAX {
                break;
            }
        }
        Ok(Answer { status, retry_after })
    }
}

impl Answer {
    /// As it stands in a log.
    #[must_use]
    pub(super) fn reason(&self) -> &'static str {
        StatusCode::from_u16(self.status).ok().and_then(|s| s.canonical_reason()).unwrap_or("unknown")
    }
}

fn request(endpoint: &Endpoint, headers: Vec<Header>, body: Vec<u8>) -> Option<hyper::Request<Full<Bytes>>> {
    // The form with scheme and host in lower case.
    let uri = format!("{}{}", endpoint.origin(), endpoint.path_and_query());
    let mut request = hyper::Request::builder().method(Method::POST).uri(uri);
    for Header { name, value } in headers {
        request = request.header(HeaderName::from_static(name), HeaderValue::try_from(value).ok()?);
    }
    request.body(Full::new(Bytes::from(body))).ok()
}

/// What the connector said, if it was the connector, else what the client says.
fn no_answer(error: &legacy::Error) -> NoAnswer {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut text = String::new();
    while let Some(inner) = cause {
        if let Some(ConnectError::Forbidden(why)) = inner.downcast_ref() {
            return NoAnswer::Forbidden(why);
        }
        text = inner.to_string();
        cause = inner.source();
    }
    NoAnswer::Trouble(text)
}

fn tls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, Problem> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let failed = |e: rustls::Error| Problem::new(format!("cannot set up TLS: {e}"), "report this as a bug");
    let remedy = "install the package ca-certificates, or set webpush.ca_file to a PEM file";
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(trusted(ca_file, remedy)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
