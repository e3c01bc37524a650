//! Identity/get, Identity/changes and Identity/set (RFC 8621 §6).

use koi_mailbox::Account;
use koi_mailbox::emails::{
    DataType, IdentityChange, IdentityChanged, IdentityRecord, IdentityUpdate, IdentityView, NamedAddress,
    SetOutcome, SettingRefused, State,
};
use koi_proto::jmap::object::address::EmailAddress;
use koi_proto::jmap::object::identity::{
    Identities, Identity, IdentityCreate, IdentityProperty, IdentityUpdate as Updating,
};
use koi_proto::jmap::standard::{GetArguments, Outcome, SetArguments, SetObjects, SetResponse};
use koi_proto::jmap::{Arguments, Change, Id, MethodError, Raw, SetError, SetErrorKind};
use koi_types::{Address, ObjectId};

use super::email_write::mixed_up;
use super::writing::{Task, tasks};
use crate::jmap::call::{Started, at_once, written};
use crate::jmap::context::Context;
use crate::jmap::few::{self, One};

pub(super) fn get(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let GetArguments { account_id, selection } = GetArguments::<Identities>::read(arguments, &cx.reading())?;
    let account = cx.personal(&account_id)?;
    at_once(move |cx| {
        let read = account
            .snapshot()
            .and_then(|snapshot| Ok((snapshot.state(DataType::Identity), snapshot.identities()?)));
        let (state, views) = read.map_err(|error| cx.failed(&error))?;
        let all: Vec<_> =
            views.into_iter().map(|view| One { id: view.id.into(), object: shown(view) }).collect();
        few::get(cx, &account_id, &state.to_string(), &selection, &all, Identity::write)
    })
}

pub(super) fn changes(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    few::changes(arguments, cx, |snapshot, since, max| snapshot.identity_changes(since, max))
}

pub(super) fn set(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let SetArguments { account_id, if_in_state, objects, extra: () } =
        SetArguments::<Identities>::read(arguments, &cx.reading())?;
    let account = cx.personal(&account_id)?;
    let expected =
        if_in_state.map(|text| State::parse(&text).ok_or(MethodError::StateMismatch)).transpose()?;
    let mut asked = Asked::default();
    asked.gather(objects, &account, cx)?;
    let Asked { changes, tasks, mut outcome } = asked;
    let pending = account.set_identities(expected, changes);
    Ok(written(pending, move |written, cx| {
        let (old_state, new_state, results) = match written.map_err(|error| cx.failed(&error))? {
            SetOutcome::StateMismatch => return Err(MethodError::StateMismatch),
            SetOutcome::Done { old_state, new_state, results } => (old_state, new_state, results),
        };
        for (task, result) in tasks.into_iter().zip(results) {
            tell(task, result, &mut outcome, cx)?;
        }
        cx.respond(&SetResponse {
            account_id: Some(account_id),
            old_state: old_state.map(|state| state.to_string().into()),
            new_state: Some(new_state.to_string().into()),
            outcome,
        });
        Ok(())
    }))
}

/// What is asked for, and what of it is refused already.
#[derive(Default)]
struct Asked {
    changes: Vec<IdentityChange>,
    /// What these are about.
    tasks: Vec<Task<Identities>>,
    outcome: Outcome,
}

impl Asked {
    fn gather(
        &mut self,
        objects: SetObjects<Identities>,
        account: &Account,
        cx: &mut Context<'_>,
    ) -> Result<(), MethodError> {
        let known = account.snapshot().and_then(|snapshot| snapshot.identities());
        let known = known.map_err(|error| cx.failed(&error))?;
        for task in tasks(objects, &mut self.outcome) {
            match change(&task, &known, cx) {
                Ok(change) => {
                    self.changes.push(change);
                    self.tasks.push(task);
                }
                Err(why) => task.refuse(why, &mut self.outcome),
            }
        }
        Ok(())
    }
}

/// What the service is to do.
fn change(
    task: &Task<Identities>,
    known: &[IdentityView],
    cx: &Context<'_>,
) -> Result<IdentityChange, SetError> {
    Ok(match task {
        Task::Create { object, .. } => IdentityChange::Create(record(object.clone())?),
        Task::Update { id, update } => {
            let identity = few::object_id(id, cx)?;
            IdentityChange::Update { identity, update: updating(update.clone(), identity, known)? }
        }
        Task::Destroy(id) => IdentityChange::Destroy(few::object_id(id, cx)?),
    })
}

