//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, RFC 9266): what is said and what is computed.
//!
//! `server` reads the client's messages and writes the server's; `client` is the other side, for tests and
//! tools; `keys` is the arithmetic. Must not: know where keys are stored, make nonces.

pub mod client;
pub mod keys;
mod message;
pub mod server;

pub use client::ScramClient;
pub use keys::{SaltedPassword, ScramKeys};
pub use server::{Challenged, ClientFirst, Proof, Salt};

/// The channel-binding data of `tls-exporter` (RFC 9266 §2).
pub type Exporter = [u8; 32];

/// The one channel-binding type there is here (RFC 9266 §3).
///
/// DEVIATION RFC 5802 §6.1: `tls-unique` is not offered, because it is not defined for TLS 1.3, and before
/// that not always unique (RFC 9266 §1).
pub const TLS_EXPORTER: &str = "tls-exporter";

/// Why the server ends an exchange, in the words of RFC 5802 §7.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerError {
    InvalidEncoding,
    ExtensionsNotSupported,
    /// Also said for a name nobody has: `unknown-user` would tell which names exist (RFC 5802 §9).
    InvalidProof,
    ChannelBindingsDontMatch,
    /// The client believes that there is no channel binding, but it was offered: somebody took it out of the
    /// list (RFC 5802 §6).
    ServerDoesSupportChannelBinding,
    ChannelBindingNotSupported,
    UnsupportedChannelBindingType,
    InvalidUsernameEncoding,
    NoResources,
    OtherError,
}

impl ServerError {
    /// `server-error-value` of RFC 5802 §7.
    #[must_use]
    pub const fn value(self) -> &'static str {
        match self {
            Self::InvalidEncoding => "invalid-encoding",
            Self::ExtensionsNotSupported => "extensions-not-supported",
            Self::InvalidProof => "invalid-proof",
            Self::ChannelBindingsDontMatch => "channel-bindings-dont-match",
            Self::ServerDoesSupportChannelBinding => "server-does-support-channel-binding",
            Self::ChannelBindingNotSupported => "channel-binding-not-supported",
            Self::UnsupportedChannelBindingType => "unsupported-channel-binding-type",
            Self::InvalidUsernameEncoding => "invalid-username-encoding",
            Self::NoResources => "no-resources",
            Self::OtherError => "other-error",
        }
    }

    /// The server's last message, in place of its signature.
    #[must_use]
    pub fn message(self) -> Vec<u8> {
        format!("e={}", self.value()).into_bytes()
    }
}

#[cfg(test)]
mod tests;
