//! A run: rows in the order of their keys, never changed. What a group wrote becomes one, and several
//! become a larger one. Where its rows lie is all it holds; the octets stay in the buffers they came in.

use std::sync::Arc;

use super::draft::Draft;
use super::merge::{Direction, Row};
use super::slot::{Slot, Sought};

/// Rows for which one word of the filter is taken; each row may be in it twice.
const ROWS_PER_WORD: usize = 3;
/// Octets at the end of a front that are not part of the beginning the filter knows: 13 octets remain, an
/// account, a table letter and a number of eight.
const BEHIND_BEGINNING_BITS: u32 = 24;

/// Sorted rows, one for each key.
pub(crate) struct Run {
    buffers: Vec<Arc<[u8]>>,
    slots: Vec<Slot>,
    filter: Filter,
    octets: usize,
}

impl Run {
    /// The rows of a group; `operations` is what the draft speaks of.
    pub(crate) fn of_draft(draft: &Draft, operations: Arc<[u8]>) -> Self {
        Self::of_sorted(vec![operations], draft.slots())
    }
    /// Rows in the order in which they were written, as slots of one buffer: the last of a key counts.
    pub(crate) fn of_written(mut slots: Vec<Slot>, buffer: Arc<[u8]>) -> Self {
        slots.reverse();
        // The sort is stable.
        slots.sort_by(|a, b| a.compare_with(b, |_| &buffer));
        slots.dedup_by(|later, first| first.compare_with(later, |_| &buffer).is_eq());
        Self::of_sorted(vec![buffer], slots)
    }
    /// `runs` from the oldest to the newest become one.
    pub(crate) fn merge(runs: &[Arc<Self>]) -> Self {
        let mut buffers: Vec<Arc<[u8]>> = Vec::with_capacity(runs.iter().map(|run| run.buffers.len()).sum());
        let mut slots: Vec<Slot> = Vec::with_capacity(runs.iter().map(|run| run.slots.len()).sum());
        // Of equal keys the newest comes first.
        for run in runs.iter().rev() {
            let base = buffers.len() as u32;
            slots.extend(run.slots.iter().map(|slot| slot.in_buffer(slot.buffer + base)));
            buffers.extend(run.buffers.iter().cloned());
        }
        let buffer_of = |slot: &Slot| buffer_of(&buffers, slot);
        // The sort is stable, finds what is sorted already and only merges it.
        slots.sort_by(|a, b| a.compare_with(b, buffer_of));
        slots.dedup_by(|later, first| first.compare_with(later, buffer_of).is_eq());
        Self::of_sorted(buffers, slots)
    }
    fn of_sorted(buffers: Vec<Arc<[u8]>>, slots: Vec<Slot>) -> Self {
        let filter = Filter::of(&slots);
        let octets = buffers.iter().map(|buffer| buffer.len() + size_of::<Arc<[u8]>>()).sum::<usize>()
            + slots.len() * size_of::<Slot>()
            + filter.words.len() * size_of::<u64>();
        Self { buffers, slots, filter, octets }
    }
    pub(crate) fn rows(&self) -> usize {
        self.slots.len()
    }
    /// Memory, roughly.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }
    /// `None`: this run does not know the key.
    pub(crate) fn get(&self, sought: &Sought<'_>, hash: u64) -> Option<Row<'_>> {
        if !self.filter.may_have(hash) {
            return None;
        }
        let found = self.slots.binary_search_by(|slot| slot.compare(self.buffer_of(slot), sought));
        self.slots.get(found.ok()?).map(|slot| self.row(slot))
    }
    /// Rows with `from <= key < end`; `None` when there are none. `beginning` is what [`common_beginning`]
    /// says of the two.
    pub(crate) fn range<'a>(
        &'a self,
        from: &Sought<'_>,
        end: &Sought<'_>,
        beginning: Option<u64>,
        direction: Direction,
    ) -> Option<Box<dyn Iterator<Item = Row<'a>> + 'a>> {
        if beginning.is_some_and(|hash| !self.filter.may_have(hash)) {
            return None;
        }
        let behind = self.slots.get(self.place(from)..)?;
        let is_inside = |slot: &Slot| slot.compare(self.buffer_of(slot), end).is_lt();
        // Mostly there is nothing: then it ends here.
        behind.first().filter(|first| is_inside(first))?;
        let slots = behind.get(..behind.partition_point(is_inside))?;
        let rows = slots.iter().map(|slot| self.row(slot));
        Some(match direction {
            Direction::Up => Box::new(rows),
            Direction::Down => Box::new(rows.rev()),
        })
    }
    /// All rows, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.slots.iter().map(|slot| self.row(slot))
    }
    fn place(&self, sought: &Sought<'_>) -> usize {
        self.slots.partition_point(|slot| slot.compare(self.buffer_of(slot), sought).is_lt())
    }
    fn row(&self, slot: &Slot) -> Row<'_> {
        slot.row(self.buffer_of(slot))
    }
    fn buffer_of(&self, slot: &Slot) -> &[u8] {
        buffer_of(&self.buffers, slot)
    }
}

fn buffer_of<'b>(buffers: &'b [Arc<[u8]>], slot: &Slot) -> &'b [u8] {
    buffers.get(slot.buffer as usize).map(|buffer| &**buffer).unwrap_or_default()
}

/// Says of most keys that are not in a run that they are not.
struct Filter {
    /// A power of two of them.
    words: Vec<u64>,
}

/// What the filters of all runs look for.
pub(crate) fn hash_of(front: u128) -> u64 {
    let folded = (front as u64) ^ ((front >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (folded ^ (folded >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

/// What the filters look for when all keys of a range begin alike.
pub(crate) fn common_beginning(from: &Sought<'_>, end: &Sought<'_>) -> Option<u64> {
    let (from, end) = (from.front >> BEHIND_BEGINNING_BITS, end.front >> BEHIND_BEGINNING_BITS);
    (from == end).then(|| hash_of_beginning(from))
}

/// The same of the beginning of a key.
pub(crate) fn hash_of_beginning_of(key: &[u8]) -> u64 {
    hash_of_beginning(Sought::new(key).front >> BEHIND_BEGINNING_BITS)
}

fn hash_of_beginning(beginning: u128) -> u64 {
    // Not the hash of a key that is the beginning and zeros.
    !hash_of(beginning)
}

impl Filter {
    fn of(slots: &[Slot]) -> Self {
        let mut filter = Self { words: vec![0; (slots.len() / ROWS_PER_WORD).next_power_of_two()] };
        let mut before = None;
        for slot in slots {
            filter.add(hash_of(slot.front()));
            let beginning = slot.front() >> BEHIND_BEGINNING_BITS;
            if before != Some(beginning) {
                filter.add(hash_of_beginning(beginning));
                before = Some(beginning);
            }
        }
        filter
    }
    fn add(&mut self, hash: u64) {
        let at = self.word_of(hash);
        if let Some(word) = self.words.get_mut(at) {
            *word |= bits(hash);
        }
    }
    fn may_have(&self, hash: u64) -> bool {
        self.words.get(self.word_of(hash)).is_some_and(|word| word & bits(hash) == bits(hash))
    }
    fn word_of(&self, hash: u64) -> usize {
        (hash >> 18) as usize & (self.words.len() - 1)
    }
}

/// Three of a word.
pub(crate) fn bits(hash: u64) -> u64 {
    1 << (hash & 63) | 1 << ((hash >> 6) & 63) | 1 << ((hash >> 12) & 63)
}
