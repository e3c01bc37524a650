//! PushSubscription/get and /set (RFC 8620 §7.2). They belong to no account, and to the credential they were
//! made with.

use koi_mailbox::push::{
    NewPushSubscription, PushKeys, PushRefused, PushSubscriptionChange, PushSubscriptionChanged,
    PushSubscriptionUpdate, PushSubscriptionView,
};
use koi_proto::jmap::json::ObjectWriter;
use koi_proto::jmap::object::push_subscription::{
    PushSubscription, PushSubscriptionCreate, PushSubscriptionUpdate as AskedUpdate, PushSubscriptions,
    read_get, read_set,
};
use koi_proto::jmap::standard::{GetResponse, Outcome, SetObjects, SetResponse};
use koi_proto::jmap::{
    Arguments, Change, Claim, Id, IdRef, Items, Json, Members, MethodError, Raw, SetError, SetErrorKind,
    UtcDate,
};
use koi_types::PushId;

use super::writing::{Task, tasks};
use crate::jmap::call::{Started, at_once, written};
use crate::jmap::context::Context;

pub(super) fn get(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let selection = read_get(arguments, &cx.reading())?;
    at_once(move |cx| {
        let mut all = own(cx)?;
        let mut not_found = Vec::new();
        if let Some(ids) = selection.ids {
            not_found = ids.unresolved;
            let there = |id: &Id| all.iter().find(|one| one.id.as_str() == id.as_str()).cloned();
            let mut found = Vec::new();
            for id in ids.known {
                match there(&id) {
                    Some(one) => found.push(one),
                    None => not_found.push(IdRef::Id(id)),
                }
            }
            all = found;
        }
        let mut list = Items::default();
        for one in all.into_iter().filter_map(shown) {
            list.push(|slot| one.write(&selection.properties, slot));
        }
        cx.respond(&GetResponse { account_id: None, state: None, list, not_found });
        Ok(())
    })
}

fn own(cx: &mut Context<'_>) -> Result<Vec<PushSubscriptionView>, MethodError> {
    let credential = cx.login.app_password.clone();
    let all = cx.own()?.push_subscriptions(credential.as_deref());
    all.map_err(|error| cx.failed(&error))
}

fn shown(view: PushSubscriptionView) -> Option<PushSubscription> {
    Some(PushSubscription {
        id: Id::parse(view.id.as_str())?,
        device_client_id: view.device_client_id,
        verification_code: view.verification_code,
        expires: Some(UtcDate(view.expires)),
        types: view.types,
    })
}

/// Everything asked for, and what can be said of it already.
#[derive(Default)]
struct Plan {
    changes: Vec<PushSubscriptionChange>,
    /// What these are about.
    tasks: Vec<Task<PushSubscriptions>>,
    outcome: Outcome,
}

pub(super) fn set(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let objects = read_set(arguments, &cx.reading())?;
    let there = own(cx)?;
    let Plan { changes, tasks, mut outcome } = plan(objects, &there, cx);
    let account = cx.own()?;
    let pending = account.set_push_subscriptions(cx.login.app_password.as_deref(), changes);
    Ok(written(pending, move |results, cx| {
        let results = results.map_err(|error| cx.failed(&error))?;
        for (task, result) in tasks.into_iter().zip(results) {
            tell(task, result, &mut outcome, cx);
        }
        cx.respond(&SetResponse { account_id: None, old_state: None, new_state: None, outcome });
        Ok(())
    }))
}

fn plan(objects: SetObjects<PushSubscriptions>, there: &[PushSubscriptionView], cx: &Context<'_>) -> Plan {
    let mut plan = Plan::default();
    for task in tasks(objects, &mut plan.outcome) {
        match change(&task, there, cx) {
            Ok(change) => {
                plan.changes.push(change);
                plan.tasks.push(task);
            }
            Err(why) => task.refuse(why, &mut plan.outcome),
        }
    }
    plan
}

fn change(
    task: &Task<PushSubscriptions>,
    there: &[PushSubscriptionView],
    cx: &Context<'_>,
) -> Result<PushSubscriptionChange, SetError> {
    let known = |id: &IdRef| id_of(id, cx).ok_or(SetErrorKind::NotFound);
    Ok(match task {
        Task::Create { object, .. } => PushSubscriptionChange::Create(new(object.clone())),
        Task::Update { id, update } => {
            let id = known(id)?;
            let update = checked(update.clone(), &id, there)?;
            PushSubscriptionChange::Update { id, update }
        }
        Task::Destroy(id) => PushSubscriptionChange::Destroy(known(id)?),
    })
}

