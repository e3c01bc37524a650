//! Identity (RFC 8621 §6).

use super::address::EmailAddress;
use super::print;
use crate::jmap::form::Form;
use crate::jmap::id::Id;
use crate::jmap::json::Slot;
use crate::jmap::patch::{Change, Claim, Patch};
use crate::jmap::set_error::SetError;
use crate::jmap::standard::{Object, Property, Settable, properties};

/// The data type.
#[derive(Debug)]
pub struct Identities;

properties! {
    /// The properties of an Identity.
    pub IdentityProperty {
        Id "id",
        Name "name",
        Email "email",
        ReplyTo "replyTo",
        Bcc "bcc",
        TextSignature "textSignature",
        HtmlSignature "htmlSignature",
        MayDelete "mayDelete",
    }
}

/// An Identity to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    pub id: Id,
    pub name: Box<str>,
    /// `*@example.com`: any address of the domain.
    pub email: Box<str>,
    pub reply_to: Option<Vec<EmailAddress>>,
    pub bcc: Option<Vec<EmailAddress>>,
    pub text_signature: Box<str>,
    pub html_signature: Box<str>,
    pub may_delete: bool,
}

impl Identity {
    pub fn write(&self, properties: &[IdentityProperty], slot: Slot<'_>) {
        print(&self.id, properties, slot, |property, name, object| match property {
            IdentityProperty::Id => {}
            IdentityProperty::Name => object.put(name, &self.name),
            IdentityProperty::Email => object.put(name, &self.email),
            IdentityProperty::ReplyTo => object.put(name, &self.reply_to),
            IdentityProperty::Bcc => object.put(name, &self.bcc),
            IdentityProperty::TextSignature => object.put(name, &self.text_signature),
            IdentityProperty::HtmlSignature => object.put(name, &self.html_signature),
            IdentityProperty::MayDelete => object.put(name, &self.may_delete),
        });
    }
}

/// An Identity to be created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentityCreate {
    pub name: Box<str>,
    pub email: Box<str>,
    pub reply_to: Option<Vec<EmailAddress>>,
    pub bcc: Option<Vec<EmailAddress>>,
    pub text_signature: Box<str>,
    pub html_signature: Box<str>,
}

/// An Identity to be changed; its address cannot be.
#[derive(Clone, PartialEq, Debug)]
pub struct IdentityUpdate {
    pub name: Change<Box<str>>,
    pub reply_to: Change<Option<Vec<EmailAddress>>>,
    pub bcc: Change<Option<Vec<EmailAddress>>>,
    pub text_signature: Change<Box<str>>,
    pub html_signature: Change<Box<str>>,
    pub claims: Vec<Claim>,
}

impl Object for Identities {
    const TYPE: &'static str = "Identity";
    type Property = IdentityProperty;
    type GetExtra = ();
    fn default_properties() -> Vec<IdentityProperty> {
        IdentityProperty::ALL.to_vec()
    }
}

impl Settable for Identities {
    type Create = IdentityCreate;
    type Update = IdentityUpdate;
    type SetExtra = ();

    fn create(form: &mut Form<'_>) -> Option<IdentityCreate> {
        let name = form.or("name", "".into());
        let email = form.required("email");
        let reply_to = form.optional("replyTo");
        let bcc = form.optional("bcc");
        let text_signature = form.or("textSignature", "".into());
        let html_signature = form.or("htmlSignature", "".into());
        Some(IdentityCreate { name, email: email?, reply_to, bcc, text_signature, html_signature })
    }

    fn update(mut patch: Patch) -> Result<IdentityUpdate, SetError> {
        let name = patch.value("name", Some("".into()));
        let reply_to = patch.value("replyTo", Some(None));
        let bcc = patch.value("bcc", Some(None));
        let text_signature = patch.value("textSignature", Some("".into()));
        let html_signature = patch.value("htmlSignature", Some("".into()));
        let claims = patch.finish(|name| IdentityProperty::parse(name).is_some())?;
        Ok(IdentityUpdate { name, reply_to, bcc, text_signature, html_signature, claims })
    }
}
