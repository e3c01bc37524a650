//! What one client knows of its selected mailbox (RFC 9051 §2.3.1.2, RFC 9051 §7.5.1, RFC 3501 §5.5).
//!
//! The view is a list of UIDs and how far its client has been told of the change log: nothing is queued here,
//! what must still be told is computed from the log when it may be told. A message that is gone stays in the
//! list, and keeps its sequence number, until its EXPUNGE is sent. Sequence numbers exist only here.
//!
//! Below it: `news`, what of the change log the client is to be told; `missed`, what happened while it was
//! away; `rows`, how messages are written one after the other; `sequence`, what the sets in its commands
//! mean. Must not: write the wire.

pub(crate) mod compare;
pub(crate) mod missed;
pub(crate) mod news;
pub(crate) mod rows;
pub(crate) mod sequence;
pub(crate) mod telling;

use koi_types::{MailboxId, MailboxName, ModSeq, NumSet, Uid, UidSet, UidValidity};

/// The selected mailbox as its client knows it.
#[derive(Debug)]
pub struct Selected {
    pub mailbox: MailboxId,
    /// As it was selected; a RENAME by another session does not change the selection.
    pub name: MailboxName,
    pub uid_validity: UidValidity,
    pub read_only: bool,
    /// UIDs of the last search that was saved, what `$` stands for (RFC 5182 §2.1). Some may be gone: they
    /// count only while they are known.
    pub saved: NumSet,
    /// UIDs that are `\Recent` in this session; some may be gone.
    recent: NumSet,
    /// How many of them the client was told of.
    recent_told: u32,
    /// Known messages in order; position + 1 is the sequence number.
    known: NumSet,
    /// New messages up to here have been told.
    told: ModSeq,
    /// Flags up to here have been told; behind `told` while the client does not want to hear of them.
    told_flags: ModSeq,
    /// Vanished messages up to here have been told; behind `told` while EXPUNGE had to wait.
    told_vanished: ModSeq,
}

