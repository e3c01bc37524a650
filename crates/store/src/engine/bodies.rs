//! Where bodies lie: in groups of journal segments, or, when large, in a file of their own. The address of a
//! body is logical (segment, offset) and never changes, also when its segment is packed.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use koi_types::{ErrorKind, MailError, Result};

use super::group::{BODY_HEADER_OCTETS, BodyHeader};
use super::pack::PackTable;
use super::segment::{Header, Layout};
use crate::body::BodyRef;
use crate::vfs::{File, Vfs};

/// Numbers from here on are files with one large body each.
pub(crate) const BODY_FILES_FROM: u32 = 0x8000_0000;

/// A journal segment or pack, open for reading.
pub(crate) struct SegmentFile {
    pub(crate) header: Header,
    pub(crate) file: Arc<dyn File>,
    /// Present when the segment was packed: where its bodies went.
    pub(crate) table: Option<PackTable>,
}

/// All journal segments and packs by number. Views keep the set they were opened with.
#[derive(Clone, Default)]
pub(crate) struct Segments(pub(crate) BTreeMap<u32, Arc<SegmentFile>>);

/// Whatever is needed to read a body.
#[derive(Clone, Copy)]
pub(crate) struct BodyReader<'a> {
    pub(crate) segments: &'a Segments,
    pub(crate) layout: &'a Layout,
    pub(crate) vfs: &'a dyn Vfs,
}

/// A file and where a record begins in it.
struct Place {
    file: Arc<dyn File>,
    offset: u64,
}

impl BodyReader<'_> {
    /// Appends `range` of the body to `out`, cut at the body's end.
    pub(crate) fn read(&self, body: &BodyRef, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        let end = range.end.min(body.octets);
        let start = range.start.min(end);
        let place = self.place(body).map_err(|error| failed(body, &error))?.ok_or_else(|| missing(body))?;
        // The record's front is read along with the first octets: it proves that the address is right.
        let front = if start == 0 { BODY_HEADER_OCTETS } else { 0 };
        let from = place.offset + BODY_HEADER_OCTETS as u64 + start - front as u64;
        let base = out.len();
        let wanted = (end - start) as usize + front;
        out.resize(base + wanted, 0);
        let buffer = out.get_mut(base..).unwrap_or_default();
        let read = place.file.read_at(buffer, from).map_err(|error| failed(body, &error));
        let sound = matches!(read, Ok(read) if read == wanted) && (front == 0 || names(buffer, body));
        if !sound {
            out.truncate(base);
            read?;
            return Err(missing(body));
        }
        if front > 0 {
            out.drain(base..base + front);
        }
        Ok(())
    }
    fn place(&self, body: &BodyRef) -> io::Result<Option<Place>> {
        if body.segment >= BODY_FILES_FROM {
            return match self.vfs.open(&self.layout.body(body.segment)) {
                Ok(file) => Ok(Some(Place { file, offset: body.offset })),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            };
        }
        let Some(segment) = self.segments.0.get(&body.segment) else { return Ok(None) };
        let offset = match &segment.table {
            None => Some(body.offset),
            Some(table) => table.find(body.offset),
        };
        Ok(offset.map(|offset| Place { file: Arc::clone(&segment.file), offset }))
    }
}

fn names(front: &[u8], body: &BodyRef) -> bool {
    BodyHeader::decode(front).is_some_and(|h| h.blob == body.blob && u64::from(h.octets) == body.octets)
}

fn missing(body: &BodyRef) -> MailError {
    MailError::new(ErrorKind::Corrupt, "the octets of a message are missing or damaged")
        .context(format_args!("body {} in segment {:08x} at {}", body.blob, body.segment, body.offset))
}

fn failed(body: &BodyRef, error: &io::Error) -> MailError {
    MailError::new(ErrorKind::Unavailable, "a message could not be read")
        .context(format_args!("body {} in segment {:08x}: {error}", body.blob, body.segment))
}
