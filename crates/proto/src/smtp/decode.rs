//! From octets to SMTP commands and message data (RFC 5321 §4.1.1 and §4.5.2, RFC 3030 §2, RFC 2920 §3.2).

use super::command::Command;
use super::reply::Reply;

/// Which greeting commands exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    Smtp,
    /// LHLO only (RFC 2033 §4.1).
    Lmtp,
}

/// What `Decoder::next` found.
#[must_use = "each of these obliges the session to something"]
#[derive(Clone, Debug)]
pub enum Decoded {
    /// Nothing until more octets are fed.
    NeedMore,
    Command(Command),
    /// Malformed, unknown or too long; the line is already skipped. Send the reply.
    Bad(Reply),
    /// The next octets of the message, without the dots of transparency: `Decoder::data`, until `next` is called again.
    Data,
    /// The message (DATA) or the chunk (BDAT) is complete.
    DataEnd(DataEnd),
    /// One line of an AUTH exchange, without its line end.
    AuthLine(Box<str>),
}

/// What was seen in the message data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DataEnd {
    /// Octets handed out.
    pub octets: u64,
    /// An LF without CR was in it: RFC 5321 §2.3.8 forbids sending it; whether to refuse is policy.
    pub bare_lf: bool,
    /// A CR without LF was in it.
    pub bare_cr: bool,
    /// An octet 0 was in it.
    pub nul: bool,
    /// More than the limit came: the octets above it were dropped; refuse with 552 5.3.4.
    pub too_large: bool,
}
