//! Connections to push services: resolve, check, connect to the very address that was checked, TLS.
//!
//! With a proxy the tunnel to it is opened instead (`CONNECT`, RFC 9110 §9.3.6), and which address a name has
//! is the proxy's business; an address written out in the endpoint, in whatever spelling, is checked all the
//! same. Everything together has one deadline. Must not: know what is sent.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::guard::{is_public, may_be_public};

/// The port of push services.
const HTTPS_PORT: u16 = 443;
/// Of a proxy's answer to CONNECT.
const PROXY_ANSWER_OCTETS_MAX: usize = 8 * 1024;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// A future that can be sent.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Finds the addresses of a name; a test has names of its own.
pub trait Resolve: Send + Sync {
    fn resolve(&self, host: &str, port: u16) -> Boxed<io::Result<Vec<SocketAddr>>>;
}

/// By the system.
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str, port: u16) -> Boxed<io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host.as_str(), port)).await?.collect()) })
    }
}

/// Where connections may go.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Any address; else only those of the public internet.
    pub private: bool,
    /// Any port; else only 443.
    pub any_port: bool,
    /// `host:port` of a proxy that takes CONNECT.
    pub proxy: Option<Box<str>>,
    /// For name, connection and handshake together.
    pub connect: Duration,
}

/// Why there is no connection.
#[derive(Debug)]
pub enum ConnectError {
    /// The configuration forbids it; trying again is of no use.
    Forbidden(&'static str),
    Slow,
    Io(io::Error),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(why) => f.write_str(why),
            Self::Slow => f.write_str("no connection in time"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConnectError {}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Makes connections for the HTTP client.
#[derive(Clone)]
pub struct Connector {
    pub resolver: Arc<dyn Resolve>,
    pub reach: Reach,
    pub tls: Arc<rustls::ClientConfig>,
}

impl Connector {
    async fn connect(self, uri: Uri) -> Result<Stream, ConnectError> {
        let host = uri.host().ok_or(ConnectError::Forbidden("the endpoint has no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(HTTPS_PORT);
        let within = tokio::time::timeout(self.reach.connect, self.opened(host, port));
        within.await.map_err(|_| ConnectError::Slow)?
    }
    async fn opened(&self, host: &str, port: u16) -> Result<Stream, ConnectError> {
        if port != HTTPS_PORT && !self.reach.any_port {
            return Err(ConnectError::Forbidden("the endpoint has another port than 443"));
        }
        if !self.reach.private && !may_be_public(host) {
            return Err(ConnectError::Forbidden("the endpoint is not on the public internet"));
        }
        let stream = match &self.reach.proxy {
            Some(proxy) => tunnel(proxy, host, port).await?,
            None => self.direct(host, port).await?,
        };
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await?;
        Ok(Stream(TokioIo::new(stream)))
    }
    async fn direct(&self, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
        let mut found = self.resolver.resolve(host, port).await?;
        found.retain(|address| self.may_reach(address.ip()));
        found.truncate(ADDRESSES_MAX);
        let mut last = ConnectError::Forbidden("the endpoint's name has no address on the public internet");
        for address in found {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }
    fn may_reach(&self, address: IpAddr) -> bool {
        self.reach.private || is_public(address)
    }
}

/// RFC 9110 §9.3.6
async fn tunnel(proxy: &str, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let mut stream = TcpStream::connect(proxy).await?;
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    // An octet at a time: what follows the answer belongs to the handshake.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= PROXY_ANSWER_OCTETS_MAX {
            return Err(io::Error::other("the proxy's answer is too long").into());
        }
        answer.push(stream.read_u8().await?);
    }
    let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2));
    if status != Some(&b'2') {
        return Err(io::Error::other("the proxy refused the tunnel").into());
    }
    Ok(stream)
}

impl tower_service::Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Boxed<Result<Stream, ConnectError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection after its handshake, as the HTTP client sees it.
pub struct Stream(TokioIo<TlsStream<TcpStream>>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let (_, session) = self.0.inner().get_ref();
        match session.alpn_protocol() {
            Some(b"h2") => Connected::new().negotiated_h2(),
            _ => Connected::new(),
        }
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, octets)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
