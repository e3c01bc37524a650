//! Changes of mailboxes from JMAP's words to the service's, and what became of them back (RFC 8621 §2.5).

use koi_mailbox::emails::{
    Emails, MailboxChange, MailboxCreation, MailboxRefused, MailboxRole, MailboxUpdate, MailboxView,
};
use koi_proto::jmap::object::mailbox::{self, MailboxCreate, MailboxProperty, Mailboxes};
use koi_proto::jmap::{Change, Claim, CreatedIds, IdRef, Json, MethodError, Raw, SetError, SetErrorKind};
use koi_types::name::SEPARATOR;
use koi_types::{MailError, MailboxId, MailboxName};

use crate::jmap::context::Context;
use crate::jmap::method::email_write::mailbox_id;
use crate::jmap::method::mailbox_get::{role_named, shown};
use crate::jmap::method::writing::{Failure, Task};

/// What the service is to do.
pub(super) fn change(
    task: &Task<Mailboxes>,
    removes_emails: bool,
    emails: &Emails<'_>,
    cx: &mut Context<'_>,
) -> Result<MailboxChange, Failure> {
    match task {
        Task::Create { object, .. } => creation(object, cx).map(MailboxChange::Create).map_err(Into::into),
        Task::Update { id, update } => {
            let view = view(id, emails, cx)?;
            are_true(&update.claims, &view)?;
            Ok(MailboxChange::Update { mailbox: view.id, update: updating(update, &view, cx)? })
        }
        Task::Destroy(id) => {
            let mailbox = mailbox_id(id, cx.created).ok_or(SetError::from(SetErrorKind::NotFound))?;
            Ok(MailboxChange::Destroy { mailbox, remove_emails: removes_emails })
        }
    }
}

fn creation(given: &MailboxCreate, cx: &mut Context<'_>) -> Result<MailboxCreation, SetError> {
    Ok(MailboxCreation {
        name: given.name.clone(),
        parent: given.parent_id.as_ref().map(|id| parent(id, cx)).transpose()?,
        role: role(given.role.as_deref())?,
        sort_order: given.sort_order,
        // RFC 8621 §2: true for what the user creates.
        subscribed: given.is_subscribed.unwrap_or(true),
    })
}

/// Only what is not as it is wanted already: whoever sends a whole Mailbox back need not be allowed to change
/// all of it.
fn updating(
    given: &mailbox::MailboxUpdate,
    is: &MailboxView,
    cx: &mut Context<'_>,
) -> Result<MailboxUpdate, SetError> {
    let wanted_parent = match &given.parent_id {
        Change::Keep => None,
        Change::Set(None) => Some(None),
        Change::Set(Some(id)) => Some(Some(parent(id, cx)?)),
    };
    let wanted_role = match &given.role {
        Change::Keep => None,
        Change::Set(name) => Some(role(name.as_deref())?),
    };
    let set = |change: &Change<bool>| change.clone().into_option();
    Ok(MailboxUpdate {
        name: given.name.clone().into_option().filter(|name| *name != is.name),
        parent: wanted_parent.filter(|parent| *parent != is.parent),
        role: wanted_role.filter(|role| *role != is.role),
        sort_order: given.sort_order.clone().into_option().filter(|order| *order != is.sort_order),
        subscribed: set(&given.is_subscribed).filter(|subscribed| *subscribed != is.subscribed),
    })
}

fn parent(id: &IdRef, cx: &Context<'_>) -> Result<MailboxId, SetError> {
    mailbox_id(id, cx.created).ok_or_else(no_parent)
}

fn role(name: Option<&str>) -> Result<Option<MailboxRole>, SetError> {
    let known = |name: &str| {
        role_named(name).ok_or_else(|| SetError::invalid_property("role", format!("there is no role {name}")))
    };
    name.map(known).transpose()
}

fn view(id: &IdRef, emails: &Emails<'_>, cx: &mut Context<'_>) -> Result<MailboxView, Failure> {
    let found = mailbox_id(id, cx.created).map(|id| emails.mailbox(id)).transpose();
    let found = found.map_err(|error| cx.failed(&error))?.flatten();
    found.ok_or_else(|| SetError::from(SetErrorKind::NotFound).into())
}

/// RFC 8620 §5.3: what only the server sets may be sent back as it is.
fn are_true(claims: &[Claim], is: &MailboxView) -> Result<(), Failure> {
    if claims.is_empty() {
        return Ok(());
    }
    let written = Raw::build(|slot| shown(is.clone()).write(MailboxProperty::ALL, slot)).parse();
    let Ok(Json::Object(current)) = written else {
        let description = "a Mailbox cannot be compared with what is said of it".into();
        return Err(MethodError::ServerFail { description }.into());
    };
    Ok(Claim::check(claims, &current)?)
}

pub(super) fn no_parent() -> SetError {
    SetError::invalid_property("parentId", "there is no such mailbox")
}

/// Whether it may succeed once something else has changed.
pub(super) const fn may_pass(why: &MailboxRefused) -> bool {
    matches!(
        why,
        MailboxRefused::NameTaken
            | MailboxRefused::RoleTaken
            | MailboxRefused::HasChild
            | MailboxRefused::Loop
            | MailboxRefused::TooMany
    )
}

