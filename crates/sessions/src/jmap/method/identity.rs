//! Identity/get, Identity/changes and Identity/set (RFC 8621 §6).

use std::collections::BTreeSet;

use koi_mailbox::Account;
use koi_mailbox::emails::{
    DataType, IdentityChange, IdentityChanged, IdentityRecord, IdentityUpdate, IdentityView, NamedAddress,
    SetOutcome, SettingRefused, State,
};
use koi_proto::jmap::object::address::EmailAddress;
use koi_proto::jmap::object::identity::{
    Identities, Identity, IdentityCreate, IdentityProperty, IdentityUpdate as Updating,
};
use koi_proto::jmap::standard::{
    Create, GetArguments, Outcome, SetArguments, SetObjects, SetResponse, Update,
};
use koi_proto::jmap::{Arguments, Change, Id, IdRef, MethodError, Raw, SetError, SetErrorKind};
use koi_types::{Address, ObjectId};

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
    let Asked { changes, subjects, mut outcome } = asked;
    let pending = account.set_identities(expected, changes);
    Ok(written(pending, move |written, cx| {
        let (old_state, new_state, results) = match written.map_err(|error| cx.failed(&error))? {
            SetOutcome::StateMismatch => return Err(MethodError::StateMismatch),
            SetOutcome::Done { old_state, new_state, results } => (old_state, new_state, results),
        };
        for (subject, result) in subjects.into_iter().zip(results) {
            tell(subject, result, &mut outcome, cx)?;
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
    subjects: Vec<Subject>,
    outcome: Outcome,
}

/// What a change is about.
enum Subject {
    Create { creation_id: Id, object: IdentityCreate },
    Update { id: IdRef, identity: ObjectId },
    Destroy { id: IdRef, identity: ObjectId },
}

impl Asked {
    fn gather(
        &mut self,
        objects: SetObjects<Identities>,
        account: &Account,
        cx: &mut Context<'_>,
    ) -> Result<(), MethodError> {
        for Create { creation_id, object } in objects.create {
            match object.and_then(creation) {
                Ok(Creation { object, record }) => {
                    self.push(IdentityChange::Create(record), Subject::Create { creation_id, object });
                }
                Err(why) => self.outcome.not_created.put(&creation_id, why),
            }
        }
        let known = account.snapshot().and_then(|snapshot| snapshot.identities());
        let known = known.map_err(|error| cx.failed(&error))?;
        let mut destroyed: BTreeSet<IdRef> = objects.destroy.iter().cloned().collect();
        for Update { id, change } in objects.update {
            let change = match destroyed.contains(&id) {
                true => Err(SetErrorKind::WillDestroy.into()),
                false => change.and_then(|update| checked(&id, update, &known, cx)),
            };
            match change {
                Ok(change) => {
                    let identity = change.identity;
                    let update = IdentityChange::Update { identity, update: change.update };
                    self.push(update, Subject::Update { id, identity });
                }
                Err(why) => self.outcome.not_updated.put(&id, why),
            }
        }
        for id in objects.destroy {
            if !destroyed.remove(&id) {
                continue;
            }
            match few::object_id(&id, cx) {
                Ok(identity) => {
                    self.push(IdentityChange::Destroy(identity), Subject::Destroy { id, identity });
                }
                Err(why) => self.outcome.not_destroyed.put(&id, why),
            }
        }
        Ok(())
    }
    fn push(&mut self, change: IdentityChange, subject: Subject) {
        self.changes.push(change);
        self.subjects.push(subject);
    }
}

struct Creation {
    object: IdentityCreate,
    record: IdentityRecord,
}

fn creation(object: IdentityCreate) -> Result<Creation, SetError> {
    if Address::from_path(&object.email).is_none() {
        return Err(SetError::invalid_property("email", "email must be an address"));
    }
    let IdentityCreate { name, email, reply_to, bcc, text_signature, html_signature } = object.clone();
    let (reply_to, bcc) = (reply_to.map(stored), bcc.map(stored));
    Ok(Creation {
        object,
        record: IdentityRecord { name, email, reply_to, bcc, text_signature, html_signature },
    })
}

/// An update of an identity that is known by its number.
struct Checked {
    identity: ObjectId,
    update: IdentityUpdate,
}

fn checked(
    id: &IdRef,
    update: Updating,
    known: &[IdentityView],
    cx: &Context<'_>,
) -> Result<Checked, SetError> {
    let identity = few::object_id(id, cx)?;
    let Updating { name, reply_to, bcc, text_signature, html_signature, claims } = update;
    let view = known.iter().find(|view| view.id == identity).cloned();
    let view = view.ok_or_else(|| SetError::from(SetErrorKind::NotFound))?;
    few::check_claims(&claims, |slot| shown(view).write(IdentityProperty::ALL, slot))?;
    let list = |change: Change<Option<Vec<EmailAddress>>>| change.into_option().map(|list| list.map(stored));
    let update = IdentityUpdate {
        name: name.into_option(),
        reply_to: list(reply_to),
        bcc: list(bcc),
        text_signature: text_signature.into_option(),
        html_signature: html_signature.into_option(),
    };
    Ok(Checked { identity, update })
}

fn tell(
    subject: Subject,
    result: Result<IdentityChanged, SettingRefused>,
    outcome: &mut Outcome,
    cx: &mut Context<'_>,
) -> Result<(), MethodError> {
    match (subject, result) {
        (Subject::Create { creation_id, object }, Ok(IdentityChanged::Created(identity))) => {
            let id = Id::from(identity);
            cx.created.insert(creation_id.clone(), id.clone());
            outcome.created.put(&creation_id, created(id, object));
        }
        (Subject::Update { identity, .. }, Ok(_)) => outcome.updated.put(&identity, None),
        (Subject::Destroy { identity, .. }, Ok(_)) => outcome.destroyed.push(identity.into()),
        (Subject::Create { .. }, Ok(_)) => {
            return Err(MethodError::ServerFail { description: "an answer to another change".into() });
        }
        (subject, Err(refused)) => {
            let why = refusal(refused).map_err(|error| cx.failed(&error))?;
            match subject {
                Subject::Create { creation_id, .. } => outcome.not_created.put(&creation_id, why),
                Subject::Update { id, .. } => outcome.not_updated.put(&id, why),
                Subject::Destroy { id, .. } => outcome.not_destroyed.put(&id, why),
            }
        }
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
