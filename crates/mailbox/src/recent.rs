//! `\Recent`: each message is so in one session only, the first that has its mailbox open for writing (RFC
//! 3501 §2.3.2).
//!
//! A session takes what nobody has taken, at once and in memory. Housekeeping writes that down, so that
//! neither a session nor a delivery ever waits for it. What a crash loses is recent once more, as RFC 3501
//! §2.3.2 prefers where it cannot be known.

use std::collections::HashMap;

use koi_store::kv::{Ticket, Txn, transact};
use koi_store::mail::recent;
use koi_types::{AccountId, MailboxId, Result, Uid};
use parking_lot::Mutex;

use crate::account::Account;
use crate::service::Inner;
use crate::snapshot::Snapshot;

/// Mailboxes that are kept here; above it those the store knows of are forgotten.
const MAILBOXES_MAX: usize = 16_384;
/// Mailboxes written by one transaction.
const WRITTEN_MAX: usize = 1000;

/// What was taken and may not be durable yet.
#[derive(Default)]
pub(crate) struct Recents(Mutex<HashMap<Place, Taken>>);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    account: AccountId,
    mailbox: MailboxId,
}

struct Taken {
    /// The first UID nobody has taken.
    from: Uid,
    /// Nothing while it is not even submitted.
    written: Option<Ticket>,
}

/// What is to be written of one mailbox.
struct Claim {
    place: Place,
    from: Uid,
}

impl Taken {
    fn is_durable(&self) -> bool {
        self.written.as_ref().is_some_and(|ticket| matches!(ticket.peek(), Some(Ok(()))))
    }
    fn is_unwritten(&self) -> bool {
        self.written.as_ref().is_none_or(|ticket| matches!(ticket.peek(), Some(Err(_))))
    }
}

impl Account {
    /// The first UID that is not `\Recent` in some session yet: all from there on would be in the next.
    pub fn recent_from(&self, mailbox: MailboxId) -> Result<Uid> {
        let taken = self.inner.recents.0.lock();
        current(&self.inner, &taken, Place { account: self.id, mailbox })
    }
    /// Takes everything below `upto` that nobody has taken: messages from the answer on, below `upto`, are
    /// `\Recent` in the session that asks, and in no other.
    pub fn claim_recent(&self, mailbox: MailboxId, upto: Uid) -> Result<Uid> {
        // What others look at stays new for its owner.
        if self.is_others() {
            return self.recent_from(mailbox);
        }
        let place = Place { account: self.id, mailbox };
        let mut taken = self.inner.recents.0.lock();
        let from = current(&self.inner, &taken, place)?;
        if from < upto {
            if taken.len() >= MAILBOXES_MAX {
                forget(&mut taken);
            }
            taken.insert(place, Taken { from: upto, written: None });
        }
        Ok(from)
    }
}

impl Recents {
    /// Submits what is not written yet, without waiting for it.
    pub(crate) fn write(&self, inner: &Inner) {
        let mut taken = self.0.lock();
        let unwritten = taken.iter().filter(|(_, taken)| taken.is_unwritten()).take(WRITTEN_MAX);
        let claims: Vec<Claim> =
            unwritten.map(|(place, taken)| Claim { place: *place, from: taken.from }).collect();
        if claims.is_empty() {
            return;
        }
        let places: Vec<Place> = claims.iter().map(|claim| claim.place).collect();
        let run = move |txn: &mut dyn Txn| {
            claims.iter().try_for_each(|Claim { place, from }| {
                recent::claim_recent(txn, place.account, place.mailbox, *from)
            })
        };
        let ticket = transact(&*inner.kv, run).ticket();
        for place in places {
            if let Some(taken) = taken.get_mut(&place) {
                taken.written = Some(ticket.clone());
            }
        }
    }
}

/// The view must be opened under the lock: what is no longer kept here is durable, but not in every older
/// view.
fn current(inner: &Inner, taken: &HashMap<Place, Taken>, place: Place) -> Result<Uid> {
    match taken.get(&place) {
        Some(taken) => Ok(taken.from),
        None => recent::recent_from(&*inner.kv.view()?, place.account, place.mailbox),
    }
}

/// What is durable need not be kept; when that is too little, everything goes, and some are recent again.
fn forget(taken: &mut HashMap<Place, Taken>) {
    taken.retain(|_, taken| !taken.is_durable());
    if taken.len() >= MAILBOXES_MAX {
        taken.clear();
    }
}

impl Snapshot<'_> {
    /// How many messages there are from this UID on.
    pub fn count_from(&self, mailbox: MailboxId, from: Uid) -> Result<u32> {
        let uids = self.uids(mailbox)?.0;
        let after = uids.count().saturating_sub(uids.rank(from.value()));
        Ok(u32::try_from(after).unwrap_or(u32::MAX))
    }
}
