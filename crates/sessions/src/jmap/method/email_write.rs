//! What Email/set, Email/copy and Email/import have in common (RFC 8621 §4.6, §4.7, §4.8): mailboxes,
//! keywords and refusals in the words of either side.

use koi_mailbox::emails::{EmailChanged, EmailKeyword, EmailRefused, EmailView};
use koi_proto::jmap::object::email::import::CreatedEmail;
use koi_proto::jmap::{
    CreatedIds, EmailKeyword as Written, Id, IdRef, MethodError, Raw, SetError, SetErrorKind,
};
use koi_types::{BlobName, EmailId, MailboxId, ThreadId};

use super::writing::{Failure, Writing};
use crate::jmap::context::Context;

pub(super) type EmailWriting = Writing<EmailChanged, EmailRefused>;

/// Octets of messages that are held in memory until they are written; then they are.
pub(super) const HELD_OCTETS_MAX: usize = 8 * 1024 * 1024;

/// Octets that are read or written for one change that count as much as a look at an object.
const OCTETS_OF_ONE: usize = 16 * 1024;

/// How much a message adds to what a step has done, in looks at an object.
pub(super) const fn weight(octets: usize) -> usize {
    1 + octets / OCTETS_OF_ONE
}

/// The mailbox an id stands for.
pub(super) fn mailbox_id(id: &IdRef, created: &CreatedIds) -> Option<MailboxId> {
    MailboxId::parse(created.resolve(id)?.as_str())
}

/// All of `mailboxIds`; that they exist is found out when they are written to.
pub(super) fn mailbox_ids<C: FromIterator<MailboxId>>(
    ids: &[IdRef],
    created: &CreatedIds,
) -> Result<C, SetError> {
    let found = |id: &IdRef| mailbox_id(id, created).ok_or_else(|| no_mailbox(id));
    ids.iter().map(found).collect()
}

fn no_mailbox(id: &impl std::fmt::Display) -> SetError {
    SetError::invalid_property("mailboxIds", format!("there is no mailbox {id}"))
}

pub(super) fn keyword(written: &Written) -> EmailKeyword {
    match written {
        Written::Other(keyword) => EmailKeyword::Keyword(keyword.clone()),
        system => EmailKeyword::Flag(system.system_flag().unwrap_or_default()),
    }
}

/// The keywords an email has.
pub(super) fn keywords_of(email: &EmailView) -> Vec<EmailKeyword> {
    let flags = EmailKeyword::FLAGS.into_iter().filter(|(_, flag)| email.flags.contains(*flag));
    let flags = flags.map(|(_, flag)| EmailKeyword::Flag(flag));
    flags.chain(email.keywords.iter().cloned().map(EmailKeyword::Keyword)).collect()
}

/// Which email an id stands for.
pub(super) fn email_id(id: &IdRef, created: &CreatedIds) -> Result<EmailId, SetError> {
    let known = created.resolve(id).and_then(|id| EmailId::parse(id.as_str()));
    known.ok_or_else(|| SetErrorKind::NotFound.into())
}

/// Why an email was not written, as the client is told.
pub(super) fn refusal(refused: EmailRefused, cx: &mut Context<'_>) -> Failure {
    let kind = match refused {
        EmailRefused::NotFound => SetErrorKind::NotFound,
        EmailRefused::MailboxNotFound(mailbox) => return no_mailbox(&mailbox).into(),
        EmailRefused::NoMailbox => {
            return SetError::invalid_property("mailboxIds", "an Email is in at least one Mailbox").into();
        }
        EmailRefused::TooManyKeywords => SetErrorKind::TooManyKeywords,
        EmailRefused::OverQuota => SetErrorKind::OverQuota,
        EmailRefused::Forbidden => SetErrorKind::Forbidden,
        EmailRefused::Failed(error) => return cx.failed(&error).into(),
    };
    SetError::from(kind).into()
}

/// A message that is larger than any may be.
pub(super) fn too_large(cx: &Context<'_>) -> SetError {
    SetErrorKind::TooLarge { max_size: Some(cx.jmap.service.options().message_octets_max) }.into()
}

/// What is told of an Email that was made; its id is known to later calls from now on.
pub(super) fn created(
    creation_id: Id,
    email: EmailId,
    thread: ThreadId,
    octets: u32,
    cx: &mut Context<'_>,
) -> Raw {
    let id = Id::from(email);
    cx.created.insert(creation_id, id.clone());
    Raw::of(&CreatedEmail {
        id,
        blob_id: BlobName::Message(email).into(),
        thread_id: thread.into(),
        size: octets.into(),
    })
}

/// What cannot be: an answer of another kind than the change was.
pub(super) fn mixed_up() -> MethodError {
    MethodError::ServerFail { description: "an answer to another change".into() }
}
