//! /get (RFC 8620 §5.1).

use super::{Extra, Object, Property};
use crate::jmap::arguments::{Arguments, Ids, Reading};
use crate::jmap::error::MethodError;
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Items, Slot, ToJson};
use koi_types::limits;

/// Arguments of a /get.
#[derive(Debug)]
pub struct GetArguments<O: Object> {
    pub account_id: Id,
    pub selection: Selection<O>,
}

/// What is wanted of which objects.
#[derive(Debug)]
pub struct Selection<O: Object> {
    /// `None`: all there are.
    pub ids: Option<Ids>,
    /// The defaults if none were named; each once.
    pub properties: Vec<O::Property>,
    /// Properties were named: an object then has only these, and its id.
    pub is_chosen: bool,
    pub extra: O::GetExtra,
}

impl<O: Object> GetArguments<O> {
    /// # Errors
    /// `invalidArguments`, `requestTooLarge`.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        Ok(Self { account_id, selection: Selection::read(arguments, reading)? })
    }
}

impl<O: Object> Selection<O> {
    /// For types that belong to no account (RFC 8620 §7.2.1).
    ///
    /// # Errors
    /// `invalidArguments`, `requestTooLarge`.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let ids = ids(&mut arguments, "ids", reading)?;
        let chosen = properties(&mut arguments, "properties")?;
        let is_chosen = chosen.is_some();
        let properties = chosen.unwrap_or_else(O::default_properties);
        let extra = O::GetExtra::take(&mut arguments, reading)?;
        arguments.finish()?;
        Ok(Self { ids, properties, is_chosen, extra })
    }
}

/// Ids to look up, no more than are looked up at once.
pub(crate) fn ids(
    arguments: &mut Arguments,
    name: &str,
    reading: &Reading<'_>,
) -> Result<Option<Ids>, MethodError> {
    let given: Option<Vec<IdRef>> = arguments.optional(name)?;
    let ids = given.map(|given| Ids::resolve(given, reading.created_ids));
    match ids {
        Some(ids) if !reading.limits.may_get(ids.len()) => Err(MethodError::RequestTooLarge),
        ids => Ok(ids),
    }
}

/// A list of properties, each once.
pub(crate) fn properties<P: Property>(
    arguments: &mut Arguments,
    name: &str,
) -> Result<Option<Vec<P>>, MethodError> {
    let Some(names) = arguments.optional::<Vec<Box<str>>>(name)? else { return Ok(None) };
    if names.len() > limits::JMAP_PROPERTIES_MAX {
        let most = limits::JMAP_PROPERTIES_MAX;
        return Err(MethodError::invalid(format!("{name} has more than {most} items")));
    }
    let mut properties: Vec<P> = Vec::with_capacity(names.len());
    for text in names {
        let property = P::parse(&text);
        let property = property.ok_or_else(|| MethodError::invalid(format!("{name}: there is no {text}")))?;
        if !properties.contains(&property) {
            properties.push(property);
        }
    }
    Ok(Some(properties))
}

/// Response of a /get.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetResponse {
    /// `None` for types that belong to no account (RFC 8620 §7.2.1).
    pub account_id: Option<Id>,
    pub state: Option<Box<str>>,
    /// The objects, written one by one.
    pub list: Items,
    pub not_found: Vec<IdRef>,
}

impl ToJson for GetResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put_some("accountId", self.account_id.as_ref());
            object.put_some("state", self.state.as_ref());
            object.put("list", &self.list);
            object.put("notFound", &self.not_found);
        });
    }
}
