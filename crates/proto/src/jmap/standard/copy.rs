//! /copy (RFC 8620 §5.4).

use super::Table;
use super::set::{Create, creations, filled};
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::error::MethodError;
use crate::jmap::form::Form;
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Json, Raw, Slot, ToJson};
use crate::jmap::set_error::SetError;

/// Arguments of a /copy; `T` is what may be different in the copy.
#[derive(Clone, PartialEq, Debug)]
pub struct CopyArguments<T> {
    pub from_account_id: Id,
    pub if_from_in_state: Option<Box<str>>,
    /// Another account than `from_account_id`.
    pub account_id: Id,
    pub if_in_state: Option<Box<str>>,
    pub create: Vec<Create<Copied<T>>>,
    pub on_success_destroy_original: bool,
    pub destroy_from_if_in_state: Option<Box<str>>,
}

/// An object to be copied.
#[derive(Clone, PartialEq, Debug)]
pub struct Copied<T> {
    /// In the account that is copied from.
    pub id: IdRef,
    pub change: T,
}

impl<T> CopyArguments<T> {
    /// `read` reads the properties that may be set in the copy.
    ///
    /// # Errors
    /// `invalidArguments`; `requestTooLarge`, before any object is read.
    pub fn read(
        mut arguments: Arguments,
        reading: &Reading<'_>,
        read: impl Fn(&mut Form<'_>) -> Option<T>,
    ) -> Result<Self, MethodError> {
        let from_account_id = arguments.required("fromAccountId")?;
        let if_from_in_state = arguments.optional("ifFromInState")?;
        let account_id = arguments.account_id()?;
        if account_id == from_account_id {
            return Err(MethodError::invalid("accountId must be different to fromAccountId"));
        }
        let if_in_state = arguments.optional("ifInState")?;
        let Json::Object(create) = arguments.required("create")? else {
            return Err(MethodError::invalid("create must be an object"));
        };
        let on_success_destroy_original = arguments.or("onSuccessDestroyOriginal", false)?;
        let destroy_from_if_in_state = arguments.optional("destroyFromIfInState")?;
        arguments.finish()?;
        if !reading.limits.may_set(create.len()) {
            return Err(MethodError::RequestTooLarge);
        }
        let item = |object| {
            filled(object, |form| {
                let id = form.required("id");
                let change = read(form);
                Some(Copied { id: id?, change: change? })
            })
        };
        let create = creations(create, "create", item)?;
        Ok(Self {
            from_account_id,
            if_from_in_state,
            account_id,
            if_in_state,
            create,
            on_success_destroy_original,
            destroy_from_if_in_state,
        })
    }
}

/// Response of a /copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CopyResponse {
    pub from_account_id: Id,
    pub account_id: Id,
    pub old_state: Option<Box<str>>,
    pub new_state: Box<str>,
    pub created: Table<Raw>,
    pub not_created: Table<SetError>,
}

impl ToJson for CopyResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("fromAccountId", &self.from_account_id);
            object.put("accountId", &self.account_id);
            object.put("oldState", &self.old_state);
            object.put("newState", &self.new_state);
            object.put("created", &self.created);
            object.put("notCreated", &self.not_created);
        });
    }
}
