//! What the arithmetic of web push needs from outside: chance, the curve P-256, HMAC and AES.
//!
//! The server implements this with the library that its TLS uses. The known answers of the RFCs are checked
//! with the same library: `agreement::PrivateKey::from_private_key` of aws-lc-rs takes the 32 octets of a
//! private key as RFC 8291 §5 writes them, so a test can play the one-time key (`oracle`).

use std::fmt;

use crate::key::PublicKey;

/// A primitive did not work: a point that is not on the curve, or the library's own fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key does not fit the curve P-256, or the cryptography failed")
    }
}

impl std::error::Error for Failed {}

/// What an ECDH agreement with a one-time key gives.
pub struct Agreed {
    /// The public half of the one-time key.
    pub public: PublicKey,
    /// The x coordinate of the shared point.
    pub secret: [u8; 32],
}

/// For encryption (RFC 8291 §3): nothing in it lasts longer than one message.
pub trait Primitives {
    /// Random octets. RFC 8188 §2.1: never the same twice.
    fn salt(&mut self) -> Result<[u8; 16], Failed>;
    /// Makes a one-time key pair, agrees with `theirs` and forgets the private key (RFC 8291 §3.1). Must
    /// fail when `theirs` is not a point of the curve (RFC 8291 §7).
    fn agree(&mut self, theirs: &PublicKey) -> Result<Agreed, Failed>;
    /// HMAC with SHA-256 of the parts one after the other.
    fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32];
    /// AEAD_AES_128_GCM without additional data: encrypts `text` in place and appends the tag.
    fn aes128gcm_seal(&self, key: &[u8; 16], nonce: &[u8; 12], text: &mut Vec<u8>) -> Result<(), Failed>;
}

/// The signing key of a server (RFC 8292 §2). RFC 8292 §3.2: it is never used for agreements.
pub trait Signer {
    fn public_key(&self) -> PublicKey;
    /// ES256: ECDSA on P-256 over SHA-256 of `message`, r and s of 32 octets each (RFC 7518 §3.4).
    fn es256_sign(&self, message: &[u8]) -> Result<[u8; 64], Failed>;
}
