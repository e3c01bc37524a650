//! Makes the sessions of each protocol from the configuration.

use std::sync::Arc;

use koi_mailbox::MailboxService;
use koi_sessions::imap::{ImapSession, ImapSettings};
use koi_sessions::lmtp::{LmtpSession, LmtpSettings};
use koi_sessions::{Peer, Session};

use crate::config::Config;
use crate::edge::{Protocol, Sessions};
use crate::service::Service;

/// The real ones.
pub(crate) struct RealSessions {
    mailbox: MailboxService,
    imap: Arc<ImapSettings>,
    lmtp: Arc<LmtpSettings>,
}

impl RealSessions {
    /// Settings are those of the start.
    pub(crate) fn new(config: &Config, service: &Service) -> Self {
        let starttls = config.tls.is_some();
        let imap = ImapSettings {
            greeting: format!("{} Koi ready", config.hostname).into(),
            plain_without_tls: config.auth.cleartext_login,
            scram: config.auth.scram,
            starttls,
            message_octets_max: config.limits.message_octets_max,
            ..ImapSettings::default()
        };
        let lmtp = LmtpSettings {
            hostname: config.hostname.as_str().into(),
            starttls,
            message_octets_max: config.limits.message_octets_max,
            ..LmtpSettings::default()
        };
        Self { mailbox: service.mailbox.clone(), imap: Arc::new(imap), lmtp: Arc::new(lmtp) }
    }
}

impl Sessions for RealSessions {
    fn begin(&self, protocol: Protocol, peer: Peer) -> Box<dyn Session> {
        let (mailbox, now) = (self.mailbox.clone(), crate::clock::now());
        match protocol {
            Protocol::Imap => Box::new(ImapSession::new(mailbox, Arc::clone(&self.imap), peer, now)),
            Protocol::Lmtp => Box::new(LmtpSession::new(mailbox, Arc::clone(&self.lmtp), peer, now)),
        }
    }
}
