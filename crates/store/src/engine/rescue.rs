//! Files of the journal that cannot be used as they are, when repair is asked for. A lost header is made
//! again: its checksums run backwards say the seed, and the files beside it the rest. What nothing can be
//! read of is set aside under another name; its number stays missing, so that an index that is lost later is
//! noticed.
//!
//! Must not: believe a group that a mail may have brought with it; remove a file.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::checksum::salt_for;
use super::files::{Front, Lost, Opening, read_header};
use super::generation;
use super::group::{GROUP_HEADER_OCTETS, GroupHeader};
use super::journal::random;
use super::options::OpenError;
use super::pack::PackTable;
use super::recover::Result;
use super::scan::Window;
use super::segment::{FIELDS_OCTETS, FileKind, Header, StoreId, number_of};
use crate::vfs::File;

/// Puts right what can be, and sets the rest aside.
pub(super) fn rescue(opening: &mut Opening<'_>, mut lost: Vec<Lost>) -> Result<()> {
    if lost.is_empty() {
        return Ok(());
    }
    let store = store_of(opening)?;
    // The file behind one says where it ends. Of two of the same number the pack is the newer.
    lost.sort_by_key(|lost| (lost.number, lost.kind as u8));
    for lost in lost.into_iter().rev() {
        let may_be_read = lost.by_header && !opening.found.contains_key(&lost.number);
        let header = match may_be_read {
            true => header_of(opening, &lost, store).map_err(OpenError::io(&lost.path))?,
            false => None,
        };
        let Some(header) = header else {
            set_aside(opening, lost)?;
            continue;
        };
        let front = header.as_written();
        lost.file
            .write_durable(front.get(..FIELDS_OCTETS).unwrap_or(&front), 0)
            .map_err(OpenError::io(&lost.path))?;
        opening
            .report
            .mended
            .push(format!("{}: its header was damaged and is made again", lost.path.display()));
        opening.add(&lost.path, Arc::clone(&lost.file), header)?;
    }
    Ok(())
}

/// Under a name that nothing else has.
fn set_aside(opening: &mut Opening<'_>, lost: Lost) -> Result<()> {
    let Lost { path, file, what, .. } = lost;
    drop(file);
    let named = |n: u32| {
        let end = if n == 0 { ".damaged".to_owned() } else { format!(".damaged{n}") };
        PathBuf::from(format!("{}{end}", path.display()))
    };
    let free = (0..).map(named).find(|name| opening.vfs.open(name).is_err());
    let free = free.unwrap_or_else(|| named(0));
    opening.vfs.rename(&path, &free).map_err(OpenError::io(&path))?;
    opening.vfs.sync_dir(&opening.layout.journal()).map_err(OpenError::io(&path))?;
    opening.report.given_up.push(format!("{}: {what}; it is kept as {}", path.display(), free.display()));
    Ok(())
}

/// Whose files these are: what the others say, or the index.
fn store_of(opening: &Opening<'_>) -> Result<StoreId> {
    if let Some(segment) = opening.found.values().next() {
        return Ok(segment.header.store);
    }
    let (layout, vfs) = (opening.layout, opening.vfs);
    let folder = layout.bodies();
    for name in vfs.list(&folder).map_err(OpenError::io(&folder))? {
        let Some(number) = number_of(&name, "body") else { continue };
        let path = layout.body(number);
        let file = vfs.open(&path).map_err(OpenError::io(&path))?;
        let front = read_header(&file, FileKind::Body, number).map_err(OpenError::io(&path))?;
        if let Front::Sound(header) = front {
            return Ok(header.store);
        }
    }
    let named = generation::open_newest(layout, 0).ok().and_then(|index| index.store().ok().flatten());
    named.map_or_else(|| random().map(StoreId).map_err(OpenError::io(&layout.root)), Ok)
}

