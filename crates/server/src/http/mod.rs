//! HTTP over TLS: HTTP/1.1 and HTTP/2 on one port, by ALPN (RFC 9110, RFC 9112, RFC 9113, RFC 7301).
//!
//! `connection` drives one connection with hyper, `routes` says what there is, `auth` who asks, `body` reads
//! what is sent, `answer` and `pieces` make what is said and `problem` what is refused, `compress` and `cors`
//! are for all answers. `events` and `socket` go on for as long as the client likes, `following` is what they
//! are told. What a JMAP request means is behind [`Jmap`]. Must not: know a mailbox.

mod account;
mod answer;
mod api;
mod auth;
mod autoconfig;
mod blobs;
mod body;
mod compress;
mod connection;
mod cors;
mod events;
mod following;
mod metered;
mod pieces;
mod problem;
mod query;
mod routes;
mod sign_in;
mod socket;
mod upgrade;
mod web_login;

use std::future::Future;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use koi_mailbox::MailboxService;
use koi_proto::jmap::Request;
use koi_proto::jmap::push::PushTypes;
use koi_proto::jmap::websocket::{ClientMessage, RefusedMessage};
use koi_sessions::Login;
use koi_sessions::jmap::{News, Told};
use koi_types::MailError;
use parking_lot::RwLock;

use crate::config::HttpConfig;
use crate::problem::Problem;
use account::Loads;
pub use autoconfig::MailServices;
pub(crate) use connection::serve;
pub use pieces::{Out, PIECE_OCTETS};
pub use problem::Refused;
use web_login::WebLogins;

/// A future that can be sent.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Who asks for something.
#[derive(Clone, Debug)]
pub struct Asked {
    pub login: Login,
    /// What URLs of this server begin with for this client, without a slash at the end.
    pub base: String,
    pub peer: IpAddr,
}

/// What is to be answered (RFC 8620 §3.3).
#[derive(Debug)]
pub enum Sent {
    /// As it came to the API.
    Body(Bytes),
    /// Over a WebSocket, read already (RFC 8887 §4.3.2).
    Message { id: Option<Box<str>>, request: Request },
}

/// What answers JMAP. One that is not there is not announced.
pub trait Jmap: Send + Sync {
    /// The session resource of whoever is logged in, as JSON; its URLs begin with `base`, which has no slash
    /// at its end (RFC 8620 §2).
    fn session(&self, login: &Login, base: &str) -> Result<Vec<u8>, MailError>;
    /// Writes the response to one request (RFC 8620 §3.4). When it is refused, nothing was written.
    fn answer(&self, asked: Asked, sent: Sent, out: Out) -> Boxed<Result<(), Refused>>;
    /// Reads a message of a WebSocket (RFC 8887 §4.3).
    fn message(&self, octets: &[u8]) -> Result<ClientMessage, RefusedMessage>;
    /// What has changed since a client was told last (RFC 8620 §7.1).
    fn news(&self, login: &Login, types: &PushTypes, since: &Told) -> Result<News, MailError>;
    /// Requests from now on are held to these limits, and clients are told so.
    fn limit(&self, config: &HttpConfig);
}

/// What is served by HTTP, shared by all connections.
pub struct Site {
    config: RwLock<Arc<HttpConfig>>,
    jmap: Option<Box<dyn Jmap>>,
    mail: MailServices,
    /// Where blobs are (RFC 8620 §6).
    mailbox: Option<MailboxService>,
    loads: Arc<Loads>,
    uploads: Arc<Loads>,
    downloads: Arc<Loads>,
    /// Event sources and WebSockets.
    streams: Arc<Loads>,
    web_logins: WebLogins,
}

impl Site {
    #[must_use]
    pub fn new(config: HttpConfig, mail: MailServices, jmap: Option<Box<dyn Jmap>>) -> Self {
        let (loads, uploads, downloads, streams) = Default::default();
        let web_logins = WebLogins::new(config.login_idle);
        let config = RwLock::new(Arc::new(config));
        Self { config, jmap, mail, mailbox: None, loads, uploads, downloads, streams, web_logins }
    }
    /// With uploads and downloads, where there is JMAP.
    #[must_use]
    pub fn with_blobs(self, mailbox: MailboxService) -> Self {
        Self { mailbox: Some(mailbox), ..self }
    }
    /// Takes over other settings, but not where this server says that it is: others say so too. What a
    /// connection has begun with it goes on with.
    pub fn reload(&self, fresh: &HttpConfig) {
        let fresh = HttpConfig { url: self.config().url.clone(), ..fresh.clone() };
        self.web_logins.stay_for(fresh.login_idle);
        if let Some(jmap) = &self.jmap {
            jmap.limit(&fresh);
        }
        *self.config.write() = Arc::new(fresh);
    }
    /// Takes over who was logged in when the server ended. Before anybody is let in.
    pub fn take_logins(&self, file: &Path) -> Result<(), Problem> {
        self.web_logins.take(file)
    }
    /// Remembers who is logged in. When nobody is let in any more.
    pub fn write_logins(&self, file: &Path) -> Result<(), Problem> {
        self.web_logins.write(file)
    }
    fn config(&self) -> Arc<HttpConfig> {
        Arc::clone(&self.config.read())
    }
}
