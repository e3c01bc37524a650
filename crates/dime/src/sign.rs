//! Ed25519 (RFC 8032): the private and the public half of a signing key, and signatures.

use ed25519_dalek::Signer as _;

use crate::random::{NoRandomness, Random};
use crate::secret::Secret;

/// Octets of a seed and of a public key.
pub const SIGNING_KEY_OCTETS: usize = 32;
/// Octets of a signature.
pub const SIGNATURE_OCTETS: usize = 64;

/// The private half. Zeroed when dropped; on the heap, so that moving it leaves no copy.
pub struct SigningKey(Box<ed25519_dalek::SigningKey>);

impl SigningKey {
    /// RFC 8032 §5.1.5: any 32 random octets are a seed.
    #[must_use]
    pub fn new(seed: &Secret<SIGNING_KEY_OCTETS>) -> Self {
        Self(Box::new(ed25519_dalek::SigningKey::from_bytes(seed.expose())))
    }
    /// A new one.
    pub fn generate(random: &mut dyn Random) -> Result<Self, NoRandomness> {
        Secret::random(random).map(|seed| Self::new(&seed))
    }
    /// The seed, to store it encrypted.
    #[must_use]
    pub fn seed(&self) -> Secret<SIGNING_KEY_OCTETS> {
        Secret::new(self.0.as_bytes())
    }
    #[must_use]
    pub fn public(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// The public half: a point of the curve, not of small order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// `None` for octets that are no point, and for points of small order, under which anyone can sign.
    #[must_use]
    pub fn new(octets: &[u8; SIGNING_KEY_OCTETS]) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(octets).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }
    /// `None` also unless there are 32.
    #[must_use]
    pub fn from_slice(octets: &[u8]) -> Option<Self> {
        Self::new(octets.try_into().ok()?)
    }
    #[must_use]
    pub fn octets(&self) -> &[u8; SIGNING_KEY_OCTETS] {
        self.0.as_bytes()
    }
    /// Strictly: neither key nor signature of small order, so that a signature fits one message only.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(message, &signature).is_ok()
    }
}

/// A signature as it was read. Whether it is good depends on the key and the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature(pub [u8; SIGNATURE_OCTETS]);

impl Signature {
    /// `None` unless there are 64.
    #[must_use]
    pub fn from_slice(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(Self)
    }
}
