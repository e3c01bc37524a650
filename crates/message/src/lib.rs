//! RFC 5322 and MIME (RFC 2045-2049, 2231, 2047, 6532): parse, structure, envelope, sections, search text.
//!
//! `parse` never fails and is linear in its input; what a server keeps beside a message is `Facts`, and
//! `Structure` and `Envelope` have compact versioned records, so that FETCH never parses again.
//! `form` and `body` show a message as JMAP does, with everything decoded; `build` makes one from the same
//! forms.
//!
//! The crate is pure: no I/O, no clock, no threads, no randomness. It knows messages, not protocols.

pub mod address;
mod ascii_envelope;
pub mod binary;
pub mod body;
pub mod build;
pub mod charset;
pub mod collation;
pub mod content;
pub mod date;
pub mod encoded_word;
pub mod envelope;
pub mod facts;
pub mod form;
pub mod header;
pub mod limits;
pub mod mdn;
pub mod parse;
pub mod preview;
pub mod range;
pub mod record;
pub mod search;
pub mod section;
pub mod snippet;
pub mod structure;
pub mod subject;
pub mod thread;
pub mod transfer;
pub mod vacation;

mod continuation;
mod lexer;
mod transfer_encoding;
mod utf7;

pub use address::Address;
pub use binary::without_nul;
pub use body::{BodyLists, BodyPart, BodyValue, body_value, has_attachment};
pub use collation::Collation;
pub use content::{Content, Disposition, Param, TransferEncoding};
pub use date::{DateTime, parse_date};
pub use envelope::{Envelope, Faithful, FormField, Kept};
pub use facts::Facts;
pub use form::{EmailAddress, EmailAddressGroup, HeaderValue, KeptForm, RawHeader};
pub use header::{Field, Fields, header_fields};
pub use parse::{Message, is_message, parse};
pub use preview::PreviewPart;
pub use preview::html::text as text_of_html;
pub use range::Range32;
pub use record::{AddressView, Addresses, Corrupt, EnvelopeView};
pub use search::{Needle, Scratch};
pub use section::{Section, find_part, locate, section_octets};
pub use structure::{Embedded, Part, PartKind, Structure};
pub use subject::BaseSubject;
pub use thread::ThreadIds;
