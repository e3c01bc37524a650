//! IMAP4rev1 and IMAP4rev2 as seen by a server (RFC 3501, RFC 9051): bytes to commands, values to responses.
//!
//! `decode::Decoder` finds lines and literals and yields `command::Command`; `response` writes what is sent
//! back.

pub mod capability;
pub mod command;
pub mod decode;
pub mod quirks;
pub mod response;
pub mod url;
pub mod utf7;

pub use crate::line::{date, lex, set};
pub use command::{Command, Tag};
pub use decode::{Decoded, Decoder, Phase};
pub use set::SequenceSet;
