//! A user's signing request (1215): the keys, signed by the user; the organisation makes it a signet.

use super::detail::Detail;
use super::org::{finish, last_field};
use super::sheet::{CUSTODY, OWN, Sheet, USER_CORE};
use super::user::UserSignet;
use super::{Form, Signed, SignetError};
use crate::agree::EncryptionKey;
use crate::field::Field;
use crate::fingerprint::Fingerprint;
use crate::object::Magic;
use crate::sign::{SigningKey, VerifyingKey};

/// Its own signature is good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigningRequest {
    sheet: Sheet,
    signing: VerifyingKey,
    encryption: EncryptionKey,
}

impl SigningRequest {
    /// Reads it and verifies the user's own signature.
    pub fn parse(object: &[u8]) -> Result<Self, SignetError> {
        Self::of(Sheet::parse(Magic::SigningRequest, object)?)
    }

    /// Makes one. `former` is the signing key of the signet before, if there is one: it signs the new keys,
    /// so that others can follow.
    pub fn create(
        signing: &SigningKey,
        encryption: &EncryptionKey,
        alternate: &[EncryptionKey],
        former: Option<&SigningKey>,
    ) -> Result<Self, SignetError> {
        let mut sheet = Sheet::new(Magic::SigningRequest);
        sheet.push(&Field { id: 1, name: b"", data: signing.public().octets() })?;
        sheet.push(&Field { id: 2, name: b"", data: &encryption.octets() })?;
        for key in alternate {
            sheet.push(&Field { id: 3, name: b"", data: &key.octets() })?;
        }
        if let Some(former) = former {
            sheet.sign(CUSTODY, former)?;
        }
        sheet.sign(OWN, signing)?;
        Self::of(sheet)
    }

    fn of(sheet: Sheet) -> Result<Self, SignetError> {
        let (signing, encryption) = keys(&sheet)?;
        Ok(Self { sheet, signing, encryption })
    }

    /// The organisation's answer: adds its signature over the keys, over the details if there are any, and
    /// over the identifier (the address).
    pub fn issue(
        &self,
        organisation: &SigningKey,
        details: &[Detail],
        identifier: Option<&str>,
    ) -> Result<UserSignet, SignetError> {
        let mut sheet = self.sheet.clone().into_kind(Magic::UserSignet);
        sheet.sign(USER_CORE, organisation)?;
        finish(&mut sheet, organisation, details, identifier)?;
        UserSignet::of(sheet)
    }

    #[must_use]
    pub fn object(&self) -> Vec<u8> {
        self.sheet.object()
    }
    #[must_use]
    pub const fn signing(&self) -> &VerifyingKey {
        &self.signing
    }
    #[must_use]
    pub const fn encryption(&self) -> &EncryptionKey {
        &self.encryption
    }
    /// The key id of DMAP: known before the organisation signs, the same after.
    #[must_use]
    pub fn key_id(&self) -> Fingerprint {
        key_id(&self.sheet)
    }
    /// Whether the key of the signet before has signed this one.
    pub fn follows(&self, former: &VerifyingKey) -> Result<(), SignetError> {
        follows(&self.sheet, former)
    }
}

/// Signing key and encryption key, when the user's own signature is good and all points are points.
pub(super) fn keys(sheet: &Sheet) -> Result<(VerifyingKey, EncryptionKey), SignetError> {
    let (signing, encryption) = (sheet.signing_key()?, sheet.encryption_key(2)?);
    if sheet.all(3).any(|data| EncryptionKey::from_slice(data).is_none()) {
        return Err(SignetError::Value(3));
    }
    sheet.required(OWN)?;
    if sheet.is_signed(OWN, &signing) {
        Ok((signing, encryption))
    } else {
        Err(SignetError::Signature(Signed::Own))
    }
}

pub(super) fn key_id(sheet: &Sheet) -> Fingerprint {
    // `keys` has seen field 5.
    sheet.fingerprint(last_field(Form::Request, USER_CORE)).unwrap_or(Fingerprint([0; 64]))
}

pub(super) fn follows(sheet: &Sheet, former: &VerifyingKey) -> Result<(), SignetError> {
    if !sheet.has(CUSTODY) {
        return Err(SignetError::NoCustody);
    }
    if sheet.is_signed(CUSTODY, former) { Ok(()) } else { Err(SignetError::Signature(Signed::Custody)) }
}
