//! Sequence sets as a client writes them, with `*` not yet resolved (RFC 9051 §4.1.1, RFC 9051 §9, RFC 5182
//! §2.1).
//!
//! Resolving costs `n log n` in the number of ranges, whatever the numbers are.

use koi_types::NumSet;

use super::lex::{Cursor, SyntaxError};
use super::number::push_number;

/// `sequence-set`: ranges in the order written, and whether `$` is among them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SequenceSet {
    ranges: Vec<SequenceRange>,
    saved: bool,
}

/// `seq-number` or `seq-range`; a single number has both ends equal. The ends are as written: `4:2` is
/// allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SequenceRange {
    pub from: SequenceEnd,
    pub to: SequenceEnd,
}

/// `seq-number`: a number above 0, or `*`, the largest in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SequenceEnd {
    Number(u32),
    Largest,
}

impl SequenceSet {
    /// Memory it takes beside itself.
    #[must_use]
    pub const fn memory_octets(&self) -> usize {
        self.ranges.capacity() * size_of::<SequenceRange>()
    }
    /// These ranges as written, and `$` if `saved`; something must be in it.
    #[must_use]
    pub const fn new(ranges: Vec<SequenceRange>, saved: bool) -> Self {
        Self { ranges, saved }
    }
    /// Just these numbers.
    #[must_use]
    pub fn of(numbers: &NumSet) -> Self {
        let end = SequenceEnd::Number;
        let range = |run: std::ops::RangeInclusive<u32>| SequenceRange {
            from: end(*run.start()),
            to: end(*run.end()),
        };
        Self { ranges: numbers.runs().map(range).collect(), saved: false }
    }
    /// As it is written.
    pub fn push(&self, out: &mut Vec<u8>) {
        for (at, range) in self.ranges.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            range.from.push(out);
            if range.to != range.from {
                out.push(b':');
                range.to.push(out);
            }
        }
        if self.saved {
            out.extend_from_slice(if self.ranges.is_empty() { b"$" } else { b",$" });
        }
    }
    /// Whether `$`, the messages of the last SEARCH that was saved, belong to it (RFC 5182 §2.1). They are
    /// the same messages whether the set is one of UIDs or of message sequence numbers.
    #[must_use]
    pub const fn has_saved(&self) -> bool {
        self.saved
    }
    /// Whether numbers are in it, and not only `$`.
    #[must_use]
    pub const fn has_numbers(&self) -> bool {
        !self.ranges.is_empty()
    }
    /// The numbers meant but for `$`, with `*` as `largest`. `largest` 0 stands for an empty mailbox, where
    /// `*` means nothing; the other end of a range with it then means nothing either.
    #[must_use]
    pub fn resolve(&self, largest: u32) -> NumSet {
        let mut resolved: Vec<_> = self.ranges.iter().filter_map(|range| range.resolve(largest)).collect();
        resolved.sort_unstable_by_key(|range| *range.start());
        let mut set = NumSet::new();
        resolved.into_iter().for_each(|range| set.insert_range(range));
        set
    }
    /// The largest number written, without `*`: one above the count of messages deserves BAD (RFC 9051 §9
    /// `seq-number`).
    #[must_use]
    pub fn largest_number(&self) -> Option<u32> {
        let number = |end: SequenceEnd| match end {
            SequenceEnd::Number(number) => Some(number),
            SequenceEnd::Largest => None,
        };
        self.ranges.iter().flat_map(|range| [range.from, range.to]).filter_map(number).max()
    }
    /// Whether `*` is in it.
    #[must_use]
    pub fn has_largest(&self) -> bool {
        self.ranges.iter().any(|range| range.from == SequenceEnd::Largest || range.to == SequenceEnd::Largest)
    }
}

impl SequenceEnd {
    fn push(self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => push_number(u64::from(number), out),
            Self::Largest => out.push(b'*'),
        }
    }
}

impl SequenceRange {
    fn resolve(self, largest: u32) -> Option<std::ops::RangeInclusive<u32>> {
        let number = |end| match end {
            SequenceEnd::Number(number) => number,
            SequenceEnd::Largest => largest,
        };
        let (a, b) = (number(self.from), number(self.to));
        (a > 0 && b > 0).then_some(a.min(b)..=a.max(b))
    }
}

/// ```abnf
/// sequence-set  = (seq-number / seq-range) ["," sequence-set]   ; RFC 9051 §9
/// seq-range     = seq-number ":" seq-number
/// seq-number    = nz-number / "*"
/// sequence-set  =/ seq-last-command
/// seq-last-command = "$"                                        ; RFC 5182 §3
/// ```
pub fn sequence_set(cursor: &mut Cursor<'_>) -> Result<SequenceSet, SyntaxError> {
    let mut set = SequenceSet { ranges: Vec::new(), saved: false };
    loop {
        match cursor.take(b'$') {
            true => set.saved = true,
            false => set.ranges.push(range(cursor)?),
        }
        if !cursor.take(b',') {
            return Ok(set);
        }
    }
}

