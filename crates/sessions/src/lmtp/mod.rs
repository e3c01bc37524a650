//! LMTP (RFC 2033): messages come in, one reply per recipient, and none is positive before the message is
//! durable.

mod command;
mod error;
mod replies;
mod session;
mod trace;
mod transaction;

pub use session::LmtpSession;

/// What an administrator may change about LMTP.
#[derive(Clone, Debug)]
pub struct LmtpSettings {
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
}

impl Default for LmtpSettings {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            starttls: false,
            idle_timeout_secs: 5 * 60,
            message_octets_max: koi_types::limits::MESSAGE_OCTETS_MAX,
            recipients_max: koi_types::limits::SMTP_RECIPIENTS_MAX,
            bad_commands_max: 50,
        }
    }
}
