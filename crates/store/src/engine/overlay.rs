//! The overlay: rows that are durable in the journal but not yet in the index. An ordered tree whose nodes
//! are shared between copies: a copy costs one reference, a write copies only the path to its row and only
//! where an older copy still holds it. So neither pending rows nor open views make a commit dearer.
//!
//! Rows are only added, never taken out: a deleted key is a row without a value, and the tree goes as a
//! whole.

use std::slice;
use std::sync::Arc;

use super::merge::{Direction, Row};

/// Rows or children of a node before it is split.
const FANOUT: usize = 32;
/// What a row costs in memory beside its octets.
const ENTRY_OVERHEAD_OCTETS: usize = 64;

/// Key and value, or key and "deleted", as a part of a buffer: rows of a group share one, so that they cost
/// one allocation and are given back together.
#[derive(Clone)]
pub(crate) struct Entry {
    buffer: Arc<[u8]>,
    /// Where the key begins; the value follows it.
    at: u32,
    value_octets: u32,
    key_octets: u16,
    deleted: bool,
}

/// Where a row lies in the operations of its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RowAt {
    pub(crate) at: u32,
    pub(crate) key_octets: u16,
    pub(crate) value_octets: u32,
    pub(crate) deleted: bool,
}

impl Entry {
    /// A row with a buffer of its own. The key's length was checked: at most `limits::KEY_OCTETS_MAX`.
    pub(crate) fn new(key: &[u8], value: Option<&[u8]>) -> Self {
        let mut octets = Vec::with_capacity(key.len() + value.map_or(0, <[u8]>::len));
        octets.extend_from_slice(key);
        octets.extend_from_slice(value.unwrap_or_default());
        let place = RowAt {
            at: 0,
            key_octets: key.len() as u16,
            value_octets: value.map_or(0, <[u8]>::len) as u32,
            deleted: value.is_none(),
        };
        Self::inside(&octets.into(), place)
    }
    pub(crate) fn inside(buffer: &Arc<[u8]>, place: RowAt) -> Self {
        let RowAt { at, key_octets, value_octets, deleted } = place;
        Self { buffer: Arc::clone(buffer), at, value_octets, key_octets, deleted }
    }
    pub(crate) fn key(&self) -> &[u8] {
        let at = self.at as usize;
        self.buffer.get(at..at + usize::from(self.key_octets)).unwrap_or_default()
    }
    pub(crate) fn value(&self) -> Option<&[u8]> {
        let at = self.at as usize + usize::from(self.key_octets);
        let value = self.buffer.get(at..at + self.value_octets as usize).unwrap_or_default();
        (!self.deleted).then_some(value)
    }
    pub(crate) fn row(&self) -> Row<'_> {
        Row { key: self.key(), value: self.value() }
    }
    fn cost_octets(&self) -> usize {
        usize::from(self.key_octets) + self.value_octets as usize + ENTRY_OVERHEAD_OCTETS
    }
}

/// An ordered set of rows; cheap to copy.
#[derive(Clone, Default)]
pub(crate) struct Overlay {
    root: Option<Arc<Node>>,
    rows: usize,
    octets: usize,
}

#[derive(Clone)]
enum Node {
    Leaf(Vec<Entry>),
    Branch(Vec<Child>),
}

#[derive(Clone)]
struct Child {
    /// Not above any key in `node`, and above all keys of the child before.
    first: Entry,
    node: Arc<Node>,
}

/// What an insertion did to a node.
#[derive(Default)]
struct Inserted {
    /// The upper half, when the node became too large.
    split: Option<Child>,
    replaced: bool,
}