impl Selected {
    /// A view at the moment of SELECT: everything up to `at` is told by SELECT itself.
    #[must_use]
    pub fn new(mailbox: MailboxId, name: MailboxName, uid_validity: UidValidity, at: View) -> Self {
        Self {
            mailbox,
            name,
            uid_validity,
            read_only: at.read_only,
            saved: NumSet::new(),
            recent: NumSet::new(),
            recent_told: 0,
            known: at.uids.0,
            told: at.modseq,
            told_flags: at.modseq,
            told_vanished: at.modseq,
        }
    }
    /// Octets of memory it takes beside itself.
    #[must_use]
    pub fn memory_octets(&self) -> usize {
        [&self.known, &self.saved, &self.recent].iter().map(|set| set.memory_octets()).sum()
    }
    /// How many messages the client knows of: EXISTS.
    #[must_use]
    pub fn exists(&self) -> u32 {
        u32::try_from(self.known.count()).unwrap_or(u32::MAX)
    }
    /// The UIDs the client knows, in order.
    #[must_use]
    pub const fn known(&self) -> &NumSet {
        &self.known
    }
    /// Up to where new messages were told.
    #[must_use]
    pub const fn told(&self) -> ModSeq {
        self.told
    }
    /// Up to where changes of flags were told.
    #[must_use]
    pub const fn told_flags(&self) -> ModSeq {
        self.told_flags
    }
    /// Up to where everything was told.
    #[must_use]
    pub fn synchronised(&self) -> ModSeq {
        self.told.min(self.told_flags).min(self.told_vanished)
    }
    /// Up to where vanished messages were told.
    #[must_use]
    pub const fn told_vanished(&self) -> ModSeq {
        self.told_vanished
    }
    /// The largest UID, which `*` stands for in a set of UIDs.
    #[must_use]
    pub fn largest_uid(&self) -> Option<u32> {
        self.known.last()
    }
    /// The sequence number of a UID the client knows.
    #[must_use]
    pub fn seqnum(&self, uid: Uid) -> Option<u32> {
        let known = self.known.contains(uid.value());
        known.then(|| u32::try_from(self.known.rank(uid.value()) + 1).unwrap_or(u32::MAX))
    }
    /// The UIDs at these sequence numbers; `None` when one of them is above EXISTS (RFC 9051 §9,
    /// `seq-number`).
    #[must_use]
    pub fn uids_at(&self, seqnums: &NumSet) -> Option<UidSet> {
        if seqnums.last().is_some_and(|last| last > self.exists()) {
            return None;
        }
        let mut uids = NumSet::new();
        let mut runs = seqnums.runs().map(|r| Run { first: *r.start(), last: *r.end() }).peekable();
        let mut before = 0u32;
        for known in self.known.runs() {
            let count = known.end() - known.start() + 1;
            while let Some(wanted) = runs.peek_mut() {
                if wanted.first > before + count {
                    break;
                }
                let to = wanted.last.min(before + count);
                let uid = |seqnum: u32| known.start() + (seqnum - before - 1);
                uids.insert_range(uid(wanted.first)..=uid(to));
                if wanted.last > to {
                    wanted.first = to + 1;
                    break;
                }
                runs.next();
            }
            before += count;
        }
        Some(UidSet(uids))
    }
    /// The sequence numbers of those of `uids` the client knows.
    #[must_use]
    pub fn seqnums_of(&self, uids: &NumSet) -> NumSet {
        let mut out = NumSet::new();
        let mut cursor = self.cursor();
        for run in self.known.intersect(uids).runs() {
            let first = cursor.seqnum(*run.start());
            out.insert_range(first..=first + (run.end() - run.start()));
        }
        out
    }
    /// For asking the sequence numbers of UIDs in any order.
    #[must_use]
    pub fn numbering(&self) -> Numbering {
        let mut before = 0;
        let run = |run: std::ops::RangeInclusive<u32>| {
            let numbered = NumberedRun { first: *run.start(), last: *run.end(), before };
            before += run.end() - run.start() + 1;
            numbered
        };
        Numbering { runs: self.known.runs().map(run).collect() }
    }
    /// For asking the sequence numbers of ascending UIDs, each in constant time over a whole scan.
    #[must_use]
    pub const fn cursor(&self) -> SeqCursor<'_> {
        SeqCursor { known: &self.known, run: Run { first: 1, last: 0 }, before: 0, next: 0 }
    }
    /// The UIDs that are `\Recent` in this session (RFC 3501 §2.3.2).
    #[must_use]
    pub const fn recent(&self) -> &NumSet {
        &self.recent
    }
    /// Those of `uids` that the client knows are `\Recent` in this session.
    pub fn add_recent(&mut self, uids: std::ops::RangeInclusive<u32>) {
        if uids.is_empty() {
            return;
        }
        let mut among = NumSet::new();
        among.insert_range(uids);
        self.recent.extend(&among.intersect(&self.known));
    }
    /// How many messages are `\Recent`, if the client was told another number (RFC 3501 §7.3.2).
    pub fn tell_recent(&mut self) -> Option<u32> {
        if self.recent.is_empty() {
            return None;
        }
        let count = u32::try_from(self.recent.intersect(&self.known).count()).unwrap_or(u32::MAX);
        (std::mem::replace(&mut self.recent_told, count) != count).then_some(count)
    }
    /// Nothing the client knows vanished up to here.
    pub fn none_vanished(&mut self, upto: ModSeq) {
        self.told_vanished = self.told_vanished.max(upto);
    }
    /// Whether something was kept back that is older than what was told.
    #[must_use]
    pub fn owes_anything(&self) -> bool {
        self.synchronised() < self.told
    }
    /// New messages up to `upto` are told now.
    pub fn tell(&mut self, added: &NumSet, upto: ModSeq) {
        self.known.extend(added);
        self.told = self.told.max(upto);
    }
    /// Changes of flags up to `upto` are told now, or there were none.
    pub fn flags_told(&mut self, upto: ModSeq) {
        self.told_flags = self.told_flags.max(upto);
    }
    /// Nothing happened up to here.
    pub fn tell_all(&mut self, upto: ModSeq) {
        self.told = self.told.max(upto);
        self.flags_told(upto);
        self.none_vanished(upto);
    }
    /// These messages are told to be gone, and everything that vanished up to `upto` with them. Answers the
    /// sequence numbers to send, in the order to send them: from the highest down, so that none shifts
    /// another.
    pub fn tell_vanished(&mut self, vanished: &NumSet, upto: ModSeq) -> NumSet {
        let seqnums = self.forget(vanished);
        self.told_vanished = self.told_vanished.max(upto);
        seqnums
    }
    /// These messages are told to be gone, and others may be gone too.
    pub fn forget(&mut self, gone: &NumSet) -> NumSet {
        let seqnums = self.seqnums_of(gone);
        if !seqnums.is_empty() {
            self.known = self.known.difference(gone);
        }
        seqnums
    }
}

