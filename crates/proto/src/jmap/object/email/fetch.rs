//! What Email/get and Email/parse are told about bodies (RFC 8621 §4.2, RFC 8621 §4.9).

use super::body::{BodyProperty, DEFAULTS};
use super::{EmailProperty, PARSE_DEFAULTS};
use crate::jmap::arguments::{Arguments, Ids, Reading};
use crate::jmap::error::MethodError;
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Raw, Slot, ToJson};
use crate::jmap::standard::{Extra, Table, get};

/// Which parts' values are fetched, and what of each part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BodyFetch {
    pub properties: Vec<BodyProperty>,
    pub text_values: bool,
    pub html_values: bool,
    pub all_values: bool,
    /// Octets of a value; `None`: all of it.
    pub value_octets_max: Option<u64>,
}

/// What is shown when nothing is asked for.
impl Default for BodyFetch {
    fn default() -> Self {
        Self {
            properties: DEFAULTS.map(BodyProperty::Part).into(),
            text_values: false,
            html_values: false,
            all_values: false,
            value_octets_max: None,
        }
    }
}

impl Extra for BodyFetch {
    fn take(arguments: &mut Arguments, _: &Reading<'_>) -> Result<Self, MethodError> {
        let properties = get::properties(arguments, "bodyProperties")?;
        let octets_max: u64 = arguments.or("maxBodyValueBytes", 0)?;
        Ok(Self {
            properties: properties.unwrap_or_else(|| DEFAULTS.map(BodyProperty::Part).into()),
            text_values: arguments.or("fetchTextBodyValues", false)?,
            html_values: arguments.or("fetchHTMLBodyValues", false)?,
            all_values: arguments.or("fetchAllBodyValues", false)?,
            value_octets_max: (octets_max > 0).then_some(octets_max),
        })
    }
}

/// Arguments of Email/parse (RFC 8621 §4.9).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailParse {
    pub account_id: Id,
    pub blob_ids: Ids,
    pub properties: Vec<EmailProperty>,
    pub body: BodyFetch,
}

impl EmailParse {
    /// # Errors
    /// `invalidArguments`; `requestTooLarge` for more blobs than objects in a /get.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        let blob_ids = get::ids(&mut arguments, "blobIds", reading)?;
        let blob_ids = blob_ids.ok_or_else(|| MethodError::invalid("blobIds is missing"))?;
        let properties = get::properties(&mut arguments, "properties")?;
        let body = BodyFetch::take(&mut arguments, reading)?;
        arguments.finish()?;
        let properties = properties.unwrap_or_else(|| PARSE_DEFAULTS.into());
        Ok(Self { account_id, blob_ids, properties, body })
    }
}

/// Response of Email/parse and MDN/parse (RFC 9007 §2.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseResponse {
    pub account_id: Id,
    /// By blob id.
    pub parsed: Table<Raw>,
    pub not_parsable: Vec<Id>,
    pub not_found: Vec<IdRef>,
}

impl ToJson for ParseResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("accountId", &self.account_id);
            object.put("parsed", &self.parsed);
            object.put("notParsable", &(!self.not_parsable.is_empty()).then_some(&self.not_parsable));
            object.put("notFound", &(!self.not_found.is_empty()).then_some(&self.not_found));
        });
    }
}