/// One message: `seq-number` alone (RFC 8508 §5).
pub fn single(cursor: &mut Cursor<'_>) -> Result<SequenceSet, SyntaxError> {
    let end = end(cursor)?;
    Ok(SequenceSet { ranges: vec![SequenceRange { from: end, to: end }], saved: false })
}

/// A set in which neither `*` nor `$` may stand: what a client says it knows (RFC 7162 §7, `known-uids`).
pub fn known_set(cursor: &mut Cursor<'_>) -> Result<NumSet, SyntaxError> {
    let before = cursor.error("only numbers may stand in this set");
    let set = sequence_set(cursor)?;
    if set.has_largest() || set.saved {
        return Err(before);
    }
    Ok(set.resolve(u32::MAX))
}

fn range(cursor: &mut Cursor<'_>) -> Result<SequenceRange, SyntaxError> {
    let from = end(cursor)?;
    let to = if cursor.take(b':') { end(cursor)? } else { from };
    Ok(SequenceRange { from, to })
}

fn end(cursor: &mut Cursor<'_>) -> Result<SequenceEnd, SyntaxError> {
    match cursor.peek() {
        Some(b'*') => {
            cursor.take(b'*');
            Ok(SequenceEnd::Largest)
        }
        Some(b'0'..=b'9') => cursor.nz_number().map(SequenceEnd::Number),
        _ => cursor.fail("expected a sequence set"),
    }
}

/// `sequence-set` without `*`.
pub fn push_set(numbers: &NumSet, out: &mut Vec<u8>) {
    for (at, run) in numbers.runs().enumerate() {
        push_run(at == 0, *run.start(), *run.end(), out);
    }
}

/// `sequence-set` that keeps an order: a range only where numbers follow each other upwards (RFC 5267 §3.2).
pub fn push_ordered_set(numbers: &[u32], out: &mut Vec<u8>) {
    let runs = numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    for (at, run) in runs.enumerate() {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            push_run(at == 0, *first, *last, out);
        }
    }
}

fn push_run(first: bool, from: u32, to: u32, out: &mut Vec<u8>) {
    if !first {
        out.push(b',');
    }
    push_number(u64::from(from), out);
    if to > from {
        out.push(b':');
        push_number(u64::from(to), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, largest: u32) -> String {
        let mut cursor = Cursor::new(text.as_bytes(), false);
        let set = sequence_set(&mut cursor).unwrap();
        cursor.end().unwrap();
        set.resolve(largest).to_string()
    }

    /// RFC 9051 §9 `sequence-set` (the examples in its comments)
    #[test]
    fn sets_resolve() {
        assert_eq!(resolved("2,4:7,9,12:*", 15), "2,4:7,9,12:15");
        assert_eq!(resolved("*:4,5:7", 10), "4:10");
        assert_eq!(resolved("4:2", 10), "2:4");
        assert_eq!(resolved("3291:*", 7), "7:3291");
        assert_eq!(resolved("*", 0), "");
        assert_eq!(resolved("1:*", 0), "");
        assert_eq!(resolved("1:4294967295", 3), "1:4294967295");
    }

    #[test]
    fn malformed_sets() {
        for bad in
            ["", "$$", "$,", "$:2", "0", "1,", ",1", "1:", ":1", "a", "1:0", "4294967296", "1 ,2", "1,,2"]
        {
            let mut cursor = Cursor::new(bad.as_bytes(), false);
            let parsed = sequence_set(&mut cursor).is_ok() && cursor.end().is_ok();
            assert!(!parsed, "{bad}");
        }
    }

    /// RFC 5182 §3
    #[test]
    fn the_saved_result_is_part_of_a_set() {
        let read = |text: &str| sequence_set(&mut Cursor::new(text.as_bytes(), false)).unwrap();
        assert!(read("$").has_saved() && !read("$").has_numbers());
        assert!(read("3:4,$").has_saved() && read("3:4,$").has_numbers());
        assert!(!read("3:4").has_saved());
        assert_eq!(resolved("$", 7), "");
        assert_eq!(resolved("3:4,$", 7), "3:4");
        for bad in ["*", "1:*", "$", "3,$"] {
            assert!(known_set(&mut Cursor::new(bad.as_bytes(), false)).is_err(), "{bad}");
        }
        assert_eq!(known_set(&mut Cursor::new(b"7:9,2", false)).unwrap().to_string(), "2,7:9");
    }

    #[test]
    fn a_descending_set_is_no_attack() {
        let ranges = (0..300_000u32).rev().map(|n| SequenceEnd::Number(n * 2 + 1));
        let ranges = ranges.map(|n| SequenceRange { from: n, to: n }).collect();
        let set = SequenceSet { ranges, saved: false };
        assert_eq!(set.resolve(1).count(), 300_000);
        assert_eq!(set.largest_number(), Some(599_999));
    }
}
