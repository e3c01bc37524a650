//! From a session's notes to counters and log lines: one line per delivery, one per session end.
//!
//! Must not log subjects, bodies or passwords.

use std::time::Instant;

use koi_sessions::Note;
use koi_types::Address;

use crate::driver::End;
use crate::metrics::{Metrics, add, count};

/// What one session did, for its last line in the log.
pub struct Tally {
    began: Instant,
    protocol: &'static str,
    peer: std::net::IpAddr,
    pub tls: bool,
    pub account: Option<Address>,
    pub octets_in: u64,
    pub octets_out: u64,
    commands: u64,
    messages: u64,
    reason: Option<&'static str>,
}

impl Tally {
    #[must_use]
    pub fn new(protocol: &'static str, peer: std::net::IpAddr, tls: bool) -> Self {
        Self {
            began: Instant::now(),
            protocol,
            peer,
            tls,
            account: None,
            octets_in: 0,
            octets_out: 0,
            commands: 0,
            messages: 0,
            reason: None,
        }
    }

    /// Counts and logs.
    pub fn take(&mut self, notes: Vec<Note>, metrics: &Metrics) {
        for note in notes {
            match note {
                Note::Delivered { recipients, octets } => {
                    self.messages += 1;
                    add(&metrics.messages_delivered, recipients as u64);
                    tracing::info!(peer = %self.peer, recipients, octets, "delivered");
                }
                Note::DeliveryFailed { recipient, error } => {
                    count(&metrics.delivery_failures);
                    let recipient = recipient.escape_debug();
                    tracing::warn!(peer = %self.peer, %recipient, %error, "delivery failed");
                }
                // Logged with the login name where the password was checked.
                Note::Failed { command: "LOGIN" | "AUTHENTICATE", .. } => {}
                Note::Failed { command, error } => {
                    let account = self.account_text();
                    tracing::warn!(peer = %self.peer, account, command, %error, "command failed");
                }
                Note::Panicked { what } => {
                    count(&metrics.sessions_panicked);
                    tracing::error!(peer = %self.peer, %what, "a panic; please report this bug");
                }
                Note::Command { .. } => {
                    self.commands += 1;
                    count(&metrics.commands);
                }
                // Counted where the password was checked.
                Note::LoggedIn { .. } => {}
                Note::Ended { reason } => self.reason = Some(reason),
            }
        }
    }

    fn account_text(&self) -> String {
        self.account.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// The line at the end of a session.
    pub fn log_end(&self, end: &End) {
        let reason = match end {
            End::Closed => self.reason.unwrap_or("closed"),
            End::Peer(std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset) => "peer left",
            End::Peer(_) => "connection broke",
            End::NotReading => "peer did not read",
            End::Handshake => "TLS handshake failed",
        };
        tracing::info!(
            protocol = self.protocol,
            peer = %self.peer,
            tls = self.tls,
            account = self.account_text(),
            commands = self.commands,
            messages = self.messages,
            octets_in = self.octets_in,
            octets_out = self.octets_out,
            secs = format_args!("{:.3}", self.began.elapsed().as_secs_f64()),
            reason,
            "session ended"
        );
    }
}
