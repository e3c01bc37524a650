//! Email/import (RFC 8621 §4.8) and what may be different in Email/copy (RFC 8621 §4.7).

use super::create::{keywords, mailbox_ids};
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::date::UtcDate;
use crate::jmap::error::MethodError;
use crate::jmap::form::Form;
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Raw, Slot, ToJson};
use crate::jmap::keyword::EmailKeyword;
use crate::jmap::set_error::SetError;
use crate::jmap::standard::set::{creations, filled};
use crate::jmap::standard::{Create, Table};

/// Arguments of Email/import.
#[derive(Clone, PartialEq, Debug)]
pub struct EmailImport {
    pub account_id: Id,
    pub if_in_state: Option<Box<str>>,
    pub emails: Vec<Create<ImportedEmail>>,
}

/// EmailImport: one message that was uploaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportedEmail {
    pub blob_id: IdRef,
    /// At least one.
    pub mailbox_ids: Vec<IdRef>,
    pub keywords: Vec<EmailKeyword>,
    /// `None`: that of the most recent Received field, or now.
    pub received_at: Option<UtcDate>,
}

impl EmailImport {
    /// # Errors
    /// `invalidArguments`; `requestTooLarge`, before any Email is read.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        let if_in_state = arguments.optional("ifInState")?;
        let emails: crate::jmap::json::Members = arguments.required("emails")?;
        arguments.finish()?;
        if !reading.limits.may_set(emails.len()) {
            return Err(MethodError::RequestTooLarge);
        }
        let emails = creations(emails, "emails", |email| filled(email, imported))?;
        Ok(Self { account_id, if_in_state, emails })
    }
}

fn imported(form: &mut Form<'_>) -> Option<ImportedEmail> {
    let blob_id = form.required("blobId");
    let mailbox_ids = mailbox_ids(form);
    let keywords = keywords(form).unwrap_or_default();
    let received_at = form.optional("receivedAt");
    Some(ImportedEmail { blob_id: blob_id?, mailbox_ids: mailbox_ids?, keywords, received_at })
}

/// What a copy may have of its own; `None`: as the original.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailCopy {
    /// There are none in common between accounts, so they must be given.
    pub mailbox_ids: Vec<IdRef>,
    pub keywords: Option<Vec<EmailKeyword>>,
    pub received_at: Option<UtcDate>,
}

/// For [`crate::jmap::standard::CopyArguments::read`].
pub fn copied(form: &mut Form<'_>) -> Option<EmailCopy> {
    let mailbox_ids = mailbox_ids(form);
    let keywords = keywords(form);
    let received_at = form.optional("receivedAt");
    Some(EmailCopy { mailbox_ids: mailbox_ids?, keywords, received_at })
}

/// What `created` says of an Email (RFC 8621 §4.6, RFC 8621 §4.7, RFC 8621 §4.8).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreatedEmail {
    pub id: Id,
    pub blob_id: Id,
    pub thread_id: Id,
    pub size: u64,
}

impl ToJson for CreatedEmail {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("id", &self.id);
            object.put("blobId", &self.blob_id);
            object.put("threadId", &self.thread_id);
            object.put("size", &self.size);
        });
    }
}

/// Response of Email/import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportResponse {
    pub account_id: Id,
    pub old_state: Option<Box<str>>,
    pub new_state: Box<str>,
    pub created: Table<Raw>,
    pub not_created: Table<SetError>,
}

impl ToJson for ImportResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("accountId", &self.account_id);
            object.put("oldState", &self.old_state);
            object.put("newState", &self.new_state);
            object.put("created", &self.created);
            object.put("notCreated", &self.not_created);
        });
    }
}
