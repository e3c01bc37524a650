//! The overlay: rows that are durable in the journal but not yet in the index, as a list of runs, the
//! newest last. A copy costs one reference, and a group becomes visible by adding its run to the list:
//! neither pending rows nor open views make a commit dearer. Several small runs are made one larger one now
//! and then, so that there are few to look into; nobody waits for that.
//!
//! Rows are only added, never taken out: a deleted key is a row without a value, and an overlay goes as a
//! whole.

use std::sync::Arc;

use super::merge::{Row, Source};
use super::run::{Run, common_beginning, hash_of};
use super::slot::Sought;
use super::snapshot::Span;

/// So many runs of about one size become one.
const MERGED_RUNS: usize = 8;
/// Unless it became larger than this: the applier makes one of them all before long.
const MERGED_ROWS_MAX: usize = 65_536;

/// A list of runs; cheap to copy.
#[derive(Clone, Default)]
pub(crate) struct Overlay {
    /// The oldest first.
    runs: Arc<Vec<Arc<Run>>>,
    rows: usize,
    octets: usize,
}

impl Overlay {
    /// Rows of all runs: a key that was written several times may count several times.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }
    /// Memory, roughly.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
    /// Adds what is newer than all there is.
    pub(crate) fn push(&mut self, run: Arc<Run>) {
        self.rows += run.rows();
        self.octets += run.octets();
        Arc::make_mut(&mut self.runs).push(run);
    }
    /// `None`: this overlay does not know the key. Otherwise the row says whether it was deleted.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Row<'_>> {
        get(&self.runs, key)
    }
    /// Its rows in a span, a source for each run, the newest first.
    pub(crate) fn sources<'a>(&'a self, span: Span<'_>, sources: &mut Vec<Source<'a>>) {
        add_sources(&self.runs, span, sources);
    }
    /// The newest runs, if they should be made one: those of about one size, once there are some of them.
    pub(crate) fn due(&self) -> Option<Vec<Arc<Run>>> {
        let (mut highest, mut rows) = (0, 0);
        for (count, run) in (1..).zip(self.runs.iter().rev()) {
            highest = highest.max(level(run));
            rows += run.rows();
            if rows > MERGED_ROWS_MAX {
                return None;
            }
            let more = self.runs.iter().rev().nth(count).is_some_and(|older| level(older) <= highest);
            if count >= MERGED_RUNS && !more {
                return self.runs.get(self.runs.len() - count..).map(<[_]>::to_vec);
            }
        }
        None
    }
    /// Puts `merged` in the place of the runs it was made of, if they are all here.
    pub(crate) fn replace(&mut self, parts: &[Arc<Run>], merged: Arc<Run>) {
        let Some(first) = parts.first() else { return };
        let Some(at) = self.runs.iter().position(|run| Arc::ptr_eq(run, first)) else { return };
        let here = self.runs.get(at..at + parts.len()).unwrap_or_default();
        if here.len() != parts.len() || here.iter().zip(parts).any(|(a, b)| !Arc::ptr_eq(a, b)) {
            return;
        }
        self.rows -= parts.iter().map(|run| run.rows()).sum::<usize>();
        self.octets -= parts.iter().map(|run| run.octets()).sum::<usize>();
        self.rows += merged.rows();
        self.octets += merged.octets();
        Arc::make_mut(&mut self.runs).splice(at..at + parts.len(), [merged]);
    }
    /// The same rows in one run.
    pub(crate) fn as_one(&self) -> Arc<Run> {
        match self.runs.as_slice() {
            [only] => Arc::clone(only),
            runs => Arc::new(Run::merge(runs)),
        }
    }
}

impl From<Arc<Run>> for Overlay {
    fn from(run: Arc<Run>) -> Self {
        let mut overlay = Self::default();
        overlay.push(run);
        overlay
    }
}

/// Looks into `runs`, the newest of which is the last.
pub(crate) fn get<'a>(runs: &'a [Arc<Run>], key: &[u8]) -> Option<Row<'a>> {
    if runs.is_empty() {
        return None;
    }
    let sought = Sought::new(key);
    let hash = hash_of(sought.front);
    runs.iter().rev().find_map(|run| run.get(&sought, hash))
}

/// The rows of `runs` in a span, a source for each run that has any, the newest first.
pub(crate) fn add_sources<'a>(runs: &'a [Arc<Run>], span: Span<'_>, sources: &mut Vec<Source<'a>>) {
    let (from, end) = (Sought::new(span.from), Sought::new(span.end));
    let beginning = common_beginning(&from, &end);
    let found = runs.iter().rev().filter_map(|run| run.range(&from, &end, beginning, span.direction));
    sources.extend(found.map(Source::of_rows));
}

