//! /query (RFC 8620 §5.5).

use super::filter::{Condition, Filter};
use super::sort::{self, Comparator, SortKey};
use super::{Extra, Object};
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::error::MethodError;
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Items, Slot, ToJson};

/// A type that can be queried.
pub trait Queried: Object {
    type Condition: Condition;
    type SortKey: SortKey;
    type QueryExtra: Extra;
    type QueryChangesExtra: Extra;
}

/// Arguments of a /query.
#[derive(Debug)]
pub struct QueryArguments<O: Queried> {
    pub account_id: Id,
    pub filter: Option<Filter<O::Condition>>,
    pub sort: Vec<Comparator<O::SortKey>>,
    pub window: Window,
    pub limit: Option<u64>,
    pub calculate_total: bool,
    pub extra: O::QueryExtra,
}

/// Where the wanted part of the results begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Window {
    /// At this index; counted from the end if it is negative, from the beginning if that is before it.
    Position(i64),
    /// So many behind this object, or before.
    Anchor { anchor: Id, offset: i64 },
    /// The anchor is a creation id under which nothing was created: it is in no results.
    AnchorNotFound,
}

impl<O: Queried> QueryArguments<O> {
    /// # Errors
    /// `invalidArguments`, `unsupportedFilter`, `unsupportedSort`.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        let filter = arguments.take("filter").map(|value| Filter::read(value, reading)).transpose()?;
        let sort = sort::read(&mut arguments)?;
        let window = Window::take(&mut arguments, reading)?;
        let limit = arguments.optional("limit")?;
        let calculate_total = arguments.or("calculateTotal", false)?;
        let extra = O::QueryExtra::take(&mut arguments, reading)?;
        arguments.finish()?;
        Ok(Self { account_id, filter, sort, window, limit, calculate_total, extra })
    }
}

impl Window {
    /// Without an anchor its offset is ignored, with one the position is.
    fn take(arguments: &mut Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let position = arguments.or("position", 0)?;
        let offset = arguments.or("anchorOffset", 0)?;
        let Some(anchor) = arguments.optional::<IdRef>("anchor")? else {
            return Ok(Self::Position(position));
        };
        Ok(match reading.created_ids.resolve(&anchor) {
            Some(anchor) => Self::Anchor { anchor: anchor.clone(), offset },
            None => Self::AnchorNotFound,
        })
    }

    /// The index of the first wanted result. `index_of` finds an id among `total` results.
    ///
    /// # Errors
    /// `anchorNotFound`.
    pub fn first(&self, total: u64, index_of: impl FnOnce(&Id) -> Option<u64>) -> Result<u64, MethodError> {
        match self {
            Self::Position(position) => Ok(match u64::try_from(*position) {
                Ok(position) => position,
                Err(_) => total.saturating_sub(position.unsigned_abs()),
            }),
            Self::Anchor { anchor, offset } => {
                let index = index_of(anchor).ok_or(MethodError::AnchorNotFound)?;
                Ok(index.saturating_add_signed(*offset))
            }
            Self::AnchorNotFound => Err(MethodError::AnchorNotFound),
        }
    }
}

/// Response of a /query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryResponse {
    pub account_id: Id,
    pub query_state: Box<str>,
    pub can_calculate_changes: bool,
    pub position: u64,
    /// Nothing where they follow piece by piece ([`Responses::open`](crate::jmap::Responses::open)).
    pub ids: Option<Items>,
    /// Only if it was asked for.
    pub total: Option<u64>,
    /// Only if it is another than was asked for.
    pub limit: Option<u64>,
}

impl ToJson for QueryResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("accountId", &self.account_id);
            object.put("queryState", &self.query_state);
            object.put("canCalculateChanges", &self.can_calculate_changes);
            object.put("position", &self.position);
            object.put_some("ids", self.ids.as_ref());
            object.put_some("total", self.total.as_ref());
            object.put_some("limit", self.limit.as_ref());
        });
    }
}

/// What stands behind ids that were told piece by piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueryTotals {
    /// Only if it was asked for.
    pub total: Option<u64>,
    /// Only if it is another than was asked for.
    pub limit: Option<u64>,
}

impl ToJson for QueryTotals {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put_some("total", self.total.as_ref());
            object.put_some("limit", self.limit.as_ref());
        });
    }
}