fn record(object: IdentityCreate) -> Result<IdentityRecord, SetError> {
    if Address::from_path(&object.email).is_none() {
        return Err(SetError::invalid_property("email", "email must be an address"));
    }
    let IdentityCreate { name, email, reply_to, bcc, text_signature, html_signature } = object;
    let (reply_to, bcc) = (reply_to.map(stored), bcc.map(stored));
    Ok(IdentityRecord { name, email, reply_to, bcc, text_signature, html_signature })
}

fn updating(
    update: Updating,
    identity: ObjectId,
    known: &[IdentityView],
) -> Result<IdentityUpdate, SetError> {
    let Updating { name, reply_to, bcc, text_signature, html_signature, claims } = update;
    let view = known.iter().find(|view| view.id == identity).cloned();
    let view = view.ok_or_else(|| SetError::from(SetErrorKind::NotFound))?;
    few::check_claims(&claims, |slot| shown(view).write(IdentityProperty::ALL, slot))?;
    let list = |change: Change<Option<Vec<EmailAddress>>>| change.into_option().map(|list| list.map(stored));
    Ok(IdentityUpdate {
        name: name.into_option(),
        reply_to: list(reply_to),
        bcc: list(bcc),
        text_signature: text_signature.into_option(),
        html_signature: html_signature.into_option(),
    })
}

fn tell(
    task: Task<Identities>,
    result: Result<IdentityChanged, SettingRefused>,
    outcome: &mut Outcome,
    cx: &mut Context<'_>,
) -> Result<(), MethodError> {
    let changed = match result {
        Ok(changed) => changed,
        Err(refused) => {
            task.refuse(refusal(refused).map_err(|error| cx.failed(&error))?, outcome);
            return Ok(());
        }
    };
    match (task, changed) {
        (Task::Create { creation_id, object }, IdentityChanged::Created(identity)) => {
            let id = Id::from(identity);
            cx.created.insert(creation_id.clone(), id.clone());
            outcome.created.put(&creation_id, created(id, object));
        }
        (Task::Create { .. }, _) => return Err(mixed_up()),
        (Task::Update { id, .. }, _) => {
            cx.created.resolve(&id).into_iter().for_each(|id| outcome.updated.put(id, None));
        }
        (Task::Destroy(id), _) => outcome.destroyed.extend(cx.created.resolve(&id).cloned()),
    }
    Ok(())
}

/// Why a setting was not changed, in JMAP's words.
pub(super) fn refusal(refused: SettingRefused) -> koi_types::Result<SetError> {
    Ok(match refused {
        SettingRefused::NotFound => SetErrorKind::NotFound.into(),
        SettingRefused::ForbiddenFrom => SetErrorKind::ForbiddenFrom.into(),
        SettingRefused::Forbidden => SetErrorKind::Forbidden.into(),
        SettingRefused::TooMany => SetErrorKind::OverQuota.into(),
        SettingRefused::TooLong(property) => {
            SetError::invalid_property(property, format!("{property} is too long"))
        }
        SettingRefused::Failed(error) => return Err(error),
    })
}

/// What the client did not say itself: what the server sets, and every default (RFC 8620 §5.3).
fn created(id: Id, object: IdentityCreate) -> Raw {
    let default = |property: &IdentityProperty| match property {
        IdentityProperty::Id | IdentityProperty::MayDelete => true,
        IdentityProperty::Email => false,
        IdentityProperty::Name => object.name.is_empty(),
        IdentityProperty::ReplyTo => object.reply_to.is_none(),
        IdentityProperty::Bcc => object.bcc.is_none(),
        IdentityProperty::TextSignature => object.text_signature.is_empty(),
        IdentityProperty::HtmlSignature => object.html_signature.is_empty(),
    };
    let properties: Vec<_> = IdentityProperty::ALL.iter().copied().filter(default).collect();
    let IdentityCreate { name, email, reply_to, bcc, text_signature, html_signature } = object;
    let identity =
        Identity { id, name, email, reply_to, bcc, text_signature, html_signature, may_delete: true };
    Raw::build(|slot| identity.write(&properties, slot))
}

fn shown(view: IdentityView) -> Identity {
    let list = |list: Option<Vec<NamedAddress>>| {
        let address = |address: NamedAddress| EmailAddress { name: address.name, email: address.email };
        list.map(|list| list.into_iter().map(address).collect())
    };
    let IdentityRecord { name, email, reply_to, bcc, text_signature, html_signature } = view.identity;
    Identity {
        id: view.id.into(),
        name,
        email,
        reply_to: list(reply_to),
        bcc: list(bcc),
        text_signature,
        html_signature,
        may_delete: view.may_delete,
    }
}

fn stored(list: Vec<EmailAddress>) -> Vec<NamedAddress> {
    list.into_iter().map(|address| NamedAddress { name: address.name, email: address.email }).collect()
}
