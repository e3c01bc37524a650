//! VacationResponse (RFC 8621 §8): there is exactly one in an account.

use super::print;
use crate::jmap::date::UtcDate;
use crate::jmap::form::Form;
use crate::jmap::id::Id;
use crate::jmap::json::Slot;
use crate::jmap::patch::{Change, Claim, Patch};
use crate::jmap::set_error::{SetError, SetErrorKind};
use crate::jmap::standard::{Object, Property, Settable, properties};

/// The id of the one there is.
pub const SINGLETON: &str = "singleton";

/// The data type.
#[derive(Debug)]
pub struct VacationResponses;

properties! {
    /// The properties of a VacationResponse.
    pub VacationProperty {
        Id "id",
        IsEnabled "isEnabled",
        FromDate "fromDate",
        ToDate "toDate",
        Subject "subject",
        TextBody "textBody",
        HtmlBody "htmlBody",
    }
}

/// The VacationResponse to be shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VacationResponse {
    pub is_enabled: bool,
    pub from_date: Option<UtcDate>,
    pub to_date: Option<UtcDate>,
    pub subject: Option<Box<str>>,
    pub text_body: Option<Box<str>>,
    pub html_body: Option<Box<str>>,
}

impl VacationResponse {
    pub fn write(&self, properties: &[VacationProperty], slot: Slot<'_>) {
        let Some(id) = Id::parse(SINGLETON) else { return };
        print(&id, properties, slot, |property, name, object| match property {
            VacationProperty::Id => {}
            VacationProperty::IsEnabled => object.put(name, &self.is_enabled),
            VacationProperty::FromDate => object.put(name, &self.from_date),
            VacationProperty::ToDate => object.put(name, &self.to_date),
            VacationProperty::Subject => object.put(name, &self.subject),
            VacationProperty::TextBody => object.put(name, &self.text_body),
            VacationProperty::HtmlBody => object.put(name, &self.html_body),
        });
    }
}

/// A VacationResponse to be changed.
#[derive(Clone, PartialEq, Debug)]
pub struct VacationUpdate {
    pub is_enabled: Change<bool>,
    pub from_date: Change<Option<UtcDate>>,
    pub to_date: Change<Option<UtcDate>>,
    pub subject: Change<Option<Box<str>>>,
    pub text_body: Change<Option<Box<str>>>,
    pub html_body: Change<Option<Box<str>>>,
    pub claims: Vec<Claim>,
}

impl Object for VacationResponses {
    const TYPE: &'static str = "VacationResponse";
    type Property = VacationProperty;
    type GetExtra = ();
    fn default_properties() -> Vec<VacationProperty> {
        VacationProperty::ALL.to_vec()
    }
}

impl Settable for VacationResponses {
    /// Creating one is refused ([`singleton`]), whatever it says.
    type Create = ();
    type Update = VacationUpdate;
    type SetExtra = ();

    fn create(form: &mut Form<'_>) -> Option<()> {
        form.take_if(|_| true);
        Some(())
    }

    fn update(mut patch: Patch) -> Result<VacationUpdate, SetError> {
        let is_enabled = patch.value("isEnabled", None);
        let from_date = patch.value("fromDate", Some(None));
        let to_date = patch.value("toDate", Some(None));
        let subject = patch.value("subject", Some(None));
        let text_body = patch.value("textBody", Some(None));
        let html_body = patch.value("htmlBody", Some(None));
        let claims = patch.finish(|name| VacationProperty::parse(name).is_some())?;
        Ok(VacationUpdate { is_enabled, from_date, to_date, subject, text_body, html_body, claims })
    }
}

/// The answer to each creation and destruction (RFC 8620 §5.3).
#[must_use]
pub fn singleton() -> SetError {
    SetErrorKind::Singleton.into()
}
