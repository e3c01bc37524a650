//! Rows of a transaction or of a group while it is made: ordered, and changed in place. The rows themselves
//! lie in the operations of the group; a draft only knows where.
//!
//! Must not: be shared; what others see is a [`super::run::Run`].

use super::merge::{Direction, Row};
use super::slot::{Slot, Sought};

/// Slots of a block before it is split.
const BLOCK_SLOTS: usize = 64;

/// Ordered slots in blocks.
#[derive(Default)]
pub(crate) struct Draft {
    /// None is empty.
    blocks: Vec<Vec<Slot>>,
    rows: usize,
    /// The block that the last row went to.
    last_block: usize,
}

/// Between two slots.
#[derive(Clone, Copy)]
struct Place {
    block: usize,
    slot: usize,
}

impl Draft {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }
    /// Forgets all rows, but keeps some room for the next ones.
    pub(crate) fn clear(&mut self) {
        self.blocks.truncate(1);
        self.blocks.iter_mut().for_each(Vec::clear);
        (self.rows, self.last_block) = (0, 0);
    }
    /// `operations` holds the row, and all rows that were inserted before. Replaces one with the same key.
    pub(crate) fn insert(&mut self, operations: &[u8], slot: Slot) {
        let sought = Sought::new(slot.key(operations));
        // Many rows come in ascending order, of one table or of several at the same time.
        for at in [self.last_block, self.blocks.len().saturating_sub(1)] {
            if self.is_next(at, operations, &sought)
                && let Some(block) = self.blocks.get_mut(at)
            {
                block.push(slot);
                (self.rows, self.last_block) = (self.rows + 1, at);
                return;
            }
        }
        let at = self.block_of(operations, &sought);
        self.last_block = at;
        let Some(block) = self.blocks.get_mut(at) else {
            let mut block = Vec::with_capacity(BLOCK_SLOTS + 1);
            block.push(slot);
            self.blocks.push(block);
            self.rows = 1;
            return;
        };
        match block.binary_search_by(|have| have.compare(operations, &sought)) {
            Ok(same) => block.get_mut(same).into_iter().for_each(|have| *have = slot),
            Err(place) => {
                // Keys often come in ascending order: then the lower half stays full.
                let keep = if place == block.len() { BLOCK_SLOTS } else { BLOCK_SLOTS / 2 };
                block.insert(place, slot);
                self.rows += 1;
                if block.len() > BLOCK_SLOTS {
                    let mut upper = Vec::with_capacity(BLOCK_SLOTS + 1);
                    upper.extend_from_slice(block.get(keep..).unwrap_or_default());
                    block.truncate(keep);
                    self.last_block = if place >= keep { at + 1 } else { at };
                    self.blocks.insert(at + 1, upper);
                }
            }
        }
    }
    /// Takes all rows of a later draft over the same operations, which is left with none that mean anything.
    pub(crate) fn take(&mut self, later: &mut Self, operations: &[u8]) {
        match self.is_empty() {
            true => std::mem::swap(self, later),
            false => later.iter().for_each(|slot| self.insert(operations, *slot)),
        }
    }
    /// `None`: this draft does not know the key. Otherwise the row says whether it was deleted.
    pub(crate) fn get<'b>(&self, operations: &'b [u8], key: &[u8]) -> Option<Row<'b>> {
        let sought = Sought::new(key);
        let block = self.blocks.get(self.block_of(operations, &sought))?;
        let at = block.binary_search_by(|slot| slot.compare(operations, &sought)).ok()?;
        block.get(at).map(|slot| slot.row(operations))
    }
    /// All slots, ascending.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        let mut all = Vec::with_capacity(self.rows);
        self.blocks.iter().for_each(|block| all.extend_from_slice(block));
        all
    }
    /// The same one by one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.blocks.iter().flatten()
    }
    /// Rows with `from <= key < end`.
    pub(crate) fn range<'a>(
        &'a self,
        operations: &'a [u8],
        from: &[u8],
        end: &[u8],
        direction: Direction,
    ) -> Box<dyn Iterator<Item = Row<'a>> + 'a> {
        let (first, stop) = (self.place(operations, from), self.place(operations, end));
        let inside = (first.block..=stop.block).flat_map(move |number| {
            let block = self.blocks.get(number).map(Vec::as_slice).unwrap_or_default();
            let from = if number == first.block { first.slot } else { 0 };
            let end = if number == stop.block { stop.slot } else { block.len() };
            block.get(from..end).unwrap_or_default().iter().map(|slot| slot.row(operations))
        });
        match direction {
            Direction::Up => Box::new(inside),
            Direction::Down => Box::new(inside.rev()),
        }
    }
    /// Whether a key comes behind the last of a block that has room, and before the next block.
    fn is_next(&self, at: usize, operations: &[u8], sought: &Sought<'_>) -> bool {
        let is_behind = |last: &Slot| last.compare(operations, sought).is_lt();
        let is_before = |first: &Slot| first.compare(operations, sought).is_gt();
        let block = self.blocks.get(at).filter(|block| block.len() < BLOCK_SLOTS);
        block.and_then(|block| block.last()).is_some_and(is_behind)
            && self.blocks.get(at + 1).is_none_or(|next| next.first().is_some_and(is_before))
    }
    /// Which block holds a key if any does.
    fn block_of(&self, operations: &[u8], sought: &Sought<'_>) -> usize {
        let begins =
            |block: &Vec<Slot>| block.first().is_some_and(|first| first.compare(operations, sought).is_le());
        self.blocks.partition_point(begins).saturating_sub(1)
    }
    /// Before the first slot whose key is not below `key`.
    fn place(&self, operations: &[u8], key: &[u8]) -> Place {
        let sought = Sought::new(key);
        let block = self.block_of(operations, &sought);
        let below = |slots: &Vec<Slot>| slots.partition_point(|s| s.compare(operations, &sought).is_lt());
        Place { block, slot: self.blocks.get(block).map_or(0, below) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn number(seed: &mut u64) -> u64 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        *seed
    }

    #[test]
    fn behaves_as_an_ordered_map() {
        for seed in 1..20u64 {
            // Every other time the keys ascend, in three streams that take turns.
            let ascends = seed.is_multiple_of(2);
            let mut seed = seed * 7919;
            let (mut draft, mut operations, mut model) = (Draft::default(), Vec::new(), BTreeMap::new());
            for _ in 0..2 {
                draft.clear();
                model.clear();
                let span = 50 + number(&mut seed) % 3000;
                for at in 0..2000 {
                    let key = match ascends && !number(&mut seed).is_multiple_of(16) {
                        true => at % 3 * span / 3 + at * span / 6000,
                        false => number(&mut seed) % span,
                    };
                    let key = format!("{key:020}").into_bytes();
                    let value = number(&mut seed).to_le_bytes();
                    let value = (!number(&mut seed).is_multiple_of(4)).then_some(value);
                    let row = Row { key: &key, value: value.as_ref().map(|v| v.as_slice()) };
                    let slot = Slot::new(row, operations.len());
                    operations.extend_from_slice(&key);
                    operations.extend_from_slice(row.value.unwrap_or_default());
                    draft.insert(&operations, slot);
                    model.insert(key, value);
                }
                assert_same(&draft, &operations, &model, &mut seed, span);
            }
        }
    }

    fn assert_same(
        draft: &Draft,
        operations: &[u8],
        model: &BTreeMap<Vec<u8>, Option<[u8; 8]>>,
        seed: &mut u64,
        span: u64,
    ) {
        assert!(!draft.is_empty());
        assert!(draft.iter().map(|slot| slot.key(operations)).eq(model.keys().map(Vec::as_slice)));
        for _ in 0..50 {
            let (a, b) = (number(seed) % span, number(seed) % (span + 10));
            let key = format!("{a:020}").into_bytes();
            let found = draft.get(operations, &key).map(|row| row.value.map(<[u8]>::to_vec));
            assert_eq!(found, model.get(&key).map(|value| value.map(|v| v.to_vec())));
            let (from, end) = (format!("{:020}", a.min(b)), format!("{:020}", a.max(b)));
            let (from, end) = (from.into_bytes(), end.into_bytes());
            let want: Vec<_> = model.range(from.clone()..end.clone()).map(|(k, _)| k.as_slice()).collect();
            let up: Vec<_> = draft.range(operations, &from, &end, Direction::Up).map(|r| r.key).collect();
            let mut down: Vec<_> =
                draft.range(operations, &from, &end, Direction::Down).map(|r| r.key).collect();
            down.reverse();
            assert_eq!(up, want);
            assert_eq!(down, want);
        }
    }
}
