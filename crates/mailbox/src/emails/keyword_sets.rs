//! Sets of keywords, each once: most messages have one of a few. A set that no message has any more makes
//! room for another. Must not: know what a number stands for.

use std::collections::HashMap;
use std::sync::Arc;

/// The number of a set of keywords.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct KeywordSet(u32);

/// All sets that some message has. Whoever takes one releases it.
#[derive(Clone, Debug, Default)]
pub(super) struct KeywordSets {
    sets: Vec<Counted>,
    numbers: HashMap<Arc<[u16]>, u32>,
    /// Places in `sets` that stand for nothing.
    free: Vec<u32>,
    /// Keywords in all sets.
    keywords: usize,
}

#[derive(Clone, Debug)]
struct Counted {
    set: Arc<[u16]>,
    /// Messages that have it.
    messages: u32,
}

impl KeywordSets {
    /// One message more has this set.
    pub(super) fn take(&mut self, keywords: &[u16]) -> KeywordSet {
        if let Some(number) = self.numbers.get(keywords)
            && let Some(counted) = self.sets.get_mut(*number as usize)
        {
            counted.messages += 1;
            return KeywordSet(*number);
        }
        let set: Arc<[u16]> = keywords.into();
        let counted = Counted { set: Arc::clone(&set), messages: 1 };
        let free = self.free.pop();
        let number = free.unwrap_or_else(|| u32::try_from(self.sets.len()).unwrap_or(u32::MAX));
        match self.sets.get_mut(number as usize) {
            Some(place) => *place = counted,
            None => self.sets.push(counted),
        }
        self.numbers.insert(set, number);
        self.keywords += keywords.len();
        KeywordSet(number)
    }
    /// A message has it no more.
    pub(super) fn release(&mut self, set: KeywordSet) {
        let Some(counted) = self.sets.get_mut(set.0 as usize) else { return };
        let Some(left) = counted.messages.checked_sub(1) else { return };
        counted.messages = left;
        if left == 0 {
            let keywords = std::mem::take(&mut counted.set);
            self.numbers.remove(&keywords);
            self.keywords = self.keywords.saturating_sub(keywords.len());
            self.free.push(set.0);
        }
    }
    pub(super) fn numbers(&self, set: KeywordSet) -> &[u16] {
        self.sets.get(set.0 as usize).map(|counted| &*counted.set).unwrap_or_default()
    }
    /// How many there are.
    #[cfg(test)]
    pub(super) fn kinds(&self) -> usize {
        self.numbers.len()
    }
    /// Memory they take, about.
    pub(super) fn octets(&self) -> usize {
        // Two counts are before each set, and one octet beside each entry of the map.
        let number = size_of::<Arc<[u16]>>() + size_of::<u32>() + 1;
        let each = size_of::<Counted>() + 2 * size_of::<usize>();
        let numbers = self.numbers.capacity() * number + self.free.capacity() * size_of::<u32>();
        self.sets.capacity() * each + numbers + self.keywords * size_of::<u16>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_that_nobody_has_are_gone() {
        let mut sets = KeywordSets::default();
        let one = sets.take(&[1, 2]);
        assert_eq!(sets.take(&[1, 2]), one);
        let other = sets.take(&[3]);
        assert_eq!((sets.numbers(one), sets.numbers(other)), (&[1, 2][..], &[3][..]));
        sets.release(one);
        assert_eq!(sets.numbers(one), [1, 2]);
        sets.release(one);
        assert_eq!(sets.take(&[4]), one, "its place is another's");
        assert_eq!((sets.numbers(one), sets.keywords, sets.numbers.len()), (&[4][..], 2, 2));
    }
    #[test]
    fn however_often_keywords_change_there_is_room_for_those_that_are() {
        let mut sets = KeywordSets::default();
        let mut has = sets.take(&[]);
        for n in 0..10_000 {
            let next = sets.take(&[n, n + 1]);
            sets.release(std::mem::replace(&mut has, next));
        }
        assert_eq!((sets.sets.len(), sets.numbers.len(), sets.keywords), (2, 1, 2));
        let before = sets.octets();
        for n in 0..1000 {
            sets.take(&[n; 64]);
        }
        assert!(sets.octets() >= before + 1000 * 128, "they are weighed");
    }
}
