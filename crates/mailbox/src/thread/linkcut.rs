//! Which tree a node is in, while trees are joined and parted: link-cut trees (Sleator and Tarjan 1983), so
//! that a hostile mailbox, whose threads are as deep as it is large, costs no more than `n log n`.
//!
//! Every tree is kept as paths, every path as a splay tree by depth.

use super::links::{NONE, at, set};

#[derive(Debug, Default)]
pub(super) struct LinkCut {
    /// The parent in the splay tree; of its root, the node above the path.
    up: Vec<u32>,
    left: Vec<u32>,
    right: Vec<u32>,
}

impl LinkCut {
    pub(super) fn add(&mut self) {
        self.up.push(NONE);
        self.left.push(NONE);
        self.right.push(NONE);
    }
    /// Makes a root the child of a node of another tree.
    pub(super) fn link(&mut self, child: u32, parent: u32) {
        self.access(child);
        set(&mut self.up, child, parent);
    }
    /// Parts a node from its parent.
    pub(super) fn cut(&mut self, child: u32) {
        self.access(child);
        let above = at(&self.left, child);
        if above != NONE {
            set(&mut self.up, above, NONE);
            set(&mut self.left, child, NONE);
        }
    }
    /// The root of the tree a node is in.
    pub(super) fn root(&mut self, node: u32) -> u32 {
        self.access(node);
        let mut root = node;
        while at(&self.left, root) != NONE {
            root = at(&self.left, root);
        }
        self.splay(root);
        root
    }
    /// Makes the path from the root to `node` one splay tree, with `node` on top and nothing below it.
    fn access(&mut self, node: u32) {
        self.splay(node);
        set(&mut self.right, node, NONE);
        while at(&self.up, node) != NONE {
            let above = at(&self.up, node);
            self.splay(above);
            set(&mut self.right, above, node);
            self.splay(node);
        }
    }
    fn is_top(&self, node: u32) -> bool {
        let up = at(&self.up, node);
        up == NONE || (at(&self.left, up) != node && at(&self.right, up) != node)
    }
    fn splay(&mut self, node: u32) {
        while !self.is_top(node) {
            let up = at(&self.up, node);
            if !self.is_top(up) {
                let over = at(&self.up, up);
                let same = (at(&self.left, over) == up) == (at(&self.left, up) == node);
                self.rotate(if same { up } else { node });
            }
            self.rotate(node);
        }
    }
    /// Lifts a node above its parent in the splay tree.
    fn rotate(&mut self, node: u32) {
        let up = at(&self.up, node);
        let over = at(&self.up, up);
        let was_top = self.is_top(up);
        let is_left = at(&self.left, up) == node;
        let (near, far) = match is_left {
            true => (&mut self.left, &mut self.right),
            false => (&mut self.right, &mut self.left),
        };
        let moved = at(far, node);
        set(near, up, moved);
        set(far, node, up);
        if moved != NONE {
            set(&mut self.up, moved, up);
        }
        set(&mut self.up, up, node);
        set(&mut self.up, node, over);
        if !was_top {
            let side = if at(&self.left, over) == up { &mut self.left } else { &mut self.right };
            set(side, over, node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn knows_the_root_as_a_list_of_parents_does(
            steps in prop::collection::vec((0u32..24, 0u32..24, prop::bool::ANY), 0..200),
        ) {
            let mut tree = LinkCut::default();
            (0..24).for_each(|_| tree.add());
            let mut parents = vec![NONE; 24];
            let root = |parents: &Vec<u32>, mut node: u32| {
                while parents[node as usize] != NONE {
                    node = parents[node as usize];
                }
                node
            };
            for (a, b, cut) in steps {
                if cut {
                    tree.cut(a);
                    parents[a as usize] = NONE;
                } else if parents[b as usize] == NONE && root(&parents, a) != b {
                    tree.link(b, a);
                    parents[b as usize] = a;
                }
                for node in [a, b] {
                    prop_assert_eq!(tree.root(node), root(&parents, node));
                }
            }
        }
    }
}
