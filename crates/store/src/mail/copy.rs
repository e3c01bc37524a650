//! COPY and MOVE inside one account (RFC 9051 §6.4.7, RFC 9051 §6.4.8).

use koi_types::{MailboxId, ModSeq, Result, UidSet, UidValidity};

use super::account::{AccountTxn, At};
use crate::key;
use crate::record::corrupt;
use crate::record::membership::Membership;

/// What was copied or moved. Both sets ascend together: the n-th of `from` became the n-th of `to`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copied {
    pub uidvalidity: UidValidity,
    pub from: UidSet,
    pub to: UidSet,
    /// Of the last transaction that took messages out of the source: MOVE only.
    pub modseq: Option<ModSeq>,
}

impl AccountTxn<'_> {
    /// Copies with flags, keywords, INTERNALDATE and EMAILID (RFC 9051 §6.4.7, RFC 8474 §5.1). A message that
    /// cannot be read fails the whole: a partial copy is not allowed.
    pub fn copy(&mut self, from: MailboxId, uids: &UidSet, to: MailboxId) -> Result<Copied> {
        self.transfer(from, uids, to, false)
    }
    /// The same, and takes the messages out of `from`.
    pub fn move_(&mut self, from: MailboxId, uids: &UidSet, to: MailboxId) -> Result<Copied> {
        self.transfer(from, uids, to, true)
    }
    fn transfer(&mut self, from: MailboxId, uids: &UidSet, to: MailboxId, remove: bool) -> Result<Copied> {
        let source = self.mailbox(from)?;
        let target = self.mailbox(to)?;
        let rows = self.collect_rows(from, uids)?;
        let uidvalidity = self.at(target)?.record.uidvalidity;
        let mut copied = Copied { uidvalidity, from: UidSet::new(), to: UidSet::new(), modseq: None };
        for (uid, row) in rows.iter() {
            let key = || key::membership(self.id, from, uid.value());
            let row = Membership::decode(row).ok_or_else(|| corrupt("membership", &key()))?;
            copied.to.insert(self.copy_row(target, &row, remove)?);
            self.contact_came(row.email, to)?;
            copied.from.insert(uid);
            if remove {
                self.remove_membership(source, uid, &row)?;
                copied.modseq = Some(self.modseq);
            }
        }
        Ok(copied)
    }
    fn copy_row(&mut self, target: At, row: &Membership<'_>, moves: bool) -> Result<koi_types::Uid> {
        let keywords: Vec<u16> = row.keywords.iter().collect();
        let copy =
            Membership { modseq: self.modseq, created_modseq: self.modseq, saved_at: self.now, ..*row };
        // RFC 9208 §4.3.1: what only moves adds nothing, so that an account that is full can be tidied up.
        if moves {
            return self.add_unbounded(target, &copy, &keywords);
        }
        self.add_membership(target, &copy, &keywords)
    }
}
