//! What an update says of properties that cannot be changed: right if it is what is there (RFC 8620 §5.3), so
//! that a client may send a whole Email back.

use koi_mailbox::Account;
use koi_proto::jmap::object::email::{Email, EmailProperty};
use koi_proto::jmap::{Claim, Json, MethodError, Raw, SetErrorKind, UtcDate};
use koi_types::{BlobName, EmailId};

use crate::jmap::context::Context;
use crate::jmap::method::writing::Failure;

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
    let email = Email {
        id: Some(id.into()),
        blob_id: Some(BlobName::Message(id).into()),
        thread_id: Some(view.thread.into()),
        size: view.octets.into(),
        received_at: Some(UtcDate(view.received_at)),
        ..Email::default()
    };
    let properties =
        [EmailProperty::BlobId, EmailProperty::ThreadId, EmailProperty::Size, EmailProperty::ReceivedAt];
    let written = Raw::build(|slot| email.write(&properties, &[], slot)).parse();
    let Ok(Json::Object(current)) = written else {
        let description = "an Email cannot be compared with what is said of it".into();
        return Err(Failure::Call(MethodError::ServerFail { description }));
    };
    claims.iter().try_for_each(|claim| claim.check(&current))?;
    Ok(true)
}
