//! D/MIME, pure: the objects of end-to-end encrypted mail that DMAP serves (docs/DIME.md).
//!
//! STACIE makes keys of a password; keys and signets are PRIME objects; messages are chunks that are
//! encrypted to author, organisations and recipient; the management record says whom to believe. The
//! primitives are others' (`ed25519-dalek`, `k256`, `aes-gcm`, `sha2`, `hkdf`); here is only what D/MIME does
//! with them.
//!
//! Random octets and times are arguments. Secrets are zeroed when dropped, never printed, and compared in
//! constant time. Must not: know mailboxes or accounts, open a connection, ask the DNS.

pub mod armor;
pub mod chunk;
pub mod dmtp;
pub mod field;
pub mod key;
pub mod message;
pub mod meta;
pub mod object;
pub mod organisation;
pub mod record;
pub mod signet;
pub mod stacie;

mod agree;
mod cipher;
mod fingerprint;
mod hash;
mod octets;
mod padded;
mod random;
mod secret;
mod sign;
mod text;

pub use agree::{DecryptionKey, EncryptionKey, POINT_OCTETS, SCALAR_OCTETS};
pub use chunk::{Actor, ChunkType, Suite};
pub use fingerprint::{FINGERPRINT_CHARS, Fingerprint};
pub use key::{Holder, PrivateKeys};
pub use message::{Message, MessageForm, Outline};
pub use object::Magic;
pub use organisation::{Organisation, OrganisationError};
pub use random::{Derived, NoRandomness, Random};
pub use record::ManagementRecord;
pub use secret::{Secret, SecretOctets};
pub use sign::{SIGNATURE_OCTETS, SIGNING_KEY_OCTETS, Signature, SigningKey, VerifyingKey};
pub use signet::{OrgSignet, SigningRequest, UserSignet};
pub use text::b64u as base64url;
