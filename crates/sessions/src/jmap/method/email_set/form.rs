//! The form of an Email to be created, from what JMAP calls things to what makes the message.

use koi_message::build::{EmailForm, HeaderSetting, PartForm};
use koi_message::{BodyValue, DateTime, EmailAddress, EmailAddressGroup, HeaderValue};
use koi_proto::jmap::object::address;
use koi_proto::jmap::object::email::{create, header};
use koi_proto::jmap::{CreatedIds, Date, IdRef};

pub(super) fn email(given: create::EmailCreate, created: &CreatedIds) -> EmailForm {
    let parts = |list: Option<Vec<create::PartCreate>>| list.map(|list| parts(list, created));
    let value = |given: create::BodyValueCreate| {
        let value = BodyValue {
            value: given.value.into(),
            is_encoding_problem: given.is_encoding_problem,
            is_truncated: given.is_truncated,
        };
        (given.part_id.into(), value)
    };
    EmailForm {
        has_headers: given.has_headers,
        headers: given.headers.into_iter().map(setting).collect(),
        body_structure: given.body_structure.map(|root| part(root, created)),
        text_body: parts(given.text_body),
        html_body: parts(given.html_body),
        attachments: parts(given.attachments),
        body_values: given.body_values.into_iter().map(value).collect(),
    }
}

fn parts(given: Vec<create::PartCreate>, created: &CreatedIds) -> Vec<PartForm> {
    given.into_iter().map(|given| part(given, created)).collect()
}

fn part(given: create::PartCreate, created: &CreatedIds) -> PartForm {
    // One that stands for nothing stays as it was written, and will not be found.
    let blob = |id: IdRef| created.resolve(&id).map_or_else(|| id.to_string(), ToString::to_string);
    PartForm {
        has_headers: given.has_headers,
        headers: given.headers.into_iter().map(setting).collect(),
        part_id: given.part_id.map(Into::into),
        blob_id: given.blob_id.map(blob),
        has_size: given.has_size,
        name: given.name.map(Into::into),
        media_type: given.media_type.map(Into::into),
        charset: given.charset.map(Into::into),
        disposition: given.disposition.map(Into::into),
        cid: given.cid.map(Into::into),
        language: given.language.map(texts),
        location: given.location.map(Into::into),
        sub_parts: given.sub_parts.map(|list| parts(list, created)),
    }
}

fn setting(given: create::HeaderSetting) -> HeaderSetting {
    HeaderSetting {
        property: given.property.into(),
        field: given.field.into(),
        form: given.form,
        values: given.values.into_iter().map(value).collect(),
    }
}

fn value(given: header::HeaderValue) -> HeaderValue {
    match given {
        header::HeaderValue::Raw(text) => HeaderValue::Raw(text.into()),
        header::HeaderValue::Text(text) => HeaderValue::Text(text.into()),
        header::HeaderValue::Addresses(list) => HeaderValue::Addresses(addresses(list)),
        header::HeaderValue::GroupedAddresses(groups) => {
            HeaderValue::GroupedAddresses(groups.into_iter().map(group).collect())
        }
        header::HeaderValue::MessageIds(ids) => HeaderValue::MessageIds(ids.map(texts)),
        header::HeaderValue::Date(date) => HeaderValue::Date(date.map(date_time)),
        header::HeaderValue::Urls(urls) => HeaderValue::Urls(urls.map(texts)),
    }
}

fn texts(given: Vec<Box<str>>) -> Vec<String> {
    given.into_iter().map(Into::into).collect()
}

fn addresses(given: Vec<address::EmailAddress>) -> Vec<EmailAddress> {
    let address = |given: address::EmailAddress| EmailAddress {
        name: given.name.map(Into::into),
        email: given.email.into(),
    };
    given.into_iter().map(address).collect()
}

fn group(given: address::EmailAddressGroup) -> EmailAddressGroup {
    EmailAddressGroup { name: given.name.map(Into::into), addresses: addresses(given.addresses) }
}

fn date_time(given: Date) -> DateTime {
    DateTime { unix_s: given.at.secs(), zone_min: given.zone.0 }
}
