//! Key objects: the private halves of an organisation's or a user's keys, in clear (1952, 2013) and encrypted
//! under a realm key (1947, 1976) (docs/DIME.md, keys).
//!
//! Encrypted: `magic(2) || length(4) || vector shard(16) || tag shard(16) || ciphertext`. The header writer
//! of magma makes a length of three octets, its reader wants four: four it is.

use zeroize::Zeroizing;

use crate::agree::{DecryptionKey, SCALAR_OCTETS};
use crate::cipher::{self, SHARD_OCTETS};
use crate::field::{Field, FieldError, Fields};
use crate::hash::hkdf;
use crate::object::{Magic, ObjectError, header, payload};
use crate::octets::Cursor;
use crate::padded;
use crate::random::{NoRandomness, Random};
use crate::secret::{Secret, SecretOctets};
use crate::sign::{SIGNING_KEY_OCTETS, SigningKey};
use crate::stacie::RealmKey;

/// Octets of a key in clear: header and two fields.
pub const KEY_OBJECT_OCTETS: usize = 5 + FIELDS_OCTETS;
/// Octets of an encrypted key.
pub const ENCRYPTED_KEY_OCTETS: usize = 6 + 2 * SHARD_OCTETS + PADDED_OCTETS;
const FIELDS_OCTETS: usize = 2 * (2 + 32);
const PADDED_OCTETS: usize = 80;

/// Whose key it is: that says the numbers of object and fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holder {
    Organisation,
    User,
}

impl Holder {
    const fn in_clear(self) -> Magic {
        match self {
            Self::Organisation => Magic::OrgKey,
            Self::User => Magic::UserKey,
        }
    }
    const fn encrypted(self) -> Magic {
        match self {
            Self::Organisation => Magic::EncryptedOrgKey,
            Self::User => Magic::EncryptedUserKey,
        }
    }
    /// The field of the encryption key; the signing key's is 1.
    const fn encryption_field(self) -> u8 {
        match self {
            Self::Organisation => 3,
            Self::User => 2,
        }
    }
}

/// Both private keys of an organisation or a user.
#[derive(Debug)]
pub struct PrivateKeys {
    pub holder: Holder,
    pub signing: SigningKey,
    pub decryption: DecryptionKey,
}

/// Why octets are no key object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyError {
    Object(ObjectError),
    Field(FieldError),
    /// Not exactly the two fields of such a key, in order.
    Fields,
    /// A scalar that is 0 or not below the order of the curve.
    Scalar,
    /// Another realm key, or somebody changed it.
    Forged,
    /// Encrypted by who has the realm key, but length and padding do not add up.
    Padding,
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Object(error) => error.fmt(f),
            Self::Field(error) => error.fmt(f),
            Self::Fields => {
                f.write_str("a key object has a signing key and an encryption key, in this order")
            }
            Self::Scalar => f.write_str("the encryption key is no scalar of secp256k1"),
            Self::Forged => f.write_str("the key was encrypted with another realm key, or was changed"),
            Self::Padding => f.write_str("the encrypted key's padding is wrong"),
        }
    }
}

impl std::error::Error for KeyError {}

impl From<ObjectError> for KeyError {
    fn from(error: ObjectError) -> Self {
        Self::Object(error)
    }
}

