//! Which names a user is subscribed to (RFC 9051 §6.3.7). Those of mailboxes that others share are among the
//! user's own; the owner's log is told of them, because what the user is shown there has changed (RFC 8621
//! §2, isSubscribed).

use std::sync::Arc;

use koi_store::kv::{Txn, transact};
use koi_store::mail::AccountTxn;
use koi_types::{AccountId, MailboxName, ModSeq, Result, Rights};

use crate::access::Guest;
use crate::account::Account;
use crate::outcome::{CommitCell, Pending};
use crate::service::Lent;

/// A mailbox of another that a guest is subscribed to, or not any more.
pub(crate) struct SubscribedTo<'n> {
    pub(crate) owner: AccountId,
    /// As the owner calls it.
    pub(crate) inner: &'n MailboxName,
    pub(crate) subscribed: bool,
}

/// What was written.
#[derive(Default)]
pub(crate) struct Wrote {
    /// In the guest's own account.
    guest: Option<ModSeq>,
    /// The state of mailboxes of the owner's account, where that was told.
    pub(crate) owner: Option<u64>,
}

pub(crate) fn subscribe_guest(
    txn: &mut dyn Txn,
    lent: &Lent,
    guest: &Guest,
    to: &SubscribedTo<'_>,
) -> Result<Wrote> {
    let Some(name) = guest.outer(to.inner) else { return Ok(Wrote::default()) };
    let (quota, now) = (lent.options.quota, lent.env.now());
    let mut own = AccountTxn::open(txn, guest.user.id, quota, now)?;
    let changed = own.subscribe(&name, to.subscribed)?;
    let guest_modseq = own.finish()?;
    let mut owner = AccountTxn::open(txn, to.owner, quota, now)?;
    let mailbox = owner.mailbox_named(to.inner)?.filter(|_| changed);
    if let Some(mailbox) = mailbox {
        owner.subscribed_by(mailbox, guest.user.id);
    }
    let states = owner.finish_telling()?.states;
    Ok(Wrote { guest: guest_modseq, owner: mailbox.map(|_| states.mailbox) })
}

impl Account {
    /// Subscribes or unsubscribes a name, whether or not there is such a mailbox (RFC 9051 §6.3.7).
    pub fn subscribe(&self, name: &MailboxName, subscribed: bool) -> Pending<()> {
        if let Err(error) = self.owner_only() {
            return Pending::failed(error);
        }
        match self.shown_of_others(name) {
            Ok(None) => {
                let name = name.clone();
                self.change(move |account| account.subscribe(&name, subscribed).map(drop))
            }
            Ok(Some(Others { guest, owner, inner })) => {
                let (lent, commit) = (self.inner.lend(), CommitCell::default());
                let cell = Arc::clone(&commit);
                let pending = transact(&*self.inner.kv, move |txn: &mut dyn Txn| {
                    let to = SubscribedTo { owner, inner: &inner, subscribed };
                    *cell.lock() = subscribe_guest(txn, &lent, &guest, &to)?.guest;
                    Ok(())
                });
                [self.id, owner].into_iter().for_each(|account| self.inner.changed(account));
                Pending::of(pending).committing_at(commit)
            }
            Err(error) => Pending::failed(error),
        }
    }
    /// Whose mailbox a name is, when it is of another and the user may look it up: nobody else's log is told.
    fn shown_of_others(&self, name: &MailboxName) -> Result<Option<Others>> {
        let Ok(account) = self.whose(name) else { return Ok(None) };
        let Some(guest) = account.guest.clone() else { return Ok(None) };
        let Some(inner) = guest.inner(name) else { return Ok(None) };
        let snapshot = account.snapshot()?;
        let mailbox =
            snapshot.hierarchy().node(&inner).and_then(|node| node.mailbox.map(|mailbox| mailbox.id));
        let Some(mailbox) = mailbox else { return Ok(None) };
        let may_look = snapshot.rights(mailbox)?.contains(Rights::LOOKUP);
        drop(snapshot);
        Ok(may_look.then_some(Others { guest, owner: account.id, inner }))
    }
}

/// A mailbox of another.
struct Others {
    guest: Arc<Guest>,
    owner: AccountId,
    inner: MailboxName,
}
