//! Counters of C and A against what was counted, and the change log: tables L and V.

use std::collections::BTreeMap;

use koi_types::{MailboxId, ModSeq, Result, SystemFlags, Uid, UidSet};

use super::Check;
use super::behind::{MODSEQ_BELIEVED_MAX, is_believed};
use super::names::State;
use crate::key::{self, table};
use crate::record::gone::decode_gone;
use crate::record::log::LogRecord;
use crate::record::mailbox::MailboxRecord;
use crate::record::membership::Membership;
use crate::record::runs::decode_vanished;

/// The messages of one mailbox, counted.
#[derive(Default)]
pub(super) struct Counted {
    messages: u32,
    unseen: u32,
    deleted: u32,
    deleted_octets: u64,
    octets: u64,
    dmap_octets: u64,
    highest_modseq: Option<ModSeq>,
    first_unseen: Option<Uid>,
    last: Option<Uid>,
    /// A row could not be read, so nothing is said of the sums until it is repaired.
    pub(super) unreadable: bool,
}

impl Counted {
    pub(super) fn count(&mut self, uid: Uid, row: &Membership<'_>) {
        self.messages = self.messages.saturating_add(1);
        self.octets = self.octets.saturating_add(u64::from(row.octets));
        self.dmap_octets = self.dmap_octets.saturating_add(row.dmap_octets());
        self.highest_modseq = self.highest_modseq.max(Some(row.modseq));
        self.last = Some(uid);
        if row.flags.contains(SystemFlags::DELETED) {
            self.deleted = self.deleted.saturating_add(1);
            self.deleted_octets = self.deleted_octets.saturating_add(u64::from(row.octets));
        }
        if !row.flags.contains(SystemFlags::SEEN) {
            self.unseen = self.unseen.saturating_add(1);
            self.first_unseen = self.first_unseen.or(Some(uid));
        }
    }
    /// Messages that are gone: their UIDs and their modseq were given out.
    pub(super) fn vanished(&mut self, uids: &UidSet, modseq: ModSeq) {
        self.last = self.last.max(uids.iter().next_back().filter(|uid| is_believed(uid.value())));
        if modseq.value() <= MODSEQ_BELIEVED_MAX {
            self.highest_modseq = self.highest_modseq.max(Some(modseq));
        }
    }
    /// The row as it should be.
    fn right(&self, row: &MailboxRecord) -> MailboxRecord {
        let after = |uid: Uid| uid.next().unwrap_or(uid);
        MailboxRecord {
            messages: self.messages,
            unseen: self.unseen,
            deleted: self.deleted,
            octets: self.octets,
            dmap_octets: self.dmap_octets,
            // Where it is not counted yet, it need not be.
            deleted_octets: row.deleted_octets.map(|_| self.deleted_octets),
            highest_modseq: self.highest_modseq.map_or(row.highest_modseq, |m| m.max(row.highest_modseq)),
            unseen_from: self.first_unseen.map_or(row.unseen_from, |first| first.min(row.unseen_from)),
            uidnext: self.last.map_or(row.uidnext, |last| after(last).max(row.uidnext)),
            ..row.clone()
        }
    }
}

impl Check<'_> {
    pub(super) fn counters(&mut self, state: &State, counted: &BTreeMap<MailboxId, Counted>) -> Result<()> {
        let (mut messages, mut octets) = (0u64, 0u64);
        let none = Counted::default();
        for (id, record) in &state.mailboxes {
            let counted = counted.get(id).unwrap_or(&none);
            messages += u64::from(record.messages);
            octets = octets.saturating_add(record.octets).saturating_add(record.dmap_octets);
            let right = counted.right(record);
            if !counted.unreadable && right != *record {
                let key = key::mailbox(self.account, table::MAILBOX, *id);
                self.wrong(&key, &record.encode(), "a mailbox's counters are wrong", right.encode());
            }
        }
        let mut right = state.account.clone();
        (right.messages, right.octets) = (messages, octets);
        if right != state.account && state.unreadable.is_empty() {
            let key = key::account(self.account);
            self.wrong(&key, &state.account.encode(), "the account's counters are wrong", right.encode());
        }
        Ok(())
    }
    /// Rows L and V.
    pub(super) fn logs(&mut self, state: &State) -> Result<()> {
        self.each(table::LOG, |check, key, value| {
            let modseq = key::modseq_at_end(key).map_or(0, ModSeq::value);
            if modseq > state.account.modseq || modseq == 0 {
                check.report(key, "the change log goes beyond the account's MODSEQ");
            }
            if LogRecord::decode(value).is_none() {
                let key_of_account = key::account(check.account);
                let mut right = state.account.clone();
                right.log_floor = right.log_floor.max(modseq);
                if right != state.account {
                    let problem = "a line of the change log cannot be read, so it begins after it";
                    check.wrong(&key_of_account, &state.account.encode(), problem, right.encode());
                }
                check.superfluous(key, value, "a line of the change log cannot be read");
            }
            Ok(())
        })?;
        self.each(table::GONE, |check, key, value| {
            if decode_gone(value).is_none() {
                check.superfluous(key, value, "messages of a deleted mailbox cannot be read");
            }
            Ok(())
        })?;
        self.each(table::VANISHED, |check, key, value| {
            let mailbox = key::mailbox_of(key);
            if !mailbox.is_some_and(|mailbox| state.knows(mailbox)) {
                check.superfluous(key, value, "vanished messages of a mailbox that does not exist");
            } else if decode_vanished(value).is_none() {
                check.unreadable_vanished(state, key, value);
            }
            Ok(())
        })?;
        Ok(())
    }
    fn unreadable_vanished(&mut self, state: &State, key: &[u8], value: &[u8]) {
        let mailbox = key::mailbox_of(key).unwrap_or(MailboxId(0));
        let modseq = key::modseq_at_end(key).map_or(0, ModSeq::value);
        if let Some(record) = state.mailboxes.get(&mailbox).filter(|record| record.vanished_floor < modseq) {
            let right = MailboxRecord { vanished_floor: modseq, ..record.clone() };
            let of_mailbox = key::mailbox(self.account, table::MAILBOX, mailbox);
            let problem = "vanished messages cannot be read, so their record begins after them";
            self.wrong(&of_mailbox, &record.encode(), problem, right.encode());
        }
        self.superfluous(key, value, "vanished messages cannot be read");
    }
}
