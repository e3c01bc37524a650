//! An Email to be created, from its form to the message that is stored (RFC 8621 §4.6).

use std::sync::Arc;

use koi_mailbox::emails::EmailCreation;
use koi_mailbox::{Account, Incoming};
use koi_message::DateTime;
use koi_message::build::{BuildError, EmailForm, Given, Refusal, build};
use koi_proto::jmap::object::email::create::EmailCreate;
use koi_proto::jmap::{Id, SetError, SetErrorKind};
use koi_types::{BlobName, ErrorKind, MailError, limits};

use super::form;
use crate::jmap::context::Context;
use crate::jmap::method::email_write::{keyword, mailbox_ids, too_large};
use crate::jmap::method::writing::Failure;

pub(super) fn creation(
    object: EmailCreate,
    account: &Account,
    cx: &mut Context<'_>,
) -> Result<EmailCreation, Failure> {
    let mailboxes = mailbox_ids(&object.mailbox_ids, cx.created)?;
    let keywords = object.keywords.iter().map(keyword).collect();
    let received_at = object.received_at.map(|date| date.0);
    let octets = octets(&form::email(object, cx.created), account, cx)?;
    let message = incoming(&octets, account, cx)?;
    Ok(EmailCreation { message: Arc::new(message), mailboxes, keywords, received_at })
}

/// The message, with the contents of blobs this user may read.
fn octets(form: &EmailForm, account: &Account, cx: &mut Context<'_>) -> Result<Vec<u8>, Failure> {
    let octets_max = cx.jmap.service.options().message_octets_max;
    let unique = cx.jmap.service.unique();
    let message_id = format!("{unique}@{}", cx.login.address.domain());
    let given = Given {
        message_id: &message_id,
        date: DateTime { unix_s: cx.now.secs(), zone_min: 0 },
        random: cx.jmap.service.unique().0,
        octets_max: usize::try_from(octets_max).unwrap_or(usize::MAX),
    };
    let snapshot = account.snapshot().map_err(|error| cx.failed(&error))?;
    let mut failed: Option<MailError> = None;
    let mut octets_left = octets_max;
    let mut contents = |id: &str| {
        let blob = snapshot.blob(&BlobName::parse(id)?).map_err(|error| failed = Some(error)).ok()??;
        // What is too large is not read: one octet more says so.
        let wanted = blob.octets.min(octets_left.saturating_add(1));
        octets_left = octets_left.saturating_sub(wanted);
        let mut octets = Vec::new();
        snapshot.read_blob(&blob, 0..wanted, &mut octets).map_err(|error| failed = Some(error)).ok()?;
        Some(octets)
    };
    let built = build(form, &given, &mut contents);
    if let Some(error) = failed {
        return Err(cx.failed(&error).into());
    }
    if octets_left == 0 {
        return Err(too_large(cx).into());
    }
    built.map_err(|why| match why {
        BuildError::Refused(refusals) => refused(&refusals).into(),
        BuildError::BlobsNotFound(ids) => blobs_not_found(&ids).into(),
        BuildError::TooLarge => too_large(cx).into(),
    })
}

/// RFC 8620 §5.3: all properties that are wrong.
fn refused(refusals: &[Refusal]) -> SetError {
    let mut properties: Vec<Box<str>> = Vec::new();
    for refusal in refusals.iter().take(limits::JMAP_WRONG_PROPERTIES_MAX) {
        let property = refusal.property.as_str().into();
        if !properties.contains(&property) {
            properties.push(property);
        }
    }
    let description = refusals.first().map(|first| format!("{}: {}", first.property, first.rule).into());
    SetError { kind: SetErrorKind::InvalidProperties { properties }, description }
}

/// A creation id under which nothing was created is named without its octothorpe.
fn blobs_not_found(ids: &[String]) -> SetError {
    let id = |id: &String| Id::parse(id.trim_start_matches('#'));
    SetErrorKind::BlobNotFound { not_found: ids.iter().filter_map(id).collect() }.into()
}

fn incoming(octets: &[u8], account: &Account, cx: &mut Context<'_>) -> Result<Incoming, Failure> {
    let mut stage = account.stage();
    let staged = stage.write(octets).and_then(|()| match octets.contains(&0) {
        // A message within it, which has no encoding of its own (RFC 2046 §5.2.1).
        true => stage.finish_binary(),
        false => stage.finish(),
    });
    staged.map_err(|error| match error.kind {
        ErrorKind::TooLarge => too_large(cx).into(),
        ErrorKind::InvalidInput => SetError::invalid_property("attachments", error.text).into(),
        ErrorKind::NoPermission => SetError::described(SetErrorKind::Forbidden, error.text).into(),
        _ => cx.failed(&error).into(),
    })
}
