//! Web push, pure (RFC 8030, RFC 8188, RFC 8291, RFC 8292, COI-webpush): what a subscription may be, what a
//! push message says, how it is encrypted and signed, what is requested, what the answer means.
//!
//! Its own crate because the service (subscriptions, payloads) and the edge (encryption, HTTP) both need it,
//! and the service may not know the wire formats of `proto`. Nothing here opens a connection, reads a clock
//! or makes a random number: arithmetic on curves, salts and one-time keys come through [`Primitives`], the
//! signing key through [`Signer`]. Must not: know accounts, mailboxes or where a subscription is stored.

pub mod answer;
pub mod encrypt;
pub mod endpoint;
pub mod key;
pub mod payload;
pub mod request;
pub mod subscription;
pub mod vapid;

mod aes128gcm;
mod http_date;
mod json;
mod primitives;
mod rfc3339;

#[cfg(test)]
mod oracle;

pub use answer::{Verdict, verdict};
pub use encrypt::{EncryptError, encrypt};
pub use endpoint::{Endpoint, Origin};
pub use key::{Auth, Keys, PublicKey};
pub use payload::{Content, Date, Notice, PAYLOAD_OCTETS_MAX};
pub use primitives::{Agreed, Failed, Primitives, Signer};
pub use request::{Form, Header, Request, Topic, Urgency};
pub use rfc3339::rfc3339;
pub use subscription::{Invalid, MsgType, Subscription};
pub use vapid::{public_key_pem, vapid};
