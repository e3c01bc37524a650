//! Which renames are told, and in which order (RFC 5465 §5.4).
//!
//! A client that takes a line `(OLDNAME …)` renames what is below along with it. So the lines are put in an
//! order in which none takes something along that should stay, and every name is free when another takes it.
//! Where there is no such order, as with names that were exchanged, or where something below stayed, a rename
//! is told as a name that is gone and one that is new.

use std::collections::{BTreeMap, BTreeSet};

use koi_types::MailboxName;

/// From the old name to the new one.
pub(super) type Renamed = BTreeMap<MailboxName, MailboxName>;

/// Whether a rename is among what the client wants to hear of.
pub(super) type Wanted<'w> = dyn Fn(&MailboxName, &MailboxName) -> bool + 'w;

/// Renames as they are told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Renames {
    /// One after the other.
    pub(super) told: Vec<Rename>,
    /// Those that are told as gone and new.
    pub(super) broken: Renamed,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rename {
    pub(super) from: MailboxName,
    pub(super) to: MailboxName,
}

/// Above so many that cannot be put in order all are told as gone and new.
const BROKEN_MAX: usize = 64;

impl Renames {
    /// `stays` says whether a mailbox below a name kept its name.
    pub(super) fn of(renamed: &Renamed, stays: &dyn Fn(&MailboxName) -> bool, wanted: &Wanted<'_>) -> Self {
        let wanted_by_itself = renamed.iter().filter(|(from, to)| wanted(from, to));
        let staying = wanted_by_itself.filter(|(from, _)| stays(from));
        let mut broken: Renamed = staying.map(|(from, to)| (from.clone(), to.clone())).collect();
        loop {
            let whole = |from: &MailboxName, to: &MailboxName| !broken.contains_key(from) && wanted(from, to);
            let told =
                renamed.iter().filter(|(from, to)| whole(from, to) && !goes_along(renamed, &whole, from, to));
            let told: Vec<Rename> =
                told.map(|(from, to)| Rename { from: from.clone(), to: to.clone() }).collect();
            let Order { ordered, in_circles } = Order::of(&told);
            if in_circles.is_empty() {
                let told = ordered.into_iter().filter_map(|at| told.get(at).cloned()).collect();
                return Self { told, broken };
            }
            let circles = in_circles.into_iter().filter_map(|at| told.get(at));
            broken.extend(circles.map(|rename| (rename.from.clone(), rename.to.clone())));
            if broken.len() > BROKEN_MAX {
                let all = renamed.iter().filter(|(from, to)| wanted(from, to));
                return Self {
                    told: Vec::new(),
                    broken: all.map(|(from, to)| (from.clone(), to.clone())).collect(),
                };
            }
        }
    }
}

/// RFC 5465 §5.4: what was renamed with a name above it is not told by itself.
fn goes_along(renamed: &Renamed, whole: &Wanted<'_>, from: &MailboxName, to: &MailboxName) -> bool {
    above(from).any(|top| {
        let moved = renamed.get(&top).filter(|top_to| whole(&top, top_to));
        moved.and_then(|top_to| from.moved(&top, top_to)).as_ref() == Some(to)
    })
}

fn above(name: &MailboxName) -> impl Iterator<Item = MailboxName> {
    std::iter::successors(name.parent(), MailboxName::parent)
}

/// Indexes of renames.
#[derive(Default)]
struct Order {
    ordered: Vec<usize>,
    in_circles: Vec<usize>,
}

impl Order {
    /// Takes one after the other that nothing else has to come before. Where there is none, one is left out.
    fn of(told: &[Rename]) -> Self {
        let Constraints { after, mut waits_for } = Constraints::of(told);
        let mut order = Self::default();
        let mut left: BTreeSet<usize> = (0..told.len()).collect();
        let is_ready = |waits_for: &[usize], at: &usize| waits_for.get(*at) == Some(&0);
        let mut ready: BTreeSet<usize> = left.iter().copied().filter(|at| is_ready(&waits_for, at)).collect();
        while let Some(first) = left.first().copied() {
            let next = ready.pop_first();
            let at = next.unwrap_or(first);
            left.remove(&at);
            if next.is_some() {
                order.ordered.push(at)
            } else {
                order.in_circles.push(at)
            }
            for later in after.get(at).into_iter().flatten() {
                if let Some(count) = waits_for.get_mut(*later) {
                    *count = count.saturating_sub(1);
                }
                if is_ready(&waits_for, later) && left.contains(later) {
                    ready.insert(*later);
                }
            }
        }
        order
    }
}

struct Constraints {
    /// Which renames come after each.
    after: Vec<Vec<usize>>,
    /// How many come before each.
    waits_for: Vec<usize>,
}

