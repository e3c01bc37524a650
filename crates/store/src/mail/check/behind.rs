//! Counters that lie behind what was given out by them: rows A and Z of an older day, as they are when what
//! was written after them was damaged. What they would give out is somebody's already, so they are raised.
//!
//! Must not: lower a counter; believe a number so high that little would be left above it.

use std::borrow::Cow;
use std::ops::ControlFlow;

use koi_types::{AccountId, MailboxId, ModSeq, Result};

use super::Check;
use super::directory::account_of;
use crate::body::Scope;
use crate::key::{self, table};
use crate::record::account::{AccountRecord, TypeStates};
use crate::record::directory::{CountersRecord, decode_account_id, decode_scope};
use crate::record::mailbox::MailboxRecord;

/// A MODSEQ above this comes from damage, not from changes.
pub(super) const MODSEQ_BELIEVED_MAX: u64 = 1 << 62;
/// The same of UIDs, UIDVALIDITYs and ids: more are left above it than anybody uses.
const NUMBER_BELIEVED_MAX: u32 = u32::MAX - (1 << 28);
/// So many ids after another may be those of accounts that the directory lost.
const LOST_MAX: u32 = 256;

impl Check<'_> {
    /// The account's row, with its counters above everything that was given out. What it said of the past it
    /// cannot know: everything may have changed.
    pub(super) fn raised_account(&mut self, found: AccountRecord) -> Result<AccountRecord> {
        let mut right = found.clone();
        self.each(table::MAILBOX, |_, _, value| {
            let Some(record) = MailboxRecord::decode(value) else { return Ok(()) };
            right.last_uidvalidity = right.last_uidvalidity.max(number(record.uidvalidity.value()));
            right.modseq = right.modseq.max(believed(record.highest_modseq));
            Ok(())
        })?;
        for table in [table::MAILBOX, table::MAILBOX_NAME, table::RECLAIM] {
            let last = self.last_key(table)?.and_then(|key| key::mailbox_of(&key)).map(|id| number(id.0));
            let next = last.map_or(0, |last| last.saturating_add(1));
            right.next_mailbox = MailboxId(right.next_mailbox.0.max(next));
        }
        let keyword = self.last_key(table::KEYWORD)?.and_then(|key| key::part(&key, 5));
        let keywords = keyword.map_or(0, |number| u16::from_be_bytes(number).saturating_add(1));
        right.keywords = right.keywords.max(keywords);
        let changed = self.last_key(table::LOG)?.and_then(|key| key::modseq_at_end(&key));
        right.modseq = right.modseq.max(changed.map_or(0, believed));
        if right == found {
            return Ok(found);
        }
        right.released_uidvalidity = right.last_uidvalidity;
        (right.names_modseq, right.log_floor, right.visibility_floor) =
            (right.modseq, right.modseq, right.modseq);
        right.states = TypeStates::all(right.modseq);
        let problem = "the account's row is older than what was given out by it";
        self.wrong(&key::account(self.account), &found.encode(), problem, right.encode());
        Ok(right)
    }
    /// The counters of the directory, raised likewise: an account's id must not be another's.
    pub(super) fn raised_counters(&mut self) -> Result<()> {
        let key = key::counters();
        let row = self.read.get(&key)?.map(Cow::into_owned);
        let found = match row.as_deref().map(CountersRecord::decode) {
            Some(None) => {
                self.report(&key, "the counters of the directory cannot be read");
                return Ok(());
            }
            Some(Some(found)) => found,
            None => CountersRecord::default(),
        };
        let mut right = found;
        let mut gave = |account: AccountId| {
            right.next_account = AccountId(right.next_account.0.max(number(account.0).saturating_add(1)));
        };
        for table in [table::global::DIRECTORY, table::global::REMOVED] {
            self.last_key(table)?.and_then(|key| account_of(&key)).into_iter().for_each(&mut gave);
        }
        self.each(table::global::ADDRESS, |_, _, value| {
            decode_account_id(value).into_iter().for_each(&mut gave);
            Ok(())
        })?;
        self.each(table::global::DOMAIN, |_, _, value| {
            let next = decode_scope(value).map_or(0, |scope| number(scope.0).saturating_add(1));
            right.next_scope = Scope(right.next_scope.0.max(next));
            Ok(())
        })?;
        // Those whose row in the directory is lost too.
        while let Some(lost) = self.account_from(right.next_account)? {
            right.next_account = AccountId(lost.0.saturating_add(1));
        }
        if right != found {
            let problem = "the counters of the directory are older than what was given out by them";
            match row {
                Some(row) => self.wrong(&key, &row, problem, right.encode()),
                None => self.missing(&key, problem, right.encode()),
            }
        }
        Ok(())
    }
    /// An account with rows among the next that would be made.
    fn account_from(&self, next: AccountId) -> Result<Option<AccountId>> {
        let ids = next.0..next.0.saturating_add(LOST_MAX);
        for id in ids.map(AccountId).rev() {
            if self.has(&key::account(id))? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
    /// Of a table, the account's.
    fn last_key(&self, table: u8) -> Result<Option<Vec<u8>>> {
        let range = key::all(self.account, table);
        let mut last = None;
        self.read.scan_back(&range.from, &range.end, &mut |key, _| {
            last = Some(key.to_vec());
            ControlFlow::Break(())
        })?;
        Ok(last)
    }
}

fn believed(modseq: ModSeq) -> u64 {
    Some(modseq.value()).filter(|modseq| *modseq <= MODSEQ_BELIEVED_MAX).unwrap_or_default()
}

fn number(number: u32) -> u32 {
    if is_believed(number) { number } else { 0 }
}

pub(super) fn is_believed(number: u32) -> bool {
    number <= NUMBER_BELIEVED_MAX
}