impl Overlay {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }
    /// Memory, roughly.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }
    pub(crate) fn insert(&mut self, entry: Entry) {
        self.octets += entry.cost_octets();
        let root = self.root.get_or_insert_with(|| Arc::new(Node::Leaf(Vec::new())));
        let inserted = insert(root, entry);
        // The octets of a row that was replaced stay as long as those of its group, so they go on counting.
        match inserted.replaced {
            true => self.octets = self.octets.saturating_sub(ENTRY_OVERHEAD_OCTETS),
            false => self.rows += 1,
        }
        if let Some(upper) = inserted.split
            && let Some(first) = root.first_entry()
        {
            let lower = Child { first, node: Arc::clone(root) };
            *root = Arc::new(Node::Branch(vec![lower, upper]));
        }
    }
    /// `None`: this overlay does not know the key. `Some(None)` inside the entry's value: it was deleted.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Entry> {
        let mut node = self.root.as_deref()?;
        loop {
            match node {
                Node::Leaf(entries) => {
                    let at = entries.binary_search_by(|entry| entry.key().cmp(key)).ok()?;
                    return entries.get(at);
                }
                Node::Branch(children) => node = &children.get(child_of(children, key))?.node,
            }
        }
    }
    /// Rows with `from <= key < end`.
    pub(crate) fn range<'a>(&'a self, from: &'a [u8], end: &'a [u8], direction: Direction) -> Range<'a> {
        let mut range = Range { from, end: Some(end), direction, leaf: [].iter(), path: Vec::new() };
        range.descend(self.root.as_deref());
        range
    }
    /// All rows, ascending.
    pub(crate) fn iter(&self) -> Range<'_> {
        let mut range =
            Range { from: &[], end: None, direction: Direction::Up, leaf: [].iter(), path: Vec::new() };
        range.descend(self.root.as_deref());
        range
    }
}

impl Node {
    fn first_entry(&self) -> Option<Entry> {
        match self {
            Self::Leaf(entries) => entries.first().cloned(),
            Self::Branch(children) => children.first().map(|child| child.first.clone()),
        }
    }
}

/// Which child holds a key if any does.
fn child_of(children: &[Child], key: &[u8]) -> usize {
    children.partition_point(|child| child.first.key() <= key).saturating_sub(1)
}

fn insert(node: &mut Arc<Node>, entry: Entry) -> Inserted {
    match Arc::make_mut(node) {
        Node::Leaf(entries) => insert_leaf(entries, entry),
        Node::Branch(children) => insert_branch(children, entry),
    }
}

fn insert_leaf(entries: &mut Vec<Entry>, entry: Entry) -> Inserted {
    match entries.binary_search_by(|have| have.key().cmp(entry.key())) {
        Ok(at) => {
            let Some(have) = entries.get_mut(at) else { return Inserted::default() };
            *have = entry;
            Inserted { split: None, replaced: true }
        }
        Err(at) => {
            // Keys mostly come in ascending order: then the lower half stays full.
            let keep = if at == entries.len() { FANOUT } else { FANOUT / 2 };
            entries.insert(at, entry);
            let upper = (entries.len() > FANOUT).then(|| entries.split_off(keep));
            let split = upper.and_then(|upper| {
                let first = upper.first()?.clone();
                Some(Child { first, node: Arc::new(Node::Leaf(upper)) })
            });
            Inserted { split, replaced: false }
        }
    }
}

fn insert_branch(children: &mut Vec<Child>, entry: Entry) -> Inserted {
    let at = child_of(children, entry.key());
    let Some(child) = children.get_mut(at) else { return Inserted::default() };
    if entry.key() < child.first.key() {
        child.first = entry.clone();
    }
    let mut inserted = insert(&mut child.node, entry);
    if let Some(upper) = inserted.split.take() {
        let keep = if at + 1 == children.len() { FANOUT } else { FANOUT / 2 };
        children.insert(at + 1, upper);
        let upper = (children.len() > FANOUT).then(|| children.split_off(keep));
        inserted.split = upper.and_then(|upper| {
            let first = upper.first()?.first.clone();
            Some(Child { first, node: Arc::new(Node::Branch(upper)) })
        });
    }
    inserted
}

/// Rows of an overlay between two keys.
pub(crate) struct Range<'a> {
    from: &'a [u8],
    end: Option<&'a [u8]>,
    direction: Direction,
    leaf: slice::Iter<'a, Entry>,
    path: Vec<slice::Iter<'a, Child>>,
}

