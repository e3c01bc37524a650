//! Header fields as properties (RFC 8621 §4.1.3): `header:List-Post:asURLs:all`, their values in all forms,
//! read and written.

use std::fmt;

use koi_types::HeaderForm;

use crate::jmap::date::Date;
use crate::jmap::json::{Json, Slot, ToJson};
use crate::jmap::object::address::{EmailAddress, EmailAddressGroup};
use crate::jmap::value::{FromJson, Wrong};

/// The property of one header field in one form that the field can have.
#[derive(Clone, Debug)]
pub struct HeaderProperty {
    /// The name of the field as it was written; it matches in any case.
    pub field: Box<str>,
    pub form: HeaderForm,
    /// Every field of the name, not only the last.
    pub is_all: bool,
    /// `:asRaw` was written, so it is answered.
    says_form: bool,
}

/// The answer has the capitalization of the question (RFC 8621 §4.2), so two of them are two.
impl PartialEq for HeaderProperty {
    fn eq(&self, other: &Self) -> bool {
        self.field == other.field
            && self.form == other.form
            && self.is_all == other.is_all
            && self.says_form == other.says_form
    }
}

impl Eq for HeaderProperty {}

impl HeaderProperty {
    /// The last field of a name; for the properties that have a name of their own.
    pub(super) fn last(field: &str, form: HeaderForm) -> Self {
        Self { field: field.into(), form, is_all: false, says_form: true }
    }

    /// `None`: no such property, or a form that this field must not be asked in (RFC 8621 §4.1.2).
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix("header:")?.split(':');
        let field = parts.next()?;
        let is_field = !field.is_empty() && field.bytes().all(|octet| octet.is_ascii_graphic());
        let (mut form, mut is_all) = (None, false);
        for part in parts {
            match part.strip_prefix("as") {
                _ if is_all => return None,
                Some(written) if form.is_none() => form = Some(HeaderForm::of_name(written)?),
                _ if part == "all" => is_all = true,
                _ => return None,
            }
        }
        let property =
            Self { field: field.into(), form: form.unwrap_or_default(), is_all, says_form: form.is_some() };
        (is_field && property.form.is_for(field)).then_some(property)
    }

    /// Whether both are about the same field.
    #[must_use]
    pub fn is_same_field(&self, other: &Self) -> bool {
        self.field.eq_ignore_ascii_case(&other.field)
    }
}

impl fmt::Display for HeaderProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "header:{}", self.field)?;
        if self.says_form {
            write!(f, ":as{}", self.form.name())?;
        }
        f.write_str(if self.is_all { ":all" } else { "" })
    }
}

/// One header field in one form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HeaderValue {
    Raw(Box<str>),
    Text(Box<str>),
    Addresses(Vec<EmailAddress>),
    GroupedAddresses(Vec<EmailAddressGroup>),
    /// `None`: it could not be read as such; so of the following.
    MessageIds(Option<Vec<Box<str>>>),
    Date(Option<Date>),
    Urls(Option<Vec<Box<str>>>),
}

/// The value of a property that stands for a header field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FieldValue {
    /// The last field of the name, if there is one.
    Last(Option<HeaderValue>),
    /// All, as they stand in the message.
    All(Vec<HeaderValue>),
}

/// EmailHeader: a field as it stands in the message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawHeader {
    pub name: Box<str>,
    pub value: Box<str>,
}

impl HeaderValue {
    /// What a client gives for a field that is to be created; null is not one.
    pub(super) fn read(form: HeaderForm, value: Json) -> Result<Self, Wrong> {
        Ok(match form {
            HeaderForm::Raw => Self::Raw(FromJson::from_json(value)?),
            HeaderForm::Text => Self::Text(FromJson::from_json(value)?),
            HeaderForm::Addresses => Self::Addresses(FromJson::from_json(value)?),
            HeaderForm::GroupedAddresses => Self::GroupedAddresses(FromJson::from_json(value)?),
            HeaderForm::MessageIds => Self::MessageIds(Some(FromJson::from_json(value)?)),
            HeaderForm::Date => Self::Date(Some(FromJson::from_json(value)?)),
            HeaderForm::Urls => Self::Urls(Some(FromJson::from_json(value)?)),
        })
    }
}

impl ToJson for HeaderValue {
    fn write(&self, slot: Slot<'_>) {
        match self {
            Self::Raw(text) | Self::Text(text) => text.write(slot),
            Self::Addresses(addresses) => addresses.write(slot),
            Self::GroupedAddresses(groups) => groups.write(slot),
            Self::MessageIds(texts) | Self::Urls(texts) => texts.write(slot),
            Self::Date(date) => date.write(slot),
        }
    }
}

impl ToJson for FieldValue {
    fn write(&self, slot: Slot<'_>) {
        match self {
            Self::Last(value) => value.write(slot),
            Self::All(values) => values.write(slot),
        }
    }
}

impl ToJson for RawHeader {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("name", &self.name);
            object.put("value", &self.value);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// spec: RFC 8621 §4.1.3
    #[test]
    fn names_of_properties() {
        let parse = |name: &str| HeaderProperty::parse(name).unwrap();
        let subject = parse("header:subject");
        assert_eq!((&*subject.field, subject.form, subject.is_all), ("subject", HeaderForm::Raw, false));
        let resent = parse("header:Resent-To:asAddresses:all");
        assert_eq!((&*resent.field, resent.form, resent.is_all), ("Resent-To", HeaderForm::Addresses, true));
        for name in [
            "header:subject",
            "header:Subject:all",
            "header:x:asRaw",
            "header:X-y!%:asText:all",
            "header:List-POST:asURLs",
            "header:all",
            "header:as",
            "header:asText",
        ] {
            assert_eq!(parse(name).to_string(), name);
        }
        for bad in [
            "header:",
            "header",
            "Header:x",
            "header::asText",
            "header:a b",
            "header:é",
            "header:x:",
            "header:x:all:asText",
            "header:x:all:all",
            "header:x:asText:asText",
            "header:x:asText:all:",
            "header:x:astext",
            "header:x:asUrls",
            "header:x:ALL",
            "header:x:as",
        ] {
            assert_eq!(HeaderProperty::parse(bad), None, "{bad}");
        }
        assert!(parse("header:subject").is_same_field(&parse("header:SUBJECT:asText")));
    }

    /// spec: RFC 8621 §4.1.2.1; RFC 8621 §4.1.2.2; RFC 8621 §4.1.2.3; RFC 8621 §4.1.2.4; RFC 8621 §4.1.2.5;
    /// RFC 8621 §4.1.2.6; RFC 8621 §4.1.2.7; RFC 8621 §4.2
    #[test]
    fn forms_that_make_no_sense_are_refused() {
        for good in ["From:asAddresses", "subject:asText", "Date:asDate", "LIST-ID:asText", "X:asDate", "To"]
        {
            assert!(HeaderProperty::parse(&format!("header:{good}")).is_some(), "{good}");
        }
        for bad in
            ["From:asDate", "subject:asAddresses", "Date:asText", "References:asURLs", "Received:asText"]
        {
            assert_eq!(HeaderProperty::parse(&format!("header:{bad}")), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_read_back_or_refused(name in "header:[ -~]{0,8}(:as(Text|Raw|URLs|Date)?)?(:all)?") {
            if let Some(property) = HeaderProperty::parse(&name) {
                prop_assert_eq!(property.to_string(), name);
            }
        }
    }
}
