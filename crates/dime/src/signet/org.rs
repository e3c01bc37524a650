//! The signet of an organisation (1776).

use super::detail::Detail;
use super::sheet::{FULL, IDENTIFIABLE, IDENTIFIER, ORG_CORE, SECONDARY_OCTETS, Sheet};
use super::{Form, Signed, SignetError};
use crate::agree::EncryptionKey;
use crate::field::Field;
use crate::fingerprint::Fingerprint;
use crate::object::Magic;
use crate::record::{RECORD_VALUES_MAX, Vouched, vouched};
use crate::sign::{Signature, SigningKey, VerifyingKey};
use crate::text::array_from_b64;

/// The DNS name of the host that offers DMAP.
const MAIL_ACCESS_HOST: u8 = 206;
/// Signatures of its certificate.
const MAIL_ACCESS_CERTIFICATE: u8 = 207;

/// Its keys, and what it says of itself; all signed by its primary key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrgSignet {
    sheet: Sheet,
    form: Form,
    primary: VerifyingKey,
    encryption: EncryptionKey,
    secondary: Vec<SecondaryKey>,
}

/// A signing key besides the primary one (field 2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SecondaryKey {
    pub permissions: Permissions,
    pub key: VerifyingKey,
}

/// What a secondary key may sign, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Permissions(pub u8);

impl Permissions {
    pub const SIGNETS: Self = Self(1);
    pub const MESSAGES: Self = Self(2);
    pub const TLS: Self = Self(4);
    pub const SOFTWARE: Self = Self(8);

    #[must_use]
    pub const fn has(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

/// What a new signet is made of.
#[derive(Clone, Debug)]
pub struct OrgParts<'a> {
    pub encryption: EncryptionKey,
    pub secondary: &'a [SecondaryKey],
    /// In any order. Without details and identifier the signet is of the form [`Form::Core`].
    pub details: &'a [Detail],
    /// The domain.
    pub identifier: Option<&'a str>,
}

impl OrgSignet {
    /// Reads and verifies it under its own primary key.
    pub fn parse(object: &[u8]) -> Result<Self, SignetError> {
        Self::of(Sheet::parse(Magic::OrgSignet, object)?)
    }

    /// Makes and signs one.
    pub fn create(primary: &SigningKey, parts: &OrgParts<'_>) -> Result<Self, SignetError> {
        let mut sheet = Sheet::new(Magic::OrgSignet);
        sheet.push(&Field { id: 1, name: b"", data: primary.public().octets() })?;
        for secondary in parts.secondary {
            let data = [[secondary.permissions.0].as_slice(), secondary.key.octets()].concat();
            sheet.push(&Field { id: 2, name: b"", data: &data })?;
        }
        sheet.push(&Field { id: 3, name: b"", data: &parts.encryption.octets() })?;
        sheet.sign(ORG_CORE, primary)?;
        finish(&mut sheet, primary, parts.details, parts.identifier)?;
        Self::of(sheet)
    }

    fn of(sheet: Sheet) -> Result<Self, SignetError> {
        let form = sheet.form(ORG_CORE)?;
        let (primary, encryption) = (sheet.signing_key()?, sheet.encryption_key(3)?);
        check_signatures(&sheet, form, ORG_CORE, Signed::Own, &[primary])?;
        let secondary = sheet.all(2).map(secondary).collect::<Option<_>>().ok_or(SignetError::Value(2))?;
        check_identifier(&sheet)?;
        Ok(Self { sheet, form, primary, encryption, secondary })
    }

