//! AES-256-GCM (NIST SP 800-38D) as D/MIME uses it: a vector of 16 octets, and vector and tag never sent as
//! they are but as shards, each XORed with a part of the key.
//!
//! Must not: choose a vector shard. One that is used twice under a key gives both plaintexts away.

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut as _, AesGcm, KeyInit as _, aes::Aes256};

use crate::octets::xor_into;
use crate::secret::Secret;

/// Octets of a vector or tag shard.
pub(crate) const SHARD_OCTETS: usize = 16;

/// Octets of a key that holds vector key (16), tag key (16), cipher key (32).
pub(crate) const SPLIT_KEY_OCTETS: usize = 64;

/// The tag does not fit: another key, or not what was encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Forged;

/// A key in its three parts.
struct Parts<'a> {
    vector: &'a [u8],
    tag: &'a [u8],
    cipher: AesGcm<Aes256, U16>,
}

/// Encrypts in place; the tag shard comes back.
pub(crate) fn seal(
    key: &Secret<SPLIT_KEY_OCTETS>,
    vector_shard: &[u8; SHARD_OCTETS],
    aad: &[u8],
    buffer: &mut [u8],
) -> Result<[u8; SHARD_OCTETS], Forged> {
    let parts = parts(key)?;
    let vector = joined(vector_shard, parts.vector);
    let tag = parts.cipher.encrypt_inout_detached((&vector).into(), aad, InOutBuf::from(buffer));
    Ok(joined(&tag.map_err(|_| Forged)?.into(), parts.tag))
}

/// Decrypts in place; on `Forged` the buffer holds nothing of use.
pub(crate) fn open(
    key: &Secret<SPLIT_KEY_OCTETS>,
    vector_shard: &[u8; SHARD_OCTETS],
    tag_shard: &[u8; SHARD_OCTETS],
    aad: &[u8],
    buffer: &mut [u8],
) -> Result<(), Forged> {
    let parts = parts(key)?;
    let vector = joined(vector_shard, parts.vector);
    let tag = joined(tag_shard, parts.tag);
    let opened =
        parts.cipher.decrypt_inout_detached((&vector).into(), aad, InOutBuf::from(buffer), (&tag).into());
    opened.map_err(|_| Forged)
}

fn parts(key: &Secret<SPLIT_KEY_OCTETS>) -> Result<Parts<'_>, Forged> {
    let (vector, rest) = key.expose().split_at(SHARD_OCTETS);
    let (tag, cipher) = rest.split_at(SHARD_OCTETS);
    let cipher = AesGcm::new_from_slice(cipher).map_err(|_| Forged)?;
    Ok(Parts { vector, tag, cipher })
}

fn joined(shard: &[u8; SHARD_OCTETS], key: &[u8]) -> [u8; SHARD_OCTETS] {
    let mut both = *shard;
    xor_into(&mut both, key);
    both
}
