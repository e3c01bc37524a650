//! /set (RFC 8620 §5.3). The objects are read one by one, so that a wrong one refuses only itself.

use super::{Extra, Object, Table};
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::error::MethodError;
use crate::jmap::form::{Form, Wrongs};
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Json, Members, Raw, Slot, ToJson};
use crate::jmap::patch::Patch;
use crate::jmap::set_error::SetError;

/// An object that is created and changed by /set.
pub trait Settable: Object {
    /// What a client says of an object to be created.
    type Create: std::fmt::Debug;
    /// What a client wants to be different.
    type Update: std::fmt::Debug;
    type SetExtra: Extra;
    /// `None` where something is wrong that was said to the form.
    fn create(form: &mut Form<'_>) -> Option<Self::Create>;
    /// # Errors
    /// See [`Patch::finish`].
    fn update(patch: Patch) -> Result<Self::Update, SetError>;
}

/// Arguments of a /set.
#[derive(Debug)]
pub struct SetArguments<O: Settable> {
    pub account_id: Id,
    pub if_in_state: Option<Box<str>>,
    pub objects: SetObjects<O>,
    pub extra: O::SetExtra,
}

/// What is to be done, in the order of the request.
#[derive(Debug)]
pub struct SetObjects<O: Settable> {
    pub create: Vec<Create<O::Create>>,
    pub update: Vec<Update<O::Update>>,
    pub destroy: Vec<IdRef>,
}

/// An object to be created, or what is wrong with it.
#[derive(Clone, PartialEq, Debug)]
pub struct Create<T> {
    pub creation_id: Id,
    pub object: Result<T, SetError>,
}

/// An object to be changed, or what is wrong with the change.
#[derive(Clone, PartialEq, Debug)]
pub struct Update<T> {
    pub id: IdRef,
    pub change: Result<T, SetError>,
}

impl<O: Settable> SetArguments<O> {
    /// # Errors
    /// `invalidArguments`; `requestTooLarge`, before any object is read.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        let if_in_state = arguments.optional("ifInState")?;
        let objects = SetObjects::take(&mut arguments, reading)?;
        let extra = O::SetExtra::take(&mut arguments, reading)?;
        arguments.finish()?;
        Ok(Self { account_id, if_in_state, objects, extra })
    }
}

impl<O: Settable> SetObjects<O> {
    /// For types that belong to no account (RFC 8620 §7.2.2) too.
    ///
    /// # Errors
    /// `invalidArguments`; `requestTooLarge`, before any object is read.
    pub fn take(arguments: &mut Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let create = arguments.map("create")?;
        let update = arguments.map("update")?;
        let destroy: Vec<IdRef> = arguments.optional("destroy")?.unwrap_or_default();
        if !reading.limits.may_set(create.len() + update.len() + destroy.len()) {
            return Err(MethodError::RequestTooLarge);
        }
        let create = creations(create, "create", |object| created::<O>(object))?;
        let update = updates(update, "update", O::update)?;
        Ok(Self { create, update, destroy })
    }
}

fn created<O: Settable>(object: Members) -> Result<O::Create, SetError> {
    filled(object, O::create)
}

/// Reads one object to the last property.
pub(crate) fn filled<T>(object: Members, read: impl Fn(&mut Form<'_>) -> Option<T>) -> Result<T, SetError> {
    let mut wrongs = Wrongs::default();
    let mut form = Form::new(object, &mut wrongs);
    let value = read(&mut form);
    form.finish();
    wrongs.or(value)
}

/// A map of creation ids to objects: that it is one is checked as a whole, the objects one by one.
pub(crate) fn creations<T>(
    given: Members,
    name: &str,
    read: impl Fn(Members) -> Result<T, SetError>,
) -> Result<Vec<Create<T>>, MethodError> {
    let creation = |member: crate::jmap::json::Member| {
        let key = &member.name;
        let wrong = |what| MethodError::invalid(format!("{name}/{key} must be {what}"));
        let creation_id = Id::parse(key).ok_or_else(|| wrong("a creation id"))?;
        match member.value {
            Json::Object(object) => Ok(Create { creation_id, object: read(object) }),
            _ => Err(wrong("an object")),
        }
    };
    given.into_iter().map(creation).collect()
}

/// A map of ids to PatchObjects.
pub(crate) fn updates<T>(
    given: Members,
    name: &str,
    read: impl Fn(Patch) -> Result<T, SetError>,
) -> Result<Vec<Update<T>>, MethodError> {
    let update = |member: crate::jmap::json::Member| {
        let id = IdRef::parse(&member.name);
        let id = id.ok_or_else(|| MethodError::invalid(format!("{name}/{} must be an Id", member.name)))?;
        Ok(Update { id, change: Patch::read(member.value).and_then(&read) })
    };
    given.into_iter().map(update).collect()
}

/// What became of the objects.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// By creation id: an object of what the client did not say itself.
    pub created: Table<Raw>,
    /// By id: an object of what changed otherwise than asked for, or null.
    pub updated: Table<Option<Raw>>,
    pub destroyed: Vec<Id>,
    pub not_created: Table<SetError>,
    /// By id as the client wrote it.
    pub not_updated: Table<SetError>,
    pub not_destroyed: Table<SetError>,
}

/// Response of a /set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetResponse {
    /// `None` for types that belong to no account (RFC 8620 §7.2.2), which have no states either.
    pub account_id: Option<Id>,
    /// `None`: it is not known.
    pub old_state: Option<Box<str>>,
    pub new_state: Option<Box<str>>,
    pub outcome: Outcome,
}

impl ToJson for SetResponse {
    fn write(&self, slot: Slot<'_>) {
        let Outcome { created, updated, destroyed, not_created, not_updated, not_destroyed } = &self.outcome;
        slot.members(|object| {
            if let Some(account_id) = &self.account_id {
                object.put("accountId", account_id);
                object.put("oldState", &self.old_state);
                object.put("newState", &self.new_state);
            }
            object.put("created", created);
            object.put("updated", updated);
            object.put("destroyed", &(!destroyed.is_empty()).then_some(destroyed));
            object.put("notCreated", not_created);
            object.put("notUpdated", not_updated);
            object.put("notDestroyed", not_destroyed);
        });
    }
}
