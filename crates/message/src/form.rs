//! Header fields in the forms JMAP shows them in (RFC 8621 §4.1.2, §4.1.3): raw, text, addresses with and
//! without groups, message ids, date, URLs. Which form is for which field, `HeaderForm` knows.
//!
//! No value is refused: of what is malformed as much is shown as can be read, which may be nothing. The way
//! back, from forms to fields, is `build`.

use koi_types::HeaderForm;

use crate::date::{DateTime, parse_date};
use crate::encoded_word;
use crate::header::{Field, Fields};

mod addresses;
mod kept;
mod lists;

pub use addresses::{EmailAddress, EmailAddressGroup, addresses, grouped_addresses};
pub use kept::KeptForm;
pub use lists::{message_ids, urls};

pub(crate) use addresses::{is_dotted, looks_like_address, push_quoted};

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A field as it stands (RFC 8621 §4.1.3 EmailHeader).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawHeader {
    /// In the spelling of the message.
    pub name: String,
    pub value: String,
}

/// The value of a field in one of the forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    Raw(String),
    Text(String),
    Addresses(Vec<EmailAddress>),
    GroupedAddresses(Vec<EmailAddressGroup>),
    /// `None` when there is no id in it.
    MessageIds(Option<Vec<String>>),
    /// `None` when there is no date in it.
    Date(Option<DateTime>),
    /// `None` when there is no URL in it.
    Urls(Option<Vec<String>>),
}

impl HeaderValue {
    /// The raw value of a field, as it stands behind the colon, in this form.
    #[must_use]
    pub fn of(value: &[u8], form: HeaderForm) -> HeaderValue {
        match form {
            HeaderForm::Raw => HeaderValue::Raw(raw(value)),
            HeaderForm::Text => HeaderValue::Text(text(value)),
            HeaderForm::Addresses => HeaderValue::Addresses(addresses(value)),
            HeaderForm::GroupedAddresses => HeaderValue::GroupedAddresses(grouped_addresses(value)),
            HeaderForm::MessageIds => HeaderValue::MessageIds(message_ids(value)),
            HeaderForm::Date => HeaderValue::Date(parse_date(value)),
            HeaderForm::Urls => HeaderValue::Urls(urls(value)),
        }
    }

    #[must_use]
    pub fn form(&self) -> HeaderForm {
        match self {
            HeaderValue::Raw(_) => HeaderForm::Raw,
            HeaderValue::Text(_) => HeaderForm::Text,
            HeaderValue::Addresses(_) => HeaderForm::Addresses,
            HeaderValue::GroupedAddresses(_) => HeaderForm::GroupedAddresses,
            HeaderValue::MessageIds(_) => HeaderForm::MessageIds,
            HeaderValue::Date(_) => HeaderForm::Date,
            HeaderValue::Urls(_) => HeaderForm::Urls,
        }
    }
}

/// All fields of a header, in their order. Lines that are no fields are left out.
pub fn raw_headers(header: &[u8]) -> impl Iterator<Item = RawHeader> + '_ {
    let fields = Fields::new(header).filter(|field| !field.name.is_empty());
    fields.map(|field| RawHeader { name: raw(field.name), value: raw(field.value) })
}

/// The last field of this name, ASCII case ignored (RFC 8621 §4.1.3: without `:all`).
#[must_use]
pub fn last(header: &[u8], name: &str, form: HeaderForm) -> Option<HeaderValue> {
    named(header, name).last().map(|field| HeaderValue::of(field.value, form))
}

/// Every field of this name, in their order (RFC 8621 §4.1.3: with `:all`).
#[must_use]
pub fn all(header: &[u8], name: &str, form: HeaderForm) -> Vec<HeaderValue> {
    named(header, name).map(|field| HeaderValue::of(field.value, form)).collect()
}

fn named<'h>(header: &'h [u8], name: &str) -> impl Iterator<Item = Field<'h>> {
    Fields::new(header).filter(move |field| field.is(name.as_bytes()))
}

/// RFC 8621 §4.1.2.1: what is not UTF-8 becomes U+FFFD, NUL goes.
#[must_use]
pub fn raw(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    if text.contains('\0') { text.replace('\0', "") } else { text.into_owned() }
}

/// RFC 8621 §4.1.2.2. Octets that are not ASCII are UTF-8 or else taken as Windows-1252, as everywhere in
/// this crate: a name that was sent without any encoding is more use to people than U+FFFD.
#[must_use]
pub fn text(value: &[u8]) -> String {
    let mut unfolded = Vec::with_capacity(value.len());
    for line in value.split(|&octet| octet == b'\n') {
        unfolded.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
    }
    let blanks = unfolded.iter().take_while(|&&octet| octet == b' ').count();
    decoded(unfolded.get(blanks..).unwrap_or_default())
}

/// Unfolded text with its encoded words decoded, in NFC.
fn decoded(unfolded: &[u8]) -> String {
    let mut text = String::with_capacity(unfolded.len());
    encoded_word::decode_placed_into(unfolded, &mut text);
    if is_nfc_quick(text.chars()) == IsNormalized::Yes { text } else { text.nfc().collect() }
}

#[cfg(test)]
mod tests;
