//! What an update says of properties that cannot be changed: right if it is what is there (RFC 8620 §5.3), so
//! that a client may send a whole Email back as it got it.

use koi_mailbox::Account;
use koi_mailbox::emails::{EmailView, Emails};
use koi_proto::jmap::object::email::EmailProperty;
use koi_proto::jmap::object::email::fetch::BodyFetch;
use koi_proto::jmap::standard::Property;
use koi_proto::jmap::{Claim, Json, Members, MethodError, Raw, SetErrorKind};
use koi_types::{BlobName, EmailId, ErrorKind, MailError};

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
    let mut refused = None;
    for body in ways_of_getting(claims) {
        let current = shown(claims, body, &view, &emails).map_err(|error| cx.failed(&error))?;
        let Some(current) = current else {
            let description = "an Email cannot be compared with what is said of it".into();
            return Err(Failure::Call(MethodError::ServerFail { description }));
        };
        match claims.iter().try_for_each(|claim| claim.check(&current)) {
            Ok(()) => return Ok(true),
            Err(why) => refused = refused.or(Some(why)),
        }
    }
    refused.map_or(Ok(true), |why| Err(why.into()))
}

/// Which values of parts a client has depends on what it asked for; what else is shown does not.
fn ways_of_getting(claims: &[Claim]) -> Vec<BodyFetch> {
    let mut ways = vec![BodyFetch::default()];
    if claims.iter().any(|claim| EmailProperty::parse(claim.property()) == Some(EmailProperty::BodyValues)) {
        for values in [[true, false, false], [false, true, false], [true, true, false], [true, true, true]] {
            let [text_values, html_values, all_values] = values;
            ways.push(BodyFetch { text_values, html_values, all_values, ..BodyFetch::default() });
        }
    }
    ways
}

/// The email as Email/get shows it, as far as it is claimed.
fn shown(
    claims: &[Claim],
    body: BodyFetch,
    view: &EmailView,
    emails: &Emails<'_>,
) -> Result<Option<Members>, MailError> {
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
    Ok(written.ok().and_then(|json| if let Json::Object(members) = json { Some(members) } else { None }))
}