/// What SELECT read of the mailbox, all of one snapshot.
#[derive(Debug)]
pub struct View {
    pub uids: UidSet,
    pub modseq: ModSeq,
    pub read_only: bool,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    first: u32,
    last: u32,
}

/// Sequence numbers of the known UIDs at one moment.
#[derive(Debug)]
pub struct Numbering {
    runs: Vec<NumberedRun>,
}

#[derive(Debug)]
struct NumberedRun {
    first: u32,
    last: u32,
    /// Messages before it.
    before: u32,
}

impl Numbering {
    /// Nothing for a UID that is not known. Cost: logarithmic in runs.
    #[must_use]
    pub fn seqnum(&self, uid: u32) -> Option<u32> {
        let run = self.runs.get(self.runs.partition_point(|run| run.last < uid))?;
        Some(run.before + uid.checked_sub(run.first)? + 1)
    }
}

/// Sequence numbers of ascending UIDs.
#[derive(Debug)]
pub struct SeqCursor<'a> {
    known: &'a NumSet,
    run: Run,
    /// Messages before `run`.
    before: u32,
    /// Index of the run after `run`.
    next: usize,
}

impl SeqCursor<'_> {
    /// The sequence number of a known UID, not smaller than the one asked before.
    pub fn seqnum(&mut self, uid: u32) -> u32 {
        while uid > self.run.last {
            let Some(run) = self.known.run(self.next) else { break };
            if self.next > 0 {
                self.before += self.run.last - self.run.first + 1;
            }
            self.run = Run { first: *run.start(), last: *run.end() };
            self.next += 1;
        }
        self.before + uid.saturating_sub(self.run.first) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn view(uids: &[u32]) -> Selected {
        let uids = UidSet(uids.iter().copied().collect());
        let at = View { uids, modseq: ModSeq::MIN, read_only: false };
        Selected::new(MailboxId(1), MailboxName::inbox(), UidValidity::MIN, at)
    }

    proptest! {
        // spec: RFC 9051 §2.3.1.2
        #[test]
        fn positions_are_those_of_a_plain_list(
            uids in prop::collection::btree_set(1u32..80, 0..50),
            wanted in prop::collection::btree_set(1u32..80, 0..50),
        ) {
            let list: Vec<u32> = uids.iter().copied().collect();
            let mut selected = view(&list);
            let mut cursor = selected.cursor();
            let numbering = selected.numbering();
            prop_assert!(wanted.difference(&uids).all(|uid| numbering.seqnum(*uid).is_none()));
            for (at, uid) in list.iter().enumerate() {
                prop_assert_eq!(numbering.seqnum(*uid), Some(at as u32 + 1));
                prop_assert_eq!(cursor.seqnum(*uid), at as u32 + 1);
                prop_assert_eq!(selected.seqnum(Uid::new(*uid).unwrap()), Some(at as u32 + 1));
            }
            let seqnums: NumSet = wanted.iter().copied().filter(|n| *n as usize <= list.len()).collect();
            let expected: Vec<u32> = seqnums.iter().map(|n| list[n as usize - 1]).collect();
            let found: Vec<u32> = selected.uids_at(&seqnums).unwrap().0.iter().collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(selected.seqnums_of(&expected.iter().copied().collect()), seqnums);
            let gone: NumSet = wanted.iter().copied().collect();
            let mut left = list.clone();
            for seqnum in selected.tell_vanished(&gone, ModSeq::MIN).iter().rev() {
                prop_assert!(gone.contains(left.remove(seqnum as usize - 1)));
            }
            prop_assert_eq!(selected.known().iter().collect::<Vec<_>>(), left.clone());
            prop_assert!(left.iter().all(|uid| !gone.contains(*uid)));
        }
    }

    #[test]
    fn a_number_above_exists_is_no_message() {
        assert_eq!(view(&[4, 9]).uids_at(&[2, 3].into_iter().collect()), None);
        assert!(view(&[]).uids_at(&NumSet::new()).unwrap().is_empty());
    }
}
