//! An Email to be changed (RFC 8621 §4.6): only its Mailboxes and keywords can be.

use super::{EmailProperty, Property};
use crate::jmap::id::IdRef;
use crate::jmap::keyword::EmailKeyword;
use crate::jmap::patch::{Claim, Patch, SetChange};
use crate::jmap::set_error::SetError;

/// What a client wants to be different.
#[derive(Clone, PartialEq, Debug)]
pub struct EmailUpdate {
    pub mailbox_ids: SetChange<IdRef>,
    pub keywords: SetChange<EmailKeyword>,
    pub claims: Vec<Claim>,
}

pub(crate) fn read(mut patch: Patch) -> Result<EmailUpdate, SetError> {
    let mailbox_ids = patch.set("mailboxIds", None, "an Id", IdRef::parse);
    if matches!(&mailbox_ids, SetChange::Replace(ids) if ids.is_empty()) {
        patch.wrong("mailboxIds", "mailboxIds must not be empty");
    }
    let keywords = patch.set("keywords", Some(Vec::new()), "a keyword", EmailKeyword::parse);
    let claims = patch.finish(|name| EmailProperty::parse(name).is_some())?;
    Ok(EmailUpdate { mailbox_ids, keywords, claims })
}