/// Why a mailbox was not changed, as the client is told; the error when it is none of the client's.
pub(super) fn refusal(why: MailboxRefused) -> Result<SetError, MailError> {
    Ok(match why {
        MailboxRefused::NotFound => SetErrorKind::NotFound.into(),
        MailboxRefused::ParentNotFound => no_parent(),
        MailboxRefused::Loop => {
            SetError::invalid_property("parentId", "the parent is the mailbox itself or lies below it")
        }
        MailboxRefused::InvalidName(text) => SetError::invalid_property("name", text),
        MailboxRefused::NameTaken => SetError::invalid_property("name", "another mailbox has this name"),
        MailboxRefused::RoleTaken => SetError::invalid_property("role", "another mailbox has this role"),
        MailboxRefused::InvalidRole => {
            SetError::invalid_property("role", "this mailbox cannot have this role")
        }
        MailboxRefused::HasChild => SetErrorKind::MailboxHasChild.into(),
        MailboxRefused::HasEmail => SetErrorKind::MailboxHasEmail.into(),
        MailboxRefused::TooMany => SetErrorKind::OverQuota.into(),
        MailboxRefused::Forbidden => SetErrorKind::Forbidden.into(),
        MailboxRefused::Failed(error) => return Err(error),
    })
}

/// The mailbox that is to be changed.
pub(super) fn updated_mailbox(task: &Task<Mailboxes>, created: &CreatedIds) -> Option<MailboxId> {
    match task {
        Task::Update { id, .. } => mailbox_id(id, created),
        _ => None,
    }
}

/// The mailbox that has the name or the role somebody else wants; nothing when it was refused for something
/// else.
pub(super) fn taken_by(
    task: &Task<Mailboxes>,
    why: &MailboxRefused,
    emails: &Emails<'_>,
    cx: &mut Context<'_>,
) -> Result<Option<MailboxId>, MethodError> {
    let all = emails.mailboxes().map_err(|error| cx.failed(&error))?;
    let mut all = all.into_iter();
    let found = match why {
        MailboxRefused::NameTaken => {
            wanted_name(task, emails, cx).and_then(|name| all.find(|other| other.full_name == name))
        }
        MailboxRefused::RoleTaken => wanted_role(task).and_then(|role| all.find(|o| o.role == Some(role))),
        _ => None,
    };
    Ok(found.map(|other| other.id))
}

fn wanted_role(task: &Task<Mailboxes>) -> Option<MailboxRole> {
    let name = match task {
        Task::Update { update, .. } => update.role.clone().into_option().flatten(),
        _ => None,
    };
    name.and_then(|name| role_named(&name))
}

fn wanted_name(task: &Task<Mailboxes>, emails: &Emails<'_>, cx: &mut Context<'_>) -> Option<MailboxName> {
    let (parent, name) = match task {
        Task::Create { object, .. } => {
            let parent = object.parent_id.as_ref().and_then(|id| mailbox_id(id, cx.created));
            (parent, object.name.clone())
        }
        Task::Update { id, update } => {
            let is = emails.mailbox(mailbox_id(id, cx.created)?).ok().flatten()?;
            let parent = match &update.parent_id {
                Change::Keep => is.parent,
                Change::Set(id) => id.as_ref().and_then(|id| mailbox_id(id, cx.created)),
            };
            (parent, update.name.clone().into_option().unwrap_or(is.name))
        }
        Task::Destroy(_) => return None,
    };
    let full = match parent {
        None => name.into_string(),
        Some(parent) => format!("{}{SEPARATOR}{name}", emails.mailbox(parent).ok().flatten()?.full_name),
    };
    MailboxName::new(&full).ok()
}

/// RFC 8620 §5.3: what the client did not say itself, or what became of it.
pub(super) fn created(
    mailbox: MailboxId,
    given: &MailboxCreate,
    emails: &Emails<'_>,
    cx: &mut Context<'_>,
) -> Result<Raw, MethodError> {
    let view = emails.mailbox(mailbox).map_err(|error| cx.failed(&error))?;
    let Some(view) = view else {
        // It is gone already.
        let id = koi_proto::jmap::Id::from(mailbox);
        return Ok(Raw::build(|slot| slot.members(|object| object.put("id", &id))));
    };
    let is_told = |property: &MailboxProperty| match property {
        MailboxProperty::Name => view.name != given.name,
        MailboxProperty::ParentId => given.parent_id.is_none(),
        MailboxProperty::Role => given.role.is_none(),
        MailboxProperty::SortOrder => given.sort_order == 0,
        MailboxProperty::IsSubscribed => given.is_subscribed.is_none(),
        _ => true,
    };
    let told: Vec<MailboxProperty> = MailboxProperty::ALL.iter().copied().filter(is_told).collect();
    Ok(Raw::build(|slot| shown(view).write(&told, slot)))
}

/// RFC 8620 §5.3: what became otherwise than it was wanted.
pub(super) fn updated(
    mailbox: MailboxId,
    given: &mailbox::MailboxUpdate,
    emails: &Emails<'_>,
    cx: &mut Context<'_>,
) -> Result<Option<Raw>, MethodError> {
    let Change::Set(wanted) = &given.name else { return Ok(None) };
    let view = emails.mailbox(mailbox).map_err(|error| cx.failed(&error))?;
    let name = view.map(|view| view.name).filter(|name| name != wanted);
    Ok(name.map(|name| Raw::build(|slot| slot.members(|object| object.put("name", &name)))))
}
