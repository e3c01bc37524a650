//! DMAP, the access protocol for end-to-end encrypted mail, as its server and its client see it
//! (draft-melnikov-dmap-00): octets to commands and responses, and both back to octets.
//!
//! `decode::Decoder` finds the commands of a connection, `client::Decoder` its responses. `command::Command`
//! and `response::Response` are read and written by the same modules, so that both sides speak of the same
//! things. Keys, signets, chunks and proofs are octets here: what is in them is not looked at.
//!
//! # Where the draft is silent
//!
//! The draft leaves its formal syntax (DMAP-00 §10), its sample (DMAP-00 §9) and much else open. What is
//! spoken here is written as ABNF at each reader, and all of it in docs/DMAP-SYNTAX.md. Decided besides:
//!
//! - The command to change a password is `STACIE-PASSWD`, as the capability is named.
//! - `$`, what the last `SEARCH RETURN (SAVE)` found, may stand in every sequence set, as in RFC 9051 §9.
//! - `\Forwarded`, `\Submitted` and `\SubmitPending` are the keywords `$Forwarded`, `$Submitted` and
//!   `$SubmitPending` (RFC 5550 §5.10) in DMAP's spelling, so that IMAP and JMAP show the same thing.
//! - No other `\` flag can be set: BAD. A client ignores those it does not know.
//! - After ENABLE UIDONLY the server says `UIDFETCH`, and `NO [UIDREQUIRED]`, as RFC 9586 §3 has it.
//! - An option given twice is BAD, as are HOLDFOR beside HOLDUNTIL, SENTFLAGS without SAVETO, FINGERPRINT
//!   beside HISTORY, and RING beside REFRESH: the draft wants BAD for options used in an invalid way.
//! - Lines end with CRLF and have no spaces to spare (DMAP-00 §3.2.2): no leniency of IMAP's is taken over,
//!   but for a date whose day has one digit.

pub mod capability;
pub mod chunk;
pub mod client;
pub mod command;
pub mod decode;
pub mod flag;
pub mod id;
pub mod name;
pub mod response;
mod text;

pub use capability::{Capability, Mode};
pub use command::{Command, Encoded};
pub use decode::{Decoded, Decoder, Phase};
pub use response::{Code, Response};

pub use crate::line::Tag;
pub use crate::line::date::{Date, DateTime};
pub use crate::line::lex::SyntaxError;
pub use crate::line::set::SequenceSet;
