//! Step 5 of REFERENCES (RFC 5256 §3): threads with the same subject become one, a bounded number at a time.

use super::links::{Links, NONE, at, set};
use super::prune::STEPS;
use super::tree::{Facts, When};

/// Threads being joined.
pub(super) struct Gathering {
    stage: Stage,
    /// How far the stage is.
    at: usize,
    roots: Vec<u32>,
    /// Which root stands for a subject.
    table: Vec<u32>,
    kept: Vec<u32>,
    /// Roots that are no messages and go into others.
    moved: Vec<u32>,
    any_moved: bool,
}

enum Stage {
    /// (B): which root is to stand for each subject.
    Table,
    /// (C)
    Join,
    /// What went below another is no root any more.
    Keep,
    /// The children of one root that is no message become those of another.
    Move,
}

/// What is known of the trees.
pub(super) struct Trees<'t> {
    pub(super) facts: &'t Facts,
    pub(super) links: &'t Links,
    /// Of a root that is no message: its first child.
    pub(super) firsts: &'t [Option<When>],
    pub(super) parents: &'t mut Vec<u32>,
}

impl Gathering {
    pub(super) fn new(roots: Vec<u32>, facts: &Facts) -> Self {
        let largest = facts.subjects.iter().filter(|subject| **subject != NONE).max();
        let table = vec![NONE; largest.map_or(0, |largest| *largest as usize + 1)];
        let (kept, moved) = (Vec::with_capacity(roots.len()), Vec::new());
        Self { stage: Stage::Table, at: 0, roots, table, kept, moved, any_moved: false }
    }
    /// Goes on for a bounded time; the roots when all is done.
    pub(super) fn advance(&mut self, trees: &mut Trees<'_>) -> Option<Vec<u32>> {
        for _ in 0..STEPS {
            let at = self.at;
            self.at += 1;
            let is_over = match self.stage {
                Stage::Table => self.roots.get(at).copied().map(|node| self.represent(node, trees)).is_none(),
                Stage::Join => self.roots.get(at).copied().map(|node| self.join(node, trees)).is_none(),
                Stage::Keep => self.keep(at, trees),
                Stage::Move if !self.any_moved => true,
                Stage::Move => self.move_on(at, trees),
            };
            if is_over {
                self.at = 0;
                self.stage = match self.stage {
                    Stage::Table => Stage::Join,
                    Stage::Join => {
                        self.moved.resize(trees.parents.len(), NONE);
                        self.roots.clear();
                        Stage::Keep
                    }
                    Stage::Keep => Stage::Move,
                    Stage::Move => return Some(std::mem::take(&mut self.roots)),
                };
            }
        }
        None
    }
    fn represent(&mut self, node: u32, trees: &Trees<'_>) {
        let subject = trees.subject(node);
        let other = at(&self.table, subject);
        let replaces = other == NONE
            || trees.is_message(other)
                && (!trees.is_message(node) || trees.is_reply(other) && !trees.is_reply(node));
        if replaces {
            set(&mut self.table, subject, node);
        }
    }
    fn join(&mut self, node: u32, trees: &mut Trees<'_>) {
        let subject = trees.subject(node);
        let other = at(&self.table, subject);
        if subject == NONE || other == node || other == NONE {
            self.kept.push(node);
            return;
        }
        match (trees.is_message(node), trees.is_message(other)) {
            (false, _) => {
                self.any_moved = true;
                self.moved.resize(trees.parents.len(), NONE);
                set(&mut self.moved, node, other);
            }
            (true, false) => set(trees.parents, node, other),
            (true, true) if trees.is_reply(node) && !trees.is_reply(other) => {
                set(trees.parents, node, other);
            }
            (true, true) => {
                let dummy = u32::try_from(trees.parents.len()).unwrap_or(NONE);
                trees.parents.push(NONE);
                set(trees.parents, node, dummy);
                set(trees.parents, other, dummy);
                set(&mut self.table, subject, dummy);
                self.kept.push(dummy);
            }
        }
    }
    fn keep(&mut self, place: usize, trees: &Trees<'_>) -> bool {
        let Some(node) = self.kept.get(place).copied() else { return true };
        if at(trees.parents, node) == NONE {
            self.roots.push(node);
        }
        false
    }
    fn move_on(&self, place: usize, trees: &mut Trees<'_>) -> bool {
        let Some(parent) = trees.parents.get_mut(place) else { return true };
        let to = at(&self.moved, *parent);
        if to != NONE {
            *parent = to;
        }
        false
    }
}

impl Trees<'_> {
    const fn is_message(&self, node: u32) -> bool {
        (node as usize) < self.links.messages
    }
    fn subject(&self, node: u32) -> u32 {
        let message = match self.is_message(node) {
            true => Some(node),
            false => self.firsts.get(node as usize).copied().flatten().map(|first| first.message),
        };
        message.map_or(NONE, |message| at(&self.facts.subjects, message))
    }
    fn is_reply(&self, message: u32) -> bool {
        self.links.replies.get(message as usize).copied().unwrap_or(false)
    }
}
