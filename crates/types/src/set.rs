//! Sets of numbers as sorted runs: UIDs and message sequence numbers (RFC 9051 §4.1.1).
//!
//! Growing at the end is constant time; a mailbox of a million messages without holes is one run.

use std::fmt;
use std::ops::RangeInclusive;

use crate::Uid;

/// A set of numbers kept as disjoint, ascending, non-adjacent runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NumSet {
    runs: Vec<Run>,
    count: u64,
}

/// A set of UIDs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UidSet(pub NumSet);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    first: u32,
    last: u32,
}

impl Run {
    const fn count(self) -> u64 {
        (self.last - self.first) as u64 + 1
    }
}

impl NumSet {
    #[must_use]
    pub const fn new() -> Self {
        Self { runs: Vec::new(), count: 0 }
    }
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
    /// How many numbers.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
    /// Memory it takes beside itself.
    #[must_use]
    pub const fn memory_octets(&self) -> usize {
        self.runs.capacity() * size_of::<Run>()
    }
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.runs.first().map(|r| r.first)
    }
    #[must_use]
    pub fn last(&self) -> Option<u32> {
        self.runs.last().map(|r| r.last)
    }
    /// Adds one number; at the end of the set in constant time.
    pub fn insert(&mut self, n: u32) {
        self.insert_range(n..=n);
    }
    /// Adds all numbers of a range; an empty range adds nothing.
    pub fn insert_range(&mut self, range: RangeInclusive<u32>) {
        let (mut first, mut last) = range.into_inner();
        if first > last {
            return;
        }
        // Mostly a set grows at its end.
        match self.runs.last_mut() {
            Some(end) if end.last.checked_add(1) == Some(first) => {
                end.last = last;
                self.count += u64::from(last - first) + 1;
                return;
            }
            Some(end) if end.last >= first => {}
            _ => {
                let run = Run { first, last };
                self.count += run.count();
                self.runs.push(run);
                return;
            }
        }
        let from = self.runs.partition_point(|r| r.last < first.saturating_sub(1));
        let to = self.runs.partition_point(|r| r.first <= last.saturating_add(1));
        if let Some(touched) = self.runs.get(from..to) {
            if let (Some(a), Some(b)) = (touched.first(), touched.last()) {
                first = first.min(a.first);
                last = last.max(b.last);
            }
            self.count -= touched.iter().map(|r| r.count()).sum::<u64>();
        }
        let run = Run { first, last };
        self.count += run.count();
        self.runs.splice(from..to.max(from), [run]);
    }
    /// Takes one number out; says whether it was there.
    pub fn remove(&mut self, n: u32) -> bool {
        let at = self.runs.partition_point(|r| r.last < n);
        let Some(run) = self.runs.get(at).copied().filter(|r| r.first <= n) else {
            return false;
        };
        let left = (run.first < n).then(|| Run { first: run.first, last: n - 1 });
        let right = (n < run.last).then(|| Run { first: n + 1, last: run.last });
        self.runs.splice(at..=at, left.into_iter().chain(right));
        self.count -= 1;
        true
    }
    /// Takes all numbers of a range out.
    pub fn remove_range(&mut self, range: RangeInclusive<u32>) {
        let (first, last) = range.into_inner();
        if first > last {
            return;
        }
        let from = self.runs.partition_point(|r| r.last < first);
        let to = self.runs.partition_point(|r| r.first <= last);
        let touched = self.runs.get(from..to).unwrap_or_default();
        let taken = touched.iter().map(|r| u64::from(r.last.min(last) - r.first.max(first)) + 1).sum::<u64>();
        let left =
            touched.first().filter(|r| r.first < first).map(|r| Run { first: r.first, last: first - 1 });
        let right = touched.last().filter(|r| r.last > last).map(|r| Run { first: last + 1, last: r.last });
        self.runs.splice(from..to, left.into_iter().chain(right));
        self.count -= taken;
    }
    #[must_use]
    pub fn contains(&self, n: u32) -> bool {
        let at = self.runs.partition_point(|r| r.last < n);
        self.runs.get(at).is_some_and(|r| r.first <= n)
    }
    /// The runs in ascending order.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = RangeInclusive<u32>> + '_ {
        self.runs.iter().map(|r| r.first..=r.last)
    }
    /// The run at an index, counted from 0.
    #[must_use]
    pub fn run(&self, index: usize) -> Option<RangeInclusive<u32>> {
        self.runs.get(index).map(|r| r.first..=r.last)
    }
    /// The numbers in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.runs.iter().flat_map(|r| r.first..=r.last)
    }
    /// How many numbers of the set are below `n`: the zero-based position of `n` when it is in the set.
    /// Cost: linear in runs before `n`.
    #[must_use]
    pub fn rank(&self, n: u32) -> u64 {
        let below = |r: &Run| if r.last < n { r.count() } else { u64::from(n.saturating_sub(r.first)) };
        self.runs.iter().take_while(|r| r.first < n).map(below).sum()
    }
    /// The number at a zero-based position. Cost: linear in runs.
    #[must_use]
    pub fn nth(&self, mut position: u64) -> Option<u32> {
        for run in &self.runs {
            if position < run.count() {
                return Some(run.first + position as u32);
            }
            position -= run.count();
        }
        None
    }
    /// What is in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let mut out = Self::new();
        let (mut a, mut b) = (self.runs.iter().peekable(), other.runs.iter().peekable());
        while let (Some(x), Some(y)) = (a.peek().copied(), b.peek().copied()) {
            out.insert_range(x.first.max(y.first)..=x.last.min(y.last));
            if x.last < y.last {
                a.next()
            } else {
                b.next()
            };
        }
        out
    }
    /// What is here and not there. Cost: linear in runs of both and of the result.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut out = Self::new();
        let mut holes = other.runs.iter().peekable();
        for run in &self.runs {
            let mut from = u64::from(run.first);
            let last = u64::from(run.last);
            while let Some(hole) = holes.peek().copied() {
                if u64::from(hole.last) < from {
                    holes.next();
                    continue;
                }
                if hole.first > run.last {
                    break;
                }
                out.push(from, u64::from(hole.first));
                from = u64::from(hole.last) + 1;
                if hole.last >= run.last {
                    break;
                }
                holes.next();
            }
            out.push(from, last + 1);
        }
        out
    }
    fn push(&mut self, from: u64, end: u64) {
        if from < end {
            self.insert_range(from as u32..=(end - 1) as u32);
        }
    }
    /// Adds all of another set.
    pub fn extend(&mut self, other: &Self) {
        for run in other.runs() {
            self.insert_range(run);
        }
    }
}

