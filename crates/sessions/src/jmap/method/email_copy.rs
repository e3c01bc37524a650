//! Email/copy (RFC 8620 §5.4, RFC 8621 §4.7): messages of one account put into mailboxes of another, and the
//! Email/set that destroys the originals, if it is asked for.

use std::sync::Arc;

use koi_mailbox::Account;
use koi_mailbox::emails::{DataType, EmailCreation, Emails, State};
use koi_proto::jmap::object::email::import::{self, EmailCopy};
use koi_proto::jmap::standard::copy::Copied;
use koi_proto::jmap::standard::{CopyArguments, CopyResponse};
use koi_proto::jmap::{Arguments, Id, IdRef, MethodError, SetError, SetErrorKind};
use koi_types::{BlobName, EmailId, ErrorKind};

use super::email_making::{EmailMaking, Making};
use super::email_set;
use super::email_write::{email_id, keyword, keywords_of, mailbox_ids, too_large};
use super::writing::{Failure, expected_state};
use crate::jmap::call::{Call, Ran, Started};
use crate::jmap::context::Context;

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = CopyArguments::<EmailCopy>::read(arguments, &cx.reading(), import::copied)?;
    let from = cx.account(&given.from_account_id).map_err(|error| match error {
        MethodError::AccountNotFound => MethodError::FromAccountNotFound,
        other => other,
    })?;
    let to = cx.account(&given.account_id)?;
    let if_in_state = expected_state(given.if_in_state.as_deref())?;
    Ok(Box::new(EmailCopying {
        from,
        from_account_id: given.from_account_id,
        from_state: expected_state(given.if_from_in_state.as_deref())?,
        to: to.clone(),
        account_id: given.account_id,
        making: EmailMaking::new(to, if_in_state, given.create),
        originals: Vec::new(),
        destroys_originals: given.on_success_destroy_original,
        destroy_if_in_state: given.destroy_from_if_in_state,
        destroying: None,
    }))
}

struct EmailCopying {
    from: Account,
    from_account_id: Id,
    /// Until the first original was read.
    from_state: Option<State>,
    to: Account,
    account_id: Id,
    making: EmailMaking<Copied<EmailCopy>>,
    /// What was read.
    originals: Vec<Original>,
    destroys_originals: bool,
    destroy_if_in_state: Option<Box<str>>,
    /// Everything was said about the copies.
    destroying: Option<Box<dyn Call>>,
}

struct Original {
    /// Of its copy.
    creation_id: Id,
    email: EmailId,
}

impl Call for EmailCopying {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        if let Some(destroying) = &mut self.destroying {
            return destroying.run(cx);
        }
        if let Some(waiting) = self.making.note(cx)? {
            return Ok(waiting);
        }
        let from = self.from.clone();
        let emails = from.emails().map_err(|error| self.making.writing().failed(&error, cx))?;
        let Some(emails) = emails else { return Ok(Ran::Yield) };
        if self.from_state.take().is_some_and(|state| state != emails.state(DataType::Email)) {
            return Err(MethodError::StateMismatch);
        }
        let (to, originals) = (&self.to, &mut self.originals);
        let made = self.making.go_on(cx, |creation_id, copied, cx| {
            let Copy { original, creation } = copy(&copied, &emails, to, cx)?;
            originals.push(Original { creation_id: creation_id.clone(), email: original });
            Ok(creation)
        });
        match made? {
            Making::Begun => {
                drop(emails);
                self.run(cx)
            }
            Making::Interrupted => Ok(Ran::Yield),
            Making::Done => self.respond(cx),
        }
    }
}

impl EmailCopying {
    /// RFC 8620 §5.4: one Email/set behind the response, if something was copied.
    fn respond(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let created = &self.making.created;
        let is_copied = |original: &Original| created.value(original.creation_id.as_str()).is_some();
        let copied = std::mem::take(&mut self.originals).into_iter().filter(is_copied);
        let destroy: Vec<IdRef> = copied.map(|original| IdRef::Id(original.email.into())).collect();
        cx.respond(&CopyResponse {
            from_account_id: self.from_account_id.clone(),
            account_id: self.account_id.clone(),
            old_state: self.making.writing().old_state(),
            new_state: self.making.writing().new_state(),
            created: std::mem::take(&mut self.making.created),
            not_created: std::mem::take(&mut self.making.not_created),
        });
        if !self.destroys_originals || destroy.is_empty() {
            return Ok(Ran::Done);
        }
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

fn copy(
    copied: &Copied<EmailCopy>,
    emails: &Emails<'_>,
    to: &Account,
    cx: &mut Context<'_>,
) -> Result<Copy, Failure> {
    let missing = || Failure::Object(SetErrorKind::NotFound.into());
    let original = email_id(&copied.id, cx.created)?;
    let view = emails.email(original).ok_or_else(missing)?;
    let EmailCopy { mailbox_ids: mailboxes, keywords, received_at } = &copied.change;
    let mailboxes = mailbox_ids(mailboxes, cx.created)?;
    let read = emails.snapshot().message_of_blob(&BlobName::Message(original), to.stage_upload().stored());
    let message = read.map_err(|error| match error.kind {
        ErrorKind::TooLarge => too_large(cx).into(),
        ErrorKind::NoPermission => SetError::described(SetErrorKind::Forbidden, error.text).into(),
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
