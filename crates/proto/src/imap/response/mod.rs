//! What the server sends, written straight into the output (RFC 9051 §7, RFC 3501 §7).
//!
//! No intermediate trees and no formatting machinery: a FETCH of 50,000 messages is 50,000 times `FetchLine`.

pub mod body;
pub mod code;
pub mod envelope;
pub mod number;

pub use body::{BodyFields, BodyKind, BodyRef, Disposition, Parameter};
pub use code::Code;
pub use envelope::{AddressRef, EnvelopeRef};

/// First word of a status response (RFC 9051 §7.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Ok,
    No,
    Bad,
    PreAuth,
    Bye,
}

/// How mailbox names are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NameEncoding {
    /// Modified UTF-7 (RFC 3501 §5.1.3).
    #[default]
    ModifiedUtf7,
    /// UTF-8 in quoted strings, after ENABLE (RFC 9051 §5.1, RFC 6855 §3).
    Utf8,
}
