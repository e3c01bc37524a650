//! DMAP (draft-melnikov-dmap-00, docs/DMAP-SYNTAX.md): the session's state machine, one file per command
//! under `cmd`.

mod cmd;
mod content;
mod core;
mod error;
mod facts;
mod fetch;
mod flags;
mod job;
mod made;
mod open;
mod reply;
mod session;
mod stacie;
mod sync;
mod table;

use std::sync::Arc;

use koi_proto::dmap::Mode;

use crate::account_rates::AccountRates;

pub use session::DmapSession;

/// What an administrator may change about DMAP.
#[derive(Clone, Debug)]
pub struct DmapSettings {
    /// Text of the greeting after the capabilities.
    pub greeting: Box<str>,
    /// What is said before login, when the mode of the account is not known yet: what accounts are here as a
    /// rule. PLAIN and SCRAM-SHA-256 are offered only where it is `Trustful`.
    pub mode: Mode,
    /// SCRAM-SHA-256 is offered, and SCRAM-SHA-256-PLUS.
    pub scram: bool,
    /// From the greeting to the end of AUTHENTICATE.
    pub login_timeout_secs: u32,
    /// DMAP-00 §6.4: at least 30 minutes.
    pub autologout_secs: u32,
    /// Malformed or misplaced commands in a row.
    pub bad_commands_max: u32,
    /// Wrong passwords in one session.
    pub failed_logins_max: u32,
    /// One message by APPEND.
    pub message_octets_max: u64,
    /// Commands one connection may begin in a second, and ten seconds' worth of them at once; what comes
    /// faster waits. 0: no bound.
    pub commands_per_second_max: u32,
    /// How long one SEARCH may take; 0: no bound.
    pub search_secs_max: u32,
    /// Octets one connection may hold in memory.
    pub connection_memory_max: usize,
    /// How much accounts may send; shared by all ways to send.
    pub account_rates: Arc<AccountRates>,
}

impl Default for DmapSettings {
    fn default() -> Self {
        Self {
            greeting: "DMAPv1 ready".into(),
            mode: Mode::Trustful,
            scram: false,
            login_timeout_secs: 60,
            autologout_secs: 30 * 60,
            bad_commands_max: 20,
            failed_logins_max: 5,
            message_octets_max: koi_types::limits::MESSAGE_OCTETS_MAX,
            commands_per_second_max: 5000,
            search_secs_max: 300,
            connection_memory_max: koi_types::limits::IMAP_CONNECTION_MEMORY_OCTETS_MAX,
            account_rates: Arc::default(),
        }
    }
}