impl FromIterator<u32> for NumSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut set = Self::new();
        numbers.into_iter().for_each(|n| set.insert(n));
        set
    }
}

/// As a `sequence-set` without `*` (RFC 9051 §9): `1:5,7`. Nothing for the empty set.
impl fmt::Display for NumSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, run) in self.runs.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{}", run.first)?;
            if run.last > run.first {
                write!(f, ":{}", run.last)?;
            }
        }
        Ok(())
    }
}

impl UidSet {
    #[must_use]
    pub const fn new() -> Self {
        Self(NumSet::new())
    }
    pub fn insert(&mut self, uid: Uid) {
        self.0.insert(uid.value());
    }
    pub fn remove(&mut self, uid: Uid) -> bool {
        self.0.remove(uid.value())
    }
    #[must_use]
    pub fn contains(&self, uid: Uid) -> bool {
        self.0.contains(uid.value())
    }
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.0.count()
    }
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Uid> + '_ {
        self.0.iter().filter_map(Uid::new)
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        Self(uids.into_iter().map(Uid::value).collect())
    }
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn model(numbers: &[u32]) -> (NumSet, BTreeSet<u32>) {
        (numbers.iter().copied().collect(), numbers.iter().copied().collect())
    }

    proptest! {
        #[test]
        fn equals_a_plain_set(
            a in prop::collection::vec(1u32..60, 0..40),
            b in prop::collection::vec(1u32..60, 0..40),
        ) {
            let (mut x, mut mx) = model(&a);
            let (y, my) = model(&b);
            prop_assert_eq!(x.iter().collect::<Vec<_>>(), mx.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(x.count(), mx.len() as u64);
            let both: Vec<u32> = mx.intersection(&my).copied().collect();
            prop_assert_eq!(x.intersect(&y).iter().collect::<Vec<_>>(), both);
            let rest: Vec<u32> = mx.difference(&my).copied().collect();
            prop_assert_eq!(x.difference(&y).iter().collect::<Vec<_>>(), rest);
            for (at, n) in mx.iter().enumerate() {
                prop_assert_eq!(x.nth(at as u64), Some(*n));
                prop_assert_eq!(x.rank(*n), at as u64);
            }
            for n in &b {
                prop_assert_eq!(x.remove(*n), mx.remove(n));
            }
            prop_assert_eq!(x.iter().collect::<Vec<_>>(), mx.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(x.count(), mx.len() as u64);
            for pair in b.chunks_exact(2) {
                x.remove_range(pair[0]..=pair[1]);
                mx.retain(|n| !(pair[0]..=pair[1]).contains(n));
                prop_assert_eq!(x.iter().collect::<Vec<_>>(), mx.iter().copied().collect::<Vec<_>>());
            }
            let merged: Vec<u32> = x.runs().flatten().collect();
            prop_assert_eq!(merged.len() as u64, x.count());
        }
    }

    #[test]
    fn prints_as_a_sequence_set() {
        let set: NumSet = [1, 2, 3, 5, 7, 8, u32::MAX].into_iter().collect();
        assert_eq!(set.to_string(), "1:3,5,7:8,4294967295");
        assert_eq!(NumSet::new().to_string(), "");
    }

    #[test]
    fn keeps_the_edges_of_the_range() {
        let mut set = NumSet::new();
        set.insert_range(1..=u32::MAX);
        assert!(set.remove(u32::MAX) && set.remove(1));
        assert_eq!(set.runs().collect::<Vec<_>>(), [2..=u32::MAX - 1]);
    }
}