impl<'a> Range<'a> {
    /// Goes down to the first leaf of `node`, keeping only what lies in the range.
    fn descend(&mut self, mut node: Option<&'a Node>) {
        while let Some(below) = node {
            match below {
                Node::Leaf(entries) => {
                    let start = entries.partition_point(|entry| entry.key() < self.from);
                    let stop = self.stop(entries.len(), |end| entries.partition_point(|e| e.key() < end));
                    self.leaf = entries.get(start..stop.max(start)).unwrap_or_default().iter();
                    return;
                }
                Node::Branch(children) => {
                    let start = child_of(children, self.from);
                    let stop =
                        self.stop(children.len(), |end| children.partition_point(|c| c.first.key() < end));
                    let mut inside = children.get(start..stop.max(start)).unwrap_or_default().iter();
                    let next = step(&mut inside, self.direction);
                    self.path.push(inside);
                    node = next.map(|child| child.node.as_ref());
                }
            }
        }
    }
    fn stop(&self, all: usize, before: impl FnOnce(&[u8]) -> usize) -> usize {
        self.end.map_or(all, before)
    }
}

fn step<'a, T>(iter: &mut slice::Iter<'a, T>, direction: Direction) -> Option<&'a T> {
    match direction {
        Direction::Up => iter.next(),
        Direction::Down => iter.next_back(),
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = &'a Entry;
    fn next(&mut self) -> Option<&'a Entry> {
        loop {
            if let Some(entry) = step(&mut self.leaf, self.direction) {
                return Some(entry);
            }
            let level = self.path.last_mut()?;
            match step(level, self.direction) {
                Some(child) => self.descend(Some(&child.node)),
                None => drop(self.path.pop()),
            }
        }
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
    fn behaves_as_an_ordered_map_and_copies_stay_as_they_were() {
        for seed in 1..20u64 {
            let mut seed = seed * 7919;
            let mut tree = Overlay::default();
            let mut model = BTreeMap::new();
            let mut copies = Vec::new();
            let span = 50 + number(&mut seed) % 5000;
            for _ in 0..3000 {
                let key = (number(&mut seed) % span).to_be_bytes();
                let value = number(&mut seed).to_le_bytes();
                let value = (!number(&mut seed).is_multiple_of(4)).then_some(value);
                tree.insert(Entry::new(&key, value.as_ref().map(|v| v.as_slice())));
                model.insert(key, value);
                if number(&mut seed).is_multiple_of(500) {
                    copies.push((tree.clone(), model.clone()));
                }
            }
            copies.push((tree, model));
            for (tree, model) in copies {
                assert_same(&tree, &model, &mut seed, span);
            }
        }
    }

    fn assert_same(tree: &Overlay, model: &BTreeMap<[u8; 8], Option<[u8; 8]>>, seed: &mut u64, span: u64) {
        assert_eq!(tree.rows(), model.len());
        let cost: usize = tree.iter().map(Entry::cost_octets).sum();
        assert!(tree.octets() >= cost);
        assert!(tree.iter().map(Entry::key).eq(model.keys().map(|k| k.as_slice())));
        for _ in 0..50 {
            let (a, b) = (number(seed) % span, number(seed) % (span + 10));
            let key = a.to_be_bytes();
            let found = tree.get(&key).map(|entry| entry.value().map(<[u8]>::to_vec));
            assert_eq!(found, model.get(&key).map(|value| value.map(|v| v.to_vec())));
            let (from, end) = (a.min(b).to_be_bytes(), a.max(b).to_be_bytes());
            let want: Vec<_> = model.range(from..end).map(|(k, _)| k.to_vec()).collect();
            let up: Vec<_> = tree.range(&from, &end, Direction::Up).map(|e| e.key().to_vec()).collect();
            let mut down: Vec<_> =
                tree.range(&from, &end, Direction::Down).map(|e| e.key().to_vec()).collect();
            down.reverse();
            assert_eq!(up, want);
            assert_eq!(down, want);
        }
    }
}
