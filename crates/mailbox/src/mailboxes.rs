//! CREATE, DELETE and RENAME (RFC 9051 §6.3.4 to §6.3.6), by the owner or, below what is shared, by others
//! (RFC 4314 §4).

use std::sync::Arc;

use koi_store::mail::{AccountTxn, Created, INBOX, Renamed};
use koi_types::{ErrorKind, MailError, MailboxId, MailboxName, Result, Rights, Role};
use parking_lot::Mutex;

use crate::access::{Guest, is_of_others, not_allowed, refuse};
use crate::account::Account;
use crate::coi;
use crate::outcome::{CommitCell, Pending};
use crate::service::Options;
use crate::snapshot::no_such_mailbox;
use crate::uids::pieces;

impl Account {
    /// Makes a mailbox and the superiors it lacks, for a client (RFC 9051 §6.3.4).
    pub fn create(&self, name: &MailboxName, role: Option<Role>) -> Pending<Created> {
        let options = Arc::clone(&self.inner.options);
        let Some(guest) = self.guest.clone() else { return self.create_and(name, role, |_, _| Ok(())) };
        let Some(inner) = guest.inner(name).filter(|_| role.is_none()) else {
            return Pending::failed(not_allowed());
        };
        self.change(move |account| {
            guest.may_make(account, &options, &inner)?;
            account.create(&inner, None)
        })
    }
    /// The owner makes one, and something is done with it in the same transaction.
    pub(crate) fn create_and(
        &self,
        name: &MailboxName,
        role: Option<Role>,
        then: impl Fn(&mut AccountTxn<'_>, &Created) -> Result<()> + Send + Sync + 'static,
    ) -> Pending<Created> {
        if is_of_others(name) {
            return Pending::failed(of_others());
        }
        let (options, name) = (Arc::clone(&self.inner.options), name.clone());
        self.change(move |account| {
            let created = coi::names::create(account, &options, &name, role)?;
            then(account, &created)?;
            Ok(created)
        })
    }
    /// The same of the server's own accord, or for a tool: no request to enable COI.
    pub fn make(&self, name: &MailboxName, role: Option<Role>) -> Pending<Created> {
        self.make_by(name, move |account, name| account.create(name, role))
    }
    /// The same, and nothing above it: what is none there stays a level of names.
    pub fn make_alone(&self, name: &MailboxName, role: Option<Role>) -> Pending<Created> {
        self.make_by(name, move |account, name| account.create_alone(name, role))
    }
    fn make_by(
        &self,
        name: &MailboxName,
        mut make: impl FnMut(&mut AccountTxn<'_>, &MailboxName) -> Result<Created> + Send + 'static,
    ) -> Pending<Created> {
        if self.is_others() || is_of_others(name) {
            return Pending::failed(of_others());
        }
        let name = name.clone();
        self.change(move |account| make(account, &name))
    }
    /// Deletes a mailbox with its messages; `InUse` when only names below it exist (RFC 9051 §6.3.5).
    pub fn delete(&self, name: &MailboxName) -> Pending<MailboxId> {
        let options = Arc::clone(&self.inner.options);
        let Some(guest) = self.guest.clone() else {
            let name = name.clone();
            return self.change(move |account| {
                account.frees_space();
                coi::names::delete(account, &options, &name)
            });
        };
        let Some(inner) = guest.inner(name) else { return Pending::failed(no_such_mailbox()) };
        self.change(move |account| {
            guest.may_take(account, &options, &inner)?;
            account.frees_space();
            account.delete(&inner)
        })
    }
    /// Renames a mailbox and all below it. INBOX stays, empty, and its messages move (RFC 9051 §6.3.6).
    pub fn rename(&self, from: &MailboxName, to: &MailboxName) -> Pending<()> {
        let options = Arc::clone(&self.inner.options);
        let Some(guest) = self.guest.clone() else {
            return match (is_of_others(to), from.is_inbox()) {
                (true, _) => Pending::failed(elsewhere()),
                (false, true) => self.rename_inbox(from, to),
                (false, false) => {
                    let (from, to) = (from.clone(), to.clone());
                    self.change(move |account| coi::names::rename(account, &options, &from, &to).map(drop))
                }
            };
        };
        let Some(from) = guest.inner(from) else { return Pending::failed(no_such_mailbox()) };
        let to = guest.inner(to);
        self.change(move |account| {
            // First: nobody learns that there is such a user.
            guest.may_take(account, &options, &from)?;
            guest.may_take_below(account, &from)?;
            let to = to.as_ref().ok_or_else(elsewhere)?;
            guest.may_make(account, &options, to)?;
            account.rename(&from, to).map(drop)
        })
    }
    fn rename_inbox(&self, from: &MailboxName, to: &MailboxName) -> Pending<()> {
        let (from, to, options) = (from.clone(), to.clone(), Arc::clone(&self.inner.options));
        let uids = match self.snapshot().and_then(|snapshot| snapshot.uids(INBOX)) {
            Ok(uids) => uids,
            Err(error) => return Pending::failed(error),
        };
        // Those who move the messages fail for the same reason as the one before them.
        let target: Arc<Mutex<Option<Result<MailboxId>>>> = Arc::default();
        let (made, commit) = (Arc::clone(&target), CommitCell::default());
        let mut parts = vec![self.submit_noting(&commit, move |account| {
            let renamed = coi::names::rename(account, &options, &from, &to);
            *made.lock() = match &renamed {
                Ok(Renamed::Inbox(created)) => Some(Ok(created.mailbox)),
                Ok(Renamed::Done) => None,
                Err(error) => Some(Err(error.clone())),
            };
            renamed.map(drop)
        })];
        for piece in pieces(&uids, crate::account::CHUNK) {
            let target = Arc::clone(&target);
            parts.push(self.submit(move |account| {
                let missing =
                    || MailError::new(ErrorKind::Conflict, "the mailbox to move INBOX to was not made");
                let to = target.lock().clone().ok_or_else(missing)??;
                account.move_(INBOX, &piece, to).map(drop)
            }));
        }
        let all = Pending::joined(parts, |parts: Vec<Result<()>>| parts.into_iter().collect());
        all.committing_at(commit)
    }
}

impl Guest {
    /// RFC 4314 §4, CREATE: `k` on the nearest mailbox above. Without it nobody learns what is there.
    pub(crate) fn may_make(
        &self,
        account: &AccountTxn<'_>,
        options: &Options,
        name: &MailboxName,
    ) -> Result<()> {
        let above = account.nearest_superior(name)?.ok_or_else(not_allowed)?;
        if !account.rights_of(above, self.user)?.contains(Rights::CREATE) || is_of_chats(options, name) {
            return Err(not_allowed());
        }
        match account.mailbox_named(name)? {
            Some(there) if !account.rights_of(there, self.user)?.contains(Rights::LOOKUP) => {
                Err(not_allowed())
            }
            _ => Ok(()),
        }
    }
    /// RFC 9051 §6.3.6: what lies below is renamed too, so that RENAME needs `x` on all of it, whether or not
    /// the user knows of it (RFC 4314 §4 speaks of the mailbox itself alone).
    fn may_take_below(&self, account: &AccountTxn<'_>, name: &MailboxName) -> Result<()> {
        for below in account.mailboxes_below(name)? {
            if !account.rights_of(below, self.user)?.contains(Rights::DELETE) {
                return Err(not_allowed());
            }
        }
        Ok(())
    }
    /// RFC 4314 §4, DELETE and RENAME: `x` on the mailbox.
    pub(crate) fn may_take(
        &self,
        account: &AccountTxn<'_>,
        options: &Options,
        name: &MailboxName,
    ) -> Result<()> {
        let mailbox = account.mailbox_named(name)?.ok_or_else(no_such_mailbox)?;
        let rights = account.rights_of(mailbox, self.user)?;
        refuse(rights, Rights::DELETE)?;
        if name.is_inbox() || is_of_chats(options, name) { Err(not_allowed()) } else { Ok(()) }
    }
}

/// Making it or taking it away is a request to enable or disable COI, which is the owner's to make.
fn is_of_chats(options: &Options, name: &MailboxName) -> bool {
    options.coi.as_ref().is_some_and(|coi| coi.chats() == name || coi.chats().is_below(name))
}

fn of_others() -> MailError {
    let text = "names below \"Other Users\" are those of other users";
    MailError::new(ErrorKind::InvalidInput, text)
}

fn elsewhere() -> MailError {
    MailError::new(ErrorKind::InvalidInput, "a mailbox cannot be moved to another user")
}
