//! Messages: tracing objects, a header, and chunks (docs/DIME.md, messages).
//!
//! [`Outline`] is what can be seen without any key: it is made from octets as they come, keeps only where
//! the chunks are, and is what a server knows of a message. [`Message`] has the octets too, and with a
//! private key [`Reader`] opens chunks and verifies signatures. [`Writer`] makes messages, of suite 2 only.
//! Must not: decide which suite or form is taken where.

mod draft;
mod envelope;
mod form;
mod handover;
mod key_slot;
mod naked;
mod origin;
mod outline;
mod payload;
mod read;
mod signature;
mod tracing;
mod write;

pub use draft::{AuthorParts, Part, PartKind};
pub use envelope::{BadEnvelope, DestinationEnvelope, OriginEnvelope};
pub use form::{FormError, MessageForm};
pub use handover::{Delivery, HandoverError, Submission};
pub use naked::{NakedParts, naked_octets, plain, wrap};
pub use origin::{Bounces, OriginError, sign_as_origin};
pub use outline::{ChunkFact, Ephemeral, Outline, OutlineError, Scanner};
pub use payload::{CHUNK_DATA_OCTETS_MAX, ChunkData, Opened};
pub use read::{Message, OpenError, Reader, open_alone};
pub use tracing::{Tracing, add_tracing};
pub use write::{Readers, WriteError, Writer, retitled};

/// Chunks of one message, and tracing objects before it.
pub const CHUNKS_MAX: usize = 10_000;
/// Tracing objects before a message.
pub const TRACING_MAX: usize = 100;
/// Magic number and length.
pub const MESSAGE_HEADER_OCTETS: usize = 6;

#[cfg(test)]
mod tests;
