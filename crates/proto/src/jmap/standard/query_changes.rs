//! /queryChanges (RFC 8620 §5.6).

use super::Extra;
use super::filter::Filter;
use super::query::Queried;
use super::sort::{self, Comparator};
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::error::MethodError;
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Slot, ToJson};

/// Arguments of a /queryChanges.
#[derive(Debug)]
pub struct QueryChangesArguments<O: Queried> {
    pub account_id: Id,
    pub filter: Option<Filter<O::Condition>>,
    pub sort: Vec<Comparator<O::SortKey>>,
    pub since_query_state: Box<str>,
    pub max_changes: Option<u64>,
    pub up_to_id: Option<Id>,
    pub calculate_total: bool,
    pub extra: O::QueryChangesExtra,
}

impl<O: Queried> QueryChangesArguments<O> {
    /// # Errors
    /// `invalidArguments`, `unsupportedFilter`, `unsupportedSort`.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        let filter = arguments.take("filter").map(|value| Filter::read(value, reading)).transpose()?;
        let sort = sort::read(&mut arguments)?;
        let since_query_state = arguments.required("sinceQueryState")?;
        let max_changes = arguments.optional("maxChanges")?;
        let up_to_id: Option<IdRef> = arguments.optional("upToId")?;
        let calculate_total = arguments.or("calculateTotal", false)?;
        let extra = O::QueryChangesExtra::take(&mut arguments, reading)?;
        arguments.finish()?;
        // One that is not in the results omits nothing.
        let up_to_id = up_to_id.and_then(|id| reading.created_ids.resolve(&id).cloned());
        Ok(Self {
            account_id,
            filter,
            sort,
            since_query_state,
            max_changes,
            up_to_id,
            calculate_total,
            extra,
        })
    }
}

/// Response of a /queryChanges.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryChangesResponse {
    pub account_id: Id,
    pub old_query_state: Box<str>,
    pub new_query_state: Box<str>,
    /// Only if it was asked for.
    pub total: Option<u64>,
    pub removed: Vec<Id>,
    /// In the order of the index.
    pub added: Vec<Added>,
}

/// An AddedItem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Added {
    pub id: Id,
    pub index: u64,
}

impl ToJson for Added {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("id", &self.id);
            object.put("index", &self.index);
        });
    }
}

impl ToJson for QueryChangesResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("accountId", &self.account_id);
            object.put("oldQueryState", &self.old_query_state);
            object.put("newQueryState", &self.new_query_state);
            object.put_some("total", self.total.as_ref());
            object.put("removed", &self.removed);
            object.put("added", &self.added);
        });
    }
}
