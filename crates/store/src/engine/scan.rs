//! Reads the groups of a segment in order, and finds out what lies behind the last good one.

use std::io;

use super::group::{GROUP_HEADER_OCTETS, GROUP_OCTETS_MAX, GroupHeader};
use super::segment::Header;
use crate::vfs::File;

const WINDOW_OCTETS: usize = 2 * 1024 * 1024;

/// A part of a file in memory.
pub(crate) struct Window<'f> {
    file: &'f dyn File,
    base: u64,
    octets: Vec<u8>,
}

impl<'f> Window<'f> {
    pub(crate) fn new(file: &'f dyn File) -> Self {
        Self { file, base: 0, octets: Vec::new() }
    }
    /// The octets at `offset`; fewer only at the end of the file.
    pub(crate) fn at(&mut self, offset: u64, octets: usize) -> io::Result<&[u8]> {
        let inside = offset >= self.base && offset + octets as u64 <= self.base + self.octets.len() as u64;
        if !inside {
            self.octets.resize(octets.max(WINDOW_OCTETS), 0);
            let read = self.file.read_at(&mut self.octets, offset)?;
            self.octets.truncate(read);
            self.base = offset;
        }
        let from = (offset - self.base) as usize;
        let rest = self.octets.get(from..).unwrap_or_default();
        Ok(rest.get(..octets).unwrap_or(rest))
    }
}

/// The last good group before a place: what the next one must continue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Link {
    pub(crate) sequence: u64,
    pub(crate) chain: u32,
}

/// Goes through the groups of one file.
pub(crate) struct Scanner<'f> {
    window: Window<'f>,
    header: Header,
    pub(crate) offset: u64,
    pub(crate) link: Link,
}

/// What lies behind the last good group of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Behind {
    /// Nothing at all.
    End,
    /// Only zeros.
    Zeros,
    /// Something that is no group: a write that never finished.
    Torn,
    /// More than one write can leave, and no group in it.
    Damaged,
    /// A good group of a later sequence: what lies between is damaged.
    Groups { offset: u64, sequence: u64 },
}

impl<'f> Scanner<'f> {
    pub(crate) fn new(file: &'f dyn File, header: Header, offset: u64, link: Link) -> Self {
        Self { window: Window::new(file), header, offset, link }
    }
    /// The next good group, with its payload; `None` where no good group follows.
    pub(crate) fn next(&mut self) -> io::Result<Option<Found<'_>>> {
        let seed = self.header.seed();
        let Some(group) = GroupHeader::decode(self.window.at(self.offset, GROUP_HEADER_OCTETS)?, seed) else {
            return Ok(None);
        };
        let expected = group.segment == self.header.segment
            && group.sequence == self.link.sequence + 1
            && group.chain == self.link.chain;
        let payload_octets = (group.total_octets as usize).saturating_sub(GROUP_HEADER_OCTETS);
        let begins = self.offset + GROUP_HEADER_OCTETS as u64;
        let whole = expected && {
            let payload = self.window.at(begins, payload_octets)?;
            payload.len() == payload_octets && group.fits(payload, seed)
        };
        if !whole {
            return Ok(None);
        }
        let found_at = self.offset;
        self.offset += u64::from(group.total_octets);
        self.link = Link { sequence: group.sequence, chain: group.checksum };
        let payload = self.window.at(begins, payload_octets)?;
        Ok(Some(Found { offset: found_at, group, payload }))
    }
    /// Goes on behind damage, at a group that `behind` found.
    pub(crate) fn go_to(&mut self, offset: u64, sequence: u64) -> io::Result<()> {
        let group = GroupHeader::decode(self.window.at(offset, GROUP_HEADER_OCTETS)?, self.header.seed());
        self.link = Link { sequence: sequence.wrapping_sub(1), chain: group.map_or(0, |group| group.chain) };
        self.offset = offset;
        Ok(())
    }
    /// Looks at everything from where `next` found nothing.
    pub(crate) fn behind(&mut self) -> io::Result<Behind> {
        let mut behind = Behind::End;
        let mut at = self.offset;
        let torn_max = at.saturating_add(GROUP_OCTETS_MAX as u64);
        loop {
            let octets = self.window.at(at, GROUP_HEADER_OCTETS)?;
            let read = octets.len();
            if read == 0 {
                return Ok(behind);
            }
            let zeros = octets.iter().all(|octet| *octet == 0);
            behind = match behind {
                Behind::End | Behind::Zeros if zeros => Behind::Zeros,
                _ if !zeros && at >= torn_max => Behind::Damaged,
                Behind::Damaged => Behind::Damaged,
                _ => Behind::Torn,
            };
            if !zeros && let Some(sequence) = self.whole_group_at(at)? {
                return Ok(Behind::Groups { offset: at, sequence });
            }
            // 64 zeros may be jumped over: a group's magic would have to begin inside the last 56 of them.
            at += if zeros && read == GROUP_HEADER_OCTETS { 56 } else { 8 };
        }
    }
    fn whole_group_at(&mut self, at: u64) -> io::Result<Option<u64>> {
        let seed = self.header.seed();
        let Some(group) = GroupHeader::decode(self.window.at(at, GROUP_HEADER_OCTETS)?, seed) else {
            return Ok(None);
        };
        let payload_octets =
            (group.total_octets as usize).saturating_sub(GROUP_HEADER_OCTETS).min(GROUP_OCTETS_MAX);
        let payload = self.window.at(at + GROUP_HEADER_OCTETS as u64, payload_octets)?;
        let whole = payload.len() == payload_octets && group.fits(payload, seed);
        Ok((whole && group.sequence > self.link.sequence).then_some(group.sequence))
    }
}

/// A group as it was found.
pub(crate) struct Found<'w> {
    pub(crate) offset: u64,
    pub(crate) group: GroupHeader,
    pub(crate) payload: &'w [u8],
}
