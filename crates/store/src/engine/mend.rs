//! A pack whose table is damaged gets another, when repair is asked for: its body records say whose octets
//! they hold, and the rows of the bodies say where they are looked for.
//!
//! Must not: touch a pack whose table is sound.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use koi_types::{BlobId, Result};

use super::Shared;
use super::bodies::SegmentFile;
use super::body_row::{self, BodyRow};
use super::group::{BodyHeader, GROUP_HEADER_OCTETS};
use super::pack::{Moved, PackTable};
use super::repack::failed;
use super::scan::{Behind, Found, Link, Scanner};
use super::segment::{Header, SMALL_HEADER_OCTETS};
use super::snapshot::Snapshot;
use crate::kv::Read;
use crate::vfs::File;

/// Offsets of the records of each body.
type Places = BTreeMap<BlobId, VecDeque<u64>>;

/// The table of a pack in which no body is found yet; its operations are.
pub(crate) fn without_bodies(file: &dyn File, header: Header) -> io::Result<PackTable> {
    Ok(PackTable { moved: Vec::new(), groups_end: visit(file, header, &mut |_| {})? })
}

/// Every good group; answers where the last one ends.
fn visit(file: &dyn File, header: Header, found: &mut dyn FnMut(Found<'_>)) -> io::Result<u64> {
    let start = Link { sequence: 0, chain: 0 };
    let mut scanner = Scanner::new(file, header, SMALL_HEADER_OCTETS, start);
    loop {
        while let Some(group) = scanner.next()? {
            found(group);
        }
        let end = scanner.offset;
        let Behind::Groups { offset, sequence } = scanner.behind()? else { return Ok(end) };
        scanner.go_to(offset, sequence)?;
    }
}

fn add_places(places: &mut Places, found: &Found<'_>) {
    let part = found.group.body_part(found.payload);
    let base = found.offset + GROUP_HEADER_OCTETS as u64;
    let mut at = 0;
    while let Some(header) = part.get(at..).and_then(BodyHeader::decode) {
        places.entry(header.blob).or_default().push_back(base + at as u64);
        at += header.record_octets() as usize;
    }
}

impl Shared {
    /// Makes the tables of these packs again.
    pub(crate) fn mend_tables(self: &Arc<Self>, numbers: &[u32]) -> Result<()> {
        for number in numbers {
            let segments = Arc::clone(&self.state.lock().segments);
            let Some(pack) = segments.0.get(number) else { continue };
            let mut places = Places::new();
            let groups_end =
                visit(pack.file.as_ref(), pack.header, &mut |group| add_places(&mut places, &group))
                    .map_err(|error| failed(&error))?;
            let moved = self.moved(*number, places)?;
            let table = PackTable { moved, groups_end };
            let end = table.encode(&pack.header);
            let written = pack.file.set_octets(groups_end);
            let written = written.and_then(|()| pack.file.write_at(&end, groups_end));
            written.and_then(|()| pack.file.flush()).map_err(|error| failed(&error))?;
            let mended =
                SegmentFile { header: pack.header, file: Arc::clone(&pack.file), table: Some(table) };
            Arc::make_mut(&mut self.state.lock().segments).0.insert(*number, Arc::new(mended));
        }
        Ok(())
    }
    /// Where each body that a row looks for in this pack lies. The same octets are the same body: which
    /// record of several it gets does not matter.
    fn moved(self: &Arc<Self>, number: u32, mut places: Places) -> Result<Vec<Moved>> {
        let mut moved = Vec::new();
        let (from, end) = body_row::range();
        Snapshot::open(self)?.scan(&from, &end, &mut |key, value| {
            let row = body_row::parse_key(key).and_then(|key| BodyRow::decode(&key.blob, value).ok());
            if let Some(body) = row.map(|row| row.body).filter(|body| body.segment == number)
                && let Some(physical) = places.get_mut(&body.blob).and_then(VecDeque::pop_front)
            {
                moved.push(Moved { logical: (body.offset / 8) as u32, physical: (physical / 8) as u32 });
            }
            ControlFlow::Continue(())
        })?;
        moved.sort_unstable();
        Ok(moved)
    }
}
