//! Email/import (RFC 8621 §4.8): messages that were uploaded, put into mailboxes.

use std::sync::Arc;

use koi_mailbox::emails::EmailCreation;
use koi_mailbox::{Account, Incoming, Snapshot};
use koi_message::{Fields, is_message, parse_date};
use koi_proto::jmap::object::email::import::{EmailImport, ImportResponse, ImportedEmail};
use koi_proto::jmap::{Arguments, Id, IdRef, MethodError, SetError, SetErrorKind};
use koi_types::{BlobName, ErrorKind, Timestamp};

use super::email_making::{EmailMaking, Making};
use super::email_write::{keyword, mailbox_ids, too_large};
use super::writing::{Failure, expected_state};
use crate::jmap::call::{Call, Ran, Started};
use crate::jmap::context::Context;

/// Octets in which the first Received field is looked for.
const TRACE_OCTETS_MAX: u64 = 64 * 1024;

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let EmailImport { account_id, if_in_state, emails } = EmailImport::read(arguments, &cx.reading())?;
    let account = cx.account(&account_id)?;
    let making = EmailMaking::new(account.clone(), expected_state(if_in_state.as_deref())?, emails);
    Ok(Box::new(Importing { account, account_id, making }))
}

struct Importing {
    account: Account,
    account_id: Id,
    making: EmailMaking<ImportedEmail>,
}

impl Call for Importing {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        if let Some(waiting) = self.making.note(cx)? {
            return Ok(waiting);
        }
        let account = &self.account;
        match self.making.go_on(cx, |_, email, cx| creation(&email, account, cx))? {
            Making::Begun => self.run(cx),
            Making::Interrupted => Ok(Ran::Yield),
            Making::Done => {
                cx.respond(&ImportResponse {
                    account_id: self.account_id.clone(),
                    old_state: self.making.writing().old_state(),
                    new_state: self.making.writing().new_state(),
                    created: std::mem::take(&mut self.making.created),
                    not_created: std::mem::take(&mut self.making.not_created),
                });
                Ok(Ran::Done)
            }
        }
    }
}

fn creation(
    email: &ImportedEmail,
    account: &Account,
    cx: &mut Context<'_>,
) -> Result<EmailCreation, Failure> {
    let snapshot = account.snapshot().map_err(|error| cx.failed(&error))?;
    let mailboxes = mailbox_ids(&email.mailbox_ids, cx.created)?;
    let Read { message, received_at } = read(&email.blob_id, account, &snapshot, cx)?;
    let received_at = email.received_at.map(|date| date.0).or(received_at);
    let keywords = email.keywords.iter().map(keyword).collect();
    Ok(EmailCreation { message: Arc::new(message), mailboxes, keywords, received_at })
}

/// What a blob is, as a message.
struct Read {
    message: Incoming,
    received_at: Option<Timestamp>,
}

fn read(
    id: &IdRef,
    account: &Account,
    snapshot: &Snapshot<'_>,
    cx: &mut Context<'_>,
) -> Result<Read, Failure> {
    let missing = || {
        let why = format!("there is no blob {id}");
        Failure::Object(SetError::invalid_property("blobId", why))
    };
    let name = cx.created.resolve(id).and_then(|id| BlobName::parse(id.as_str())).ok_or_else(missing)?;
    let blob = snapshot.blob(&name).map_err(|error| cx.failed(&error))?.ok_or_else(missing)?;
    let mut header = Vec::new();
    snapshot.read_blob(&blob, 0..TRACE_OCTETS_MAX, &mut header).map_err(|error| cx.failed(&error))?;
    if !is_message(&header) {
        return Err(not_a_message("it does not begin with a header field").into());
    }
    // It may be an email that is there.
    let read = snapshot.message_of_blob(&name, account.stage().stored());
    let message = read.map_err(|error| match error.kind {
        ErrorKind::TooLarge => too_large(cx).into(),
        ErrorKind::InvalidInput => not_a_message(&error.text).into(),
        ErrorKind::NoPermission => SetError::described(SetErrorKind::Forbidden, error.text).into(),
        _ => Failure::Call(cx.failed(&error)),
    })?;
    Ok(Read { message: message.ok_or_else(missing)?, received_at: received_at(&header) })
}

fn not_a_message(why: &str) -> SetError {
    SetError::described(SetErrorKind::InvalidEmail { properties: Vec::new() }, why)
}

/// The date behind the last semicolon of the topmost Received field (RFC 5322 §3.6.7), which is the most
/// recent one.
fn received_at(header: &[u8]) -> Option<Timestamp> {
    let field = Fields::new(header).find(|field| field.is(b"Received"))?;
    let at = field.value.iter().rposition(|octet| *octet == b';')?;
    let date = parse_date(field.value.get(at + 1..)?)?;
    Some(Timestamp::from_secs(date.unix_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec: RFC 8621 §4.8
    #[test]
    fn the_topmost_received_field_says_when() {
        let at = |header: &str| received_at(header.as_bytes()).map(Timestamp::secs);
        let two = "Subject: x\r\nReceived: from a (b; c)\r\n by d; Thu, 1 Jan 1970 00:01:00 +0000\r\n\
                   Received: by e; Thu, 1 Jan 1970 00:00:30 +0000\r\n\r\n";
        assert_eq!(at(two), Some(60));
        for none in ["Subject: x\r\n\r\n", "Received: by x\r\n\r\n", "Received: by x; someday\r\n\r\n", ""] {
            assert_eq!(at(none), None, "{none}");
        }
    }
}
