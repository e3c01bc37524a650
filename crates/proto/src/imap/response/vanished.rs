//! VANISHED (RFC 7162 §3.2.10).

use koi_types::NumSet;

use crate::imap::set::push_set;

/// Runs in one line. The grammar sets no bound, but clients have line buffers.
const RUNS_MAX: usize = 500;

/// Says that these UIDs are gone, in as many lines as it takes; nothing for an empty set.
///
/// ```abnf
/// expunged-resp = "VANISHED" [SP "(EARLIER)"] SP known-uids   ; RFC 7162 §7
/// ```
pub fn vanished(earlier: bool, uids: &NumSet, out: &mut Vec<u8>) {
    let mut runs = uids.runs().peekable();
    while runs.peek().is_some() {
        let mut line = NumSet::new();
        runs.by_ref().take(RUNS_MAX).for_each(|run| line.insert_range(run));
        out.extend_from_slice(if earlier { b"* VANISHED (EARLIER) " } else { b"* VANISHED " });
        push_set(&line, out);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7162 §3.2.10
    #[test]
    fn long_sets_are_several_lines() {
        let mut out = Vec::new();
        vanished(true, &[41, 43, 44, 45].into_iter().collect(), &mut out);
        vanished(false, &NumSet::new(), &mut out);
        vanished(false, &[7].into_iter().collect(), &mut out);
        assert_eq!(out, b"* VANISHED (EARLIER) 41,43:45\r\n* VANISHED 7\r\n");
        out.clear();
        vanished(false, &(1..=600).map(|n| n * 2).collect(), &mut out);
        assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 2);
        assert!(out.ends_with(b",1198,1200\r\n"));
    }
}
