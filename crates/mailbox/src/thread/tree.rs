//! Steps 2 to 6 of REFERENCES (RFC 5256 §3), and what REFS does instead of them.
//!
//! Siblings are in the order of their sent dates, and of the mailbox where these are the same.

use super::links::{Links, NONE, at, set};
use super::{ThreadAlgorithm, Threads};
use crate::sort::column::Column;
use crate::sort::slices::SliceSort;

/// What is known of the messages, a list each in the order of the mailbox.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) sent: Vec<u64>,
    /// For REFS.
    pub(super) arrived: Vec<u64>,
    /// Numbers of base subjects: the same for those that are equal, `NONE` for the empty one.
    pub(super) subjects: Vec<u32>,
}

/// The numbers of the base subjects of messages.
pub(super) fn subjects(column: &Column, uids: &[u32]) -> Vec<u32> {
    let ranks = column.keys_of(uids);
    let place = |(place, rank): (Option<usize>, u64)| match place {
        Some(place) if !column.is_empty_text(place) => u32::try_from(rank).unwrap_or(NONE),
        _ => NONE,
    };
    column.places_of(uids).zip(ranks).map(place).collect()
}

/// When something was sent, and where it is in the mailbox.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct When {
    pub(super) date: u64,
    pub(super) message: u32,
}

/// A node among its siblings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Placed {
    pub(super) parent: u32,
    pub(super) when: When,
}

/// A node on top.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Root {
    when: When,
    node: u32,
}

/// What was found, still without UIDs.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) nodes: usize,
    pub(super) roots: Vec<u32>,
    /// In order; those with the same parent stand together, parents ascend.
    pub(super) placed: Vec<Placed>,
}

impl Shape {
    pub(super) fn threads(self, uids: &[u32]) -> Threads {
        let mut starts = Vec::with_capacity(self.nodes + 1);
        let mut children = Vec::with_capacity(self.placed.len());
        for placed in &self.placed {
            while starts.len() <= placed.parent as usize {
                starts.push(u32::try_from(children.len()).unwrap_or(NONE));
            }
            children.push(placed.when.message);
        }
        starts.resize(self.nodes + 1, u32::try_from(children.len()).unwrap_or(NONE));
        Threads { uids: uids.to_vec(), roots: self.roots, starts, children }
    }
}

/// Trees being made of links.
pub(super) struct Growing {
    by_subject: bool,
    by_arrival: bool,
    facts: Facts,
    links: Links,
    /// Parents without those that are no messages, but on top. Roots have none.
    parents: Vec<u32>,
    roots: Vec<u32>,
    /// Of a root that is no message: its first child.
    firsts: Vec<Option<When>>,
    step: Step,
}

enum Step {
    Prune,
    SortRoots(SliceSort<Root>),
    Subjects,
    SortChildren(SliceSort<Placed>),
    SortRootsAgain(SliceSort<Root>, Vec<Placed>),
}

