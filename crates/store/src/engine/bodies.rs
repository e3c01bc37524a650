//! Where bodies lie: in groups of journal segments, or, when large, in a file of their own. The address of a
//! body is logical (segment, offset) and never changes, also when its segment is packed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use koi_types::{ErrorKind, MailError, Result};

use super::codec::{self, Codec};
use super::group::{BODY_HEADER_OCTETS, BodyHeader};
use super::pack::PackTable;
use super::read_ahead::ReadAhead;
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
    pub(crate) ahead: &'a RefCell<ReadAhead>,
}

/// A file and where a record begins in it.
struct Place {
    file: Arc<dyn File>,
    offset: u64,
    /// In a pack: the record may hold the body in another codec, so it is read as a whole. It is not longer
    /// than this.
    record_octets_max: Option<usize>,
}

impl BodyReader<'_> {
    /// Appends `range` of the body to `out`, cut at the body's end.
    pub(crate) fn read(&self, body: &BodyRef, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        let end = range.end.min(body.octets);
        let range = range.start.min(end)..end;
        let place = self.place(body).map_err(|error| failed(body, &error))?.ok_or_else(|| missing(body))?;
        let base = out.len();
        let sound = self.read_at(&place, body, range, out);
        if !matches!(sound, Ok(true)) {
            out.truncate(base);
            sound.map_err(|error| failed(body, &error))?;
            return Err(missing(body));
        }
        Ok(())
    }
    fn read_at(
        &self,
        place: &Place,
        body: &BodyRef,
        range: Range<u64>,
        out: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let plain = BodyHeader::of_plain(body.blob, body.octets).record_octets();
        let octets = place.record_octets_max.or_else(|| usize::try_from(plain).ok());
        let mut ahead = self.ahead.borrow_mut();
        if let Some(octets) = octets
            && let Some(record) = ahead.record(body.segment, &*place.file, place.offset, octets)?
        {
            return Ok(take(record, body, range, out));
        }
        match place.record_octets_max {
            None => read_plain(place, body, range, out),
            Some(octets) => codec::with_scratch(octets, |scratch| {
                let read = place.file.read_at(scratch, place.offset)?;
                Ok(take(scratch.get(..read).unwrap_or_default(), body, range, out))
            }),
        }
    }
    fn place(&self, body: &BodyRef) -> io::Result<Option<Place>> {
        if body.segment >= BODY_FILES_FROM {
            return match self.vfs.open(&self.layout.body(body.segment)) {
                Ok(file) => Ok(Some(Place { file, offset: body.offset, record_octets_max: None })),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            };
        }
        let Some(segment) = self.segments.0.get(&body.segment) else { return Ok(None) };
        let file = Arc::clone(&segment.file);
        let Some(table) = &segment.table else {
            return Ok(Some(Place { file, offset: body.offset, record_octets_max: None }));
        };
        let plain = BodyHeader::of_plain(body.blob, body.octets).record_octets();
        Ok(table.find(body.offset).map(|found| {
            let record_octets_max = usize::try_from(found.octets_max.min(plain)).ok();
            Place { file, offset: found.physical, record_octets_max }
        }))
    }
}

/// From here on reading once more costs less than moving what was read.
const MOVED_OCTETS_MAX: u64 = 64 * 1024;

/// Room for more is taken only when the file is so long.
const UNASKED_OCTETS_MAX: u64 = 1024 * 1024;

/// Of a long body at a time.
const PIECE_OCTETS: usize = 64 * 1024;

/// Reads octets of a record that holds them as they came.
fn read_plain(place: &Place, body: &BodyRef, range: Range<u64>, out: &mut Vec<u8>) -> io::Result<bool> {
    // The record's front proves that the address is right. It is read along with the first octets of a small
    // body.
    let mut front = if range.start == 0 { BODY_HEADER_OCTETS } else { 0 };
    if front > 0 && range.end > MOVED_OCTETS_MAX {
        let mut octets = [0; BODY_HEADER_OCTETS];
        if place.file.read_at(&mut octets, place.offset)? < octets.len() || !is_plain(&octets, body) {
            return Ok(false);
        }
        front = 0;
    }
    let front_octets = BODY_HEADER_OCTETS as u64 - front as u64;
    let from = place.offset.saturating_add(front_octets).saturating_add(range.start);
    let wanted = (range.end - range.start).saturating_add(front as u64);
    // A damaged row may say anything.
    if wanted > UNASKED_OCTETS_MAX && from.saturating_add(wanted) > place.file.octets()? {
        return Ok(false);
    }
    let (base, wanted) = (out.len(), wanted as usize);
    match out.capacity() {
        // Zeros of the system's, which nobody has to write.
        0 => *out = vec![0; wanted],
        _ => out.resize(base + wanted, 0),
    }
    let buffer = out.get_mut(base..).unwrap_or_default();
    let read = read_in_pieces(&*place.file, buffer, from)?;
    let sound = read == wanted && (front == 0 || is_plain(buffer, body));
    out.drain(base..base + front);
    Ok(sound)
}

/// Between the pieces of a long body others may have the processor: who is woken beside a thread that goes on
/// and on waits for the next tick of the clock.
fn read_in_pieces(file: &dyn File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    let mut read = 0;
    for piece in buffer.chunks_mut(PIECE_OCTETS) {
        if read > 0 {
            std::thread::yield_now();
        }
        let here = file.read_at(piece, from + read as u64)?;
        read += here;
        if here < piece.len() {
            break;
        }
    }
    Ok(read)
}

/// Appends octets of the body in `record` to `out`.
fn take(record: &[u8], body: &BodyRef, range: Range<u64>, out: &mut Vec<u8>) -> bool {
    let Some(header) = BodyHeader::decode(record).filter(|header| header.blob == body.blob) else {
        return false;
    };
    let stored = record.get(BODY_HEADER_OCTETS..).and_then(|rest| rest.get(..header.octets as usize));
    let (Some(stored), Ok(octets)) = (stored, usize::try_from(body.octets)) else { return false };
    let range = range.start as usize..range.end as usize;
    match header.codec {
        Codec::Plain if stored.len() == octets => stored.get(range).is_some_and(|part| {
            out.extend_from_slice(part);
            true
        }),
        Codec::Plain => false,
        Codec::Frames | Codec::Pieces => codec::expand(header.codec, stored, octets, range, out),
    }
}

fn is_plain(front: &[u8], body: &BodyRef) -> bool {
    BodyHeader::decode(front).is_some_and(|header| {
        header.codec == Codec::Plain && header.blob == body.blob && u64::from(header.octets) == body.octets
    })
}

fn missing(body: &BodyRef) -> MailError {
    MailError::new(ErrorKind::Corrupt, "the octets of a message are missing or damaged")
        .context(format_args!("body {} in segment {:08x} at {}", body.blob, body.segment, body.offset))
}

fn failed(body: &BodyRef, error: &io::Error) -> MailError {
    MailError::new(ErrorKind::Unavailable, "a message could not be read")
        .context(format_args!("body {} in segment {:08x}: {error}", body.blob, body.segment))
}
