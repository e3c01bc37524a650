//! SASL as every protocol here needs it (RFC 4422, RFC 4616, RFC 4648 §4): base64 and the messages of the
//! mechanisms.
//!
//! Whether a password is right is decided elsewhere.

pub mod base64;
pub mod plain;

pub use base64::{base64_decode, base64_encode};
pub use plain::{Plain, parse_plain};