/// Runs of one level differ by less than eight times.
fn level(run: &Run) -> u32 {
    run.rows().max(1).ilog2() / 3
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::merge::{Direction, merge};
    use super::super::slot::Slot;
    use super::*;

    type Model = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

    fn number(seed: &mut u64) -> u64 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        *seed
    }

    fn key(number: u64) -> Vec<u8> {
        // Long ones differ behind the front only.
        match number % 3 {
            // All of them begin alike.
            1 if number.is_multiple_of(2) => format!("thirteen octe{:03}", number % 1000).into_bytes(),
            0 => format!("{number:08}").into_bytes(),
            _ => format!("the same sixteen octets and {number:08}").into_bytes(),
        }
    }

    fn group(seed: &mut u64, span: u64, model: &mut Model) -> Arc<Run> {
        let (mut slots, mut operations) = (Vec::new(), Vec::new());
        for _ in 0..1 + number(seed) % 60 {
            let key = key(number(seed) % span);
            let value = number(seed).to_le_bytes().to_vec();
            let value = (!number(seed).is_multiple_of(4)).then_some(value);
            slots.push(Slot::new(Row { key: &key, value: value.as_deref() }, operations.len()));
            operations.extend_from_slice(&key);
            operations.extend_from_slice(value.as_deref().unwrap_or_default());
            model.insert(key, value);
        }
        Arc::new(Run::of_written(slots, operations.into()))
    }

    #[test]
    fn behaves_as_an_ordered_map_and_copies_stay_as_they_were() {
        for seed in 1..20u64 {
            let mut seed = seed * 7919;
            let (mut overlay, mut model) = (Overlay::default(), Model::new());
            let mut copies = Vec::new();
            let span = 50 + number(&mut seed) % 3000;
            for _ in 0..200 {
                overlay.push(group(&mut seed, span, &mut model));
                while let Some(due) = overlay.due() {
                    overlay.replace(&due, Arc::new(Run::merge(&due)));
                }
                assert!(overlay.runs.len() <= 32, "{} runs", overlay.runs.len());
                if number(&mut seed).is_multiple_of(40) {
                    copies.push((overlay.clone(), model.clone()));
                }
            }
            copies.push((Overlay::from(overlay.as_one()), model.clone()));
            assert_eq!(overlay.as_one().rows(), model.len());
            copies.push((overlay, model));
            for (overlay, model) in copies {
                assert_same(&overlay, &model, &mut seed, span);
            }
        }
    }

    fn scan(overlay: &Overlay, from: &[u8], end: &[u8], direction: Direction) -> Vec<Vec<u8>> {
        let (mut sources, mut keys) = (Vec::new(), Vec::new());
        overlay.sources(Span { from, end, direction }, &mut sources);
        merge(sources, direction, &mut |key, _| {
            keys.push(key.to_vec());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        keys
    }

    fn assert_same(overlay: &Overlay, model: &Model, seed: &mut u64, span: u64) {
        assert!(overlay.rows() >= model.len() && overlay.octets() > model.len() * size_of::<Slot>());
        for _ in 0..50 {
            let (a, b) = (key(number(seed) % span), key(number(seed) % (span + 10)));
            let found = overlay.get(&a).map(|row| row.value.map(<[u8]>::to_vec));
            assert_eq!(found, model.get(&a).cloned());
            let (from, end) = (a.clone().min(b.clone()), a.max(b));
            let live = model.range(from.clone()..end.clone()).filter(|(_, value)| value.is_some());
            let want: Vec<_> = live.map(|(key, _)| key.clone()).collect();
            let mut down = scan(overlay, &from, &end, Direction::Down);
            down.reverse();
            assert_eq!(scan(overlay, &from, &end, Direction::Up), want);
            assert_eq!(down, want);
        }
    }

    #[test]
    fn a_list_without_the_parts_is_left_alone() {
        let (mut seed, mut model) = (77, Model::new());
        let runs: Vec<_> = (0..3).map(|_| group(&mut seed, 100, &mut model)).collect();
        let mut overlay = Overlay::from(Arc::clone(&runs[0]));
        overlay.push(Arc::clone(&runs[1]));
        let rows = overlay.rows();
        overlay.replace(&runs[1..], Arc::new(Run::merge(&runs[1..])));
        assert_eq!((overlay.rows(), overlay.runs.len()), (rows, 2));
    }
}