impl From<FieldError> for KeyError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl PrivateKeys {
    /// New ones.
    pub fn generate(holder: Holder, random: &mut dyn Random) -> Result<Self, NoRandomness> {
        let signing = SigningKey::generate(random)?;
        Ok(Self { holder, signing, decryption: DecryptionKey::generate(random)? })
    }
    /// Reads 1952 or 2013.
    pub fn parse(holder: Holder, object: &[u8]) -> Result<Self, KeyError> {
        Self::from_fields(holder, payload(holder.in_clear(), object)?)
    }
    /// Writes 1952 or 2013.
    #[must_use]
    pub fn object(&self) -> SecretOctets {
        let fields = self.fields();
        let header = header(self.holder.in_clear(), fields.len()).unwrap_or_default();
        let mut object = Zeroizing::new(Vec::with_capacity(KEY_OBJECT_OCTETS));
        object.extend_from_slice(&header);
        object.extend_from_slice(&fields);
        object
    }
    /// Reads 1947 or 1976.
    pub fn decrypt(holder: Holder, object: &[u8], key: &RealmKey) -> Result<Self, KeyError> {
        let mut cursor = Cursor::new(encrypted_payload(holder, object)?);
        let (Some(vector_shard), Some(tag_shard)) = (cursor.array(), cursor.array()) else {
            return Err(KeyError::Object(ObjectError::Length));
        };
        let mut buffer = Zeroizing::new(cursor.rest().to_vec());
        cipher::open(&key.0, vector_shard, tag_shard, b"", &mut buffer).map_err(|_| KeyError::Forged)?;
        Self::from_fields(holder, padded::unpad(&buffer).ok_or(KeyError::Padding)?)
    }
    /// Writes 1947 or 1976. The vector shard is fresh and random.
    pub fn encrypt(&self, key: &RealmKey, vector_shard: &[u8; SHARD_OCTETS]) -> Result<Vec<u8>, KeyError> {
        let mut buffer = padded::pad(&self.fields()).ok_or(KeyError::Padding)?;
        let tag_shard = cipher::seal(&key.0, vector_shard, b"", &mut buffer).map_err(|_| KeyError::Forged)?;
        let length = 2 * SHARD_OCTETS + buffer.len();
        let header = header(self.holder.encrypted(), length).ok_or(ObjectError::Length)?;
        Ok([header.as_slice(), vector_shard, &tag_shard, &buffer].concat())
    }

    /// A secret for one purpose of their holder, which follows from both.
    #[must_use]
    pub fn secret_for(&self, purpose: &[u8]) -> Secret<64> {
        let (seed, scalar) = (self.signing.seed(), self.decryption.scalar());
        hkdf::<64>(seed.expose(), scalar.expose(), &[b"DIME secret for\0", purpose])
    }

    fn from_fields(holder: Holder, octets: &[u8]) -> Result<Self, KeyError> {
        let mut fields = Fields::new(octets);
        let mut next = |id| match fields.next() {
            Some(Ok(field)) if field.id == id => Ok(field.data),
            Some(Err(error)) => Err(KeyError::Field(error)),
            _ => Err(KeyError::Fields),
        };
        let seed = Secret::<SIGNING_KEY_OCTETS>::from_slice(next(1)?).ok_or(KeyError::Fields)?;
        let scalar = Secret::<SCALAR_OCTETS>::from_slice(next(holder.encryption_field())?);
        let decryption = DecryptionKey::new(&scalar.ok_or(KeyError::Fields)?).ok_or(KeyError::Scalar)?;
        if fields.rest().is_empty() {
            Ok(Self { holder, signing: SigningKey::new(&seed), decryption })
        } else {
            Err(KeyError::Fields)
        }
    }
    fn fields(&self) -> SecretOctets {
        let (seed, scalar) = (self.signing.seed(), self.decryption.scalar());
        let mut out = Zeroizing::new(Vec::with_capacity(FIELDS_OCTETS));
        for (id, data) in [(1, seed.expose()), (self.holder.encryption_field(), scalar.expose())] {
            let written = Field { id, name: b"", data }.write(&mut out);
            debug_assert!(written.is_ok(), "32 octets fit");
        }
        out
    }
}

/// Whether octets look like the encrypted key of such a holder: as much as one can see who lacks the realm
/// key.
pub fn check_encrypted(holder: Holder, object: &[u8]) -> Result<(), KeyError> {
    encrypted_payload(holder, object).map(|_| ())
}

fn encrypted_payload(holder: Holder, object: &[u8]) -> Result<&[u8], KeyError> {
    let payload = payload(holder.encrypted(), object)?;
    if object.len() == ENCRYPTED_KEY_OCTETS {
        Ok(payload)
    } else {
        Err(KeyError::Object(ObjectError::Length))
    }
}
