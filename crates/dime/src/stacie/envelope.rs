//! What is encrypted under a realm key: META blocks and whatever else a client keeps
//! (draft-ladar-stacie-03 §5).
//!
//! `serial(2) || vector shard(16) || tag shard(16) || ciphertext`.

use zeroize::Zeroizing;

use super::RealmKey;
use crate::cipher::{self, SHARD_OCTETS};
use crate::octets::Cursor;
use crate::padded::{self, PADDED_OCTETS_MIN};
use crate::secret::SecretOctets;

/// Octets before the ciphertext.
pub const ENVELOPE_HEADER_OCTETS: usize = 34;
/// Octets of the smallest envelope: one octet of data.
pub const ENVELOPE_OCTETS_MIN: usize = ENVELOPE_HEADER_OCTETS + PADDED_OCTETS_MIN;
/// Octets of data that fit.
pub const ENVELOPE_DATA_OCTETS_MAX: usize = padded::DATA_OCTETS_MAX;

/// Why an envelope was not made or opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnvelopeError {
    /// No data, or more than [`ENVELOPE_DATA_OCTETS_MAX`].
    Data,
    /// Fewer than [`ENVELOPE_OCTETS_MIN`].
    TooShort,
    /// Another key, or somebody changed it.
    Forged,
    /// Encrypted by who has the key, but length and padding do not add up.
    Padding,
}

impl std::fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Data => "an envelope holds 1 to 16777215 octets",
            Self::TooShort => "an envelope has at least 50 octets",
            Self::Forged => "the envelope was made with another key, or was changed",
            Self::Padding => "the envelope's padding is wrong",
        })
    }
}

impl std::error::Error for EnvelopeError {}

/// Encrypts. `serial` says which shard of the realm the key was made with; `vector_shard` is fresh and
/// random, or two plaintexts are given away.
pub fn seal(
    key: &RealmKey,
    serial: u16,
    vector_shard: &[u8; SHARD_OCTETS],
    data: &[u8],
) -> Result<Vec<u8>, EnvelopeError> {
    let mut buffer = padded::pad(data).ok_or(EnvelopeError::Data)?;
    let tag_shard =
        cipher::seal(&key.0, vector_shard, b"", &mut buffer).map_err(|_| EnvelopeError::Forged)?;
    let serial = serial.to_be_bytes();
    Ok([serial.as_slice(), vector_shard, &tag_shard, &buffer].concat())
}

/// Which shard of the realm an envelope needs.
pub fn serial(envelope: &[u8]) -> Result<u16, EnvelopeError> {
    if envelope.len() < ENVELOPE_OCTETS_MIN {
        return Err(EnvelopeError::TooShort);
    }
    Cursor::new(envelope).be16().ok_or(EnvelopeError::TooShort)
}

/// Decrypts.
pub fn open(key: &RealmKey, envelope: &[u8]) -> Result<SecretOctets, EnvelopeError> {
    serial(envelope)?;
    let mut cursor = Cursor::new(envelope);
    let (_, Some(vector_shard), Some(tag_shard)) = (cursor.be16(), cursor.array(), cursor.array()) else {
        return Err(EnvelopeError::TooShort);
    };
    let mut buffer = Zeroizing::new(cursor.rest().to_vec());
    cipher::open(&key.0, vector_shard, tag_shard, b"", &mut buffer).map_err(|_| EnvelopeError::Forged)?;
    let data = padded::unpad(&buffer).ok_or(EnvelopeError::Padding)?;
    Ok(Zeroizing::new(data.to_vec()))
}
