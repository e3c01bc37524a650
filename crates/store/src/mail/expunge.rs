//! Messages leave a mailbox: EXPUNGE (RFC 9051 §6.4.3, RFC 9051 §6.4.9). Their emails stay readable for a
//! while (grace).

use koi_types::{MailboxId, ModSeq, Result, SystemFlags, Uid, UidSet};

use super::account::{AccountTxn, At};
use super::places;
use crate::key;
use crate::record::email::Place;
use crate::record::membership::Membership;
use crate::record::small::GraceRecord;

/// What left.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expunged {
    pub uids: UidSet,
    /// Of the last transaction that removed something.
    pub modseq: Option<ModSeq>,
}

impl AccountTxn<'_> {
    /// Takes those of `uids` out that are `\Deleted` (few enough for one transaction).
    pub fn expunge(&mut self, mailbox: MailboxId, uids: &UidSet) -> Result<Expunged> {
        self.take_out(mailbox, uids, SystemFlags::DELETED)
    }
    /// Takes these out whatever their flags: what takes back a COPY that failed.
    pub fn remove(&mut self, mailbox: MailboxId, uids: &UidSet) -> Result<Expunged> {
        self.take_out(mailbox, uids, SystemFlags::NONE)
    }
    /// Those that have all of `flags`. A row that cannot be read stays.
    fn take_out(&mut self, mailbox: MailboxId, uids: &UidSet, flags: SystemFlags) -> Result<Expunged> {
        let at = self.mailbox(mailbox)?;
        let rows = self.collect_rows(mailbox, uids)?;
        let mut expunged = Expunged::default();
        for (uid, row) in rows.iter() {
            if let Some(row) = Membership::decode(row).filter(|row| row.flags.contains(flags)) {
                self.remove_membership(at, uid, &row)?;
                expunged.uids.insert(uid);
                expunged.modseq = Some(self.modseq());
            }
        }
        Ok(expunged)
    }
    /// Rows U, E and H, counters, log; a G row when it was the email's last membership.
    pub(super) fn remove_membership(&mut self, at: At, uid: Uid, row: &Membership<'_>) -> Result<()> {
        let octets = u64::from(row.octets);
        self.record.messages = self.record.messages.saturating_sub(1);
        self.record.octets = self.record.octets.saturating_sub(octets.saturating_add(row.dmap_octets()));
        let open = self.at(at)?;
        open.record.messages = open.record.messages.saturating_sub(1);
        open.record.octets = open.record.octets.saturating_sub(octets);
        open.record.dmap_octets = open.record.dmap_octets.saturating_sub(row.dmap_octets());
        open.count_flags_out(row.flags, row.octets);
        let mailbox = open.id;
        self.txn.delete(&key::membership(self.id, mailbox, uid.value()))?;
        if row.meta_octets > 0 {
            self.txn.delete(&key::meta(self.id, mailbox, uid.value()))?;
        }
        let elsewhere = places::forget(&mut *self.txn, self.id, row.email, Place { mailbox, uid })?;
        self.contact_left(row.email, mailbox)?;
        let thread = if elsewhere { None } else { places::other_thread(&*self.txn, self.id, row.email)? };
        self.at(at)?.log_expunged(uid, row, thread);
        if !elsewhere {
            let grace = GraceRecord { mailbox, modseq: self.modseq };
            self.txn.put(&key::grace(self.id, self.now, row.email), &grace.encode())?;
        }
        Ok(())
    }
}