impl Growing {
    pub(super) fn new(algorithm: ThreadAlgorithm, links: Links, facts: Facts) -> Self {
        let by_arrival = algorithm == ThreadAlgorithm::Refs;
        Self {
            by_subject: !by_arrival,
            by_arrival,
            facts,
            links,
            parents: Vec::new(),
            roots: Vec::new(),
            firsts: Vec::new(),
            step: Step::Prune,
        }
    }
    /// Goes on for a bounded time; the shape when it is there.
    pub(super) fn advance(&mut self) -> Option<Shape> {
        match &mut self.step {
            Step::Prune => {
                self.prune();
                self.step = match self.by_subject {
                    true => Step::SortRoots(SliceSort::new(self.dated_roots())),
                    false => Step::Subjects,
                };
            }
            // Step 4.
            Step::SortRoots(sort) => {
                if sort.advance(Root::cmp) {
                    self.roots =
                        std::mem::take(sort).into_items().into_iter().map(|root| root.node).collect();
                    self.step = Step::Subjects;
                }
            }
            Step::Subjects => {
                if self.by_subject {
                    self.gather_subjects();
                }
                self.step = Step::SortChildren(SliceSort::new(self.placed()));
            }
            // Step 6, all sets of siblings at once.
            Step::SortChildren(sort) => {
                if sort.advance(Placed::cmp) {
                    let placed = std::mem::take(sort).into_items();
                    self.find_firsts(&placed);
                    let roots = if self.by_arrival { self.arrived_roots() } else { self.dated_roots() };
                    self.step = Step::SortRootsAgain(SliceSort::new(roots), placed);
                }
            }
            Step::SortRootsAgain(sort, placed) => {
                if sort.advance(Root::cmp) {
                    let roots = std::mem::take(sort).into_items().into_iter().map(|root| root.node).collect();
                    let placed = std::mem::take(placed);
                    return Some(Shape { nodes: self.parents.len(), roots, placed });
                }
            }
        }
        None
    }
    pub(super) fn nodes(&self) -> usize {
        self.links.parents.len()
    }
    const fn is_message(&self, node: u32) -> bool {
        (node as usize) < self.links.messages
    }
    fn sent(&self, message: u32) -> When {
        When { date: self.facts.sent.get(message as usize).copied().unwrap_or(0), message }
    }
    fn each_node(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.links.parents.len()).unwrap_or(NONE)
    }
    /// Steps 2 and 3: what is no message goes, and its children take its place; on top it stays if it has
    /// more than one.
    fn prune(&mut self) {
        let raw = &self.links.parents;
        let mut parents = vec![NONE; raw.len()];
        // The message a node that is none stands below, or the root; each is found once.
        let mut above = vec![NONE; raw.len()];
        let mut path = Vec::new();
        for node in self.each_node() {
            let mut node = node;
            // Up to one whose place is known, then down again.
            while at(&above, node) == NONE {
                path.push(node);
                let parent = at(raw, node);
                if parent == NONE || self.is_message(parent) {
                    let place = if parent == NONE { node } else { parent };
                    set(&mut above, node, place);
                    break;
                }
                node = parent;
            }
            let mut place = at(&above, node);
            while let Some(below) = path.pop() {
                // A node without a parent is its own place: what is below it stands below it.
                place = if at(&above, below) == NONE { place } else { at(&above, below) };
                set(&mut above, below, place);
            }
        }
        let mut counts = vec![0u32; raw.len()];
        let mut only = vec![NONE; raw.len()];
        for node in (0..).take(self.links.messages) {
            let place = at(&above, node);
            if place == node {
                continue;
            }
            set(&mut parents, node, place);
            if let Some(count) = counts.get_mut(place as usize) {
                *count = count.saturating_add(1);
            }
            set(&mut only, place, node);
        }
        self.parents = parents;
        for node in self.each_node() {
            let message = self.is_message(node);
            match at(&counts, node) {
                _ if message && at(&self.parents, node) == NONE => self.roots.push(node),
                _ if message => {}
                1 => {
                    let child = at(&only, node);
                    set(&mut self.parents, child, NONE);
                    // A message has a smaller number, so its turn as a root has passed.
                    self.roots.push(child);
                }
                0 => {}
                _ => self.roots.push(node),
            }
        }
        self.firsts_by_scan();
    }
    /// The first child of every root that is no message.
    fn firsts_by_scan(&mut self) {
        let mut firsts = vec![None; self.parents.len()];
        for node in (0..).take(self.links.messages) {
            let parent = at(&self.parents, node);
            if parent != NONE && !self.is_message(parent) {
                let when = Some(self.sent(node));
                if let Some(first) = firsts.get_mut(parent as usize) {
                    *first = if first.is_none() { when } else { when.min(*first) };
                }
            }
        }
        self.firsts = firsts;
    }
    fn find_firsts(&mut self, placed: &[Placed]) {
        let mut firsts = vec![None; self.parents.len()];
        for placed in placed.iter().rev() {
            if let Some(first) = firsts.get_mut(placed.parent as usize) {
                *first = Some(placed.when);
            }
        }
        self.firsts = firsts;
    }
    fn first(&self, node: u32) -> Option<When> {
        self.firsts.get(node as usize).copied().flatten()
    }
    /// Where a root stands: at its own date, or at that of its first child.
    fn dated_roots(&self) -> Vec<Root> {
        let when = |node: u32| match self.is_message(node) {
            true => self.sent(node),
            false => self.first(node).unwrap_or(When { date: 0, message: node }),
        };
        self.roots.iter().map(|node| Root { when: when(*node), node: *node }).collect()
    }
    /// Where a root stands in REFS: where the last message of its thread came in.
    fn arrived_roots(&self) -> Vec<Root> {
        let mut tops = vec![NONE; self.parents.len()];
        self.roots.iter().for_each(|root| set(&mut tops, *root, *root));
        let mut last: Vec<Option<When>> = vec![None; self.parents.len()];
        let mut path = Vec::new();
        for message in (0..).take(self.links.messages) {
            let mut node = message;
            while at(&tops, node) == NONE {
                path.push(node);
                node = at(&self.parents, node);
                if node == NONE {
                    break;
                }
            }
            let top = at(&tops, node);
            path.drain(..).for_each(|below| set(&mut tops, below, top));
            let date = self.facts.arrived.get(message as usize).copied().unwrap_or(0);
            if let Some(slot) = last.get_mut(top as usize) {
                *slot = (*slot).max(Some(When { date, message }));
            }
        }
        let when = |node: u32| last.get(node as usize).copied().flatten();
        let root = |node: &u32| {
            let when = when(*node).unwrap_or(When { date: 0, message: *node });
            Root { when, node: *node }
        };
        self.roots.iter().map(root).collect()
    }
    fn placed(&self) -> Vec<Placed> {
        let placed = |message: u32| Placed { parent: at(&self.parents, message), when: self.sent(message) };
        let all = (0..).take(self.links.messages).map(placed);
        all.filter(|placed| placed.parent != NONE).collect()
    }
    /// Step 5: threads with the same subject become one.
    fn gather_subjects(&mut self) {
        let roots = std::mem::take(&mut self.roots);
        let mut table = self.subject_table(&roots);
        // What was appended to a root that is no message; and those that were made here.
        let mut kept = Vec::with_capacity(roots.len());
        let mut joined: Vec<Joined> = Vec::new();
        for node in roots {
            let subject = self.thread_subject(node);
            let other = at(&table, subject);
            if subject == NONE || other == node || other == NONE {
                kept.push(node);
                continue;
            }
            match (self.is_message(node), self.is_message(other)) {
                (false, _) => joined.push(Joined { from: node, to: other }),
                (true, false) => set(&mut self.parents, node, other),
                (true, true) if self.is_reply(node) && !self.is_reply(other) => {
                    set(&mut self.parents, node, other);
                }
                (true, true) => {
                    let dummy = u32::try_from(self.parents.len()).unwrap_or(NONE);
                    self.parents.push(NONE);
                    set(&mut self.parents, node, dummy);
                    set(&mut self.parents, other, dummy);
                    set(&mut table, subject, dummy);
                    kept.push(dummy);
                }
            }
        }
        kept.retain(|node| at(&self.parents, *node) == NONE);
        self.roots = kept;
        self.move_children(&joined);
    }
    /// Step 5 (B).
    fn subject_table(&self, roots: &[u32]) -> Vec<u32> {
        let largest = self.facts.subjects.iter().filter(|subject| **subject != NONE).max();
        let mut table = vec![NONE; largest.map_or(0, |largest| *largest as usize + 1)];
        for node in roots {
            let subject = self.thread_subject(*node);
            let other = at(&table, subject);
            let replaces = other == NONE
                || self.is_message(other)
                    && (!self.is_message(*node) || self.is_reply(other) && !self.is_reply(*node));
            if replaces {
                set(&mut table, subject, *node);
            }
        }
        table
    }
    fn thread_subject(&self, node: u32) -> u32 {
        let message = match self.is_message(node) {
            true => Some(node),
            false => self.first(node).map(|first| first.message),
        };
        message.map_or(NONE, |message| at(&self.facts.subjects, message))
    }
    fn is_reply(&self, message: u32) -> bool {
        self.links.replies.get(message as usize).copied().unwrap_or(false)
    }
    /// The children of one root that is no message become those of another.
    fn move_children(&mut self, joined: &[Joined]) {
        if joined.is_empty() {
            return;
        }
        let mut moved = vec![NONE; self.parents.len()];
        joined.iter().for_each(|joined| set(&mut moved, joined.from, joined.to));
        for parent in &mut self.parents {
            let to = moved.get(*parent as usize).copied().unwrap_or(NONE);
            if to != NONE {
                *parent = to;
            }
        }
    }
}

/// A root that is no message goes into another.
struct Joined {
    from: u32,
    to: u32,
}
