//! PushSubscription (RFC 8620 §7.2): of the credentials, not of an account.

use super::print;
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::date::UtcDate;
use crate::jmap::error::MethodError;
use crate::jmap::form::Form;
use crate::jmap::id::Id;
use crate::jmap::json::{Json, Slot};
use crate::jmap::patch::{Change, Claim, Patch};
use crate::jmap::set_error::SetError;
use crate::jmap::standard::{Object, Property, Selection, SetObjects, Settable, properties};
use crate::jmap::value::{FromJson, Reader, Wrong};

/// The data type.
#[derive(Debug)]
pub struct PushSubscriptions;

properties! {
    /// The properties of a PushSubscription.
    pub PushSubscriptionProperty {
        Id "id",
        DeviceClientId "deviceClientId",
        Url "url",
        Keys "keys",
        VerificationCode "verificationCode",
        Expires "expires",
        Types "types",
    }
}

/// A PushSubscription to be shown; URL and keys never are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushSubscription {
    pub id: Id,
    pub device_client_id: Box<str>,
    pub verification_code: Option<Box<str>>,
    pub expires: Option<UtcDate>,
    pub types: Option<Vec<Box<str>>>,
}

/// `keys`: texts in base64url, which are looked into when they are used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushKeys {
    pub p256dh: Box<str>,
    pub auth: Box<str>,
}

/// A PushSubscription to be created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushSubscriptionCreate {
    pub device_client_id: Box<str>,
    /// Begins with `https://`.
    pub url: Box<str>,
    pub keys: Option<PushKeys>,
    pub expires: Option<UtcDate>,
    pub types: Option<Vec<Box<str>>>,
}

/// A PushSubscription to be changed.
#[derive(Clone, PartialEq, Debug)]
pub struct PushSubscriptionUpdate {
    pub verification_code: Change<Option<Box<str>>>,
    pub expires: Change<Option<UtcDate>>,
    pub types: Change<Option<Vec<Box<str>>>>,
    pub claims: Vec<Claim>,
}

impl PushSubscription {
    pub fn write(&self, properties: &[PushSubscriptionProperty], slot: Slot<'_>) {
        print(&self.id, properties, slot, |property, name, object| match property {
            PushSubscriptionProperty::Id | PushSubscriptionProperty::Url | PushSubscriptionProperty::Keys => {
            }
            PushSubscriptionProperty::DeviceClientId => object.put(name, &self.device_client_id),
            PushSubscriptionProperty::VerificationCode => object.put(name, &self.verification_code),
            PushSubscriptionProperty::Expires => object.put(name, &self.expires),
            PushSubscriptionProperty::Types => object.put(name, &self.types),
        });
    }
}

/// Arguments of PushSubscription/get.
///
/// # Errors
/// `forbidden` when URL or keys are asked for (RFC 8620 §7.2.1); those of every /get.
pub fn read_get(
    arguments: Arguments,
    reading: &Reading<'_>,
) -> Result<Selection<PushSubscriptions>, MethodError> {
    let selection = Selection::<PushSubscriptions>::read(arguments, reading)?;
    let secret = [PushSubscriptionProperty::Url, PushSubscriptionProperty::Keys];
    if selection.properties.iter().any(|property| secret.contains(property)) {
        return Err(MethodError::Forbidden);
    }
    Ok(selection)
}

/// Arguments of PushSubscription/set (RFC 8620 §7.2.2).
///
/// # Errors
/// Those of every /set.
pub fn read_set(
    mut arguments: Arguments,
    reading: &Reading<'_>,
) -> Result<SetObjects<PushSubscriptions>, MethodError> {
    let objects = SetObjects::take(&mut arguments, reading)?;
    arguments.finish()?;
    Ok(objects)
}

impl Object for PushSubscriptions {
    const TYPE: &'static str = "PushSubscription";
    type Property = PushSubscriptionProperty;
    type GetExtra = ();
    fn default_properties() -> Vec<PushSubscriptionProperty> {
        use PushSubscriptionProperty::{DeviceClientId, Expires, Id, Types, VerificationCode};
        vec![Id, DeviceClientId, VerificationCode, Expires, Types]
    }
}

impl Settable for PushSubscriptions {
    type Create = PushSubscriptionCreate;
    type Update = PushSubscriptionUpdate;
    type SetExtra = ();

    fn create(form: &mut Form<'_>) -> Option<PushSubscriptionCreate> {
        let device_client_id = form.required("deviceClientId");
        let url: Option<Box<str>> = form.required("url");
        if url.as_deref().is_some_and(|url| !url.starts_with("https://")) {
            form.wrong("url", "url must begin with https://");
        }
        let keys = form.optional("keys");
        if form.take("verificationCode").is_some_and(|code| !code.is_null()) {
            form.wrong("verificationCode", "verificationCode must be null: it is sent to the url");
        }
        let expires = form.optional("expires");
        let types = form.optional("types");
        let (device_client_id, url) = (device_client_id?, url?);
        Some(PushSubscriptionCreate { device_client_id, url, keys, expires, types })
    }

    fn update(mut patch: Patch) -> Result<PushSubscriptionUpdate, SetError> {
        let verification_code = patch.value("verificationCode", Some(None));
        let expires = patch.value("expires", Some(None));
        let types = patch.value("types", Some(None));
        let claims = patch.finish(|name| PushSubscriptionProperty::parse(name).is_some())?;
        Ok(PushSubscriptionUpdate { verification_code, expires, types, claims })
    }
}

impl FromJson for PushKeys {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let mut reader = Reader::of(value)?;
        let keys = Self { p256dh: reader.required("p256dh")?, auth: reader.required("auth")? };
        reader.finish().map(|()| keys)
    }
}
