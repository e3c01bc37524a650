//! One connection to a server of another organisation: TLS from the first octet, then DMTP (docs/DIME.md,
//! DMTP). Every wait has a bound. Must not: know what is asked for.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use koi_dime::dmtp::{Command, Replies, Reply};
use koi_types::{ErrorKind, MailError};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Characters of a reply that are told to others.
const SAID_CHARS_MAX: usize = 400;
/// For the last words.
const GOODBYE: Duration = Duration::from_secs(2);
/// Octets read at a time.
const READ_OCTETS: usize = 16 * 1024;
/// Octets of a message written at a time; each has the time of a reply.
const WRITE_OCTETS: usize = 64 * 1024;

/// How long is waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Patience {
    /// For connection and handshake together.
    pub(crate) connect: Duration,
    /// For each reply, and each piece of a message.
    pub(crate) reply: Duration,
}

/// An open connection, past its greeting.
pub(crate) struct Client {
    stream: TlsStream<TcpStream>,
    replies: Replies,
    patience: Patience,
    /// For what went wrong.
    host: String,
}

impl Client {
    /// Connects, and says hello as `hostname`.
    pub(crate) async fn connect(
        address: SocketAddr,
        host: &str,
        config: ClientConfig,
        patience: Patience,
        hostname: &str,
    ) -> Result<Self, MailError> {
        let opened = tokio::time::timeout(patience.connect, open(address, host, config)).await;
        let stream = opened.map_err(|_| trouble(host, "no connection in time"))?;
        let stream = stream.map_err(|error| trouble(host, &error.to_string()))?;
        let mut client = Self { stream, replies: Replies::new(), patience, host: host.to_owned() };
        let greeting = client.reply().await?;
        let hello = Command::Ehlo { domain: hostname.to_owned() };
        for reply in [greeting, client.ask(&hello).await?] {
            if !reply.is_positive() {
                return Err(trouble(host, &said(&reply)));
            }
        }
        Ok(client)
    }
    /// One command and its reply.
    pub(crate) async fn ask(&mut self, command: &Command) -> Result<Reply, MailError> {
        self.write(command.line().as_bytes()).await?;
        self.reply().await
    }
    /// A message and the line end behind it, and what is replied.
    pub(crate) async fn message(&mut self, octets: &[u8]) -> Result<Reply, MailError> {
        for piece in octets.chunks(WRITE_OCTETS) {
            self.write(piece).await?;
        }
        self.write(b"\r\n").await?;
        self.reply().await
    }
    /// Says goodbye; nobody waits for what is answered.
    pub(crate) async fn quit(mut self) {
        let goodbye = async {
            self.stream.write_all(Command::Quit.line().as_bytes()).await?;
            self.stream.shutdown().await
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
    async fn write(&mut self, octets: &[u8]) -> Result<(), MailError> {
        let (patience, host) = (self.patience.reply, self.host.clone());
        let writing = async {
            self.stream.write_all(octets).await?;
            self.stream.flush().await
        };
        within(&host, patience, writing).await
    }
    /// One reply, whole in its time: who says an octet now and then has no more of it.
    async fn reply(&mut self) -> Result<Reply, MailError> {
        let (patience, host) = (self.patience.reply, self.host.clone());
        let whole = tokio::time::timeout(patience, self.whole_reply()).await;
        whole.unwrap_or_else(|_| Err(trouble(&host, "no answer in time")))
    }
    async fn whole_reply(&mut self) -> Result<Reply, MailError> {
        let host = self.host.clone();
        let mut buffer = vec![0; READ_OCTETS];
        loop {
            match self.replies.decode() {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(error) => return Err(trouble(&host, &error.to_string())),
            }
            let read = self.stream.read(&mut buffer).await;
            let octets = read.map_err(|error| trouble(&host, &error.to_string()))?;
            match buffer.get(..octets).filter(|read| !read.is_empty()) {
                Some(read) => self.replies.feed(read),
                None => return Err(trouble(&host, "it closed the connection")),
            }
        }
    }
}

async fn open(
    address: SocketAddr,
    host: &str,
    config: ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn within<T>(
    host: &str,
    patience: Duration,
    work: impl Future<Output = std::io::Result<T>>,
) -> Result<T, MailError> {
    match tokio::time::timeout(patience, work).await {
        Ok(done) => done.map_err(|error| trouble(host, &error.to_string())),
        Err(_) => Err(trouble(host, "no answer in time")),
    }
}

/// A reply as it stands in a log or a bounce: on one line, not too long.
pub(crate) fn said(reply: &Reply) -> String {
    let text = reply.lines.iter().flat_map(|line| line.chars().chain([' ']));
    let text: String = text.map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS_MAX).collect();
    format!("{} {}", reply.code, text.trim_end())
}

/// Trying again may help.
pub(crate) fn trouble(host: &str, why: &str) -> MailError {
    MailError::new(ErrorKind::Unavailable, format!("{host}: {why}"))
}
