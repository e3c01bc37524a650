//! secp256k1 (SEC 2 §2.4.1): the private and the public half of an encryption key, and what two of them agree
//! on.

use k256::{PublicKey, SecretKey};
use zeroize::Zeroize as _;

use crate::random::{NoRandomness, Random};
use crate::secret::Secret;

/// Random octets that are no scalar come once in 2^127 times; a source that gives them again is broken.
const SCALAR_ATTEMPTS_MAX: u32 = 4;
/// Octets of a private scalar, and of what is agreed on.
pub const SCALAR_OCTETS: usize = 32;
/// Octets of a point in compressed form: 0x02 or 0x03, then x.
pub const POINT_OCTETS: usize = 33;

/// The private half: a scalar from 1 to n-1. Zeroed when dropped; on the heap, so that moving it leaves no
/// copy.
pub struct DecryptionKey(Box<SecretKey>);

impl DecryptionKey {
    /// `None` for 0 and for what is not below the order of the curve: of random octets one in 2^127.
    #[must_use]
    pub fn new(scalar: &Secret<SCALAR_OCTETS>) -> Option<Self> {
        SecretKey::from_bytes(scalar.expose().into()).ok().map(|key| Self(Box::new(key)))
    }
    /// A new one.
    pub fn generate(random: &mut dyn Random) -> Result<Self, NoRandomness> {
        for _ in 0..SCALAR_ATTEMPTS_MAX {
            if let Some(key) = Self::new(&Secret::random(random)?) {
                return Ok(key);
            }
        }
        Err(NoRandomness)
    }
    /// The scalar, to store it encrypted.
    #[must_use]
    pub fn scalar(&self) -> Secret<SCALAR_OCTETS> {
        let mut octets = self.0.to_bytes();
        let scalar = Secret::filled(|own| own.copy_from_slice(&octets));
        octets.as_mut_slice().zeroize();
        scalar
    }
    #[must_use]
    pub fn public(&self) -> EncryptionKey {
        EncryptionKey(self.0.public_key())
    }
    /// What both sides get: the x-coordinate of the common point (SEC 1 §3.3.1). It is not uniform: it must
    /// go through a hash before it is a key.
    #[must_use]
    pub fn agree(&self, other: &EncryptionKey) -> Secret<SCALAR_OCTETS> {
        let shared = self.0.diffie_hellman(&other.0);
        Secret::filled(|octets| octets.copy_from_slice(shared.raw_secret_bytes()))
    }
}

impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DecryptionKey(…)")
    }
}

/// The public half: a point of the curve, not at infinity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EncryptionKey(PublicKey);

impl EncryptionKey {
    /// `None` unless it is compressed and on the curve.
    #[must_use]
    pub fn from_slice(octets: &[u8]) -> Option<Self> {
        let is_compressed = octets.len() == POINT_OCTETS && matches!(octets.first(), Some(2 | 3));
        is_compressed.then(|| PublicKey::from_sec1_bytes(octets).ok().map(Self))?
    }
    /// In compressed form.
    #[must_use]
    pub fn octets(&self) -> [u8; POINT_OCTETS] {
        k256::CompressedPoint::from(&self.0).into()
    }
}
