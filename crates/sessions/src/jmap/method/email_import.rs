//! Email/import (RFC 8621 §4.8): messages that were uploaded, put into mailboxes.

use std::collections::VecDeque;
use std::sync::Arc;

use koi_mailbox::emails::{EmailChange, EmailChanged, EmailCreation, EmailRefused};
use koi_mailbox::{Account, Incoming, Snapshot};
use koi_message::{Fields, is_message, parse_date};
use koi_proto::jmap::object::email::import::{EmailImport, ImportResponse, ImportedEmail};
use koi_proto::jmap::standard::{Create, Table};
use koi_proto::jmap::{Arguments, Id, IdRef, MethodError, Raw, SetError, SetErrorKind};
use koi_types::{BlobName, ErrorKind, Timestamp};

use super::email_write::{
    EmailWriting, HELD_OCTETS_MAX, created, keyword, mailbox_ids, mixed_up, refusal, too_large, weight,
};
use super::writing::{Changed, Failure, Piece, Writing, expected_state};
use crate::jmap::call::{Call, Ran, SLICE, Started};
use crate::jmap::context::Context;

/// Octets in which the first Received field is looked for.
const TRACE_OCTETS_MAX: u64 = 64 * 1024;

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let EmailImport { account_id, if_in_state, emails } = EmailImport::read(arguments, &cx.reading())?;
    let account = cx.account(&account_id)?;
    let mut not_created = Table::default();
    let mut items = VecDeque::new();
    for Create { creation_id, object } in emails {
        match object {
            Ok(email) => items.push_back(Item { creation_id, email }),
            Err(why) => not_created.put(&creation_id, why),
        }
    }
    Ok(Box::new(Importing {
        account,
        account_id,
        writing: Writing::new(expected_state(if_in_state.as_deref())?),
        items,
        changes: Vec::new(),
        submitted: Vec::new(),
        held_octets: 0,
        created: Table::default(),
        not_created,
    }))
}

struct Item {
    creation_id: Id,
    email: ImportedEmail,
}

struct Importing {
    account: Account,
    account_id: Id,
    writing: EmailWriting,
    items: VecDeque<Item>,
    changes: Vec<EmailChange>,
    /// Creation ids of these.
    submitted: Vec<Id>,
    held_octets: usize,
    created: Table<Raw>,
    not_created: Table<SetError>,
}

impl Call for Importing {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        match self.writing.piece(cx)? {
            Piece::Waiting(ran) => return Ok(ran),
            Piece::Written(results) => self.note(results, cx)?,
            Piece::Wanted => {}
        }
        if !self.gather(cx)? {
            return Ok(Ran::Yield);
        }
        if self.changes.is_empty() && self.writing.is_begun() {
            cx.respond(&ImportResponse {
                account_id: self.account_id.clone(),
                old_state: self.writing.old_state(),
                new_state: self.writing.new_state(),
                created: std::mem::take(&mut self.created),
                not_created: std::mem::take(&mut self.not_created),
            });
            return Ok(Ran::Done);
        }
        self.held_octets = 0;
        let expected = self.writing.expected();
        self.writing.begin(self.account.set_emails(expected, std::mem::take(&mut self.changes)));
        self.run(cx)
    }
}

impl Importing {
    /// Reads messages; answers whether the next piece is complete.
    fn gather(&mut self, cx: &mut Context<'_>) -> Result<bool, MethodError> {
        let mut done = 0;
        while self.held_octets < HELD_OCTETS_MAX {
            if done >= SLICE {
                return Ok(false);
            }
            let Some(Item { creation_id, email }) = self.items.pop_front() else { break };
            match self.creation(&email, cx) {
                Ok(creation) => {
                    done += weight(usize::try_from(creation.message.octets()).unwrap_or(usize::MAX));
                    self.held_octets += creation.message.held_octets();
                    self.changes.push(EmailChange::Create(creation));
                    self.submitted.push(creation_id);
                }
                Err(Failure::Object(why)) => self.not_created.put(&creation_id, why),
                Err(Failure::Call(_)) if self.writing.is_begun() => {
                    return Err(MethodError::ServerPartialFail);
                }
                Err(Failure::Call(error)) => return Err(error),
            }
        }
        Ok(true)
    }
    fn creation(&self, email: &ImportedEmail, cx: &mut Context<'_>) -> Result<EmailCreation, Failure> {
        let snapshot = self.account.snapshot().map_err(|error| cx.failed(&error))?;
        let mailboxes = mailbox_ids(&email.mailbox_ids, cx.created)?;
        let Read { message, received_at } = read(&email.blob_id, &snapshot, cx)?;
        let received_at = email.received_at.map(|date| date.0).or(received_at);
        let keywords = email.keywords.iter().map(keyword).collect();
        Ok(EmailCreation { message: Arc::new(message), mailboxes, keywords, received_at })
    }
    fn note(
        &mut self,
        results: Vec<Changed<EmailChanged, EmailRefused>>,
        cx: &mut Context<'_>,
    ) -> Result<(), MethodError> {
        for (creation_id, result) in std::mem::take(&mut self.submitted).into_iter().zip(results) {
            match result {
                Ok(EmailChanged::Created { email, thread, octets }) => {
                    let told = created(creation_id.clone(), email, thread, octets, cx);
                    self.created.put(&creation_id, told);
                }
                Ok(_) => return Err(mixed_up()),
                Err(refused) => match refusal(refused, cx) {
                    Failure::Object(why) => self.not_created.put(&creation_id, why),
                    Failure::Call(_) => return Err(MethodError::ServerPartialFail),
                },
            }
        }
        Ok(())
    }
}

/// What a blob is, as a message.
struct Read {
    message: Incoming,
    received_at: Option<Timestamp>,
}

fn read(id: &IdRef, snapshot: &Snapshot<'_>, cx: &mut Context<'_>) -> Result<Read, Failure> {
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
    let read = snapshot.message_of_blob(&name, cx.jmap.service.stage());
    let message = read.map_err(|error| match error.kind {
        ErrorKind::TooLarge => too_large(cx).into(),
        ErrorKind::InvalidInput => not_a_message(&error.text).into(),
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
