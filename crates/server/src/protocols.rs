//! Makes the sessions of each protocol from the configuration.

use std::sync::Arc;

use koi_mailbox::MailboxService;
use koi_sessions::account_rates::{AccountRates, AccountRatesMax};
use koi_sessions::dmap::{DmapSession, DmapSettings};
use koi_sessions::dmtp::{DmtpSession, DmtpSettings};
use koi_sessions::imap::{ImapSession, ImapSettings};
use koi_sessions::smtp::{Rates, RatesMax, Role, SmtpSession, SmtpSettings};
use koi_sessions::{Peer, Session};

use crate::config::Config;
use crate::edge::{Protocol, Sessions};
use crate::service::Service;

/// The real ones.
pub(crate) struct RealSessions {
    mailbox: MailboxService,
    imap: Arc<ImapSettings>,
    dmap: Arc<DmapSettings>,
    dmtp: Arc<DmtpSettings>,
    lmtp: Arc<SmtpSettings>,
    smtp: Arc<SmtpSettings>,
    submission: Arc<SmtpSettings>,
}

impl RealSessions {
    /// Settings are those of the start.
    pub(crate) fn new(config: &Config, service: &Service, account_rates: &Arc<AccountRates>) -> Self {
        let starttls = config.tls.is_some();
        let imap = ImapSettings {
            greeting: format!("{} Koi ready", config.hostname).into(),
            plain_without_tls: config.auth.cleartext_login,
            scram: config.auth.scram,
            starttls,
            message_octets_max: config.limits.message_octets_max,
            compress: config.imap.compress,
            unauthenticate: config.imap.unauthenticate,
            jmap_url: jmap_url(config),
            administrators: config.imap.administrators.clone(),
            submitters: config.imap.submitters.clone(),
            commands_per_second_max: config.imap.commands_per_second_max,
            progress_secs: config.imap.progress_secs,
            search_secs_max: config.imap.search_secs_max,
            search_octets_max: config.imap.search_octets_max,
            notifications_max: config.imap.notifications_max,
            connection_memory_max: config.imap.connection_memory_max,
            notify_accounts_max: config.imap.notify_accounts_max,
            ..ImapSettings::default()
        };
        let dmap = DmapSettings {
            greeting: format!("{} DMAPv1 ready", config.hostname).into(),
            mode: config.dmap.mode,
            scram: config.auth.scram,
            message_octets_max: config.limits.message_octets_max,
            commands_per_second_max: config.dmap.commands_per_second_max,
            search_secs_max: config.dmap.search_secs_max,
            connection_memory_max: config.dmap.connection_memory_max,
            account_rates: Arc::clone(account_rates),
            ..DmapSettings::default()
        };
        let lmtp = SmtpSettings {
            hostname: config.hostname.as_str().into(),
            starttls,
            message_octets_max: config.limits.message_octets_max,
            recipients_max: config.smtp.recipients_max,
            ..SmtpSettings::default()
        };
        let submission = SmtpSettings {
            plain_without_tls: config.auth.cleartext_login,
            scram: imap.scram,
            account_rates: Arc::clone(account_rates),
            ..lmtp.clone()
        };
        let smtp = SmtpSettings {
            greeting_delay_ms: config.smtp.greeting_delay_ms,
            rates: Arc::new(Rates::new(RatesMax {
                connections: config.smtp.connections_per_minute_max,
                messages: config.smtp.messages_per_minute_max,
                recipients: config.smtp.recipients_per_minute_max,
                errors: config.smtp.errors_per_minute_max,
                ..RatesMax::default()
            })),
            ..lmtp.clone()
        };
        Self {
            mailbox: service.mailbox.clone(),
            imap: Arc::new(imap),
            dmap: Arc::new(dmap),
            dmtp: Arc::new(dmtp(config)),
            lmtp: Arc::new(lmtp),
            smtp: Arc::new(smtp),
            submission: Arc::new(submission),
        }
    }
    fn smtp(&self, role: Role, peer: Peer) -> Box<dyn Session> {
        let settings = match role {
            Role::Lmtp => &self.lmtp,
            Role::Inbound => &self.smtp,
            Role::Submission => &self.submission,
        };
        let (mailbox, now) = (self.mailbox.clone(), crate::clock::now());
        Box::new(SmtpSession::new(role, mailbox, Arc::clone(settings), peer, now))
    }
}

fn dmtp(config: &Config) -> DmtpSettings {
    DmtpSettings {
        hostname: config.hostname.as_str().into(),
        idle_timeout_secs: config.dmtp.idle_secs,
        message_octets_max: config.limits.message_octets_max,
        rates: Arc::new(Rates::new(RatesMax {
            connections: config.dmtp.connections_per_minute_max,
            messages: config.dmtp.messages_per_minute_max,
            lookups: config.dmtp.lookups_per_minute_max,
            errors: config.dmtp.errors_per_minute_max,
            ..RatesMax::default()
        })),
        ..DmtpSettings::default()
    }
}

/// How much accounts may send, counted in one place whatever they send by.
pub(crate) fn account_rates(config: &Config, mailbox: &MailboxService) -> AccountRates {
    let max = AccountRatesMax {
        messages_per_hour: config.smtp.account_messages_per_hour_max,
        messages_per_day: config.smtp.account_messages_per_day_max,
        recipients_per_hour: config.smtp.account_recipients_per_hour_max,
        recipients_per_day: config.smtp.account_recipients_per_day_max,
    };
    AccountRates::remembered(max, mailbox.clone())
}

/// Where JMAP is for clients that have only a host name (RFC 9698 §4); nothing where it is not offered.
fn jmap_url(config: &Config) -> Option<Box<str>> {
    let https = &config.listen.https;
    let port = https.first()?.port();
    // What is on loopback alone is not at the name that others know.
    let is_here = https.iter().all(|address| address.ip().is_loopback());
    let host = if is_here { "localhost" } else { &config.hostname };
    let base = match (&config.http.url, port) {
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, 443) => format!("https://{host}"),
        (None, port) => format!("https://{host}:{port}"),
    };
    Some(format!("{base}/.well-known/jmap").into())
}

impl Sessions for RealSessions {
    fn begin(&self, protocol: Protocol, peer: Peer) -> Box<dyn Session> {
        let (mailbox, now) = (self.mailbox.clone(), crate::clock::now());
        match protocol {
            Protocol::Imap => Box::new(ImapSession::new(mailbox, Arc::clone(&self.imap), peer, now)),
            Protocol::Dmap => Box::new(DmapSession::new(mailbox, Arc::clone(&self.dmap), peer, now)),
            Protocol::Dmtp => Box::new(DmtpSession::new(mailbox, Arc::clone(&self.dmtp), peer, now)),
            Protocol::Lmtp => self.smtp(Role::Lmtp, peer),
            Protocol::Smtp => self.smtp(Role::Inbound, peer),
            Protocol::Submission => self.smtp(Role::Submission, peer),
        }
    }
}