    #[must_use]
    pub fn object(&self) -> Vec<u8> {
        self.sheet.object()
    }
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }
    /// The key that the management record of the domain must name.
    #[must_use]
    pub const fn primary(&self) -> &VerifyingKey {
        &self.primary
    }
    #[must_use]
    pub const fn encryption(&self) -> &EncryptionKey {
        &self.encryption
    }
    #[must_use]
    pub fn secondary(&self) -> &[SecondaryKey] {
        &self.secondary
    }
    /// The keys that may sign such things: the primary one and the secondary ones with this permission.
    #[must_use]
    pub fn keys_for(&self, permission: Permissions) -> Vec<VerifyingKey> {
        let allowed = self.secondary.iter().filter(|secondary| secondary.permissions.has(permission));
        std::iter::once(self.primary).chain(allowed.map(|secondary| secondary.key)).collect()
    }
    /// The domain; only an identifiable signet has one.
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        identifier(&self.sheet)
    }
    #[must_use]
    pub fn details(&self) -> Vec<Detail> {
        self.sheet.fields().filter_map(|field| Detail::of(&field)).collect()
    }
    /// Where the organisation offers DMAP (field 206).
    #[must_use]
    pub fn mail_access_host(&self) -> Option<&str> {
        std::str::from_utf8(self.sheet.data(MAIL_ACCESS_HOST)?).ok()
    }
    /// What field 207 says of the certificate (in DER) of the DMAP server: base64 of signatures, `;` between.
    /// One that is malformed counts as one that does not fit.
    #[must_use]
    pub fn vouches_for(&self, certificate: &[u8]) -> Vouched {
        let Some(data) = self.sheet.data(MAIL_ACCESS_CERTIFICATE) else { return Vouched::Unnamed };
        let texts = std::str::from_utf8(data).unwrap_or_default().split(';').take(RECORD_VALUES_MAX);
        let signatures: Vec<Signature> =
            texts.filter_map(|text| array_from_b64(text.trim()).map(Signature)).collect();
        match vouched(&self.keys_for(Permissions::TLS), &signatures, certificate) {
            Vouched::Signed => Vouched::Signed,
            _ => Vouched::Other,
        }
    }
    /// Of the part up to a form; `None` when the signet does not go so far.
    #[must_use]
    pub fn fingerprint(&self, form: Form) -> Option<Fingerprint> {
        self.sheet.fingerprint(last_field(form, ORG_CORE))
    }
    /// By which others name it.
    #[must_use]
    pub fn core_fingerprint(&self) -> Fingerprint {
        // `of` has seen field 4.
        self.fingerprint(Form::Core).unwrap_or(Fingerprint([0; 64]))
    }
    /// The part up to a form, as a signet of its own.
    #[must_use]
    pub fn cut(&self, form: Form) -> Option<Self> {
        Self::of(self.sheet.cut(last_field(form, ORG_CORE))?).ok()
    }
}

fn secondary(data: &[u8]) -> Option<SecondaryKey> {
    let data: &[u8; SECONDARY_OCTETS] = data.try_into().ok()?;
    let [permissions, key @ ..] = data;
    Some(SecondaryKey { permissions: Permissions(*permissions), key: VerifyingKey::new(key)? })
}

/// The field a form ends with.
pub(super) const fn last_field(form: Form, core: u8) -> u8 {
    match form {
        Form::Request => super::sheet::OWN,
        Form::Core => core,
        Form::Full => FULL,
        Form::Identifiable => IDENTIFIABLE,
    }
}

/// Adds details and identifier with their signatures, as far as there are any.
pub(super) fn finish(
    sheet: &mut Sheet,
    key: &SigningKey,
    details: &[Detail],
    identifier: Option<&str>,
) -> Result<(), SignetError> {
    let mut sorted: Vec<&Detail> = details.iter().collect();
    sorted.sort_by_key(|detail| detail.id());
    for detail in sorted {
        if !(16..=252).contains(&detail.id()) {
            return Err(SignetError::Unexpected(detail.id()));
        }
        sheet.push(&detail.field())?;
    }
    if !details.is_empty() || identifier.is_some() {
        sheet.sign(FULL, key)?;
    }
    if let Some(identifier) = identifier {
        sheet.push(&Field { id: IDENTIFIER, name: b"", data: identifier.as_bytes() })?;
        sheet.sign(IDENTIFIABLE, key)?;
    }
    Ok(())
}

/// Every signature that is there must be one of `keys`'.
pub(super) fn check_signatures(
    sheet: &Sheet,
    form: Form,
    core: u8,
    core_is: Signed,
    keys: &[VerifyingKey],
) -> Result<(), SignetError> {
    let wanted = [
        (Form::Core, core, core_is),
        (Form::Full, FULL, Signed::Full),
        (Form::Identifiable, IDENTIFIABLE, Signed::Identifiable),
    ];
    for (since, id, signed) in wanted {
        if form >= since && !keys.iter().any(|key| sheet.is_signed(id, key)) {
            return Err(SignetError::Signature(signed));
        }
    }
    Ok(())
}

pub(super) fn identifier(sheet: &Sheet) -> Option<&str> {
    std::str::from_utf8(sheet.data(IDENTIFIER)?).ok()
}

pub(super) fn check_identifier(sheet: &Sheet) -> Result<(), SignetError> {
    let is_text = !sheet.has(IDENTIFIER) || identifier(sheet).is_some_and(|text| !text.is_empty());
    if is_text { Ok(()) } else { Err(SignetError::Value(IDENTIFIER)) }
}
