//! What others share with a user: their mailboxes among the user's own names (RFC 2342 §5, RFC 4314 §4,
//! LIST).

use std::collections::BTreeMap;
use std::sync::Arc;

use koi_store::key;
use koi_store::mail::directory;
use koi_store::mail::rights::{self, SharedMailbox, SharingStamp, User};
use koi_store::record::account::AccountRecord;
use koi_store::record::directory::DirectoryRecord;
use koi_types::{AccountId, ErrorKind, MailboxName, ModSeq, Result, Rights, limits};

use crate::access;
use crate::hierarchy::{Hierarchy, NamedMailbox};
use crate::names::Names;
use crate::snapshot::Snapshot;

/// A mailbox of another that the user may look up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedName {
    /// As the user calls it.
    pub name: MailboxName,
    /// With its owner.
    pub mailbox: NamedMailbox,
}

/// One owner's side of it.
struct Owner {
    record: AccountRecord,
    names: Arc<Names>,
    prefix: Box<str>,
}

impl Snapshot<'_> {
    /// All names the user sees, in order: its own, and those of others that are shared with it. The same as
    /// [`Snapshot::hierarchy`] when nothing is.
    pub fn all_names(&self) -> Result<Arc<Hierarchy>> {
        let shared = self.shared()?;
        let own = match &self.guest {
            None => self.hierarchy(),
            Some(_) => Arc::default(),
        };
        Ok(if shared.is_empty() { own } else { Arc::new(own.with(&shared)) })
    }
    /// What others share with the user, and it may look up.
    pub fn shared(&self) -> Result<Vec<SharedName>> {
        let user = self.user()?;
        self.visible(user, rights::shared_with(&*self.view, user, limits::SHARED_WITH_USER_MAX)?)
    }
    /// What one of them does. Nothing of an account that is not there.
    pub fn shared_by(&self, owner: AccountId) -> Result<Vec<SharedName>> {
        let user = self.user()?;
        self.visible(user, rights::shared_from(&*self.view, user, owner, limits::SHARED_WITH_USER_MAX)?)
    }
    /// As long as it is the same, nobody has shared anything with the user, or taken it back.
    pub fn sharing_stamp(&self) -> Result<SharingStamp> {
        rights::sharing_stamp(&*self.view, self.user()?)
    }
    /// How far the account of another has come; nothing when there is no such account any more.
    pub fn modseq_of(&self, owner: AccountId) -> Result<Option<ModSeq>> {
        Ok(self.owner_record(owner)?.map(|record| record.current()))
    }
    /// Who looks, as access control lists know it.
    pub(crate) fn user(&self) -> Result<User> {
        let guest = self.guest.as_ref().map(|guest| guest.user);
        guest.map_or_else(|| access::user(&*self.view, self.account), Ok)
    }
    /// Nothing when the account was removed, or cannot be read: who it shares with has all other names.
    pub(crate) fn owner_record(&self, owner: AccountId) -> Result<Option<AccountRecord>> {
        if self.listed(owner)?.is_none() {
            return Ok(None);
        }
        let row = self.view.get(&key::account(owner))?;
        Ok(row.and_then(|row| AccountRecord::decode(&row)))
    }
    fn listed(&self, owner: AccountId) -> Result<Option<DirectoryRecord>> {
        match directory::directory_record(&*self.view, owner) {
            Err(error) if error.kind == ErrorKind::Corrupt => Ok(None),
            listed => listed,
        }
    }
    fn visible(&self, user: User, shared: Vec<SharedMailbox>) -> Result<Vec<SharedName>> {
        let mut found = Vec::new();
        let mut owners: BTreeMap<AccountId, Option<Owner>> = BTreeMap::new();
        for SharedMailbox { owner, mailbox } in shared {
            let side = match owners.entry(owner) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(new) => new.insert(self.owner(owner)?),
            };
            let Some(side) = side else { continue };
            let rights = rights::rights(&*self.view, owner, side.record.scope, mailbox, user)?;
            let Some(node) = side.names.hierarchy.mailbox(mailbox) else { continue };
            let name = MailboxName::new(&format!("{}{}", side.prefix, node.name));
            let (Some(of), Ok(name)) = (node.mailbox, name) else { continue };
            if rights.contains(Rights::LOOKUP) {
                // What it is for its owner, it is not for others.
                let mailbox = NamedMailbox { owner: Some(owner), role: None, rights, ..of };
                found.push(SharedName { name, mailbox });
            }
        }
        Ok(found)
    }
    /// Nothing when the account was removed.
    fn owner(&self, owner: AccountId) -> Result<Option<Owner>> {
        let Some(listed) = self.listed(owner)? else { return Ok(None) };
        let Some(record) = self.owner_record(owner)? else { return Ok(None) };
        let names = self.names_of(owner, &record)?;
        Ok(Some(Owner { record, names, prefix: access::prefix(&listed.address.account_key()) }))
    }
}
