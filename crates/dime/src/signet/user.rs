//! The signet of a user (1789).

use super::detail::Detail;
use super::org::{OrgSignet, Permissions, check_identifier, check_signatures, identifier, last_field};
use super::request::{follows, key_id, keys};
use super::sheet::{OWN, Sheet, USER_CORE};
use super::{Form, Signed, SignetError, SigningRequest};
use crate::agree::EncryptionKey;
use crate::fingerprint::Fingerprint;
use crate::object::Magic;
use crate::sign::VerifyingKey;

/// The user's own signature is good; the organisation's is [`UserSignet::verify`]'s matter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserSignet {
    sheet: Sheet,
    form: Form,
    signing: VerifyingKey,
    encryption: EncryptionKey,
}

impl UserSignet {
    /// Reads it and verifies the user's own signature.
    pub fn parse(object: &[u8]) -> Result<Self, SignetError> {
        Self::of(Sheet::parse(Magic::UserSignet, object)?)
    }

    pub(super) fn of(sheet: Sheet) -> Result<Self, SignetError> {
        let form = sheet.form(USER_CORE)?;
        let (signing, encryption) = keys(&sheet)?;
        check_identifier(&sheet)?;
        Ok(Self { sheet, form, signing, encryption })
    }

    /// Whether the organisation has signed all there is, by its primary key or one it lets sign signets.
    pub fn verify(&self, organisation: &OrgSignet) -> Result<Form, SignetError> {
        let keys = organisation.keys_for(Permissions::SIGNETS);
        check_signatures(&self.sheet, self.form, USER_CORE, Signed::Core, &keys)?;
        Ok(self.form)
    }
    /// Whether the key of the signet before has signed this one.
    pub fn follows(&self, former: &VerifyingKey) -> Result<(), SignetError> {
        follows(&self.sheet, former)
    }

    /// Whether each signet was followed by the one before it in the list: the newest comes first, as in HIST.
    /// That the first is believed is the caller's to know.
    pub fn verify_custody(newest_first: &[Self]) -> Result<(), SignetError> {
        let mut pairs = newest_first.iter().zip(newest_first.iter().skip(1));
        pairs.try_for_each(|(newer, older)| newer.follows(older.signing()))
    }

    #[must_use]
    pub fn object(&self) -> Vec<u8> {
        self.sheet.object()
    }
    /// As it says itself, before [`UserSignet::verify`] has seen it.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }
    #[must_use]
    pub const fn signing(&self) -> &VerifyingKey {
        &self.signing
    }
    #[must_use]
    pub const fn encryption(&self) -> &EncryptionKey {
        &self.encryption
    }
    /// The address; only an identifiable signet has one.
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        identifier(&self.sheet)
    }
    #[must_use]
    pub fn details(&self) -> Vec<Detail> {
        self.sheet.fields().filter_map(|field| Detail::of(&field)).collect()
    }
    /// The key id of DMAP, the same as that of the request it was made from.
    #[must_use]
    pub fn key_id(&self) -> Fingerprint {
        key_id(&self.sheet)
    }
    /// Of the part up to a form; `None` when the signet does not go so far.
    #[must_use]
    pub fn fingerprint(&self, form: Form) -> Option<Fingerprint> {
        self.sheet.fingerprint(last_field(form, USER_CORE))
    }
    /// By which envelopes of messages name it.
    #[must_use]
    pub fn core_fingerprint(&self) -> Fingerprint {
        // `of` has seen field 6.
        self.fingerprint(Form::Core).unwrap_or(Fingerprint([0; 64]))
    }
    /// The request it was made from.
    pub fn request(&self) -> Result<SigningRequest, SignetError> {
        let sheet = self.sheet.cut(OWN).ok_or(SignetError::Missing(OWN))?;
        SigningRequest::parse(&sheet.into_kind(Magic::SigningRequest).object())
    }
    /// The part up to a form, as a signet of its own; `None` for [`Form::Request`].
    #[must_use]
    pub fn cut(&self, form: Form) -> Option<Self> {
        Self::of(self.sheet.cut(last_field(form, USER_CORE))?).ok()
    }
}
