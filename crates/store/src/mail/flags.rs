//! Flags and keywords: STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).

use std::borrow::Cow;

use koi_types::{ErrorKind, Keyword, MailError, MailboxId, ModSeq, Result, SystemFlags, Uid, UidSet, limits};

use super::account::{AccountTxn, At, OpenMailbox};
use crate::key;
use crate::record::membership::{KeywordNumbers, Membership};

/// What to do with the flags a message has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlagOp {
    Add,
    Remove,
    Replace,
}

/// A change of flags.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlagChange {
    pub op: FlagOp,
    pub system: SystemFlags,
    pub keywords: Vec<Keyword>,
}

/// What came of it. A message that had the flags already is in neither set, nor is one that is not there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FlagsSet {
    pub changed: UidSet,
    /// The modseqs of the transactions that changed something, ascending.
    pub commits: Vec<ModSeq>,
    /// Those of `changed` that are `\Seen` and not `\Deleted` now, and were not before.
    pub read: UidSet,
    /// Changed after `unchanged_since` by somebody else, so left alone (RFC 7162 §3.1.3, MODIFIED).
    pub modified: UidSet,
}

impl FlagsSet {
    /// With what came of a later transaction of the same change.
    pub fn join(&mut self, later: Self) {
        self.changed.0.extend(&later.changed.0);
        self.commits.extend(later.commits);
        self.read.0.extend(&later.read.0);
        self.modified.0.extend(&later.modified.0);
    }
}

