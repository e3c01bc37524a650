//! SMTP and LMTP as seen by a server (RFC 5321, RFC 2033, RFC 1870, RFC 3030, RFC 6531, RFC 2034).

pub mod command;
pub mod decode;
pub mod reply;

pub use command::{BodyType, Command, Mail, Path, Rcpt};
pub use decode::{DataEnd, Decoded, Protocol};
pub use reply::{EnhancedCode, Reply};
