//! Packs: sealed segments written again without what is dead (docs/STORE.md, "Packs"): header, groups, a
//! table of where the bodies went, a footer. References keep the address the body had in the segment.

use std::io;
use std::ops::Range;

use super::bodies::SegmentFile;
use super::checksum::rewound;
use super::merge::Row;
use super::scan::{Behind, Link, Scanner};
use super::segment::{Header, SMALL_HEADER_OCTETS};
use super::wire::Fields;
use crate::vfs::File;

const FOOTER_OCTETS: u64 = 32;
const FOOTER_MAGIC: &[u8; 8] = b"koipack1";
const ENTRY_OCTETS: u64 = 8;

/// Logical to physical offsets of the bodies of a pack, sorted.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(crate) struct PackTable {
    pub(crate) moved: Vec<Moved>,
    /// Where the groups end.
    pub(crate) groups_end: u64,
}

/// Offsets in multiples of 8 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moved {
    pub(crate) logical: u32,
    pub(crate) physical: u32,
}

/// Where a record lies in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackPlace {
    pub(crate) physical: u64,
    /// The record is not longer than this.
    pub(crate) octets_max: u64,
}

impl PackTable {
    /// Where the record of a logical offset lies in the pack.
    pub(crate) fn find(&self, logical: u64) -> Option<PackPlace> {
        let wanted = u32::try_from(logical / 8).ok()?;
        let at = self.moved.binary_search_by_key(&wanted, |moved| moved.logical).ok()?;
        let physical = u64::from(self.moved.get(at)?.physical) * 8;
        // Bodies stay in their order; behind the last of a group lie its operations. Were they ever in
        // another, whoever reads has a bound of its own.
        let end = self.moved.get(at + 1).map_or(self.groups_end, |next| u64::from(next.physical) * 8);
        Some(PackPlace { physical, octets_max: end.checked_sub(physical).unwrap_or(u64::MAX) })
    }
    /// Table and footer, as they follow the groups.
    pub(crate) fn encode(&self, header: &Header) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.moved.len() * ENTRY_OCTETS as usize + FOOTER_OCTETS as usize);
        for moved in &self.moved {
            out.extend_from_slice(&moved.logical.to_le_bytes());
            out.extend_from_slice(&moved.physical.to_le_bytes());
        }
        let table = crc32c::crc32c_append(header.seed(), &out);
        let footer = out.len();
        out.extend_from_slice(FOOTER_MAGIC);
        out.extend_from_slice(&self.groups_end.to_le_bytes());
        out.extend_from_slice(&(self.moved.len() as u32).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&table.to_le_bytes());
        let checksum = crc32c::crc32c_append(header.seed(), out.get(footer..).unwrap_or_default());
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }
    /// The seed by which the last octets of a file are a footer.
    pub(crate) fn seed(file: &dyn File) -> io::Result<Option<u32>> {
        let Some(footer_at) = file.octets()?.checked_sub(FOOTER_OCTETS) else { return Ok(None) };
        let mut footer = [0; FOOTER_OCTETS as usize];
        file.read_at(&mut footer, footer_at)?;
        let covered = footer.get(..FOOTER_OCTETS as usize - 4).filter(|o| o.starts_with(FOOTER_MAGIC));
        let checksum = footer.last_chunk().map(|octets| u32::from_le_bytes(*octets));
        Ok(covered.zip(checksum).map(|(covered, checksum)| rewound(checksum, covered)))
    }
    /// Reads the table of a pack; `None` when it is damaged.
    pub(crate) fn read(file: &dyn File, header: &Header) -> io::Result<Option<Self>> {
        let octets = file.octets()?;
        let Some(footer_at) = octets.checked_sub(FOOTER_OCTETS) else { return Ok(None) };
        let mut footer = [0; FOOTER_OCTETS as usize];
        file.read_at(&mut footer, footer_at)?;
        let Some(facts) = footer_facts(&footer, header) else { return Ok(None) };
        let table_octets = u64::from(facts.entries) * ENTRY_OCTETS;
        if facts.groups_end < SMALL_HEADER_OCTETS
            || facts.groups_end.checked_add(table_octets) != Some(footer_at)
        {
            return Ok(None);
        }
        let mut table = vec![0; table_octets as usize];
        file.read_at(&mut table, facts.groups_end)?;
        if crc32c::crc32c_append(header.seed(), &table) != facts.checksum {
            return Ok(None);
        }
        let mut fields = Fields(&table);
        let moved =
            std::iter::from_fn(|| Some(Moved { logical: fields.u32()?, physical: fields.u32()? })).collect();
        Ok(Some(Self { moved, groups_end: facts.groups_end }))
    }
}

struct Facts {
    groups_end: u64,
    entries: u32,
    checksum: u32,
}

fn footer_facts(footer: &[u8], header: &Header) -> Option<Facts> {
    let covered = footer.get(..FOOTER_OCTETS as usize - 4)?;
    let mut fields = Fields(footer);
    let magic = fields.array::<8>()?;
    let (groups_end, entries) = (fields.u64()?, fields.u32()?);
    let _reserved = fields.u32()?;
    let (table, checksum) = (fields.u32()?, fields.u32()?);
    let sound = magic == *FOOTER_MAGIC && checksum == crc32c::crc32c_append(header.seed(), covered);
    sound.then_some(Facts { groups_end, entries, checksum: table })
}

/// Visits the operations of a pack in their order; returns how many, or `None` when a group is damaged and
/// `skip` does not want to do without what lies between these offsets.
pub(crate) fn rows(
    pack: &SegmentFile,
    skip: &mut dyn FnMut(Range<u64>) -> bool,
    visit: &mut dyn FnMut(Row<'_>),
) -> io::Result<Option<u64>> {
    let Some(table) = &pack.table else { return Ok(None) };
    let start = Link { sequence: 0, chain: 0 };
    let mut scanner = Scanner::new(pack.file.as_ref(), pack.header, SMALL_HEADER_OCTETS, start);
    let mut count = 0;
    while scanner.offset < table.groups_end {
        let from = scanner.offset;
        let Some(found) = scanner.next()? else {
            let next = match scanner.behind()? {
                Behind::Groups { offset, sequence } => Some((offset, sequence)),
                Behind::End | Behind::Zeros | Behind::Torn | Behind::Damaged => None,
            };
            if !skip(from..next.map_or(table.groups_end, |(offset, _)| offset)) {
                return Ok(None);
            }
            let Some((offset, sequence)) = next else { break };
            scanner.go_to(offset, sequence)?;
            continue;
        };
        let mut operations = found.group.operations(found.payload);
        for row in operations.by_ref() {
            visit(row);
            count += 1;
        }
        if !operations.is_complete() && !skip(from..scanner.offset) {
            return Ok(None);
        }
    }
    Ok(Some(count))
}
