//! ORDEREDSUBJECT (RFC 5256 §3): messages with the same base subject are one thread, its first message on top
//! and all others below it.

use super::links::NONE;
use super::tree::{Facts, Placed, Shape, When};
use crate::sort::slices::SliceSort;

/// Threads being made.
pub(super) struct Grouping {
    facts: Facts,
    step: Step,
}

enum Step {
    /// By subject and date; the parent is the number of the subject here.
    Sort(SliceSort<Placed>),
    SortRoots(SliceSort<When>, Vec<Placed>),
    SortChildren(SliceSort<Placed>, Vec<u32>),
}

impl Grouping {
    pub(super) fn new(facts: Facts) -> Self {
        let placed = |at: usize| {
            let date = facts.sent.get(at).copied().unwrap_or(0);
            let parent = facts.subjects.get(at).copied().unwrap_or(NONE);
            Placed { parent, when: When { date, message: u32::try_from(at).unwrap_or(NONE) } }
        };
        let sort = SliceSort::new((0..facts.sent.len()).map(placed).collect());
        Self { facts, step: Step::Sort(sort) }
    }
    /// Goes on for a bounded time; the shape when it is there.
    pub(super) fn advance(&mut self) -> Option<Shape> {
        match &mut self.step {
            Step::Sort(sort) => {
                if sort.advance(Placed::cmp) {
                    let (roots, children) = split(std::mem::take(sort).into_items());
                    self.step = Step::SortRoots(SliceSort::new(roots), children);
                }
            }
            Step::SortRoots(sort, children) => {
                if sort.advance(When::cmp) {
                    let roots = std::mem::take(sort).into_items().into_iter();
                    let children = SliceSort::new(std::mem::take(children));
                    self.step = Step::SortChildren(children, roots.map(|root| root.message).collect());
                }
            }
            Step::SortChildren(sort, roots) => {
                if sort.advance(Placed::cmp) {
                    let (roots, placed) = (std::mem::take(roots), std::mem::take(sort).into_items());
                    return Some(Shape { nodes: self.facts.sent.len(), roots, placed });
                }
            }
        }
        None
    }
}

/// The first message of every subject, and the others below it.
fn split(sorted: Vec<Placed>) -> (Vec<When>, Vec<Placed>) {
    let (mut roots, mut children): (Vec<When>, Vec<Placed>) = (Vec::new(), Vec::new());
    let mut subject = None;
    for placed in sorted {
        match roots.last() {
            Some(root) if subject == Some(placed.parent) => {
                children.push(Placed { parent: root.message, when: placed.when });
            }
            _ => roots.push(placed.when),
        }
        subject = Some(placed.parent);
    }
    (roots, children)
}
