//! IMAP (RFC 9051, RFC 3501): the session's state machine, one file per command under `cmd`.

mod annotations;
mod cmd;
mod contexts;
mod core;
mod error;
mod fetch;
mod job;
mod link;
mod memory;
mod notify;
mod open;
mod progress;
mod reply;
mod session;
mod sync;
mod table;
mod untagged;

pub use session::ImapSession;

/// What an administrator may change about IMAP.
#[derive(Clone, Debug)]
pub struct ImapSettings {
    /// Text of the greeting after the capabilities.
    pub greeting: Box<str>,
    /// LOGIN and AUTHENTICATE PLAIN without TLS (RFC 9051 §6.2.3 asks for `false`).
    pub plain_without_tls: bool,
    /// SCRAM-SHA-256 is offered, and SCRAM-SHA-256-PLUS on TLS 1.3.
    pub scram: bool,
    /// Whether the listener has a certificate to offer STARTTLS with.
    pub starttls: bool,
    /// From the greeting to the end of LOGIN.
    pub login_timeout_secs: u32,
    /// RFC 9051 §5.4: at least 30 minutes.
    pub autologout_secs: u32,
    /// Malformed or misplaced commands in a row.
    pub bad_commands_max: u32,
    /// Wrong passwords in one session.
    pub failed_logins_max: u32,
    /// Who may set the limits of all accounts by SETQUOTA.
    pub administrators: Vec<koi_types::Address>,
    /// Accounts of submission servers, which may follow URLs made for `submit+` (RFC 4467 §3).
    pub submitters: Vec<koi_types::Address>,
    /// One message by APPEND.
    pub message_octets_max: u64,
    /// COMPRESS=DEFLATE is offered.
    pub compress: bool,
    /// UNAUTHENTICATE is offered (RFC 8437 §8).
    pub unauthenticate: bool,
    /// The session resource of JMAP, where the same mail is (RFC 9698); nothing where it is not offered.
    pub jmap_url: Option<Box<str>>,
    /// Commands one connection may begin in a second, and ten seconds' worth of them at once; what comes
    /// faster waits. 0: no bound.
    pub commands_per_second_max: u32,
    /// Between two lines that tell that a command goes on (RFC 9585 §4); 0: none.
    pub progress_secs: u32,
    /// How long one SEARCH, SORT or THREAD may take; 0: no bound.
    pub search_secs_max: u32,
    /// Octets of messages that one SEARCH, SORT or THREAD may read.
    pub search_octets_max: Option<u64>,
    /// Octets one connection may hold in memory.
    pub connection_memory_max: usize,
    /// Names, mailboxes and annotations that NOTIFY tells of at a time; above it, it tells of nothing any
    /// more.
    pub notifications_max: usize,
    /// Accounts of others that NOTIFY makes a session hear of; above it the same.
    pub notify_accounts_max: usize,
}

impl Default for ImapSettings {
    fn default() -> Self {
        Self {
            greeting: "Koi ready".into(),
            plain_without_tls: false,
            scram: false,
            starttls: true,
            login_timeout_secs: 180,
            autologout_secs: 30 * 60,
            bad_commands_max: 20,
            failed_logins_max: 5,
            administrators: Vec::new(),
            submitters: Vec::new(),
            message_octets_max: koi_types::limits::MESSAGE_OCTETS_MAX,
            compress: true,
            unauthenticate: true,
            jmap_url: None,
            commands_per_second_max: 5000,
            progress_secs: 10,
            search_secs_max: 300,
            search_octets_max: None,
            connection_memory_max: koi_types::limits::IMAP_CONNECTION_MEMORY_OCTETS_MAX,
            notifications_max: koi_types::limits::IMAP_NOTIFICATIONS_MAX,
            notify_accounts_max: koi_types::limits::IMAP_NOTIFY_ACCOUNTS_MAX,
        }
    }
}
