//! What others share with a user: their mailboxes among the user's own names (RFC 2342 §5, RFC 4314 §4,
//! LIST).

use std::collections::BTreeMap;
use std::sync::Arc;

use koi_store::key;
use koi_store::mail::directory;
use koi_store::mail::rights::{self, SharedMailbox};
use koi_store::record::account::AccountRecord;
use koi_types::{AccountId, MailboxName, Result, Rights, limits};

use crate::access;
use crate::hierarchy::{Hierarchy, NamedMailbox};
use crate::names::Names;
use crate::snapshot::Snapshot;

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
        let guest = self.guest.as_ref().map(|guest| guest.user);
        let user = guest.map_or_else(|| access::user(&*self.view, self.account), Ok)?;
        let shared = rights::shared_with(&*self.view, user, limits::SHARED_WITH_USER_MAX)?;
        let own = match &self.guest {
            None => self.hierarchy(),
            Some(_) => Arc::default(),
        };
        if shared.is_empty() {
            return Ok(own);
        }
        let mut all = Hierarchy::clone(&own);
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
                let shown = NamedMailbox { owner: Some(owner), role: None, rights, ..of };
                all.show(&name, shown);
            }
        }
        Ok(Arc::new(all))
    }
    /// Nothing when the account was removed.
    fn owner(&self, owner: AccountId) -> Result<Option<Owner>> {
        let Some(listed) = directory::directory_record(&*self.view, owner)? else { return Ok(None) };
        let row = self.view.get(&key::account(owner))?;
        let Some(record) = row.and_then(|row| AccountRecord::decode(&row)) else { return Ok(None) };
        let names = self.names_of(owner, &record)?;
        Ok(Some(Owner { record, names, prefix: access::prefix(&listed.address.account_key()) }))
    }
}
