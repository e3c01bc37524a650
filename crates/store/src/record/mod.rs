//! Records: the values of the mail level's rows, each with a version octet first and little-endian numbers
//! after it.
//!
//! A stored record never changes its meaning: a new meaning is a new version, read beside the old one for
//! ever, with a fixture of the old form in the tests. Decoding allocates nothing it has not seen the octets
//! of, and borrows wherever it can. Must not: read or write rows.

pub mod account;
pub mod annotation;
pub mod answer;
pub mod app_password;
pub mod coi;
pub mod contact;
pub mod directory;
pub mod dmap;
pub mod dmtp;
pub mod email;
pub mod gone;
pub mod identity;
pub mod index;
pub mod log;
pub mod mailbox;
pub mod membership;
pub mod object;
pub mod prime;
pub mod push;
pub mod rising;
pub mod runs;
pub mod sent;
pub mod sharing;
pub mod small;
pub mod submission;
pub mod upload;
pub mod url_key;
pub mod vacation;

#[cfg(test)]
mod tests;

use koi_types::{ErrorKind, MailError};

/// The version records of this build are written in, but for those that say otherwise.
pub const VERSION: u8 = 1;

/// A record that cannot be read: which kind, and its key, so that an administrator can look at it.
#[must_use]
pub fn corrupt(kind: &str, key: &[u8]) -> MailError {
    let hex: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
    MailError::new(ErrorKind::Corrupt, "a stored record cannot be read")
        .context(format!("{kind} record, key {hex}"))
}

/// Reads the fields of a record one after the other; every read is checked against what is left.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Behind the version octet, if it is ours.
    pub(crate) fn of(record: &'a [u8]) -> Option<Self> {
        Self::of_version(VERSION, record)
    }
    /// Behind the version octet, if it is this one.
    pub(crate) fn of_version(version: u8, record: &'a [u8]) -> Option<Self> {
        let (found, rest) = record.split_first()?;
        (*found == version).then_some(Self(rest))
    }
    pub(crate) fn octets(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(u8::from_le_bytes)
    }
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }
    pub(crate) fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_le_bytes)
    }
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }
    /// A length in four octets, then as many octets.
    pub(crate) fn sized(&mut self) -> Option<&'a [u8]> {
        let count = self.u32()?;
        self.octets(usize::try_from(count).ok()?)
    }
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.sized()?).ok()
    }
    /// A number in groups of seven bits, lowest first; at most ten octets.
    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let octet = self.u8()?;
            let bits = u64::from(octet & 0x7f);
            let shifted = bits << shift;
            if shifted >> shift != bits {
                return None;
            }
            value |= shifted;
            if octet & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.0
    }
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// `Some` only when nothing is left: a record has no octets nobody knows.
    pub(crate) fn end(self) -> Option<()> {
        self.is_empty().then_some(())
    }
}

/// Writes the fields of a record.
pub(crate) struct Record(pub(crate) Vec<u8>);

impl Record {
    pub(crate) fn new(capacity: usize) -> Self {
        Self::of_version(VERSION, capacity)
    }
    pub(crate) fn of_version(version: u8, capacity: usize) -> Self {
        let mut octets = Vec::with_capacity(capacity + 1);
        octets.push(version);
        Self(octets)
    }
    pub(crate) fn octets(mut self, octets: &[u8]) -> Self {
        self.0.extend_from_slice(octets);
        self
    }
    pub(crate) fn u8(self, value: u8) -> Self {
        self.octets(&[value])
    }
    pub(crate) fn u16(self, value: u16) -> Self {
        self.octets(&value.to_le_bytes())
    }
    pub(crate) fn i16(self, value: i16) -> Self {
        self.octets(&value.to_le_bytes())
    }
    pub(crate) fn u32(self, value: u32) -> Self {
        self.octets(&value.to_le_bytes())
    }
    pub(crate) fn u64(self, value: u64) -> Self {
        self.octets(&value.to_le_bytes())
    }
    pub(crate) fn i64(self, value: i64) -> Self {
        self.octets(&value.to_le_bytes())
    }
    /// Four octets of length, then the octets. What is stored is bounded far below 4 GiB.
    pub(crate) fn sized(self, octets: &[u8]) -> Self {
        let count = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        self.u32(count).octets(octets)
    }
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