impl Constraints {
    fn of(told: &[Rename]) -> Self {
        let from: BTreeMap<&MailboxName, usize> = told.iter().zip(0..).map(|(r, at)| (&r.from, at)).collect();
        let to: BTreeMap<&MailboxName, usize> = told.iter().zip(0..).map(|(r, at)| (&r.to, at)).collect();
        let mut all = Self { after: vec![Vec::new(); told.len()], waits_for: vec![0; told.len()] };
        for (rename, at) in told.iter().zip(0..) {
            for top in above(&rename.from) {
                // What is above would take it along, or take its place for what comes with it.
                from.get(&top).into_iter().chain(to.get(&top)).for_each(|later| all.before(at, *later));
            }
            for top in std::iter::once(rename.to.clone()).chain(above(&rename.to)) {
                // It would be taken along from where it goes; or the name is not free yet.
                from.get(&top).into_iter().for_each(|earlier| all.before(*earlier, at));
            }
        }
        all
    }
    fn before(&mut self, earlier: usize, later: usize) {
        if earlier == later {
            return;
        }
        if let (Some(after), Some(count)) = (self.after.get_mut(earlier), self.waits_for.get_mut(later)) {
            after.push(later);
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> MailboxName {
        MailboxName::new(text).unwrap()
    }

    /// `from to`, in the order in which they are told; then those that are not.
    fn told(renamed: &[&str]) -> Vec<String> {
        let pair = |text: &&str| text.split_once(' ').map(|(from, to)| (name(from), name(to))).unwrap();
        let renames = Renames::of(&renamed.iter().map(pair).collect(), &|_| false, &|_, _| true);
        let told = renames.told.iter().map(|rename| format!("{} {}", rename.from, rename.to));
        told.chain(renames.broken.iter().map(|(from, to)| format!("{from} {to} broken"))).collect()
    }

    // spec: RFC 5465 §5.4
    #[test]
    fn children_go_along() {
        assert_eq!(told(&["a b", "a/x b/x", "a/x/y b/x/y"]), ["a b"]);
        assert_eq!(told(&["a b", "a/x b/z", "a/x/y b/z/y"]), ["a/x b/z", "a b"]);
        assert_eq!(told(&["a/x b/x", "a/x/y b/x/y"]), ["a/x b/x"]);
    }

    // spec: RFC 5465 §5.4
    #[test]
    fn nothing_is_taken_along_that_should_stay() {
        assert_eq!(told(&["a/b/c b/a/c", "b/a c/c/c"]), ["b/a c/c/c", "a/b/c b/a/c"]);
        assert_eq!(told(&["a b", "b c", "c d"]), ["c d", "b c", "a b"]);
        assert_eq!(told(&["x a", "x/b a/b", "a/b z"]), ["a/b z", "x a"]);
        assert_eq!(told(&["a b", "b a"]), ["b a", "a b broken"]);
        assert_eq!(told(&["a x", "a/b a/c", "a/b/k a/c/k"]), ["a/b a/c", "a x broken"]);
    }

    #[test]
    fn what_was_renamed_is_what_the_client_ends_with() {
        let names = ["a", "b", "c", "a/a", "a/b", "b/a", "a/b/c", "c/a/b", "b/b/b"];
        let mut seed = 7u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for _ in 0..2000 {
            // A permutation of some of them: whatever renames could have led to.
            let mut to: Vec<&str> = names.to_vec();
            (1..to.len()).rev().for_each(|at| to.swap(at, random(at + 1)));
            let pairs = names.iter().zip(&to).filter(|_| random(3) > 0);
            let now: BTreeMap<&str, &str> = pairs.map(|(from, to)| (*to, *from)).collect();
            let renamed: Renamed =
                now.iter().filter(|(to, from)| to != from).map(|(to, from)| (name(from), name(to))).collect();
            let stays =
                |top: &MailboxName| now.iter().any(|(to, from)| to == from && name(from).is_below(top));
            let renames = Renames::of(&renamed, &stays, &|_, _| true);
            let mut client: BTreeMap<String, &str> =
                now.values().map(|from| ((*from).to_owned(), *from)).collect();
            client.retain(|_, from| !renames.broken.contains_key(&name(from)));
            for Rename { from, to } in &renames.told {
                let before = std::mem::take(&mut client);
                for (known, is) in before {
                    let moved = MailboxName::new(&known).unwrap().moved(from, to);
                    let moved = if known == from.as_str() { Some(to.clone()) } else { moved };
                    let taken = client.insert(moved.map_or(known, |moved| moved.to_string()), is);
                    assert!(taken.is_none(), "{renames:?}");
                }
            }
            for (from, to) in &renames.broken {
                client.insert(to.to_string(), names.iter().find(|name| **name == from.as_str()).unwrap());
            }
            let now: BTreeMap<String, &str> = now.into_iter().map(|(to, is)| (to.to_owned(), is)).collect();
            assert_eq!(client, now, "{renames:?}");
        }
    }
}
