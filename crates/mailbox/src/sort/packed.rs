//! Sorting places by several numbers each, without comparing them one by one: as many criteria as fit stand
//! in one word, the first above the next, below them where the item was before. Words are sorted as what
//! they are; what does not fit into one goes first, for the order of equal ones stays.

use super::slices::SliceSort;

const WORD_BITS: u32 = u64::BITS;
/// Numbers that need more are two criteria.
const HALF_BITS: u32 = WORD_BITS / 2;

/// Items on their way into order, each by its place in the lists of keys.
#[derive(Default)]
pub(super) struct PackedSort {
    /// One list for each criterion that is still to be sorted by, the one that decides first in front.
    keys: Vec<Keys>,
    /// The order so far.
    order: Vec<u32>,
    words: Option<SliceSort<u64>>,
}

/// What all items have for one criterion, smaller first.
struct Keys {
    numbers: Vec<u64>,
    /// Of each number.
    bits: u32,
}

impl PackedSort {
    /// Sorts `count` items by these lists of as many numbers. Items that have the same in all of them stay in
    /// the order of their places.
    pub(super) fn new(count: u32, lists: Vec<Vec<u64>>) -> Self {
        let keys = lists.into_iter().flat_map(Keys::of).collect();
        Self { keys, order: (0..count).collect(), words: None }
    }
    /// Goes on for a bounded time. Answers whether all are in order.
    pub(super) fn advance(&mut self) -> bool {
        if let Some(words) = &mut self.words {
            if words.advance(u64::cmp) {
                self.unpack();
            }
            return false;
        }
        if self.keys.is_empty() {
            return true;
        }
        self.pack();
        false
    }
    /// Memory it takes.
    pub(super) fn octets(&self) -> usize {
        let keys: usize = self.keys.iter().map(|keys| keys.numbers.capacity()).sum();
        let words = self.words.as_ref().map_or(0, SliceSort::octets);
        keys * size_of::<u64>() + 2 * self.order.capacity() * size_of::<u32>() + words
    }
    /// Memory it will take for so many items and criteria.
    pub(super) const fn octets_each(criteria: usize) -> usize {
        (criteria + 2) * size_of::<u64>() + 2 * size_of::<u32>()
    }
    /// The places of the items, in order.
    pub(super) fn into_order(self) -> Vec<u32> {
        self.order
    }
    /// Takes the last criteria, as many as there is room for above the places.
    fn pack(&mut self) {
        let mut bits = bits_of(self.order.len() as u64);
        let fits = |keys: &&Keys| {
            bits += keys.bits;
            bits <= WORD_BITS
        };
        let taken = self.keys.iter().rev().take_while(fits).count().max(1);
        let group = self.keys.split_off(self.keys.len().saturating_sub(taken));
        let place_bits = bits_of(self.order.len() as u64);
        let word = |(place, at): (usize, &u32)| {
            let number = |keys: &Keys| keys.numbers.get(*at as usize).copied().unwrap_or(0);
            let packed = group.iter().fold(0, |word: u64, keys| shifted(word, keys.bits) | number(keys));
            shifted(packed, place_bits) | place as u64
        };
        self.words = Some(SliceSort::new(self.order.iter().enumerate().map(word).collect()));
    }
    fn unpack(&mut self) {
        let words = self.words.take().map(SliceSort::into_items).unwrap_or_default();
        let places = shifted(1, bits_of(self.order.len() as u64)).wrapping_sub(1);
        let at = |word: u64| usize::try_from(word & places).ok().and_then(|place| self.order.get(place));
        self.order = words.into_iter().filter_map(|word| at(word).copied()).collect();
    }
}

impl Keys {
    /// Numbers from 0 on that compare like these.
    fn of(mut numbers: Vec<u64>) -> Vec<Self> {
        let least = numbers.iter().min().copied().unwrap_or(0);
        numbers.iter_mut().for_each(|number| *number -= least);
        let bits = bits_of(numbers.iter().max().copied().unwrap_or(0));
        if bits <= HALF_BITS {
            return vec![Self { numbers, bits }];
        }
        let high = numbers.iter().map(|number| number >> HALF_BITS).collect();
        numbers.iter_mut().for_each(|number| *number &= u64::MAX >> HALF_BITS);
        vec![Self { numbers: high, bits: bits - HALF_BITS }, Self { numbers, bits: HALF_BITS }]
    }
}

/// Bits that it takes to write a number.
const fn bits_of(number: u64) -> u32 {
    WORD_BITS - number.leading_zeros()
}

const fn shifted(word: u64, bits: u32) -> u64 {
    word.unbounded_shl(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers of which many are alike, of every size.
    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![0..4u64, 0..1000u64, (0..4u64).prop_map(|n| n << 33), any::<u64>(), Just(u64::MAX)]
    }

    proptest! {
        #[test]
        fn the_order_of_a_plain_stable_sort(
            (lists, count) in (0..6usize, 0..200usize).prop_flat_map(|(criteria, count)| {
                let list = proptest::collection::vec(number(), count);
                (proptest::collection::vec(list, criteria), Just(count))
            }),
        ) {
            let mut expected: Vec<u32> = (0..count as u32).collect();
            let keys = |at: &u32| lists.iter().map(|list| list[*at as usize]).collect::<Vec<u64>>();
            expected.sort_by_key(keys);
            let mut sort = PackedSort::new(count as u32, lists.clone());
            while !sort.advance() {}
            prop_assert_eq!(sort.into_order(), expected);
        }
    }
}
