//! What an update says of properties that cannot be changed: right if it is what is there (RFC 8620 §5.3), so
//! that a client may send a whole Email back as it got it.
//!
//! What it got of parts depends on what it asked for, which is seen from what it sends back.

use koi_mailbox::Account;
use koi_mailbox::emails::{EmailView, Emails};
use koi_proto::jmap::object::email::EmailProperty;
use koi_proto::jmap::object::email::body::{BodyProperty, PartProperty};
use koi_proto::jmap::object::email::fetch::BodyFetch;
use koi_proto::jmap::standard::Property;
use koi_proto::jmap::{Claim, Json, Raw, SetError, SetErrorKind};
use koi_types::{BlobName, EmailId, ErrorKind, MailError, limits};

use crate::jmap::context::Context;
use crate::jmap::method::writing::Failure;
use crate::jmap::shown::{Effort, Facts, Message, Octets, Shown, Sizes};

/// `false` while it cannot be known.
pub(super) fn are_true(
    claims: &[Claim],
    id: EmailId,
    account: &Account,
    cx: &mut Context<'_>,
) -> Result<bool, Failure> {
    let emails = account.emails().map_err(|error| cx.failed(&error))?;
    let Some(emails) = emails else { return Ok(false) };
    let Some(view) = emails.email(id) else { return Err(Failure::Object(SetErrorKind::NotFound.into())) };
    for about in sorted_out(claims) {
        let mut refused = None;
        for body in ways_of_getting(&about) {
            let checked = check(&about.claims, body, &view, &emails).map_err(|error| cx.failed(&error))?;
            refused = checked.err();
            if refused.is_none() {
                break;
            }
        }
        if let Some(why) = refused {
            return Err(why.into());
        }
    }
    Ok(true)
}

/// Claims that were got together.
struct About<'c> {
    /// The one property they are about, where its value depends on what was asked for.
    property: Option<EmailProperty>,
    claims: Vec<&'c Claim>,
}

/// A client puts together what it got from several calls.
fn sorted_out(claims: &[Claim]) -> Vec<About<'_>> {
    let mut all: Vec<About<'_>> = Vec::new();
    for claim in claims {
        let property = EmailProperty::parse(claim.property()).filter(depends_on_request);
        match all.iter_mut().find(|about| about.property == property) {
            Some(about) => about.claims.push(claim),
            None => all.push(About { property, claims: vec![claim] }),
        }
    }
    all
}

const fn depends_on_request(property: &EmailProperty) -> bool {
    matches!(
        property,
        EmailProperty::BodyStructure
            | EmailProperty::TextBody
            | EmailProperty::HtmlBody
            | EmailProperty::Attachments
            | EmailProperty::BodyValues
    )
}

/// What a client may have asked for that got this.
fn ways_of_getting(about: &About<'_>) -> Vec<BodyFetch> {
    let whole = || about.claims.iter().filter_map(|claim| claim.whole());
    match about.property {
        None => vec![BodyFetch::default()],
        Some(EmailProperty::BodyValues) => {
            let value_octets_max = whole().find_map(octets_max_of);
            let ways = [
                [false, false, false],
                [true, false, false],
                [false, true, false],
                [true, true, false],
                [true, true, true],
            ];
            let way = |[text_values, html_values, all_values]: [bool; 3]| BodyFetch {
                text_values,
                html_values,
                all_values,
                value_octets_max,
                ..BodyFetch::default()
            };
            ways.map(way).into()
        }
        Some(_) => {
            let mut properties = Vec::new();
            whole().for_each(|parts| properties_of(parts, &mut properties));
            match properties.is_empty() {
                true => vec![BodyFetch::default()],
                false => vec![BodyFetch { properties, ..BodyFetch::default() }],
            }
        }
    }
}

/// Adds the properties that are shown of parts.
fn properties_of(parts: &Json, properties: &mut Vec<BodyProperty>) {
    match parts {
        Json::Array(parts) => parts.iter().for_each(|part| properties_of(part, properties)),
        Json::Object(part) => {
            for member in part {
                let property = BodyProperty::parse(&member.name);
                let is_tree = property == Some(BodyProperty::Part(PartProperty::SubParts));
                if is_tree && !member.value.is_null() {
                    // Shown whether it was asked for or not; where it was, parts without any have null.
                    properties_of(&member.value, properties);
                    continue;
                }
                let is_new = |property: &BodyProperty| {
                    properties.len() < limits::JMAP_PROPERTIES_MAX && !properties.contains(property)
                };
                let new = property.filter(is_new);
                properties.extend(new);
            }
        }
        _ => {}
    }
}

/// Where values of texts were cut off, if any was. It may have been asked for more, which makes no
/// difference to these.
fn octets_max_of(values: &Json) -> Option<u64> {
    let Json::Object(values) = values else { return None };
    let of = |member: &str, value: &Json| match value {
        Json::Object(value) => value.value(member).cloned(),
        _ => None,
    };
    let is_cut = |value: &Json| of("isTruncated", value) == Some(Json::Bool(true));
    if !values.iter().any(|member| is_cut(&member.value)) {
        return None;
    }
    let texts = values.iter().filter_map(|member| of("value", &member.value));
    texts.filter_map(|text| text.as_str().map(|text| text.len() as u64)).max()
}

/// Compares claims with what is shown of the email to who asks in this way.
fn check(
    claims: &[&Claim],
    body: BodyFetch,
    view: &EmailView,
    emails: &Emails<'_>,
) -> Result<Result<(), SetError>, MailError> {
    let mut properties: Vec<EmailProperty> = Vec::new();
    for property in claims.iter().filter_map(|claim| EmailProperty::parse(claim.property())) {
        if !properties.contains(&property) {
            properties.push(property);
        }
    }
    let shown = Shown::new(properties, body);
    let mut email = shown.of_table(view);
    if shown.needs_message() {
        let missing = || MailError::new(ErrorKind::Corrupt, "what is stored of a message is missing");
        let row = emails.snapshot().email(view.id)?.ok_or_else(missing)?;
        let blob = BlobName::Message(view.id);
        let mut message = Message {
            blob: &blob,
            facts: Facts::Stored { envelope: row.envelope(), structure: row.structure() },
            octets: Octets::stored(emails.snapshot(), row.body),
        };
        let mut sizes = Sizes::default();
        while !shown.fill(&mut email, &mut message, &mut sizes, &mut Effort::of_step())? {}
    }
    let written = Raw::build(|slot| shown.write(&email, slot)).parse();
    let Ok(Json::Object(current)) = written else {
        return Err(MailError::new(
            ErrorKind::Corrupt,
            "an Email cannot be compared with what is said of it",
        ));
    };
    Ok(Claim::check(claims.iter().copied(), &current))
}
