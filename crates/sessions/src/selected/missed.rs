//! What happened in a mailbox while a client was away, as far as it asks (RFC 7162 §3.2.5.1, §3.2.5.2 and
//! §3.2.6).
//!
//! The change log answers at the cost of what changed. Where it does not reach back far enough, everything
//! there is is compared with what the client says it knows: the answer is longer, and just as right.

use koi_mailbox::{Changes, Snapshot};
use koi_types::{ModSeq, NumSet, Result};

use super::Selected;

/// Sets of UIDs.
#[derive(Debug, Default)]
pub(crate) struct Missed {
    /// Gone since; none that the client has in its present view, whose end it is told by VANISHED.
    pub(crate) vanished: NumSet,
    /// New since, or with other flags; not always in the client's present view.
    pub(crate) changed: NumSet,
    /// Which of these changed is to be found out: the log does not tell.
    pub(crate) compare: NumSet,
}

/// Numbers a client had its messages under, and their UIDs, both ascending: the same count of each (RFC 7162
/// §3.2.5.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pairs<'a> {
    pub(crate) seqnums: &'a NumSet,
    pub(crate) uids: &'a NumSet,
}

/// More messages than this are compared instead of listed.
const CHANGES_MAX: usize = 1 << 16;

/// What happened after `since` to those of `among`.
pub(crate) fn missed(
    snapshot: &Snapshot<'_>,
    view: &Selected,
    since: ModSeq,
    among: &NumSet,
    pairs: Option<Pairs<'_>>,
) -> Result<Missed> {
    let mut missed = Missed::default();
    match snapshot.changes(view.mailbox, since, CHANGES_MAX)? {
        Changes::Listed(mut listed) => {
            listed.added.0.extend(&listed.flags.0);
            missed.vanished = listed.vanished.0.intersect(among);
            missed.changed = listed.added.0.intersect(among);
        }
        // What the session is told of its own accord.
        Changes::MailboxGone => {}
        Changes::TooMany { .. } => {
            let there = snapshot.uids(view.mailbox)?.0;
            let row = snapshot.mailbox(view.mailbox)?;
            let uidnext = row.map_or(1, |row| row.uidnext.value());
            let mut given = NumSet::new();
            given.insert_range(1..=uidnext - 1);
            missed.vanished = among.intersect(&given).difference(&there);
            missed.vanished.remove_range(0..=last_match(view, pairs));
            missed.compare = there.intersect(among);
        }
    }
    missed.vanished = missed.vanished.difference(view.known());
    Ok(missed)
}

/// Whether some of these messages are gone, though this client was not told.
pub(crate) fn some_gone(snapshot: &Snapshot<'_>, view: &Selected, uids: &NumSet) -> Result<bool> {
    Ok(match snapshot.changes(view.mailbox, view.told_vanished(), CHANGES_MAX)? {
        Changes::Listed(listed) => !listed.vanished.0.intersect(uids).is_empty(),
        Changes::MailboxGone => true,
        Changes::TooMany { .. } => !uids.difference(&snapshot.uids(view.mailbox)?.0).is_empty(),
    })
}

/// RFC 7162 §3.2.5.2: the last UID the client has at the same place as the mailbox. UIDs only ascend and
/// places only fall, so that it knows of everything that vanished before; and so the matching pairs are the
/// first ones.
fn last_match(view: &Selected, pairs: Option<Pairs<'_>>) -> u32 {
    let Some(Pairs { seqnums, uids }) = pairs else { return 0 };
    let uid_at = |pair: u64| {
        let place = seqnums.nth(pair)?.checked_sub(1)?;
        uids.nth(pair).filter(|uid| view.known().nth(u64::from(place)) == Some(*uid))
    };
    let (mut matching, mut end) = (0, uids.count());
    while matching < end {
        let middle = matching + (end - matching) / 2;
        match uid_at(middle) {
            Some(_) => matching = middle + 1,
            None => end = middle,
        }
    }
    matching.checked_sub(1).and_then(uid_at).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selected::View;
    use koi_types::{MailboxId, MailboxName, UidSet, UidValidity};

    /// spec: RFC 7162 §3.2.5.2
    #[test]
    fn pairs_match_up_to_the_first_difference() {
        let uids = UidSet([3, 5, 8, 9, 24].into_iter().collect());
        let at = View { uids, modseq: ModSeq::MIN, read_only: false };
        let view = Selected::new(MailboxId(1), MailboxName::inbox(), UidValidity::MIN, at);
        let last = |seqnums: &[u32], uids: &[u32]| {
            let set = |numbers: &[u32]| numbers.iter().copied().collect();
            last_match(&view, Some(Pairs { seqnums: &set(seqnums), uids: &set(uids) }))
        };
        assert_eq!(last_match(&view, None), 0);
        assert_eq!(last(&[1], &[3]), 3);
        assert_eq!(last(&[1], &[2]), 0);
        assert_eq!(last(&[2, 3, 5], &[5, 8, 24]), 24);
        assert_eq!(last(&[2, 3, 5], &[5, 8, 25]), 8);
        assert_eq!(last(&[1, 2, 3, 4], &[3, 5, 9, 24]), 5);
        assert_eq!(last(&[7], &[24]), 0);
    }
}
