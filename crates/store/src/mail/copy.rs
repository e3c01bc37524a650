//! COPY and MOVE inside one account (RFC 9051 §6.4.7, RFC 9051 §6.4.8).

use koi_types::{MailboxId, ModSeq, Result, Rights, Uid, UidSet, UidValidity};

use super::account::{AccountTxn, At};
use super::per_user::{self, Guest};
use crate::key;
use crate::record::corrupt;
use crate::record::email::Place;
use crate::record::membership::Membership;
use crate::record::sharing::PerUserRecord;

/// What was copied or moved. Both sets ascend together: the n-th of `from` became the n-th of `to`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copied {
    pub uidvalidity: UidValidity,
    pub from: UidSet,
    pub to: UidSet,
    /// Of the last transaction that took messages out of the source: MOVE only.
    pub modseq: Option<ModSeq>,
}

/// How messages get into another mailbox.
#[derive(Clone, Copy)]
struct Manner {
    removes: bool,
    /// Somebody who is not the owner does it.
    guest: Option<Guest>,
}

impl AccountTxn<'_> {
    /// Copies with flags, keywords, INTERNALDATE and EMAILID (RFC 9051 §6.4.7, RFC 8474 §5.1). A message that
    /// cannot be read fails the whole: a partial copy is not allowed.
    pub fn copy(&mut self, from: MailboxId, uids: &UidSet, to: MailboxId) -> Result<Copied> {
        self.transfer(from, uids, to, Manner { removes: false, guest: None })
    }
    /// The same, and takes the messages out of `from`.
    pub fn move_(&mut self, from: MailboxId, uids: &UidSet, to: MailboxId) -> Result<Copied> {
        self.transfer(from, uids, to, Manner { removes: true, guest: None })
    }
    /// `copy` for somebody who is not the owner, with its rights in the target: the flags go along that it
    /// may set there, and its own `\\Seen`; nobody else has seen the copy (RFC 4314 §4, COPY).
    pub fn copy_as(&mut self, guest: Guest, from: MailboxId, uids: &UidSet, to: MailboxId) -> Result<Copied> {
        self.transfer(from, uids, to, Manner { removes: false, guest: Some(guest) })
    }
    /// `move_` in the same way.
    pub fn move_as(&mut self, guest: Guest, from: MailboxId, uids: &UidSet, to: MailboxId) -> Result<Copied> {
        self.transfer(from, uids, to, Manner { removes: true, guest: Some(guest) })
    }
    fn transfer(&mut self, from: MailboxId, uids: &UidSet, to: MailboxId, manner: Manner) -> Result<Copied> {
        let source = self.mailbox(from)?;
        let target = self.mailbox(to)?;
        let rows = self.collect_rows(from, uids)?;
        let uidvalidity = self.at(target)?.record.uidvalidity;
        let mut copied = Copied { uidvalidity, from: UidSet::new(), to: UidSet::new(), modseq: None };
        for (uid, row) in rows.iter() {
            let key = || key::membership(self.id, from, uid.value());
            let row = Membership::decode(row).ok_or_else(|| corrupt("membership", &key()))?;
            let copy = self.copy_row(target, &row, manner)?;
            self.copy_meta(Place { mailbox: from, uid }, Place { mailbox: to, uid: copy }, &row)?;
            self.copy_seen(manner.guest, Place { mailbox: from, uid }, target, copy)?;
            copied.to.insert(copy);
            self.contact_came(row.email, to)?;
            copied.from.insert(uid);
            if manner.removes {
                self.remove_membership(source, uid, &row)?;
                copied.modseq = Some(self.modseq);
            }
        }
        Ok(copied)
    }
    fn copy_row(&mut self, target: At, row: &Membership<'_>, manner: Manner) -> Result<Uid> {
        let writes = manner.guest.is_none_or(|guest| guest.rights.contains(Rights::WRITE));
        let mut keywords: Vec<u16> = row.keywords.iter().filter(|_| writes).collect();
        self.leave_submission(&mut keywords)?;
        let flags = manner.guest.map_or(row.flags, |guest| guest.shared_of(row.flags));
        let (modseq, created_modseq, saved_at) = (self.modseq, self.modseq, self.now);
        let copy = Membership { flags, modseq, created_modseq, saved_at, ..*row };
        // RFC 9208 §4.3.1: what only moves adds nothing, so that an account that is full can be tidied up.
        if manner.removes {
            return self.add_unbounded(target, &copy, &keywords);
        }
        self.add_membership(target, &copy, &keywords)
    }
    /// What a guest has seen, it has seen in the copy too.
    fn copy_seen(&mut self, guest: Option<Guest>, from: Place, target: At, copy: Uid) -> Result<()> {
        let Some(guest) = guest.filter(Guest::keeps_seen) else { return Ok(()) };
        let own = per_user::row(&*self.txn, self.id, from.mailbox, guest.user, from.uid)?;
        match own.filter(PerUserRecord::is_seen) {
            Some(_) => self.keep_seen(target, guest.user, copy),
            None => Ok(()),
        }
    }
}
