//! SMTP in the three roles it has here: LMTP (RFC 2033), mail from other servers (RFC 5321) and mail from our
//! users' clients (RFC 6409). One session, and a [`Role`] that says what differs.
//!
//! No reply is positive before the message is durable. What differs for a user: only after login, only as
//! themselves, with the fields a message must have, and with a copy in Sent. What differs for a stranger:
//! only to addresses that are ours, at a bounded rate.

// Not offered, each for a reason:
// RFC 5321 §3.6, §4.5.4 and §5: relaying and its queue; mail goes to our own domains or is refused at RCPT.
// RFC 5321 §3.7: gatewaying; there is no other kind of mail here.
// RFC 5321 §3.9: aliases and lists; an address is an account's, with any detail.
// RFC 5321 §3.4: 251 and 551; they tell strangers where somebody went (RFC 5321 §7.4).
// DEVIATION RFC 6409 §4.2: in To, Cc and Reply-To, domains that are not fully qualified stay, because no
// such message leaves this server, and refusing it would lose the user's mail over a matter of style.
// RFC 6409 §8.4, §8.5, §8.6, §8.7 and §8.8: nothing is encoded, signed, encrypted or rewritten.
// RFC 6409 §7: DSN is not announced before reports are sent; BINARYMIME neither.

mod auth;
mod command;
mod data;
mod deliver;
mod envelope;
mod error;
mod full;
mod head;
mod replies;
mod session;
mod trace;
mod transaction;

use std::sync::Arc;

use koi_proto::smtp::Protocol;
use koi_types::limits;

use crate::account_rates::AccountRates;

pub use crate::rates::{Rates, RatesMax};
pub use full::FullRecipients;
pub use session::SmtpSession;

/// Who is at the other end, and what it may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A mail transfer agent that trusts us with final delivery; one reply per recipient.
    Lmtp,
    /// Any mail server: port 25.
    Inbound,
    /// A user's mail client: ports 587 and 465.
    Submission,
}

impl Role {
    pub(crate) const fn protocol(self) -> Protocol {
        match self {
            Self::Lmtp => Protocol::Lmtp,
            Self::Inbound | Self::Submission => Protocol::Smtp,
        }
    }
    /// The command that must come first.
    pub(crate) const fn greeting_first(self) -> &'static str {
        match self {
            Self::Lmtp => "LHLO first",
            Self::Inbound | Self::Submission => "EHLO first",
        }
    }
}

/// What an administrator may change.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Our name in the greeting and in Received.
    pub hostname: Box<str>,
    pub starttls: bool,
    /// RFC 5321 §4.5.3.2.7: the server waits for the next command for five minutes at least.
    pub idle_timeout_secs: u32,
    /// One message; announced by SIZE (RFC 1870 §3).
    pub message_octets_max: u64,
    pub recipients_max: usize,
    /// Errors of the client in one session.
    pub bad_commands_max: u32,
    /// Failed logins in one session.
    pub failed_logins_max: u32,
    /// Take passwords without TLS.
    pub plain_without_tls: bool,
    /// Offer SCRAM-SHA-256, and with TLS 1.3 SCRAM-SHA-256-PLUS.
    pub scram: bool,
    /// Who speaks before this is over, and before it is greeted, is not one of the mail servers that wait
    /// (RFC 5321 §3.1). For `Role::Inbound`.
    pub greeting_delay_ms: u32,
    /// How often one address may do what. For `Role::Inbound`.
    pub rates: Arc<Rates>,
    /// Who had no room. For `Role::Inbound`.
    pub full: Arc<FullRecipients>,
    /// How much one account may send. For `Role::Submission`.
    pub account_rates: Arc<AccountRates>,
}

impl Default for SmtpSettings {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            starttls: false,
            idle_timeout_secs: 5 * 60,
            message_octets_max: limits::MESSAGE_OCTETS_MAX,
            recipients_max: limits::SMTP_RECIPIENTS_MAX,
            bad_commands_max: 50,
            failed_logins_max: 5,
            plain_without_tls: false,
            scram: false,
            greeting_delay_ms: 0,
            rates: Arc::default(),
            full: Arc::default(),
            account_rates: Arc::default(),
        }
    }
}
