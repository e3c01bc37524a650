//! Signets: signed public keys of organisations (1776) and users (1789), and the requests (1215) that become
//! users' signets when the organisation signs them (docs/DIME.md, signets).
//!
//! A value of these types has good signatures by the keys that stand in itself; what another key must say
//! (the organisation's, a former one) is a method's answer. Must not: decide whether an organisation's key
//! is to be believed; that is the management record's matter.

mod detail;
mod org;
mod request;
mod sheet;
mod user;

pub use detail::{Detail, DetailName, NAMES};
pub use org::{OrgParts, OrgSignet, Permissions, SecondaryKey};
pub use request::SigningRequest;
pub use user::UserSignet;

use crate::field::FieldError;
use crate::object::ObjectError;

/// Octets of a signet with its header.
pub const SIGNET_OCTETS_MAX: usize = 128 * 1024;
/// Fields of a signet.
pub const SIGNET_FIELDS_MAX: usize = 512;
/// Secondary keys of an organisation: each may have to be tried on a whole message.
pub const SECONDARY_KEYS_MAX: usize = 8;

/// How much of a signet there is and is signed; each has all that is in the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Form {
    /// Keys, signed by the user alone.
    Request,
    /// Keys, signed by the organisation: "cryptographic".
    Core,
    /// With details about the holder.
    Full,
    /// With the address or domain it belongs to.
    Identifiable,
}

/// Whose signature is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signed {
    /// The holder's own, over its keys.
    Own,
    /// That of the user's former key.
    Custody,
    /// The organisation's over keys (field 6), details (253), identifier (255).
    Core,
    Full,
    Identifiable,
}

/// What is wrong with a signet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignetError {
    Object(ObjectError),
    Field(FieldError),
    /// More than [`SIGNET_OCTETS_MAX`], [`SIGNET_FIELDS_MAX`] or [`SECONDARY_KEYS_MAX`].
    TooLarge,
    /// This field may not be in such an object.
    Unexpected(u8),
    /// This field comes after one with a higher number.
    Order(u8),
    /// This field is there twice.
    Repeated(u8),
    /// This field must be there, or must be because of others.
    Missing(u8),
    /// What this field holds is no key, or text that is not UTF-8.
    Value(u8),
    /// A signature that does not fit.
    Signature(Signed),
    /// A chain of custody was wanted, and the signet has no field 4.
    NoCustody,
}

impl std::fmt::Display for SignetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Object(error) => error.fmt(f),
            Self::Field(error) => error.fmt(f),
            Self::TooLarge => write!(
                f,
                "a signet has at most {SIGNET_OCTETS_MAX} octets, {SIGNET_FIELDS_MAX} fields and \
                 {SECONDARY_KEYS_MAX} secondary keys"
            ),
            Self::Unexpected(id) => write!(f, "field {id} may not be in it"),
            Self::Order(id) => write!(f, "field {id} stands after a higher one"),
            Self::Repeated(id) => write!(f, "field {id} is there twice"),
            Self::Missing(id) => write!(f, "field {id} is missing"),
            Self::Value(id) => write!(f, "field {id} holds nothing valid"),
            Self::Signature(signed) => f.write_str(match signed {
                Signed::Own => "its own signature is wrong",
                Signed::Custody => "the former key did not sign it",
                Signed::Core => "the organisation did not sign its keys",
                Signed::Full => "the organisation did not sign its details",
                Signed::Identifiable => "the organisation did not sign its identifier",
            }),
            Self::NoCustody => f.write_str("the former key has not signed it"),
        }
    }
}

impl std::error::Error for SignetError {}

impl From<ObjectError> for SignetError {
    fn from(error: ObjectError) -> Self {
        Self::Object(error)
    }
}

impl From<FieldError> for SignetError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}
