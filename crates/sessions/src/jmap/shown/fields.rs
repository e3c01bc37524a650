//! Header fields as properties (RFC 8621 §4.1.2, RFC 8621 §4.1.3): all that were asked for in one pass over a
//! header, or from the envelope that was kept of it.

use koi_message::form::{KeptForm, raw_headers};
use koi_message::header::Fields;
use koi_message::{DateTime, EnvelopeView, HeaderValue as Value};
use koi_proto::jmap::Date;
use koi_proto::jmap::object::address::{EmailAddress, EmailAddressGroup};
use koi_proto::jmap::object::email::header::{FieldValue, HeaderProperty, HeaderValue, RawHeader};
use koi_types::{Timestamp, ZoneOffset};

/// The values of these properties, in their order, from the octets of a header.
pub(super) fn of_header(properties: &[HeaderProperty], header: &[u8]) -> Vec<FieldValue> {
    if properties.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<Vec<&[u8]>> = vec![Vec::new(); properties.len()];
    for field in Fields::new(header) {
        for (property, values) in properties.iter().zip(&mut found) {
            if field.is(property.field.as_bytes()) {
                // Of those that want one, the last.
                if !property.is_all {
                    values.clear();
                }
                values.push(field.value);
            }
        }
    }
    let shown = properties.iter().zip(found).map(|(property, values)| {
        let mut values = values.into_iter().map(|value| shown(Value::of(value, property.form)));
        if property.is_all { FieldValue::All(values.collect()) } else { FieldValue::Last(values.next()) }
    });
    shown.collect()
}

/// The same from an envelope; nothing when it does not tell of all.
pub(super) fn of_envelope(properties: &[HeaderProperty], view: &EnvelopeView<'_>) -> Option<Vec<FieldValue>> {
    let value = |property: &HeaderProperty| {
        if property.is_all {
            return None;
        }
        match view.form(&property.field, property.form) {
            KeptForm::Absent => Some(FieldValue::Last(None)),
            KeptForm::Value(value) => Some(FieldValue::Last(Some(shown(value)))),
            KeptForm::Unknown => None,
        }
    };
    properties.iter().map(value).collect()
}

/// All fields as they stand.
pub(super) fn raw(header: &[u8]) -> Vec<RawHeader> {
    raw_headers(header)
        .map(|field| RawHeader { name: field.name.into(), value: field.value.into() })
        .collect()
}

fn shown(value: Value) -> HeaderValue {
    let texts = |texts: Option<Vec<String>>| texts.map(|texts| texts.into_iter().map(Into::into).collect());
    match value {
        Value::Raw(text) => HeaderValue::Raw(text.into()),
        Value::Text(text) => HeaderValue::Text(text.into()),
        Value::Addresses(list) => HeaderValue::Addresses(list.into_iter().map(address).collect()),
        Value::GroupedAddresses(groups) => {
            let group = |group: koi_message::EmailAddressGroup| EmailAddressGroup {
                name: group.name.map(Into::into),
                addresses: group.addresses.into_iter().map(address).collect(),
            };
            HeaderValue::GroupedAddresses(groups.into_iter().map(group).collect())
        }
        Value::MessageIds(ids) => HeaderValue::MessageIds(texts(ids)),
        Value::Date(date) => HeaderValue::Date(date.map(moment)),
        Value::Urls(urls) => HeaderValue::Urls(texts(urls)),
    }
}

fn address(address: koi_message::EmailAddress) -> EmailAddress {
    EmailAddress { name: address.name.map(Into::into), email: address.email.into() }
}

fn moment(date: DateTime) -> Date {
    Date { at: Timestamp::from_secs(date.unix_s), zone: ZoneOffset(date.zone_min) }
}