impl AccountTxn<'_> {
    /// Changes the flags of the messages in `uids` (few enough for one transaction). With `unchanged_since`,
    /// only of those whose MODSEQ is not greater; 0 excludes every message.
    pub fn set_flags(
        &mut self,
        mailbox: MailboxId,
        uids: &UidSet,
        change: &FlagChange,
        unchanged_since: Option<u64>,
    ) -> Result<FlagsSet> {
        let change = &*self.kept_of(change);
        let at = self.mailbox(mailbox)?;
        let rows = self.collect_rows(mailbox, uids)?;
        let mut set = FlagsSet::default();
        if rows.is_empty() {
            return Ok(set);
        }
        let numbers = self.numbers_of(change)?;
        let jobs = self.submissions_of(mailbox)?;
        let (mut encoded, mut keywords) = (Vec::new(), Vec::new());
        for (uid, row) in rows.iter() {
            // A row that cannot be read is for `check` to report; it must not stop the others.
            let Some(old) = Membership::decode(row) else { continue };
            if unchanged_since.is_some_and(|since| old.modseq.value() > since) {
                set.modified.insert(uid);
                continue;
            }
            let flags = changed_system(old.flags, change);
            changed_keywords(old.keywords, change.op, &numbers, &mut keywords)?;
            self.guard_submission(uid, &old, &mut keywords, &jobs)?;
            if flags == old.flags && keywords.iter().copied().eq(old.keywords.iter()) {
                continue;
            }
            encoded.clear();
            Membership { flags, modseq: self.modseq, ..old }.encode(&keywords, &mut encoded);
            self.txn.put(&key::membership(self.id, mailbox, uid.value()), &encoded)?;
            self.count_change(at, uid, &old, flags)?;
            set.changed.insert(uid);
            if is_read(flags) && !is_read(old.flags) {
                set.read.insert(uid);
            }
        }
        if !set.changed.is_empty() {
            set.commits.push(self.modseq());
        }
        Ok(set)
    }
    /// What of a change the account's mode lets the server keep.
    pub(super) fn kept_of<'c>(&self, change: &'c FlagChange) -> Cow<'c, FlagChange> {
        let mode = self.record.mode;
        let keeps_all = change.keywords.iter().all(|keyword| mode.keeps_keyword(keyword));
        if keeps_all && mode.system_flags().contains(change.system) {
            return Cow::Borrowed(change);
        }
        let keywords = change.keywords.iter().filter(|keyword| mode.keeps_keyword(keyword));
        Cow::Owned(FlagChange {
            op: change.op,
            system: change.system.intersection(mode.system_flags()),
            keywords: keywords.cloned().collect(),
        })
    }
    pub(super) fn count_change(
        &mut self,
        at: At,
        uid: Uid,
        old: &Membership<'_>,
        new: SystemFlags,
    ) -> Result<()> {
        let open = self.at(at)?;
        open.count_flags_out(old.flags, old.octets);
        open.count_flags_in(uid, new, old.octets);
        open.log_flags(uid, old.flags, new);
        Ok(())
    }
    /// Numbers of the keywords of a change, ascending; new ones are made unless they would only be removed.
    pub(super) fn numbers_of(&mut self, change: &FlagChange) -> Result<Vec<u16>> {
        let mut numbers = Vec::with_capacity(change.keywords.len());
        for keyword in &change.keywords {
            match change.op {
                FlagOp::Remove => numbers.extend(self.known_keyword(keyword)?),
                FlagOp::Add | FlagOp::Replace => numbers.push(self.keyword_number(keyword)?),
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }
}

impl OpenMailbox {
    /// Counts a message's flags, and keeps `unseen_from` at or below the first unseen message.
    pub(super) fn count_flags_in(&mut self, uid: Uid, flags: SystemFlags, octets: u32) {
        if flags.contains(SystemFlags::DELETED) {
            // Where none was, their sum is known.
            let before = self.record.deleted_octets.or((self.record.deleted == 0).then_some(0));
            self.record.deleted_octets = before.map(|before| before.saturating_add(u64::from(octets)));
            self.record.deleted = self.record.deleted.saturating_add(1);
        }
        if flags.contains(SystemFlags::SEEN) {
            if self.record.unseen == 0 {
                self.record.unseen_from = self.record.uidnext;
            } else if self.record.unseen_from == uid {
                self.record.unseen_from = uid.next().unwrap_or(uid);
            }
        } else {
            self.record.unseen = self.record.unseen.saturating_add(1);
            self.record.unseen_from = self.record.unseen_from.min(uid);
        }
    }
    pub(super) fn count_flags_out(&mut self, flags: SystemFlags, octets: u32) {
        if flags.contains(SystemFlags::DELETED) {
            self.record.deleted = self.record.deleted.saturating_sub(1);
            let less = |before: u64| before.saturating_sub(u64::from(octets));
            self.record.deleted_octets = self.record.deleted_octets.map(less);
        }
        if !flags.contains(SystemFlags::SEEN) {
            self.record.unseen = self.record.unseen.saturating_sub(1);
        }
    }
}

fn is_read(flags: SystemFlags) -> bool {
    flags.contains(SystemFlags::SEEN) && !flags.contains(SystemFlags::DELETED)
}

pub(super) fn changed_system(old: SystemFlags, change: &FlagChange) -> SystemFlags {
    match change.op {
        FlagOp::Add => old.union(change.system),
        FlagOp::Remove => old.without(change.system),
        FlagOp::Replace => change.system,
    }
}

/// Leaves the new keywords in `keywords`, ascending.
pub(super) fn changed_keywords(
    old: KeywordNumbers<'_>,
    op: FlagOp,
    numbers: &[u16],
    keywords: &mut Vec<u16>,
) -> Result<()> {
    keywords.clear();
    match op {
        FlagOp::Add => keywords.extend(old.iter().chain(numbers.iter().copied())),
        FlagOp::Remove => keywords.extend(old.iter().filter(|n| numbers.binary_search(n).is_err())),
        FlagOp::Replace => keywords.extend_from_slice(numbers),
    }
    keywords.sort_unstable();
    keywords.dedup();
    if keywords.len() > limits::KEYWORDS_PER_MESSAGE_MAX {
        return Err(MailError::new(ErrorKind::LimitReached, "too many keywords on one message"));
    }
    Ok(())
}
