//! Email/copy (RFC 8620 §5.4, RFC 8621 §4.7): messages of one account put into mailboxes of another, and the
//! Email/set that destroys the originals, if it is asked for.

use std::collections::VecDeque;
use std::sync::Arc;

use koi_mailbox::Account;
use koi_mailbox::emails::{DataType, EmailChange, EmailChanged, EmailCreation, EmailRefused, Emails, State};
use koi_proto::jmap::object::email::import::{self, EmailCopy};
use koi_proto::jmap::standard::copy::Copied;
use koi_proto::jmap::standard::{CopyArguments, CopyItem, CopyResponse, Table};
use koi_proto::jmap::{Arguments, Id, IdRef, MethodError, Raw, SetError, SetErrorKind};
use koi_types::{BlobName, EmailId, ErrorKind};

use super::email_set;
use super::email_write::{
    EmailWriting, HELD_OCTETS_MAX, created, email_id, keyword, keywords_of, mailbox_ids, mixed_up, refusal,
    too_large, weight,
};
use super::writing::{Changed, Failure, Piece, Writing, expected_state};
use crate::jmap::call::{Call, Ran, SLICE, Started};
use crate::jmap::context::Context;

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = CopyArguments::<EmailCopy>::read(arguments, &cx.reading(), import::copied)?;
    let from = cx.account(&given.from_account_id).map_err(|error| match error {
        MethodError::AccountNotFound => MethodError::FromAccountNotFound,
        other => other,
    })?;
    let to = cx.account(&given.account_id)?;
    let mut not_created = Table::default();
    let mut items = VecDeque::new();
    for CopyItem { creation_id, object } in given.create {
        match object {
            Ok(copied) => items.push_back(Item { creation_id, copied }),
            Err(why) => not_created.put(&creation_id, why),
        }
    }
    Ok(Box::new(EmailCopying {
        from,
        from_account_id: given.from_account_id,
        from_state: expected_state(given.if_from_in_state.as_deref())?,
        to,
        account_id: given.account_id,
        writing: Writing::new(expected_state(given.if_in_state.as_deref())?),
        items,
        changes: Vec::new(),
        submitted: Vec::new(),
        held_octets: 0,
        created: Table::default(),
        not_created,
        originals: Vec::new(),
        destroys_originals: given.on_success_destroy_original,
        destroy_if_in_state: given.destroy_from_if_in_state,
        destroying: None,
    }))
}

struct Item {
    creation_id: Id,
    copied: Copied<EmailCopy>,
}

struct EmailCopying {
    from: Account,
    from_account_id: Id,
    /// Until the first original was read.
    from_state: Option<State>,
    to: Account,
    account_id: Id,
    writing: EmailWriting,
    items: VecDeque<Item>,
    changes: Vec<EmailChange>,
    submitted: Vec<Submitted>,
    held_octets: usize,
    created: Table<Raw>,
    not_created: Table<SetError>,
    /// Those of which there is a copy now.
    originals: Vec<EmailId>,
    destroys_originals: bool,
    destroy_if_in_state: Option<Box<str>>,
    /// Everything was said about the copies.
    destroying: Option<Box<dyn Call>>,
}

struct Submitted {
    creation_id: Id,
    original: EmailId,
}

impl Call for EmailCopying {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        if let Some(destroying) = &mut self.destroying {
            return destroying.run(cx);
        }
        match self.writing.piece(cx)? {
            Piece::Waiting(ran) => return Ok(ran),
            Piece::Written(results) => self.note(results, cx)?,
            Piece::Wanted => {}
        }
        if !self.gather(cx)? {
            return Ok(Ran::Yield);
        }
        if self.changes.is_empty() && self.writing.is_begun() {
            return self.respond(cx);
        }
        self.held_octets = 0;
        let expected = self.writing.expected();
        self.writing.begin(self.to.set_emails(expected, std::mem::take(&mut self.changes)));
        self.run(cx)
    }
}

