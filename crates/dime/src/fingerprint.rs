//! Fingerprints of signets and ids of keys: SHA-512 over serialized fields (docs/DIME.md, signets).

use crate::hash::{HASH_OCTETS, sha512};
use crate::text::{array_from_b64, b64_bare, b64u};

/// Characters of a fingerprint.
pub const FINGERPRINT_CHARS: usize = 86;

/// Shown in base64url without padding, as DMAP has it; read in either alphabet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; HASH_OCTETS]);

impl Fingerprint {
    /// Of the octets as they are: of a whole message, what DATA of DMTP names.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        Self(sha512(&[octets]))
    }
    /// Exactly 86 characters, without padding.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == FINGERPRINT_CHARS).then(|| array_from_b64(text).map(Self))?
    }
    /// In the alphabet of RFC 4648 §4, as it stands in envelopes of messages.
    #[must_use]
    pub fn standard(&self) -> String {
        b64_bare(&self.0)
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&b64u(&self.0))
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}
