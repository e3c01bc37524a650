//! /changes (RFC 8620 §5.2).

use std::num::NonZeroU64;

use crate::jmap::arguments::Arguments;
use crate::jmap::error::MethodError;
use crate::jmap::id::Id;
use crate::jmap::json::{Items, Slot, ToJson};

/// Arguments of a /changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangesArguments {
    pub account_id: Id,
    pub since_state: Box<str>,
    pub max_changes: Option<NonZeroU64>,
}

impl ChangesArguments {
    /// # Errors
    /// `invalidArguments`.
    pub fn read(mut arguments: Arguments) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        let since_state = arguments.required("sinceState")?;
        let max_changes = match arguments.optional::<u64>("maxChanges")? {
            None => None,
            Some(most) => {
                let most = NonZeroU64::new(most);
                Some(most.ok_or_else(|| MethodError::invalid("maxChanges must be greater than 0"))?)
            }
        };
        arguments.finish()?;
        Ok(Self { account_id, since_state, max_changes })
    }
}

/// Response of a /changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangesResponse {
    pub account_id: Id,
    pub old_state: Box<str>,
    pub new_state: Box<str>,
    pub has_more_changes: bool,
    pub created: Items,
    pub updated: Items,
    pub destroyed: Items,
    /// Only of types that have it (RFC 8621 §2.2, RFC 9425 §4.3); `Some(None)` is null: all of them.
    pub updated_properties: Option<Option<Vec<&'static str>>>,
}

impl ToJson for ChangesResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("accountId", &self.account_id);
            object.put("oldState", &self.old_state);
            object.put("newState", &self.new_state);
            object.put("hasMoreChanges", &self.has_more_changes);
            object.put("created", &self.created);
            object.put("updated", &self.updated);
            object.put("destroyed", &self.destroyed);
            object.put_some("updatedProperties", self.updated_properties.as_ref());
        });
    }
}
