//! Where a row lies in a buffer of operations, and how it compares.
//!
//! A slot holds the front of its key as a number, so that most comparisons look at nothing else: looking
//! for a key in many rows is otherwise one access to far memory for each of them.

use std::cmp::Ordering;

use super::merge::Row;

const FRONT_OCTETS: usize = 16;

/// One row: its place in a buffer, the key first and the value behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    /// The first octets of the key, with zeros behind a shorter one.
    front: u128,
    at: u32,
    value_octets: u32,
    /// Which buffer, where there are several.
    pub(crate) buffer: u32,
    key_octets: u16,
    deleted: bool,
}

/// A key that is looked for.
#[derive(Clone, Copy)]
pub(crate) struct Sought<'k> {
    pub(crate) front: u128,
    key: &'k [u8],
}

impl<'k> Sought<'k> {
    pub(crate) fn new(key: &'k [u8]) -> Self {
        Self { front: front(key), key }
    }
}

fn front(key: &[u8]) -> u128 {
    if let Some(octets) = key.first_chunk::<FRONT_OCTETS>() {
        return u128::from_be_bytes(*octets);
    }
    let mut octets = [0; FRONT_OCTETS];
    if let Some(room) = octets.get_mut(..key.len()) {
        room.copy_from_slice(key);
    }
    u128::from_be_bytes(octets)
}

/// Keys with the same front. Up to its length a front is the key: then the longer one has zeros more.
fn compare_behind(octets: (usize, usize), keys: impl FnOnce() -> Ordering) -> Ordering {
    match octets {
        (a, b) if a <= FRONT_OCTETS && b <= FRONT_OCTETS => a.cmp(&b),
        _ => keys(),
    }
}

impl Slot {
    /// `at` is where the key begins. Key and value were checked against the limits of a group.
    pub(crate) fn new(row: Row<'_>, at: usize) -> Self {
        Self {
            front: front(row.key),
            at: at as u32,
            value_octets: row.value.map_or(0, <[u8]>::len) as u32,
            buffer: 0,
            key_octets: row.key.len() as u16,
            deleted: row.value.is_none(),
        }
    }
    /// The same row, found in another of several buffers.
    pub(crate) fn in_buffer(self, buffer: u32) -> Self {
        Self { buffer, ..self }
    }
    pub(crate) fn front(&self) -> u128 {
        self.front
    }
    pub(crate) fn key<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        let at = self.at as usize;
        buffer.get(at..at + usize::from(self.key_octets)).unwrap_or_default()
    }
    /// `None` when the key was deleted.
    pub(crate) fn value<'b>(&self, buffer: &'b [u8]) -> Option<&'b [u8]> {
        let at = self.at as usize + usize::from(self.key_octets);
        let value = buffer.get(at..at + self.value_octets as usize).unwrap_or_default();
        (!self.deleted).then_some(value)
    }
    pub(crate) fn row<'b>(&self, buffer: &'b [u8]) -> Row<'b> {
        Row { key: self.key(buffer), value: self.value(buffer) }
    }
    pub(crate) fn compare(&self, buffer: &[u8], sought: &Sought<'_>) -> Ordering {
        let octets = (usize::from(self.key_octets), sought.key.len());
        let behind = || compare_behind(octets, || self.key(buffer).cmp(sought.key));
        self.front.cmp(&sought.front).then_with(behind)
    }
    /// Compares two rows whose buffers are found by `buffer_of`.
    pub(crate) fn compare_with<'b>(&self, other: &Self, buffer_of: impl Fn(&Self) -> &'b [u8]) -> Ordering {
        let octets = (usize::from(self.key_octets), usize::from(other.key_octets));
        let keys = || self.key(buffer_of(self)).cmp(other.key(buffer_of(other)));
        self.front.cmp(&other.front).then_with(|| compare_behind(octets, keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_compare_as_their_keys_do() {
        let keys: [&[u8]; 9] = [
            b"a",
            b"a\0",
            b"a\0\0",
            b"ab",
            b"0123456789abcdef",
            b"0123456789abcdef\0",
            b"0123456789abcdefg",
            b"0123456789abcdeg",
            b"",
        ];
        for a in keys {
            for b in keys {
                let (left, right) = (Slot::new(Row { key: a, value: None }, 0), Sought::new(b));
                assert_eq!(left.compare(a, &right), a.cmp(b), "{a:?} {b:?}");
                let other = Slot::new(Row { key: b, value: Some(b"") }, 0).in_buffer(1);
                let compared = left.compare_with(&other, |slot| if slot.buffer == 0 { a } else { b });
                assert_eq!(compared, a.cmp(b), "{a:?} {b:?}");
            }
        }
    }
}
