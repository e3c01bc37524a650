//! The encrypted data of one chunk (docs/DIME.md, payload).
//!
//! ```text
//! 0   64 signature over all that follows
//! 64  3  length of the data, 1 to 16777098
//! 67  1  flags
//! 68  1  length of the padding
//! 69     data, then padding: each octet is its length
//! ```

use zeroize::Zeroizing;

use super::key_slot::Place;
use super::read::OpenError;
use crate::chunk::Suite;
use crate::cipher::{self, SHARD_OCTETS};
use crate::octets::{Cursor, length24};
use crate::padded::are_all;
use crate::secret::{Secret, SecretOctets};
use crate::sign::{SIGNATURE_OCTETS, Signature, SigningKey, VerifyingKey};

/// Octets of data in one chunk.
pub const CHUNK_DATA_OCTETS_MAX: usize = 16_777_098;
/// Signature, length, flags, padding's length.
const PREFIX_OCTETS: usize = SIGNATURE_OCTETS + 5;
const BLOCK_OCTETS: usize = 16;
const PLAINTEXT_OCTETS_MIN: usize = 256;
/// The data goes on in the next chunk.
const CONTINUES: u8 = 128;
/// What goes before the signed octets in suite 2, before what is authenticated.
const SIGNED_AS: &[u8] = b"DIME suite 2 chunk";
/// Type, length, place.
const AUTHENTICATED_OCTETS: usize = 8;

/// The data of one chunk, which the author signed.
#[derive(Clone, PartialEq, Eq)]
pub struct ChunkData {
    plaintext: SecretOctets,
    length: usize,
    continues: bool,
}

impl ChunkData {
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.plaintext.get(PREFIX_OCTETS..PREFIX_OCTETS + self.length).unwrap_or_default()
    }
    /// Whether the next chunk, of the same type, goes on where this ends.
    #[must_use]
    pub const fn continues(&self) -> bool {
        self.continues
    }
}

impl std::fmt::Debug for ChunkData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChunkData({} octets)", self.length)
    }
}

/// A chunk that was decrypted: whoever made it had the readers' public keys, which is no more than anybody.
#[must_use = "what it holds is nobody's word before `verify`"]
#[derive(Debug)]
pub struct Opened {
    chunk: ChunkData,
    signature: Signature,
    /// Where the signed octets begin.
    signed_from: usize,
}

impl Opened {
    /// To learn whose signature to ask for. Not to be believed.
    #[must_use]
    pub fn claimed(&self) -> &[u8] {
        self.chunk.data()
    }
    /// The data, if `author` signed it.
    pub fn verify(self, author: &VerifyingKey) -> Result<ChunkData, OpenError> {
        let signed = self.chunk.plaintext.get(self.signed_from..).unwrap_or_default();
        if author.verifies(signed, &self.signature) { Ok(self.chunk) } else { Err(OpenError::Signature) }
    }
}

/// What a chunk is sealed with. Key and shard are used once.
pub(super) struct SealWith<'a> {
    pub(super) place: Place,
    /// [`super::key_slot::split`] of the chunk's key.
    pub(super) key: &'a Secret<64>,
    pub(super) vector_shard: &'a [u8; SHARD_OCTETS],
    pub(super) signer: &'a SigningKey,
}

/// Type, length, shards and ciphertext: the chunk but for its slots. `None` for no data, or too much.
pub(super) fn seal(with: &SealWith<'_>, data: &[u8], continues: bool) -> Option<Vec<u8>> {
    let mut plaintext = laid_out(data, continues)?;
    let size = 2 * SHARD_OCTETS + plaintext.len();
    let aad = authenticated(with.place, length24(size)?);
    let from = prepare_signed(with.place.suite, &mut plaintext, &aad);
    let signature = with.signer.sign(plaintext.get(from..)?);
    plaintext.get_mut(..SIGNATURE_OCTETS)?.copy_from_slice(&signature.0);
    let aad = if with.place.suite == Suite::One { b"".as_slice() } else { &aad };
    let tag_shard = cipher::seal(with.key, with.vector_shard, aad, &mut plaintext).ok()?;
    let header = [with.place.kind.0];
    let mut chunk = Vec::with_capacity(4 + size + 4 * 32);
    let parts: [&[u8]; 5] = [&header, &length24(size)?, with.vector_shard, &tag_shard, &plaintext];
    parts.iter().for_each(|part| chunk.extend_from_slice(part));
    Some(chunk)
}

