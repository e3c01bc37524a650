//! Steps 2 to 6 of REFERENCES (RFC 5256 §3), and what REFS does instead of them.
//!
//! Siblings are in the order of their sent dates, and of the mailbox where these are the same.

use super::climb::{Climb, Up};
use super::gather::{Gathering, Trees};
use super::links::{Links, NONE, at};
use super::prune::{Pruned, Pruning, STEPS};
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
    Prune(Box<Pruning>),
    /// First children, in the order of the mailbox; how many messages are looked at.
    Firsts(usize),
    SortRoots(SliceSort<Root>),
    Gather(Box<Gathering>),
    Place(Vec<Placed>, usize),
    SortChildren(SliceSort<Placed>),
    /// First children once more, from the last of the sorted on; how many are left.
    FirstsOfSorted(Vec<Placed>, usize),
    /// For REFS.
    Arrive(Box<Arriving>, Vec<Placed>),
    SortRootsAgain(SliceSort<Root>, Vec<Placed>),
}

impl Growing {
    pub(super) fn new(algorithm: ThreadAlgorithm, links: Links, facts: Facts) -> Self {
        let step = Step::Prune(Box::new(Pruning::new(&links)));
        Self {
            by_subject: algorithm != ThreadAlgorithm::Refs,
            facts,
            links,
            parents: Vec::new(),
            roots: Vec::new(),
            firsts: Vec::new(),
            step,
        }
    }
    /// Goes on for a bounded time; the shape when it is there.
    pub(super) fn advance(&mut self) -> Option<Shape> {
        let step = std::mem::replace(&mut self.step, Step::Firsts(0));
        self.step = match step {
            Step::Prune(mut pruning) => match pruning.advance(&self.links) {
                None => Step::Prune(pruning),
                Some(Pruned { parents, roots }) => {
                    self.firsts = vec![None; parents.len()];
                    (self.parents, self.roots) = (parents, roots);
                    if self.by_subject { Step::Firsts(0) } else { self.placing() }
                }
            },
            Step::Firsts(done) => self.find_firsts(done),
            // Step 4.
            Step::SortRoots(mut sort) => match sort.advance(Root::cmp) {
                false => Step::SortRoots(sort),
                true => {
                    let roots = sort.into_items().into_iter().map(|root| root.node).collect();
                    Step::Gather(Box::new(Gathering::new(roots, &self.facts)))
                }
            },
            Step::Gather(mut gathering) => self.gather(&mut gathering).unwrap_or(Step::Gather(gathering)),
            Step::Place(placed, done) => self.place(placed, done),
            // Step 6, all sets of siblings at once.
            Step::SortChildren(mut sort) => match sort.advance(Placed::cmp) {
                false => Step::SortChildren(sort),
                true => {
                    self.firsts = vec![None; self.parents.len()];
                    let placed = sort.into_items();
                    let left = placed.len();
                    Step::FirstsOfSorted(placed, left)
                }
            },
            Step::FirstsOfSorted(placed, left) => self.find_firsts_of(placed, left),
            Step::Arrive(mut arriving, placed) => match arriving.advance(&self.parents, &self.facts) {
                false => Step::Arrive(arriving, placed),
                true => Step::SortRootsAgain(SliceSort::new(arriving.roots(&self.roots)), placed),
            },
            Step::SortRootsAgain(mut sort, placed) => match sort.advance(Root::cmp) {
                false => Step::SortRootsAgain(sort, placed),
                true => {
                    let roots = sort.into_items().into_iter().map(|root| root.node).collect();
                    return Some(Shape { nodes: self.parents.len(), roots, placed });
                }
            },
        };
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
    /// The first child of every root that is no message.
    fn find_firsts(&mut self, done: usize) -> Step {
        let end = self.links.messages.min(done + STEPS as usize);
        for node in (0u32..).take(end).skip(done) {
            let parent = at(&self.parents, node);
            if parent != NONE && !self.is_message(parent) {
                let when = Some(self.sent(node));
                if let Some(first) = self.firsts.get_mut(parent as usize) {
                    *first = if first.is_none() { when } else { when.min(*first) };
                }
            }
        }
        match end == self.links.messages {
            true => Step::SortRoots(SliceSort::new(self.dated_roots())),
            false => Step::Firsts(end),
        }
    }
    /// The next step when the subjects are gathered.
    fn gather(&mut self, gathering: &mut Gathering) -> Option<Step> {
        let (facts, links, firsts) = (&self.facts, &self.links, &self.firsts);
        self.roots = gathering.advance(&mut Trees { facts, links, firsts, parents: &mut self.parents })?;
        Some(self.placing())
    }
    fn placing(&self) -> Step {
        Step::Place(Vec::with_capacity(self.links.messages), 0)
    }
    fn place(&self, mut placed: Vec<Placed>, done: usize) -> Step {
        let end = self.links.messages.min(done + STEPS as usize);
        let all = (0u32..).take(end).skip(done);
        let all = all.map(|message| Placed { parent: at(&self.parents, message), when: self.sent(message) });
        placed.extend(all.filter(|placed| placed.parent != NONE));
        match end == self.links.messages {
            true => Step::SortChildren(SliceSort::new(placed)),
            false => Step::Place(placed, end),
        }
    }
    fn find_firsts_of(&mut self, placed: Vec<Placed>, left: usize) -> Step {
        let next = left.saturating_sub(STEPS as usize);
        for placed in placed.get(next..left).unwrap_or_default().iter().rev() {
            if let Some(first) = self.firsts.get_mut(placed.parent as usize) {
                *first = Some(placed.when);
            }
        }
        match (next, self.by_subject) {
            (1.., _) => Step::FirstsOfSorted(placed, next),
            (0, true) => Step::SortRootsAgain(SliceSort::new(self.dated_roots()), placed),
            (0, false) => Step::Arrive(Box::new(Arriving::new(self.parents.len())), placed),
        }
    }
    /// Where a root stands: at its own date, or at that of its first child.
    fn dated_roots(&self) -> Vec<Root> {
        let first = |node: u32| self.firsts.get(node as usize).copied().flatten();
        let when = |node: u32| match self.is_message(node) {
            true => self.sent(node),
            false => first(node).unwrap_or(When { date: 0, message: node }),
        };
        self.roots.iter().map(|node| Root { when: when(*node), node: *node }).collect()
    }
}

/// Where a root stands in REFS: where the last message of its thread came in.
struct Arriving {
    tops: Climb,
    last: Vec<Option<When>>,
    /// The message that is looked at, once all tops are known.
    at: usize,
    knows_tops: bool,
}

impl Arriving {
    fn new(nodes: usize) -> Self {
        Self { tops: Climb::new(nodes), last: vec![None; nodes], at: 0, knows_tops: false }
    }
    fn advance(&mut self, parents: &[u32], facts: &Facts) -> bool {
        let up = |node: u32| match at(parents, node) {
            NONE => Up::Place(node),
            parent => Up::Further(parent),
        };
        let messages = u32::try_from(facts.arrived.len()).unwrap_or(NONE);
        for _ in 0..STEPS {
            if !self.knows_tops {
                self.knows_tops = self.tops.step(messages, up);
                continue;
            }
            let message = u32::try_from(self.at).unwrap_or(NONE);
            let Some(date) = facts.arrived.get(self.at).copied() else { return true };
            self.at += 1;
            let top = at(self.tops.places(), message);
            if let Some(slot) = self.last.get_mut(top as usize) {
                *slot = (*slot).max(Some(When { date, message }));
            }
        }
        false
    }
    fn roots(&self, roots: &[u32]) -> Vec<Root> {
        let when = |node: u32| self.last.get(node as usize).copied().flatten();
        let root = |node: &u32| {
            let when = when(*node).unwrap_or(When { date: 0, message: *node });
            Root { when, node: *node }
        };
        roots.iter().map(root).collect()
    }
}
