//! Steps 2 and 3 of REFERENCES (RFC 5256 §3): what is no message goes, and its children take its place; on
//! top it stays if it has more than one. A bounded number of nodes at a time.

use super::climb::{Climb, Up};
use super::links::{Links, NONE, at, set};

/// Steps of one call.
pub(super) const STEPS: u32 = 100_000;

/// Trees on their way.
pub(super) struct Pruning {
    /// The message a node that is none stands below, or the root.
    above: Climb,
    stage: Stage,
    /// How far the stage is.
    at: u32,
    counts: Vec<u32>,
    only: Vec<u32>,
    pruned: Pruned,
}

/// Trees of messages.
#[derive(Default)]
pub(super) struct Pruned {
    /// Parents without those that are no messages, but on top. Roots have none.
    pub(super) parents: Vec<u32>,
    pub(super) roots: Vec<u32>,
}

enum Stage {
    Above,
    Place,
    Roots,
}

impl Pruning {
    pub(super) fn new(links: &Links) -> Self {
        let nodes = links.parents.len();
        Self {
            above: Climb::new(nodes),
            stage: Stage::Above,
            at: 0,
            counts: vec![0; nodes],
            only: vec![NONE; nodes],
            pruned: Pruned { parents: vec![NONE; nodes], roots: Vec::new() },
        }
    }
    /// Goes on for a bounded time; the trees when they are there.
    pub(super) fn advance(&mut self, links: &Links) -> Option<Pruned> {
        let nodes = u32::try_from(links.parents.len()).unwrap_or(NONE);
        let messages = u32::try_from(links.messages).unwrap_or(NONE);
        for _ in 0..STEPS {
            let end = match self.stage {
                Stage::Above => {
                    if self.above.step(nodes, |node| up(links, node)) {
                        self.stage = Stage::Place;
                    }
                    continue;
                }
                Stage::Place => messages,
                Stage::Roots => nodes,
            };
            let node = self.at;
            self.at += 1;
            match self.stage {
                _ if node >= end => {
                    if matches!(self.stage, Stage::Roots) {
                        return Some(std::mem::take(&mut self.pruned));
                    }
                    (self.stage, self.at) = (Stage::Roots, 0);
                }
                Stage::Roots => self.root(node, node < messages),
                _ => self.place(node),
            }
        }
        None
    }
    /// Puts a message below what it stands below.
    fn place(&mut self, message: u32) {
        let place = at(self.above.places(), message);
        if place == message {
            return;
        }
        set(&mut self.pruned.parents, message, place);
        if let Some(count) = self.counts.get_mut(place as usize) {
            *count = count.saturating_add(1);
        }
        set(&mut self.only, place, message);
    }
    fn root(&mut self, node: u32, is_message: bool) {
        let Pruned { parents, roots } = &mut self.pruned;
        match at(&self.counts, node) {
            _ if is_message && at(parents, node) == NONE => roots.push(node),
            _ if is_message => {}
            1 => {
                let child = at(&self.only, node);
                set(parents, child, NONE);
                // A message has a smaller number, so its turn as a root has passed.
                roots.push(child);
            }
            0 => {}
            _ => roots.push(node),
        }
    }
}

fn up(links: &Links, node: u32) -> Up {
    match at(&links.parents, node) {
        // A node without a parent is its own place: what is below it stands below it.
        NONE => Up::Place(node),
        parent if (parent as usize) < links.messages => Up::Place(parent),
        parent => Up::Further(parent),
    }
}