fn new(object: PushSubscriptionCreate) -> NewPushSubscription {
    NewPushSubscription {
        device_client_id: object.device_client_id,
        url: object.url,
        keys: object.keys.map(|keys| PushKeys { p256dh: keys.p256dh, auth: keys.auth }),
        expires: object.expires.map(|expires| expires.0),
        types: object.types,
    }
}

/// The id of one there may be; it has no letters in upper case.
fn id_of(id: &IdRef, cx: &Context<'_>) -> Option<PushId> {
    let text = cx.created.resolve(id)?.as_str();
    PushId::new(text).filter(|id| id.as_str() == text)
}

fn checked(
    update: AskedUpdate,
    id: &PushId,
    there: &[PushSubscriptionView],
) -> Result<PushSubscriptionUpdate, SetError> {
    let view = there.iter().find(|one| one.id == *id).ok_or(SetErrorKind::NotFound)?;
    if !update.claims.is_empty() {
        let current = whole(view);
        Claim::check(&update.claims, &current)?;
    }
    Ok(PushSubscriptionUpdate {
        verification_code: update.verification_code.into_option(),
        expires: update.expires.into_option().map(|expires| expires.map(|expires| expires.0)),
        types: Change::into_option(update.types),
    })
}

/// What cannot be changed, with what is never shown: a client may say it again, as it is.
fn whole(view: &PushSubscriptionView) -> Members {
    let raw = Raw::build(|slot| {
        slot.members(|object| {
            object.put("id", view.id.as_str());
            object.put("deviceClientId", &view.device_client_id);
            object.put("url", &view.url);
            let keys = object.member("keys");
            if let Some(PushKeys { p256dh, auth }) = &view.keys {
                keys.members(|object| {
                    object.put("p256dh", p256dh);
                    object.put("auth", auth);
                });
            }
        });
    });
    match raw.parse() {
        Ok(Json::Object(members)) => members,
        _ => Members::default(),
    }
}

fn tell(
    task: Task<PushSubscriptions>,
    result: Result<PushSubscriptionChanged, PushRefused>,
    outcome: &mut Outcome,
    cx: &mut Context<'_>,
) {
    let changed = match result {
        Ok(changed) => changed,
        Err(refused) => return task.refuse(set_error(refused), outcome),
    };
    match (task, changed) {
        (Task::Create { creation_id, object: given }, PushSubscriptionChanged::Created { id, expires }) => {
            let Some(id) = Id::parse(id.as_str()) else { return };
            let made = object(|object| {
                object.put("id", &id);
                if given.keys.is_none() {
                    object.member("keys").null();
                }
                object.member("verificationCode").null();
                object.put("expires", &UtcDate(expires));
                if given.types.is_none() {
                    object.member("types").null();
                }
            });
            outcome.created.put(&creation_id, made);
            cx.created.insert(creation_id, id);
        }
        (Task::Update { id, .. }, PushSubscriptionChanged::Updated { expires }) => {
            let other = expires.map(|expires| object(|object| object.put("expires", &UtcDate(expires))));
            outcome.updated.put(&known(id, cx), other);
        }
        (Task::Destroy(id), _) => outcome.destroyed.extend(cx.created.resolve(&id).cloned()),
        (Task::Create { .. } | Task::Update { .. }, _) => {}
    }
}

fn object(write: impl FnOnce(&mut ObjectWriter<'_>)) -> Raw {
    Raw::build(|slot| slot.members(write))
}

/// The id behind a creation id.
fn known(id: IdRef, cx: &Context<'_>) -> IdRef {
    cx.created.resolve(&id).cloned().map_or(id, IdRef::Id)
}

fn set_error(refused: PushRefused) -> SetError {
    match refused {
        PushRefused::NotFound => SetErrorKind::NotFound.into(),
        PushRefused::Invalid { property, why } => SetError::invalid_property(property, why),
        PushRefused::Full(text) => SetError::described(SetErrorKind::OverQuota, text),
        PushRefused::TooMany(text) => SetError::described(SetErrorKind::RateLimit, text),
        PushRefused::NotOffered => SetError::described(SetErrorKind::Forbidden, "this server does not push"),
        // The whole call fails of these.
        PushRefused::Failed(error) => SetError::described(SetErrorKind::Forbidden, error.text),
    }
}
