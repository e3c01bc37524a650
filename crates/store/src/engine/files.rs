//! Which files the journal has, and whether each is what its name says (docs/STORE.md, "Recovery"). What an
//! interrupted packing or rotation left behind is taken away; what is damaged is refused, or handed to
//! `rescue.rs` when repair was asked for.
//!
//! Must not: take away what may have been acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bodies::{SegmentFile, Segments};
use super::mend;
use super::options::OpenError;
use super::pack::PackTable;
use super::recover::{Report, Result};
use super::rescue;
use super::scan::{Behind, Link, Scanner};
use super::segment::{FIELDS_OCTETS, FileKind, Header, Layout, SEGMENT_HEADER_OCTETS, number_of};
use crate::vfs::{File, Vfs};

/// The journal's files.
pub(super) struct Opened {
    pub(super) segments: Segments,
    /// Packs whose tables have to be made again.
    pub(super) tables_lost: Vec<u32>,
}

/// A file that cannot be used as it is.
pub(super) struct Lost {
    pub(super) number: u32,
    pub(super) kind: FileKind,
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn File>,
    pub(super) what: &'static str,
    /// Its header is what is damaged, so that there may be more in it.
    pub(super) by_header: bool,
}

/// Files while they are opened.
pub(super) struct Opening<'a> {
    pub(super) layout: &'a Layout,
    pub(super) vfs: &'a dyn Vfs,
    repair: bool,
    pub(super) report: &'a mut Report,
    /// Segments, and packs in their place.
    pub(super) found: BTreeMap<u32, SegmentFile>,
    /// Made ahead of need: nothing can be read in them.
    empty: Vec<Empty>,
    tables_lost: Vec<u32>,
    lost: Vec<Lost>,
}

struct Empty {
    number: u32,
    file: Arc<dyn File>,
    behind: Behind,
}

/// Opens all segments and packs.
pub(super) fn open(layout: &Layout, vfs: &dyn Vfs, repair: bool, report: &mut Report) -> Result<Opened> {
    let folder = layout.journal();
    let names = vfs.list(&folder).map_err(OpenError::io(&folder))?;
    let newest = names.iter().filter_map(|name| number_of(name, "seg")).max();
    let (found, empty, tables_lost, lost) = (BTreeMap::new(), Vec::new(), Vec::new(), Vec::new());
    let mut opening = Opening { layout, vfs, repair, report, found, empty, tables_lost, lost };
    for name in &names {
        let path = folder.join(name);
        match (number_of(name, "seg"), number_of(name, "pack")) {
            (Some(number), _) => {
                opening.look_at(path, number, FileKind::Journal, newest == Some(number))?;
            }
            (_, Some(number)) => opening.look_at(path, number, FileKind::Pack, false)?,
            _ if name.ends_with(".new") => vfs.remove(&path).map_err(OpenError::io(&path))?,
            _ => {}
        }
    }
    opening.take_away_empty()?;
    opening.take_away_replaced(&names)?;
    opening.judge_lost()?;
    opening.one_store()?;
    let Opening { found, tables_lost, .. } = opening;
    let segments = Segments(found.into_iter().map(|(number, segment)| (number, Arc::new(segment))).collect());
    Ok(Opened { segments, tables_lost })
}