/// The plaintext with room for the signature.
fn laid_out(data: &[u8], continues: bool) -> Option<SecretOctets> {
    let fits = (1..=CHUNK_DATA_OCTETS_MAX).contains(&data.len());
    let unpadded = fits.then_some(PREFIX_OCTETS + data.len())?;
    // At least one octet of padding, as the largest length of data implies.
    let whole = (unpadded + 1).next_multiple_of(BLOCK_OCTETS).max(PLAINTEXT_OCTETS_MIN);
    let padding = u8::try_from(whole - unpadded).ok()?;
    let flags = if continues { CONTINUES } else { 0 };
    let mut plaintext = Zeroizing::new(Vec::with_capacity(whole));
    plaintext.extend_from_slice(&[0; SIGNATURE_OCTETS]);
    plaintext.extend_from_slice(&length24(data.len())?);
    plaintext.extend_from_slice(&[flags, padding]);
    plaintext.extend_from_slice(data);
    plaintext.resize(whole, padding);
    Some(plaintext)
}

/// Octets of the chunk that holds so many octets of data, with its slots.
pub(super) const fn chunk_octets(data: u64, slots: u64) -> u64 {
    let padded = (PREFIX_OCTETS as u64 + data + 1).next_multiple_of(BLOCK_OCTETS as u64);
    let plaintext = if padded < PLAINTEXT_OCTETS_MIN as u64 { PLAINTEXT_OCTETS_MIN as u64 } else { padded };
    4 + 2 * SHARD_OCTETS as u64 + plaintext + 32 * slots
}

/// Decrypts `shards_and_ciphertext` and reads what is in it.
pub(super) fn open(
    place: Place,
    key: &Secret<64>,
    shards_and_ciphertext: &[u8],
) -> Result<Opened, OpenError> {
    let mut cursor = Cursor::new(shards_and_ciphertext);
    let (Some(vector_shard), Some(tag_shard)) = (cursor.array(), cursor.array()) else {
        return Err(OpenError::Forged);
    };
    let size = length24(shards_and_ciphertext.len()).ok_or(OpenError::Forged)?;
    let aad = authenticated(place, size);
    let mut plaintext = Zeroizing::new(cursor.rest().to_vec());
    let with = if place.suite == Suite::One { b"".as_slice() } else { &aad };
    cipher::open(key, vector_shard, tag_shard, with, &mut plaintext).map_err(|_| OpenError::Forged)?;
    let (signature, length, continues) = parts(&plaintext)?.split();
    let signed_from = prepare_signed(place.suite, &mut plaintext, &aad);
    Ok(Opened { chunk: ChunkData { plaintext, length, continues }, signature, signed_from })
}

/// What stands before the data.
struct Parts {
    signature: Signature,
    length: usize,
    flags: u8,
}

impl Parts {
    fn split(self) -> (Signature, usize, bool) {
        (self.signature, self.length, self.flags & CONTINUES != 0)
    }
}

fn parts(plaintext: &[u8]) -> Result<Parts, OpenError> {
    let read = || -> Option<(Parts, bool)> {
        let mut cursor = Cursor::new(plaintext);
        let signature = Signature(*cursor.array()?);
        let length = usize::try_from(cursor.be24()?).ok()?;
        let (flags, padding) = (cursor.u8()?, cursor.u8()?);
        cursor.take(length)?;
        let is_padded = cursor.rest().len() == usize::from(padding) && are_all(cursor.rest(), padding);
        let is_good = is_padded && (1..=CHUNK_DATA_OCTETS_MAX).contains(&length);
        Some((Parts { signature, length, flags }, is_good))
    };
    match read() {
        Some((parts, true)) if parts.flags & !CONTINUES != 0 => Err(OpenError::Flags(parts.flags)),
        Some((parts, true)) => Ok(parts),
        _ => Err(OpenError::Plaintext),
    }
}

fn authenticated(place: Place, size: [u8; 3]) -> [u8; AUTHENTICATED_OCTETS] {
    let [a, b, c] = size;
    let [d, e, f, g] = place.index.to_be_bytes();
    [place.kind.0, a, b, c, d, e, f, g]
}

/// Puts in front of the signed octets what else is signed, over the room of the signature, so that all of it
/// is one slice; where that begins.
fn prepare_signed(suite: Suite, plaintext: &mut [u8], aad: &[u8; AUTHENTICATED_OCTETS]) -> usize {
    if suite == Suite::One {
        return SIGNATURE_OCTETS;
    }
    let from = SIGNATURE_OCTETS - SIGNED_AS.len() - AUTHENTICATED_OCTETS;
    let before = SIGNED_AS.iter().chain(aad);
    plaintext.iter_mut().skip(from).zip(before).for_each(|(to, octet)| *to = *octet);
    from
}
