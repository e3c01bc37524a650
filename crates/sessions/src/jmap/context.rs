//! What a method call may touch while it runs.

use koi_mailbox::Account;
use koi_proto::jmap::{
    Capabilities, CoreLimits, CreatedIds, Id, IdRef, Ids, MethodError, Reading, Responses, ToJson,
};
use koi_types::{AccountId, MailError, Timestamp};

use super::{Jmap, error};
use crate::session::{Login, Note};

pub(super) struct Context<'a> {
    pub(super) jmap: &'a Jmap,
    pub(super) login: &'a Login,
    pub(super) now: Timestamp,
    pub(super) using: Capabilities,
    pub(super) created: &'a mut CreatedIds,
    pub(super) responses: &'a mut Responses,
    /// Of the call (RFC 8620 §3.2).
    pub(super) call_id: &'a str,
    pub(super) name: &'a str,
    pub(super) notes: &'a mut Vec<Note>,
}

impl Context<'_> {
    pub(super) fn limits(&self) -> &CoreLimits {
        &self.jmap.limits
    }
    /// What arguments are read with.
    pub(super) fn reading(&self) -> Reading<'_> {
        Reading { limits: &self.jmap.limits, created_ids: self.created, using: self.using }
    }
    /// Responds under the name of the call.
    pub(super) fn respond(&mut self, arguments: &(impl ToJson + ?Sized)) {
        self.responses.respond(self.call_id, self.name, arguments);
    }
    /// Responds for a method that was not asked for by name, but follows (RFC 8620 §5.4, RFC 8621 §7.5).
    pub(super) fn respond_as(&mut self, name: &str, arguments: &(impl ToJson + ?Sized)) {
        self.responses.respond(self.call_id, name, arguments);
    }
    /// The user's own account.
    pub(super) fn own(&mut self) -> Result<Account, MethodError> {
        self.jmap.service.account(self.login.account).map_err(|error| self.failed(&error))
    }
    /// The account of this id: the user's own, or one with something in it that is shared with the user.
    /// Whatever else there may be is not there (RFC 8620 §3.6.2).
    pub(super) fn account(&mut self, id: &Id) -> Result<Account, MethodError> {
        let own = self.own()?;
        let owner = AccountId::parse(id.as_str()).ok_or(MethodError::AccountNotFound)?;
        if owner == own.id() {
            return Ok(own);
        }
        let shared = own.snapshot().and_then(|snapshot| snapshot.shared_by(owner));
        match shared {
            Ok(shared) if shared.is_empty() => Err(MethodError::AccountNotFound),
            Ok(_) => own.of(owner).map_err(|error| self.failed(&error)),
            Err(error) => Err(self.failed(&error)),
        }
    }
    /// The same for data that only an owner has: what is shared is mail (RFC 8620 §3.6.2).
    pub(super) fn personal(&mut self, id: &Id) -> Result<Account, MethodError> {
        let account = self.account(id)?;
        if account.is_others() { Err(MethodError::AccountNotSupportedByMethod) } else { Ok(account) }
    }
    /// What an error that is not about the arguments is to the client. What is broken here is noted for the
    /// log.
    pub(super) fn failed(&mut self, error: &MailError) -> MethodError {
        if let Some(note) = error::note(error) {
            self.notes.push(note);
        }
        error::method_error(error)
    }
}

/// Ids of one kind among those that were asked for; everything else is not found (RFC 8620 §5.1).
#[derive(Clone)]
pub(super) struct Wanted<T> {
    pub(super) known: Vec<T>,
    pub(super) not_found: Vec<IdRef>,
}

impl<T> Wanted<T> {
    pub(super) fn of(ids: Ids, parse: impl Fn(&str) -> Option<T>) -> Self {
        let mut wanted = Self { known: Vec::with_capacity(ids.known.len()), not_found: ids.unresolved };
        for id in ids.known {
            match parse(id.as_str()) {
                Some(known) => wanted.known.push(known),
                None => wanted.not_found.push(IdRef::Id(id)),
            }
        }
        wanted
    }
}
