//! A sorted list that is cheap to copy: the copies share its chunks, and a change copies one chunk. What a
//! reader holds never changes under it.

use std::sync::Arc;

/// Items of one chunk, at most. A change costs a copy of one chunk and of the list of chunks.
const CHUNK_MAX: usize = 256;

/// Something with a key that it is sorted by.
pub(crate) trait Keyed: Clone {
    type Key: Ord;
    fn key(&self) -> &Self::Key;
}

/// Items in ascending order of their keys, one for each key. No chunk is empty.
#[derive(Clone, Debug)]
pub(crate) struct Sorted<T> {
    chunks: Vec<Arc<Vec<T>>>,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T: Keyed> Sorted<T> {
    pub(crate) fn get(&self, key: &T::Key) -> Option<&T> {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        chunk.get(chunk.binary_search_by(|item| item.key().cmp(key)).ok()?)
    }
    /// Puts an item in the place of the one with its key, if there is one.
    pub(crate) fn insert(&mut self, item: T) {
        let at = self.chunk_of(item.key());
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(Arc::new(vec![item]));
            return;
        };
        let chunk = Arc::make_mut(chunk);
        match chunk.binary_search_by(|known| known.key().cmp(item.key())) {
            Ok(place) => chunk.splice(place..=place, [item]).for_each(drop),
            Err(place) => chunk.insert(place, item),
        }
        if chunk.len() > CHUNK_MAX {
            let rest = chunk.split_off(CHUNK_MAX / 2);
            self.chunks.insert(at + 1, Arc::new(rest));
        }
    }
    pub(crate) fn remove(&mut self, key: &T::Key) {
        let at = self.chunk_of(key);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let Ok(place) = chunk.binary_search_by(|item| item.key().cmp(key)) else { return };
        if chunk.len() == 1 {
            self.chunks.remove(at);
        } else {
            Arc::make_mut(chunk).remove(place);
        }
    }
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
    /// From the first item on that is not `before`; all items before it are.
    pub(crate) fn rest<'s>(
        &'s self,
        before: &dyn Fn(&T) -> bool,
    ) -> impl Iterator<Item = &'s T> + use<'s, T> {
        let at = self.chunks.partition_point(|chunk| chunk.last().is_some_and(before));
        let (first, others) = self.chunks.get(at..).and_then(<[_]>::split_first).unzip();
        let first =
            first.map_or(&[][..], |chunk| chunk.get(chunk.partition_point(before)..).unwrap_or_default());
        first.iter().chain(others.unwrap_or_default().iter().flat_map(|chunk| chunk.iter()))
    }
    /// Where an item of this key is or would be put: the last chunk that does not begin behind it.
    fn chunk_of(&self, key: &T::Key) -> usize {
        let behind = |chunk: &Arc<Vec<T>>| chunk.first().is_some_and(|first| first.key() <= key);
        self.chunks.partition_point(behind).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Clone, PartialEq, Eq, Debug)]
    struct Item {
        key: u32,
        value: u32,
    }

    impl Keyed for Item {
        type Key = u32;
        fn key(&self) -> &u32 {
            &self.key
        }
    }

    #[test]
    fn the_same_as_a_map_and_copies_keep_what_they_were() {
        let (mut sorted, mut model) = (Sorted::default(), BTreeMap::new());
        let mut kept = Vec::new();
        let mut seed = 7u32;
        for round in 0..20_000u32 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = (seed >> 8) % 3000;
            if (seed >> 4).is_multiple_of(3) && round > 4000 {
                sorted.remove(&key);
                model.remove(&key);
            } else {
                sorted.insert(Item { key, value: round });
                model.insert(key, Item { key, value: round });
            }
            if round % 2000 == 0 {
                kept.push((sorted.clone(), model.clone()));
            }
        }
        kept.push((sorted, model));
        for (sorted, model) in kept {
            assert!(sorted.iter().eq(model.values()));
            assert!(sorted.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK_MAX));
            for key in 0..3001 {
                assert_eq!(sorted.get(&key), model.get(&key));
                assert!(sorted.rest(&|item| item.key < key).next() == model.range(key..).next().map(|e| e.1));
            }
            assert!(sorted.rest(&|item| item.key < 1500).eq(model.range(1500..).map(|entry| entry.1)));
            assert!(sorted.rest(&|_| true).next().is_none());
        }
    }
}
