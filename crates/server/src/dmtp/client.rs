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
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
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
pub(super) const WRITE_OCTETS: usize = 64 * 1024;

/// How long is waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Patience {
    /// For connection and handshake together.
    pub(crate) connect: Duration,
    /// For each reply, and each piece of a message.
    pub(crate) reply: Duration,
}

/// An open connection, past its greeting.
pub(crate) struct Client<S = TlsStream<TcpStream>> {
    stream: S,
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
        Self::greeted(stream, host, patience, hostname).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Waits for the greeting, and says hello.
    pub(super) async fn greeted(
        stream: S,
        host: &str,
        patience: Patience,
        hostname: &str,
    ) -> Result<Self, MailError> {
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

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};
    use tokio::time::{Instant, interval};

    use super::*;

    const REPLY: Duration = Duration::from_secs(60);
    const PATIENCE: Patience = Patience { connect: REPLY, reply: REPLY };

    /// Says this, an octet every so often.
    async fn drip(mut server: DuplexStream, said: &'static str, every: Duration) {
        let mut ticks = interval(every);
        for octet in said.bytes() {
            ticks.tick().await;
            if server.write_all(&[octet]).await.is_err() {
                return;
            }
        }
        // It stays.
        std::future::pending().await
    }

    /// Said at this pace to one who connects: what comes of it, and after how long.
    async fn paced(every: Duration) -> (Result<(), MailError>, Duration) {
        let (client, server) = duplex(WRITE_OCTETS);
        let said = "220 two.test DMTPv1\r\n250 two.test\r\n";
        let dripping = tokio::spawn(drip(server, said, every));
        let began = Instant::now();
        let greeted = Client::greeted(client, "two.test", PATIENCE, "one.test").await.map(drop);
        dripping.abort();
        (greeted, began.elapsed())
    }

    /// Whatever comes in between: a server that says an octet each minute would hold a place for hours.
    #[tokio::test(start_paused = true)]
    async fn a_reply_has_its_time_as_a_whole() {
        // The greeting has 21 octets.
        let (greeted, _) = paced(Duration::from_secs(2)).await;
        greeted.unwrap();
        let (greeted, took) = paced(Duration::from_secs(59)).await;
        let error = greeted.unwrap_err();
        assert_eq!((error.kind, &*error.text), (ErrorKind::Unavailable, "two.test: no answer in time"));
        assert_eq!(took, REPLY);
    }
}
