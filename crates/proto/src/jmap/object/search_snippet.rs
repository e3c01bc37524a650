//! SearchSnippet (RFC 8621 §5).

use super::email::query::EmailCondition;
use crate::jmap::arguments::{Arguments, Ids, Reading};
use crate::jmap::error::MethodError;
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Items, Slot, ToJson};
use crate::jmap::standard::{Filter, get};

/// Arguments of SearchSnippet/get (RFC 8621 §5.1).
#[derive(Clone, PartialEq, Debug)]
pub struct SearchSnippetGet {
    pub account_id: Id,
    pub filter: Option<Filter<EmailCondition>>,
    pub email_ids: Ids,
}

impl SearchSnippetGet {
    /// # Errors
    /// `invalidArguments`, `requestTooLarge`, `unsupportedFilter`.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        let filter = arguments.take("filter").map(|value| Filter::read(value, reading)).transpose()?;
        let email_ids = get::ids(&mut arguments, "emailIds", reading)?;
        let email_ids = email_ids.ok_or_else(|| MethodError::invalid("emailIds is missing"))?;
        arguments.finish()?;
        Ok(Self { account_id, filter, email_ids })
    }
}

/// One snippet. Texts are HTML already, with `<mark>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchSnippet {
    pub email_id: Id,
    pub subject: Option<Box<str>>,
    pub preview: Option<Box<str>>,
}

impl ToJson for SearchSnippet {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("emailId", &self.email_id);
            object.put("subject", &self.subject);
            object.put("preview", &self.preview);
        });
    }
}

/// Response of SearchSnippet/get.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchSnippetResponse {
    pub account_id: Id,
    pub list: Items,
    pub not_found: Vec<IdRef>,
}

impl ToJson for SearchSnippetResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("accountId", &self.account_id);
            object.put("list", &self.list);
            // RFC 8621 §5.1: null if all were found.
            object.put("notFound", &(!self.not_found.is_empty()).then_some(&self.not_found));
        });
    }
}
