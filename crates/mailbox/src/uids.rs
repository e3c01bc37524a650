//! Sets of UIDs: splitting them into pieces that fit one transaction, and the sets of mailboxes with holes,
//! kept so that opening one again does not scan it.

use std::collections::HashMap;

use koi_store::record::mailbox::MailboxRecord;
use koi_types::{AccountId, MailboxId, UidSet};
use parking_lot::Mutex;

/// Runs in all sets that are kept, eight octets each; at the bound all are forgotten.
const RUNS_MAX: usize = 1 << 20;

/// The UIDs of mailboxes as they were when somebody last scanned them.
#[derive(Default)]
pub(crate) struct UidsCache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    sets: HashMap<Place, Set>,
    runs: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    account: AccountId,
    mailbox: MailboxId,
}

/// UIDNEXT and the number of messages name a state: one only rises, and without it the other only falls.
struct Set {
    uidnext: u32,
    messages: u32,
    uids: UidSet,
}

impl UidsCache {
    /// The set at this state, if it is the one that is kept, or follows from it because nothing left since.
    pub(crate) fn at(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        record: &MailboxRecord,
    ) -> Option<UidSet> {
        let kept = self.0.lock();
        let set = kept.sets.get(&Place { account, mailbox })?;
        let uidnext = record.uidnext.value();
        let came = uidnext.checked_sub(set.uidnext)?;
        if record.messages.checked_sub(set.messages)? != came {
            return None;
        }
        let mut uids = set.uids.clone();
        drop(kept);
        if came > 0 {
            uids.0.insert_range(uidnext - came..=uidnext - 1);
        }
        Some(uids)
    }
    pub(crate) fn keep(&self, account: AccountId, mailbox: MailboxId, record: &MailboxRecord, uids: &UidSet) {
        let mut kept = self.0.lock();
        let place = Place { account, mailbox };
        let newer = |set: &Set| {
            let (uidnext, messages) = (record.uidnext.value(), record.messages);
            uidnext > set.uidnext || uidnext == set.uidnext && messages < set.messages
        };
        let is_newer = kept.sets.get(&place).is_none_or(newer);
        if !is_newer {
            return;
        }
        let runs = uids.0.runs().count() + 8;
        if kept.runs + runs > RUNS_MAX {
            *kept = Kept::default();
        }
        kept.runs += runs;
        let set = Set { uidnext: record.uidnext.value(), messages: record.messages, uids: uids.clone() };
        if let Some(old) = kept.sets.insert(place, set) {
            kept.runs = kept.runs.saturating_sub(old.uids.0.runs().count() + 8);
        }
    }
}

/// Pieces of at most `count` UIDs each, in order.
pub(crate) fn pieces(uids: &UidSet, count: u32) -> Vec<UidSet> {
    let mut pieces = Vec::new();
    let mut piece = UidSet::new();
    for run in uids.0.runs() {
        let (mut first, last) = run.into_inner();
        loop {
            let room = count.saturating_sub(u32::try_from(piece.count()).unwrap_or(u32::MAX)).max(1);
            let end = last.min(first.saturating_add(room - 1));
            piece.0.insert_range(first..=end);
            if piece.count() >= u64::from(count) {
                pieces.push(std::mem::take(&mut piece));
            }
            if end == last {
                break;
            }
            first = end + 1;
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_full_and_lose_nothing() {
        let uids = UidSet([1..=5, 9..=9, 11..=20, u32::MAX..=u32::MAX].into_iter().flatten().collect());
        let pieces = pieces(&uids, 4);
        assert_eq!(pieces.iter().map(UidSet::count).collect::<Vec<_>>(), [4, 4, 4, 4, 1]);
        let mut all = UidSet::new();
        pieces.iter().for_each(|piece| all.0.extend(&piece.0));
        assert_eq!(all, uids);
        assert!(super::pieces(&UidSet::new(), 4).is_empty());
    }
}
