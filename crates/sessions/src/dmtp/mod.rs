//! DMTP, the side of the server (docs/DIME.md, DMTP; docs/DMAP.md, other organisations): encrypted
//! messages of other organisations come in, and signets of ours are given out.
//!
//! Whoever connects is nobody in particular: what counts is the signature of the organisation that it says to
//! bring mail of, whose signet is looked up elsewhere. Must not: answer 250 before the message is durable;
//! tell anybody who is not an organisation more than SGNT tells everybody.

// Not offered: STARTTLS on port 25 (SMTP has that port); VERB and STATS.

mod command;
mod data;
mod error;
mod lookup;
mod replies;
mod session;

use std::sync::Arc;

use koi_types::limits;

pub use crate::rates::{Rates, RatesMax};
pub use session::DmtpSession;

/// What an administrator may change.
#[derive(Clone, Debug)]
pub struct DmtpSettings {
    /// Our name in the greeting.
    pub hostname: Box<str>,
    /// The server waits so long for what comes next.
    pub idle_timeout_secs: u32,
    /// One message.
    pub message_octets_max: u64,
    /// Errors of the client in one session.
    pub bad_commands_max: u32,
    /// How often one address may do what.
    pub rates: Arc<Rates>,
}

impl Default for DmtpSettings {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            idle_timeout_secs: 5 * 60,
            message_octets_max: limits::MESSAGE_OCTETS_MAX,
            bad_commands_max: 50,
            rates: Arc::default(),
        }
    }
}
