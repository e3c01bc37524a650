//! What every connection shares: TLS, passwords, limits, counters, and who makes sessions.

use std::sync::Arc;

use koi_sessions::{Peer, Session};
use parking_lot::RwLock;

use crate::admission::Admission;
use crate::config::LimitsConfig;
use crate::dmtp::Organisations;
use crate::http::Site;
use crate::metrics::Metrics;
use crate::password::Passwords;
use crate::tls::Tls;
use crate::watch::Watch;

/// A line protocol with a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    Imap,
    Lmtp,
    /// Mail from other servers.
    Smtp,
    /// Mail from our users' clients.
    Submission,
    Dmap,
    /// Mail and lookups from the servers of other organisations.
    Dmtp,
}

impl Protocol {
    /// For the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Lmtp => "lmtp",
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Dmap => "dmap",
            Self::Dmtp => "dmtp",
        }
    }
    /// Whether connections count as waiting for login.
    #[must_use]
    pub const fn must_log_in(self) -> bool {
        matches!(self, Self::Imap | Self::Submission | Self::Dmap)
    }
    /// What handshakes are made with, where TLS comes first.
    #[must_use]
    pub fn acceptor(self, tls: &Tls) -> tokio_rustls::TlsAcceptor {
        if self == Self::Dmap { tls.dmap_acceptor() } else { tls.acceptor() }
    }
    /// What a connection that is not let in is told (RFC 9051 §7.1.5; RFC 5321 §3.8, RFC 3463 §3.4).
    #[must_use]
    pub fn refusal(self, text: &str) -> String {
        match self {
            Self::Imap | Self::Dmap => format!("* BYE {text}\r\n"),
            Self::Lmtp | Self::Smtp | Self::Submission => format!("421 4.3.2 {text}\r\n"),
            Self::Dmtp => format!("421 {text}\r\n"),
        }
    }
}

/// What a listener speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spoken {
    Lines(Protocol),
    Http,
}

impl Spoken {
    /// For the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lines(protocol) => protocol.name(),
            Self::Http => "http",
        }
    }
    /// Whether connections count as waiting for login.
    #[must_use]
    pub const fn must_log_in(self) -> bool {
        match self {
            Self::Lines(protocol) => protocol.must_log_in(),
            Self::Http => true,
        }
    }
}

/// Makes sessions.
pub trait Sessions: Send + Sync {
    fn begin(&self, protocol: Protocol, peer: Peer) -> Box<dyn Session>;
}

/// Shared by all connections.
pub struct Edge {
    pub tls: Option<Tls>,
    pub passwords: Passwords,
    pub watch: Arc<Watch>,
    pub admission: Arc<Admission>,
    pub metrics: Arc<Metrics>,
    pub sessions: Box<dyn Sessions>,
    /// What is served by HTTP; nothing where no listener is for it.
    pub site: Option<Arc<Site>>,
    /// Who other organisations are.
    pub organisations: Arc<dyn Organisations>,
    pub limits: RwLock<Arc<LimitsConfig>>,
}

impl Edge {
    /// The limits in force now.
    #[must_use]
    pub fn limits(&self) -> Arc<LimitsConfig> {
        Arc::clone(&self.limits.read())
    }
}
