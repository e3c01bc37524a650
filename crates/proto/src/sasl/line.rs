//! What IMAP and DMAP have in common of SASL on the wire: secrets, and the lines of the client in an exchange
//! (RFC 9051 §6.2.2, DMAP-00 §7.2.1).

use std::fmt;

use super::base64_decode;
use crate::line::erase;

/// Octets that must never reach a log: a password or a SASL response. `Debug` shows only the length; they are
/// overwritten when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl Secret {
    /// The octets, for whoever overwrites them.
    #[must_use]
    pub fn take(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        erase(&mut self.0);
    }
}

/// A line of the client in a SASL exchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SaslLine {
    Response(Secret),
    /// `*`: the client gives up; answer BAD (RFC 9051 §6.2.2).
    Cancelled,
    /// Not base64: answer BAD.
    Malformed(&'static str),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} octets)", self.0.len())
    }
}

/// `*(CRLF base64)` and `*` of RFC 9051 §6.2.2.
#[must_use]
pub fn sasl_line(line: &[u8]) -> SaslLine {
    if line == b"*" {
        return SaslLine::Cancelled;
    }
    match base64_decode(line) {
        Ok(response) => SaslLine::Response(Secret(response)),
        Err(why) => SaslLine::Malformed(why),
    }
}