/// The header that a file must have had.
fn header_of(opening: &Opening<'_>, lost: &Lost, store: StoreId) -> io::Result<Option<Header>> {
    let next = opening.found.range(lost.number + 1..).next().map(|(_, next)| next.header);
    let basis = Header {
        kind: lost.kind,
        ahead: lost.kind == FileKind::Journal,
        store,
        segment: lost.number,
        salt: [0; 8],
        sequence: 0,
        chain: 0,
        applied: 0,
        created_millis: 0,
    };
    match lost.kind {
        FileKind::Pack => of_pack(&*lost.file, beside(opening, basis, next)),
        FileKind::Journal | FileKind::Body => of_segment(&*lost.file, basis, next),
    }
}

/// What the files beside a pack say of it. `sequence` is no lower than it was, `applied` no higher: then
/// nothing is packed too early, and no deletion forgotten.
fn beside(opening: &Opening<'_>, basis: Header, next: Option<Header>) -> Header {
    let last_of = |header: Header| match header.kind {
        FileKind::Pack => header.sequence,
        FileKind::Journal | FileKind::Body => header.sequence.saturating_sub(1),
    };
    let before = opening.found.range(..basis.segment).next_back();
    let before = before.map_or(0, |(_, before)| last_of(before.header));
    let Some(next) = next else { return Header { sequence: before, applied: before, ..basis } };
    let follows = next.kind == FileKind::Journal && next.segment == basis.segment + 1;
    let applied = if follows { last_of(next) } else { before };
    Header { sequence: last_of(next), chain: next.chain, applied, ..basis }
}

/// By its end, or by its first group.
fn of_pack(file: &dyn File, basis: Header) -> io::Result<Option<Header>> {
    if let Some(seed) = PackTable::seed(file)? {
        let header = with_seed(basis, seed);
        if PackTable::read(file, &header)?.is_some() {
            return Ok(Some(header));
        }
    }
    let mut window = Window::new(file);
    whole_group(&mut window, basis.room(), basis, |_| true)
}

/// By its first group, or by its last, which the next file names: others may be octets of a mail.
fn of_segment(file: &dyn File, basis: Header, next: Option<Header>) -> io::Result<Option<Header>> {
    let mut window = Window::new(file);
    if let Some(header) = whole_group(&mut window, basis.room(), basis, |_| true)? {
        return Ok(Some(header));
    }
    let follows = |next: &Header| next.kind == FileKind::Journal && next.segment == basis.segment + 1;
    let Some(next) = next.filter(follows) else { return Ok(None) };
    // Asked before the payload is read: a mail may be full of headers, each of a large group.
    let is_last = |group: &GroupHeader| {
        (group.sequence.checked_add(1), group.checksum) == (Some(next.sequence), next.chain)
    };
    let octets = file.octets()?;
    for at in (basis.room()..octets).step_by(8) {
        if let Some(header) = whole_group(&mut window, at, basis, is_last)? {
            return Ok(Some(header));
        }
    }
    Ok(None)
}

/// The header that a file with a whole group here has, whatever its seed, if the group is wanted.
fn whole_group(
    window: &mut Window<'_>,
    at: u64,
    basis: Header,
    wanted: impl Fn(&GroupHeader) -> bool,
) -> io::Result<Option<Header>> {
    let front = window.at(at, GROUP_HEADER_OCTETS)?;
    let Some(seed) = GroupHeader::seed(front) else { return Ok(None) };
    let group = GroupHeader::decode(front, seed).filter(|group| group.segment == basis.segment);
    let Some(group) = group.filter(wanted) else { return Ok(None) };
    let payload_octets = (group.total_octets as usize).saturating_sub(GROUP_HEADER_OCTETS);
    let payload = window.at(at + GROUP_HEADER_OCTETS as u64, payload_octets)?;
    let whole = payload.len() == payload_octets && group.fits(payload, seed);
    Ok(whole.then(|| with_seed(basis, seed)))
}

fn with_seed(basis: Header, seed: u32) -> Header {
    Header { salt: salt_for(basis.store, seed), ..basis }
}
