//! Which message is the parent of which: step 1 of REFERENCES (RFC 5256 §3).
//!
//! Nodes are numbers: messages first, in the order of the mailbox, then those that are only named by others.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use super::linkcut::LinkCut;
use crate::sort::column::Column;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// References one call looks at.
const REFERENCES: usize = 32_768;

pub(super) fn at(list: &[u32], node: u32) -> u32 {
    list.get(node as usize).copied().unwrap_or(NONE)
}

pub(super) fn set(list: &mut [u32], node: u32, value: u32) {
    if let Some(slot) = list.get_mut(node as usize) {
        *slot = value;
    }
}

/// Links being made.
pub(super) struct Linking {
    column: Arc<Column>,
    /// Where the messages are in the column.
    places: Vec<Option<usize>>,
    nodes: HashMap<u64, u32, ById>,
    /// The message whose own id is looked at next, then the one whose ancestors are.
    named: usize,
    next: usize,
    trees: LinkCut,
    links: Links,
    /// How many children a node has: one without any cannot close a loop.
    children: Vec<u32>,
}

/// Links that are made.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The parent of each node.
    pub(super) parents: Vec<u32>,
    /// How many of the nodes are messages; they come first.
    pub(super) messages: usize,
    /// Which of them are replies or forwards.
    pub(super) replies: Vec<bool>,
}

impl Linking {
    pub(super) fn new(column: Arc<Column>, uids: &[u32]) -> Self {
        let places = column.places_of(uids).collect();
        let mut linking = Self {
            column,
            places,
            nodes: HashMap::with_capacity_and_hasher(uids.len(), ById::default()),
            named: 0,
            next: 0,
            trees: LinkCut::default(),
            links: Links { messages: uids.len(), ..Links::default() },
            children: Vec::new(),
        };
        for _ in uids {
            linking.add();
        }
        linking
    }
    /// Goes on for a bounded time. Answers whether all links are made.
    pub(super) fn advance(&mut self) -> bool {
        let column = Arc::clone(&self.column);
        if self.named < self.places.len() {
            let end = self.places.len().min(self.named + REFERENCES);
            for place in self.places.get(self.named..end).unwrap_or_default() {
                let link = place.map(|place| column.link(place)).unwrap_or_default();
                self.links.replies.push(link.is_reply);
                // RFC 5256 §3: of messages with the same id the first one has it.
                if let Some(id) = link.id {
                    let node = u32::try_from(self.links.replies.len() - 1).unwrap_or(NONE);
                    self.nodes.entry(id).or_insert(node);
                }
            }
            self.named = end;
            return false;
        }
        let mut left = REFERENCES;
        while let Some(place) = self.places.get(self.next) {
            let link = place.map(|place| column.link(place)).unwrap_or_default();
            let node = u32::try_from(self.next).unwrap_or(NONE);
            self.message(node, link.ancestors);
            self.next += 1;
            left = left.saturating_sub(1 + link.ancestors.len());
            if left == 0 {
                return false;
            }
        }
        true
    }
    /// Messages, and those that are only named, so far.
    pub(super) fn nodes(&self) -> usize {
        self.links.parents.len()
    }
    pub(super) fn finish(&mut self) -> Links {
        std::mem::take(&mut self.links)
    }
    fn add(&mut self) -> u32 {
        let node = u32::try_from(self.links.parents.len()).unwrap_or(NONE);
        self.links.parents.push(NONE);
        self.children.push(0);
        self.trees.add();
        node
    }
    fn node(&mut self, id: u64) -> u32 {
        if let Some(node) = self.nodes.get(&id) {
            return *node;
        }
        let node = self.add();
        self.nodes.insert(id, node);
        node
    }
    /// RFC 5256 §3, step 1 for one message.
    fn message(&mut self, message: u32, ancestors: &[u64]) {
        let mut last = NONE;
        for id in ancestors {
            let node = self.node(*id);
            // (A): who has a parent keeps it.
            if last != NONE && at(&self.links.parents, node) == NONE {
                self.link(node, last);
            }
            last = node;
        }
        // (B): what the message itself says counts more than what others say of it.
        if at(&self.links.parents, message) != NONE {
            self.part(message);
        }
        if last != NONE {
            self.link(message, last);
        }
    }
    /// Makes a node that has no parent the child of another, unless that would close a loop.
    fn link(&mut self, child: u32, parent: u32) {
        let childless = at(&self.children, child) == 0;
        if child == parent || (!childless && self.trees.root(parent) == child) {
            return;
        }
        self.trees.link(child, parent);
        set(&mut self.links.parents, child, parent);
        self.count(parent, true);
    }
    fn part(&mut self, child: u32) {
        let parent = at(&self.links.parents, child);
        self.trees.cut(child);
        set(&mut self.links.parents, child, NONE);
        self.count(parent, false);
    }
    fn count(&mut self, parent: u32, more: bool) {
        if let Some(count) = self.children.get_mut(parent as usize) {
            *count = if more { count.saturating_add(1) } else { count.saturating_sub(1) };
        }
    }
}

/// Ids are hashes already; a factor nobody knows keeps others from choosing those that fall together.
struct ById(u64);

impl Default for ById {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0u64) | 1)
    }
}

impl BuildHasher for ById {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher { factor: self.0, hash: 0 }
    }
}

struct IdHasher {
    factor: u64,
    hash: u64,
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.hash
    }
    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.write_u64(u64::from(*octet));
        }
    }
    fn write_u64(&mut self, number: u64) {
        let mixed = u128::from(self.hash ^ number).wrapping_mul(u128::from(self.factor));
        self.hash = (mixed >> 64) as u64 ^ mixed as u64;
    }
}
