//! SHA-512 (FIPS 180-4), and HMAC (RFC 2104) and HKDF (RFC 5869) over it: the only hash of D/MIME.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroize as _;

use crate::secret::Secret;

/// Octets of a hash.
pub(crate) const HASH_OCTETS: usize = 64;
/// Octets of a block: a shorter key of HMAC is filled up with zeros (RFC 2104 §2).
const BLOCK_OCTETS: usize = 128;

/// The hash of the parts one after the other.
pub(crate) fn sha512(parts: &[&[u8]]) -> [u8; HASH_OCTETS] {
    hasher(parts).finalize().into()
}

/// The same, where the hash is as secret as what was hashed.
pub(crate) fn sha512_secret(parts: &[&[u8]]) -> Secret<HASH_OCTETS> {
    Secret::filled(|octets| hasher(parts).finalize_into(octets.into()))
}

fn hasher(parts: &[&[u8]]) -> Sha512 {
    parts.iter().fold(Sha512::new(), |hasher, part| hasher.chain_update(part))
}

/// HMAC-SHA-512 of what `feed` gives to it. The key has at most a block (128 octets); more is not used here.
pub(crate) fn hmac_fed(key: &[u8], feed: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Secret<HASH_OCTETS> {
    let mut block = [0; BLOCK_OCTETS];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha512>::new((&block).into());
    block.zeroize();
    feed(&mut |part| mac.update(part));
    let mut out = mac.finalize().into_bytes();
    let secret = Secret::filled(|octets| octets.copy_from_slice(&out));
    out.as_mut_slice().zeroize();
    secret
}

/// HMAC-SHA-512 of the parts one after the other.
pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> Secret<HASH_OCTETS> {
    hmac_fed(key, |update| parts.iter().for_each(|part| update(part)))
}

/// HKDF-SHA-512, `N` octets; `N` must be at most 255 hashes, which the compiler sees.
pub(crate) fn hkdf<const N: usize>(salt: &[u8], key: &[u8], info: &[&[u8]]) -> Secret<N> {
    const { assert!(N <= 255 * HASH_OCTETS, "RFC 5869 §2.3") }
    Secret::filled(|octets| {
        let expanded = Hkdf::<Sha512>::new(Some(salt), key).expand_multi_info(info, octets);
        debug_assert!(expanded.is_ok(), "only the length can be wrong");
    })
}
