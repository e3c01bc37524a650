//! The arithmetic of SCRAM (RFC 5802 §3) with SHA-256: what is stored, and whether a proof fits it.
//!
//! What is stored lets its holder check a login, not make one; but it can be searched for the password, at
//! one PBKDF2 per guess. Comparison takes the same time wherever two values differ.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Octets of every key, proof and signature.
pub const KEY_OCTETS: usize = 32;
/// Octets of a salt that we make.
pub const SALT_OCTETS: usize = 16;
/// Of HMAC with SHA-256.
const BLOCK_OCTETS: usize = 64;

/// What a password becomes first; the client's secret as long as the salt stays the same.
#[derive(Clone)]
pub struct SaltedPassword([u8; KEY_OCTETS]);

impl SaltedPassword {
    /// `Hi(Normalize(password), salt, i)`: PBKDF2. The password is already prepared.
    #[must_use]
    pub fn new(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let mut salted = [0; KEY_OCTETS];
        pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut salted);
        Self(salted)
    }
    /// `ClientKey`
    pub(super) fn client_key(&self) -> [u8; KEY_OCTETS] {
        hmac(&self.0, &[b"Client Key"])
    }
}

/// What a server keeps of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    /// `H(ClientKey)`
    pub stored_key: [u8; KEY_OCTETS],
    /// With what the server proves that it knows the password too.
    pub server_key: [u8; KEY_OCTETS],
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScramKeys(…)")
    }
}

impl ScramKeys {
    #[must_use]
    pub fn new(salted: &SaltedPassword) -> Self {
        let stored_key = Sha256::digest(salted.client_key()).into();
        Self { stored_key, server_key: hmac(&salted.0, &[b"Server Key"]) }
    }

    /// The server's signature, when the proof is that of the password. Both are always computed.
    #[must_use]
    pub fn verify(&self, auth_message: &[u8], proof: &[u8; KEY_OCTETS]) -> Option<[u8; KEY_OCTETS]> {
        let client_signature = hmac(&self.stored_key, &[auth_message]);
        let client_key = xor(proof, &client_signature);
        let key: [u8; KEY_OCTETS] = Sha256::digest(client_key).into();
        let server_signature = hmac(&self.server_key, &[auth_message]);
        bool::from(key.ct_eq(&self.stored_key)).then_some(server_signature)
    }

    /// The client's proof for the password this is of, and the signature it then expects.
    pub(super) fn prove(&self, salted: &SaltedPassword, auth_message: &[u8]) -> [u8; KEY_OCTETS] {
        xor(&salted.client_key(), &hmac(&self.stored_key, &[auth_message]))
    }
    pub(super) fn is_signature(&self, auth_message: &[u8], signature: &[u8]) -> bool {
        hmac(&self.server_key, &[auth_message]).ct_eq(signature).into()
    }
}

/// The salt of a name: the same for ever, whether somebody has the name or not, and not to be computed
/// without the server's secret. So nobody learns from a salt, or from its changing, whether there is such an
/// account (RFC 5802 §5.1).
#[must_use]
pub fn salt_of(secret: &[u8; KEY_OCTETS], name: &str) -> [u8; SALT_OCTETS] {
    let octets = hmac(secret, &[b"SCRAM-SHA-256 salt\0", name.as_bytes()]);
    let mut salt = [0; SALT_OCTETS];
    salt.iter_mut().zip(octets).for_each(|(to, from)| *to = from);
    salt
}

fn xor(a: &[u8; KEY_OCTETS], b: &[u8; KEY_OCTETS]) -> [u8; KEY_OCTETS] {
    let mut both = *a;
    both.iter_mut().zip(b).for_each(|(to, from)| *to ^= from);
    both
}

/// A key shorter than a block is filled up with zeros: that is how HMAC is defined (RFC 2104 §2).
fn hmac(key: &[u8; KEY_OCTETS], parts: &[&[u8]]) -> [u8; KEY_OCTETS] {
    let mut block = [0; BLOCK_OCTETS];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}