impl EmailCopying {
    /// Reads originals; answers whether the next piece is complete.
    fn gather(&mut self, cx: &mut Context<'_>) -> Result<bool, MethodError> {
        let from = self.from.clone();
        let emails = from.emails().map_err(|error| self.writing.failed(&error, cx))?;
        let Some(emails) = emails else { return Ok(false) };
        if self.from_state.take().is_some_and(|state| state != emails.state(DataType::Email)) {
            return Err(MethodError::StateMismatch);
        }
        let mut done = 0;
        while self.held_octets < HELD_OCTETS_MAX {
            if done >= SLICE {
                return Ok(false);
            }
            let Some(Item { creation_id, copied }) = self.items.pop_front() else { break };
            match self.copy(&copied, &emails, cx) {
                Ok(Copy { original, creation }) => {
                    done += weight(usize::try_from(creation.message.octets()).unwrap_or(usize::MAX));
                    self.held_octets += creation.message.held_octets();
                    self.changes.push(EmailChange::Create(creation));
                    self.submitted.push(Submitted { creation_id, original });
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
    fn copy(
        &self,
        copied: &Copied<EmailCopy>,
        emails: &Emails<'_>,
        cx: &mut Context<'_>,
    ) -> Result<Copy, Failure> {
        let missing = || Failure::Object(SetErrorKind::NotFound.into());
        let original = email_id(&copied.id, cx.created)?;
        let view = emails.email(original).ok_or_else(missing)?;
        let EmailCopy { mailbox_ids: mailboxes, keywords, received_at } = &copied.change;
        let mailboxes = mailbox_ids(mailboxes, cx.created)?;
        let read = emails.snapshot().message_of_blob(&BlobName::Message(original), self.to.stage_upload());
        let message = read.map_err(|error| match error.kind {
            ErrorKind::TooLarge => too_large(cx).into(),
            _ => Failure::Call(cx.failed(&error)),
        })?;
        let creation = EmailCreation {
            message: Arc::new(message.ok_or_else(missing)?),
            mailboxes,
            keywords: match keywords {
                Some(keywords) => keywords.iter().map(keyword).collect(),
                None => keywords_of(&view),
            },
            received_at: Some(received_at.map_or(view.received_at, |date| date.0)),
        };
        Ok(Copy { original, creation })
    }
    fn note(
        &mut self,
        results: Vec<Changed<EmailChanged, EmailRefused>>,
        cx: &mut Context<'_>,
    ) -> Result<(), MethodError> {
        for (subject, result) in std::mem::take(&mut self.submitted).into_iter().zip(results) {
            let Submitted { creation_id, original } = subject;
            match result {
                Ok(EmailChanged::Created { email, thread, octets }) => {
                    let told = created(creation_id.clone(), email, thread, octets, cx);
                    self.created.put(&creation_id, told);
                    self.originals.push(original);
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
    /// RFC 8620 §5.4: one Email/set behind the response, if something was copied.
    fn respond(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        cx.respond(&CopyResponse {
            from_account_id: self.from_account_id.clone(),
            account_id: self.account_id.clone(),
            old_state: self.writing.old_state(),
            new_state: self.writing.new_state(),
            created: std::mem::take(&mut self.created),
            not_created: std::mem::take(&mut self.not_created),
        });
        let originals = std::mem::take(&mut self.originals);
        if !self.destroys_originals || originals.is_empty() {
            return Ok(Ran::Done);
        }
        let destroy = originals.into_iter().map(|id| IdRef::Id(id.into())).collect();
        let if_in_state = self.destroy_if_in_state.take();
        let from = self.from_account_id.clone();
        let destroying = email_set::implicit(from, if_in_state.as_deref(), Vec::new(), destroy, cx)?;
        self.destroying.insert(destroying).run(cx)
    }
}

/// One email to be made in the other account.
struct Copy {
    original: EmailId,
    creation: EmailCreation,
}
