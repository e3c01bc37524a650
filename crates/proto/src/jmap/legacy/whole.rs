//! A whole Email is a patch too: what cannot be changed may be said again if it is what it was. In the RFC
//! the same holds for objects in its own shape, so that those of the draft are compared here, with the
//! Emails as they are, before the update is asked for.

use std::collections::BTreeMap;

use super::ask::{Echo, default_account};
use super::email::Wanted;
use super::{Member, Members, put, string, strings};
use crate::jmap::id::Id;
use crate::jmap::json::{Json, Raw};
use crate::jmap::set_error::{SetError, SetErrorKind};

/// What an update may change.
const CHANGEABLE: [&str; 2] = ["mailboxIds", "keywords"];

/// An Email/set whose updates say more than they may change.
#[derive(Debug)]
pub(super) struct Compare {
    /// Of the Email/set, in the draft's words, without what is compared.
    arguments: Members,
    claims: Vec<Claim>,
    wanted: Wanted,
}

#[derive(Debug)]
struct Claim {
    id: Box<str>,
    said: Members,
}

impl Compare {
    /// Takes what is to be compared out of the arguments of an Email/set; gives them back when that is
    /// nothing.
    pub(super) fn of(mut arguments: Members) -> Result<Self, Members> {
        let Some(Json::Object(update)) = arguments.take("update") else { return Err(arguments) };
        let mut claims = Vec::new();
        let left = update.into_iter().map(|Member { name: id, value }| {
            let value = match value {
                Json::Object(mut patch) => {
                    let is_said = |name: &str| !name.contains('/') && !CHANGEABLE.contains(&name);
                    let said: Members = patch.take_if(is_said).into_iter().collect();
                    if !said.is_empty() {
                        claims.push(Claim { id: id.clone(), said });
                    }
                    Json::Object(patch)
                }
                value => value,
            };
            Member { name: id, value }
        });
        let left = super::object(left);
        put(&mut arguments, "update", left);
        if claims.is_empty() {
            return Err(arguments);
        }
        let names = claims.iter().flat_map(|claim| claim.said.iter().map(|member| &*member.name));
        // What there is no such property as is not the same as anything.
        let wanted = Wanted::known(names);
        Ok(Self { arguments, claims, wanted })
    }
    /// Arguments of the Email/get that brings the Emails.
    pub(super) fn ask(&self, primary: &Id) -> Members {
        let mut arguments = Members::default();
        if let Some(account) = self.arguments.value("accountId") {
            put(&mut arguments, "accountId", account.clone());
        }
        default_account(&mut arguments, "accountId", primary);
        put(&mut arguments, "ids", strings(self.claims.iter().map(|claim| &*claim.id)));
        self.wanted.with_attachments().ask(&mut arguments);
        arguments
    }
    pub(super) fn echo(&self) -> Echo {
        let wanted = Some(self.wanted.clone());
        Echo { wanted, ..Echo::of(crate::jmap::method::Method::EmailGet) }
    }
    /// The Email/set, and the updates that are refused, once the Emails are known.
    pub(super) fn compared(self, emails: &[Json], created: &BTreeMap<Id, Id>) -> Compared {
        let Self { mut arguments, claims, .. } = self;
        let mut refused = Vec::new();
        let mut update = match arguments.take("update") {
            Some(Json::Object(update)) => update,
            _ => Members::default(),
        };
        let nothing = Members::default();
        for claim in claims {
            let id = match claim.id.strip_prefix('#') {
                None => Some(&*claim.id),
                Some(key) => Id::parse(key).and_then(|key| created.get(&key)).map(Id::as_str),
            };
            let is_it = |email: &&Json| match email {
                Json::Object(email) => email.value("id").and_then(Json::as_str) == id,
                _ => false,
            };
            let email = match (id, emails.iter().find(is_it)) {
                // What this very call makes cannot be compared.
                (None, _) => &nothing,
                (Some(_), Some(Json::Object(email))) => email,
                // Of an Email that is not there the update is refused anyway.
                (Some(_), _) => continue,
            };
            let differs = |member: &&Member| {
                // What is attached follows from the rest.
                let is = email.value(&member.name).unwrap_or(&Json::Null);
                *member.name != *"attachedEmails" && *is != member.value
            };
            let wrong: Vec<Box<str>> =
                claim.said.iter().filter(differs).map(|member| member.name.clone()).collect();
            if !wrong.is_empty() {
                drop(update.take(&claim.id));
                refused.push(Member { name: claim.id, value: error(wrong) });
            }
        }
        put(&mut arguments, "update", Json::Object(update));
        Compared { arguments, refused }
    }
}

/// What is left of an Email/set.
pub(super) struct Compared {
    pub(super) arguments: Members,
    pub(super) refused: Vec<Member>,
}

fn error(properties: Vec<Box<str>>) -> Json {
    let kind = SetErrorKind::InvalidProperties { properties };
    let error = SetError::described(kind, "this cannot be changed");
    Raw::of(&error).parse().unwrap_or_else(|_| string("invalidProperties"))
}
