//! A stable sort that can be left and taken up again: runs of a bounded size first, then merging, a bounded
//! number of items at a time.

use std::cmp::Ordering;

/// Octets of the items that one call sorts, or moves in a merge.
const OCTETS: usize = 512 * 1024;

/// Items on their way into order.
#[derive(Debug)]
pub(crate) struct SliceSort<T> {
    items: Vec<T>,
    /// Where a pass of merges puts what it has moved.
    merged: Vec<T>,
    /// Items of one sorted run; as long as it is 0, runs are still made.
    width: usize,
    /// What is done of this pass: the beginning of the next run, or of the next pair.
    at: usize,
    /// Of the pair: the next item of its left and of its right run.
    left: usize,
    right: usize,
}

impl<T> Default for SliceSort<T> {
    fn default() -> Self {
        Self { items: Vec::new(), merged: Vec::new(), width: 0, at: 0, left: 0, right: 0 }
    }
}

impl<T: Copy> SliceSort<T> {
    /// Items of one call.
    const ITEMS: usize = OCTETS / size_of::<T>();
    pub(crate) fn new(items: Vec<T>) -> Self {
        Self { items, ..Self::default() }
    }
    /// Goes on for a bounded time; `by` must be the same each time. Answers whether all are in order.
    pub(crate) fn advance(&mut self, mut by: impl FnMut(&T, &T) -> Ordering) -> bool {
        if self.width == 0 {
            let end = self.items.len().min(self.at + Self::ITEMS);
            if let Some(run) = self.items.get_mut(self.at..end) {
                run.sort_by(&mut by);
            }
            self.at = end;
            if end == self.items.len() {
                self.begin_pass(Self::ITEMS);
            }
        } else {
            self.merge(&mut by);
        }
        self.is_done()
    }
    /// Memory it takes, and what the next pass will.
    pub(crate) fn octets(&self) -> usize {
        2 * self.items.capacity().max(self.merged.capacity()) * size_of::<T>()
    }
    /// The items; in order when they are.
    pub(crate) fn into_items(self) -> Vec<T> {
        self.items
    }
    const fn is_done(&self) -> bool {
        self.width >= self.items.len() && self.width > 0
    }
    fn begin_pass(&mut self, width: usize) {
        self.width = width;
        self.merged.clear();
        if !self.is_done() {
            self.merged.reserve_exact(self.items.len());
            self.begin_pair(0);
        }
    }
    fn begin_pair(&mut self, at: usize) {
        self.at = at;
        self.left = at;
        self.right = self.items.len().min(at + self.width);
    }
    fn merge(&mut self, by: &mut impl FnMut(&T, &T) -> Ordering) {
        let count = self.items.len();
        for _ in 0..Self::ITEMS {
            let (middle, end) = (count.min(self.at + self.width), count.min(self.at + 2 * self.width));
            let left = self.items.get(self.left).filter(|_| self.left < middle);
            let right = self.items.get(self.right).filter(|_| self.right < end);
            // Of two that are equal the left one comes first.
            let from_right = match (left, right) {
                (Some(left), Some(right)) => by(right, left) == Ordering::Less,
                (None, Some(_)) => true,
                (Some(_), None) => false,
                (None, None) if end < count => {
                    self.begin_pair(end);
                    continue;
                }
                (None, None) => {
                    std::mem::swap(&mut self.items, &mut self.merged);
                    self.begin_pass(self.width.saturating_mul(2));
                    return;
                }
            };
            self.merged.extend(if from_right { right } else { left }.copied());
            *(if from_right { &mut self.right } else { &mut self.left }) += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_as_the_standard_library_does() {
        const ITEMS: usize = SliceSort::<(u64, usize)>::ITEMS;
        for count in [0, 1, 2, ITEMS - 1, ITEMS, ITEMS + 1, 3 * ITEMS + 17, 5 * ITEMS] {
            let mut state = 7u64;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % 1000
            };
            let items: Vec<(u64, usize)> = (0..count).map(|at| (next(), at)).collect();
            let mut sort = SliceSort::new(items.clone());
            let mut calls = 0;
            while !sort.advance(|a, b| a.0.cmp(&b.0)) {
                calls += 1;
                assert!(calls < 100, "it comes to an end");
            }
            let mut expected = items;
            expected.sort_by_key(|item| item.0);
            assert_eq!(sort.into_items(), expected, "{count} items");
        }
    }
}
