//! Configuration: one TOML file, read once into an immutable [`Config`].
//!
//! [`keys`] is the one table of all keys; [`raw`] reads exactly what is written and refuses what the table
//! does not know, with line numbers; [`resolve`] adds defaults and checks keys against each other; [`docs`]
//! prints the table. Nothing else reads the environment.

pub mod docs;
pub mod keys;
pub mod raw;
pub mod resolve;

pub use resolve::{
    AuthConfig, Config, CourierConfig, DmapConfig, DmtpConfig, DnsConfig, HttpConfig, LimitsConfig,
    ListenConfig, LogConfig, LogFormat, MailboxConfig, TlsConfig, WebPushConfig,
};
