//! Splitting sets of UIDs into pieces that fit one transaction.

use koi_types::UidSet;

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