impl Opening<'_> {
    fn look_at(&mut self, path: PathBuf, number: u32, kind: FileKind, newest: bool) -> Result<()> {
        let io = |error| OpenError::Io { path: path.clone(), error };
        let file = self.vfs.open(&path).map_err(io)?;
        let header = match read_header(&file, kind, number).map_err(io)? {
            Front::Sound(header) => header,
            Front::Mended(header, octets) => {
                self.repair.then(|| file.write_durable(&octets, 0)).transpose().map_err(io)?;
                self.report.mended.push(format!("{}: an octet of its header is damaged", path.display()));
                header
            }
            // A rotation that was interrupted: no group can be in it yet.
            Front::Damaged { alone: true } if newest => {
                drop(file);
                return self.vfs.remove(&path).map_err(io);
            }
            Front::Damaged { .. } => {
                let what = "the header of the segment is damaged";
                self.lost.push(Lost { number, kind, path, file, what, by_header: true });
                return Ok(());
            }
        };
        if header.kind != kind || header.segment != number {
            let what = "the file does not belong where it is";
            self.lost.push(Lost { number, kind, path, file, what, by_header: false });
            return Ok(());
        }
        self.add(&path, file, header)
    }
    /// A file whose header is known.
    pub(super) fn add(&mut self, path: &Path, file: Arc<dyn File>, mut header: Header) -> Result<()> {
        let number = header.segment;
        if header.ahead {
            match first_link(file.as_ref(), header).map_err(OpenError::io(path))? {
                Ok(link) => (header.sequence, header.chain) = (link.sequence + 1, link.chain),
                Err(behind) => {
                    self.empty.push(Empty { number, file, behind });
                    return Ok(());
                }
            }
        }
        let table = match header.kind {
            FileKind::Pack => match self.open_table(path, &file, header)? {
                Some(table) => Some(table),
                None => {
                    let (kind, path, what) =
                        (header.kind, path.to_owned(), "the table of the pack is damaged");
                    self.lost.push(Lost { number, kind, path, file, what, by_header: false });
                    return Ok(());
                }
            },
            _ => None,
        };
        // A pack replaces its segment; it was whole before it got its name.
        if header.kind == FileKind::Pack || !self.found.contains_key(&number) {
            self.found.insert(number, SegmentFile { header, file, table });
        }
        Ok(())
    }
    /// The table of a pack. Where it is damaged and repair was asked for, one without bodies, or none if what
    /// was packed is still there.
    fn open_table(&mut self, path: &Path, file: &Arc<dyn File>, header: Header) -> Result<Option<PackTable>> {
        let io = |error| OpenError::Io { path: path.to_owned(), error };
        if let Some(table) = PackTable::read(file.as_ref(), &header).map_err(io)? {
            return Ok(Some(table));
        }
        if !self.repair || self.has_segment(header.segment) {
            return Ok(None);
        }
        self.report.given_up.push(format!("{}: its table is damaged and is made again", path.display()));
        self.tables_lost.push(header.segment);
        mend::without_bodies(file.as_ref(), header).map(Some).map_err(io)
    }
    /// The segment that a pack was made of: there after a crash between the naming of the one and the removal
    /// of the other.
    fn has_segment(&self, number: u32) -> bool {
        let front = self
            .vfs
            .open(&self.layout.segment(number))
            .and_then(|file| read_header(&file, FileKind::Journal, number));
        matches!(front, Ok(Front::Sound(_) | Front::Mended(..)))
    }
    /// Segments made ahead of need that were not needed, or not before the crash.
    fn take_away_empty(&mut self) -> Result<()> {
        for Empty { number, file, behind } in std::mem::take(&mut self.empty) {
            let path = self.layout.segment(number);
            let is_newest = self.found.range(number..).next().is_none()
                && self.lost.iter().all(|lost| lost.number <= number);
            if !is_newest || behind == Behind::Damaged {
                let (kind, what) = (FileKind::Journal, "no group of the segment can be read");
                self.lost.push(Lost { number, kind, path, file, what, by_header: false });
                continue;
            }
            // Its first group was being written, and nobody has heard that it was.
            self.report.torn_tail |= behind == Behind::Torn;
            drop(file);
            self.vfs.remove(&path).map_err(OpenError::io(&path))?;
        }
        Ok(())
    }
    /// What is damaged, or is not there, is refused, or else rescued as far as can be.
    fn judge_lost(&mut self) -> Result<()> {
        let lost = std::mem::take(&mut self.lost);
        // The segment of a pack is on its way out.
        let matters = |lost: &Lost| lost.kind == FileKind::Pack || !self.found.contains_key(&lost.number);
        let lost: Vec<_> = lost.into_iter().filter(matters).collect();
        match lost.first() {
            Some(Lost { path, what, .. }) if !self.repair => {
                Err(OpenError::Damaged { file: path.clone(), what: (*what).to_owned() })
            }
            _ if self.repair => rescue::rescue(self, lost),
            _ => Ok(()),
        }
    }
    fn take_away_replaced(&self, names: &[String]) -> Result<()> {
        let segments: BTreeSet<_> = names.iter().filter_map(|name| number_of(name, "seg")).collect();
        for (number, segment) in &self.found {
            let replaced = self.layout.segment(*number);
            if segment.table.is_some() && segments.contains(number) {
                self.vfs.remove(&replaced).map_err(OpenError::io(&replaced))?;
            }
        }
        Ok(())
    }
    fn one_store(&self) -> Result<()> {
        let Some(first) = self.found.values().next() else { return Ok(()) };
        match self.found.iter().find(|(_, segment)| segment.header.store != first.header.store) {
            None => Ok(()),
            Some((number, _)) => {
                let what = "the segment belongs to another store".to_owned();
                Err(OpenError::Foreign { file: self.layout.segment(*number), what })
            }
        }
    }
}

/// What a file begins with.
pub(super) enum Front {
    Sound(Header),
    /// One octet is damaged; with the octets that it should have.
    Mended(Header, Vec<u8>),
    Damaged {
        /// Nothing can follow it.
        alone: bool,
    },
}

pub(super) fn read_header(file: &Arc<dyn File>, kind: FileKind, number: u32) -> io::Result<Front> {
    let mut front = vec![0; FIELDS_OCTETS];
    let read = file.read_at(&mut front, 0)?;
    front.truncate(read);
    if let Some(header) = Header::decode(&front) {
        return Ok(Front::Sound(header));
    }
    Ok(match Header::mend(&mut front, kind, number) {
        Some(header) => Front::Mended(header, front),
        None => Front::Damaged { alone: file.octets()? <= SEGMENT_HEADER_OCTETS },
    })
}

/// What the first group that can be read continues, or what there is instead of one.
pub(super) fn first_link(file: &dyn File, header: Header) -> io::Result<std::result::Result<Link, Behind>> {
    let unknown = Link { sequence: 0, chain: 0 };
    let mut scanner = Scanner::new(file, header, SEGMENT_HEADER_OCTETS, unknown);
    match scanner.behind()? {
        Behind::Groups { offset, sequence } => {
            scanner.go_to(offset, sequence)?;
            Ok(Ok(scanner.link))
        }
        other => Ok(Err(other)),
    }
}
