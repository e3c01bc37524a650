//! SMTP and LMTP as seen by a server (RFC 5321, RFC 2033, RFC 1870, RFC 3030, RFC 6531, RFC 2034).
//!
//! `decode::Decoder` yields commands and message data; `reply::Reply` is what is sent back.

pub mod command;
pub mod data;
pub mod decode;
pub mod parse;
pub mod path;
pub mod quirks;
pub mod reply;

pub use command::{BodyType, Command, Mail, Path, Rcpt};
pub use data::DataEnd;
pub use decode::{Decoded, Decoder, Phase, Protocol};
pub use path::is_client_domain;
pub use reply::{EnhancedCode, Reply};
