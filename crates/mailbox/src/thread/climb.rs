//! What each node of a forest stands below, found for all of them, a bounded number of steps at a time: a
//! thread may be as deep as its mailbox is large.

use super::links::{NONE, at, set};

/// What is next above a node.
pub(super) enum Up {
    /// This is what it stands below.
    Place(u32),
    /// The same as this node.
    Further(u32),
}

/// Going up from every node to what is known, and down again.
pub(super) struct Climb {
    /// Of each node, as far as it is known.
    places: Vec<u32>,
    path: Vec<u32>,
    /// The node from which it went up last.
    from: u32,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    Up(u32),
    Down(u32),
}

impl Climb {
    pub(super) fn new(nodes: usize) -> Self {
        Self { places: vec![NONE; nodes], path: Vec::new(), from: 0, stage: Stage::Up(0) }
    }
    /// One step; answers whether the places of the first `end` nodes are known.
    pub(super) fn step(&mut self, end: u32, up: impl FnOnce(u32) -> Up) -> bool {
        if self.from >= end {
            return true;
        }
        self.stage = match self.stage {
            Stage::Up(node) if at(&self.places, node) != NONE => Stage::Down(at(&self.places, node)),
            Stage::Up(node) => {
                self.path.push(node);
                match up(node) {
                    Up::Place(place) => Stage::Down(place),
                    Up::Further(above) => Stage::Up(above),
                }
            }
            Stage::Down(place) => match self.path.pop() {
                Some(below) => {
                    set(&mut self.places, below, place);
                    Stage::Down(place)
                }
                None => {
                    self.from += 1;
                    Stage::Up(self.from)
                }
            },
        };
        false
    }
    pub(super) fn places(&self) -> &[u32] {
        &self.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn knows_every_root(parents in prop::collection::vec(prop::option::of(0u32..40), 0..40)) {
            // A parent has a smaller number, so that there are no loops.
            let up = |node: u32| match parents[node as usize].filter(|parent| *parent < node) {
                Some(parent) => Up::Further(parent),
                None => Up::Place(node),
            };
            let end = parents.len() as u32;
            let mut climb = Climb::new(parents.len());
            let mut steps = 0;
            while !climb.step(end, up) {
                steps += 1;
            }
            prop_assert!(steps <= 4 * parents.len());
            for node in 0..end {
                let mut root = node;
                while let Up::Further(above) = up(root) {
                    root = above;
                }
                prop_assert_eq!(climb.places()[node as usize], root);
            }
        }
    }
}
