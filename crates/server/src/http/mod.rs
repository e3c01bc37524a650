//! HTTP over TLS: HTTP/1.1 and HTTP/2 on one port, by ALPN (RFC 9110, RFC 9112, RFC 9113, RFC 7301).
//!
//! `connection` drives one connection with hyper, `routes` says what there is, `auth` who asks, `body` reads
//! what is sent, `answer` makes what is said and `problem` what is refused, `compress` and `cors` are for all
//! answers. What a JMAP request means is behind [`Jmap`]. Must not: know a mailbox.

mod account;
mod answer;
mod auth;
mod autoconfig;
mod blobs;
mod body;
mod compress;
mod connection;
mod cors;
mod problem;
mod routes;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use koi_mailbox::MailboxService;
use koi_sessions::Login;
use koi_types::MailError;

use crate::config::HttpConfig;
use account::Loads;
pub use autoconfig::MailServices;
pub(crate) use connection::serve;
pub use problem::Refused;

/// A future that can be sent.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What answers JMAP. One that is not there is not announced.
pub trait Jmap: Send + Sync {
    /// The session resource of whoever is logged in, as JSON; its URLs begin with `base`, which has no slash
    /// at its end (RFC 8620 §2).
    fn session(&self, login: &Login, base: &str) -> Result<Vec<u8>, MailError>;
    /// The response to one request, both JSON (RFC 8620 §3).
    fn answer(&self, login: Login, request: Bytes) -> Boxed<Result<Vec<u8>, Refused>>;
}

/// What is served by HTTP, shared by all connections.
pub struct Site {
    config: HttpConfig,
    jmap: Option<Box<dyn Jmap>>,
    mail: MailServices,
    /// Where blobs are (RFC 8620 §6).
    mailbox: Option<MailboxService>,
    loads: Arc<Loads>,
    uploads: Arc<Loads>,
    downloads: Arc<Loads>,
}

impl Site {
    #[must_use]
    pub fn new(config: HttpConfig, mail: MailServices, jmap: Option<Box<dyn Jmap>>) -> Self {
        let (loads, uploads, downloads) = Default::default();
        Self { config, jmap, mail, mailbox: None, loads, uploads, downloads }
    }
    /// With uploads and downloads, where there is JMAP.
    #[must_use]
    pub fn with_blobs(self, mailbox: MailboxService) -> Self {
        Self { mailbox: Some(mailbox), ..self }
    }
}
