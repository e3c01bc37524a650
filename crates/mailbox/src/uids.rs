//! Sets of UIDs: splitting them into pieces that fit one transaction, and the sets of mailboxes with holes,
//! kept so that opening one again does not scan it.

use std::collections::HashMap;
use std::sync::Arc;

use koi_types::{AccountId, MailboxId, ModSeq, UidSet};
use parking_lot::Mutex;

/// Runs in all sets that are kept, eight octets each; at the bound all are forgotten.
const RUNS_MAX: usize = 1 << 20;
/// What a set costs beside its runs, in runs.
const SET_RUNS: usize = 8;

/// The UIDs of mailboxes as they were when somebody last asked. Whoever asks next brings them up to date from
/// the change log.
#[derive(Default)]
pub(crate) struct UidsCache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    sets: HashMap<Place, KeptUids>,
    runs: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    account: AccountId,
    mailbox: MailboxId,
}

/// The UIDs in a mailbox when its highest modseq was this one.
#[derive(Clone)]
pub(crate) struct KeptUids {
    pub(crate) modseq: ModSeq,
    pub(crate) uids: Arc<UidSet>,
}

impl UidsCache {
    pub(crate) fn of(&self, account: AccountId, mailbox: MailboxId) -> Option<KeptUids> {
        self.0.lock().sets.get(&Place { account, mailbox }).cloned()
    }
    /// Keeps a set, unless a newer one is kept already.
    pub(crate) fn keep(&self, account: AccountId, mailbox: MailboxId, modseq: ModSeq, uids: &UidSet) {
        let place = Place { account, mailbox };
        let runs = uids.0.runs().count() + SET_RUNS;
        let set = KeptUids { modseq, uids: Arc::new(uids.clone()) };
        let mut kept = self.0.lock();
        if kept.sets.get(&place).is_some_and(|have| have.modseq >= modseq) {
            return;
        }
        if kept.runs + runs > RUNS_MAX {
            *kept = Kept::default();
        }
        kept.runs += runs;
        if let Some(old) = kept.sets.insert(place, set) {
            kept.runs = kept.runs.saturating_sub(old.uids.0.runs().count() + SET_RUNS);
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
