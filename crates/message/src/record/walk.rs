//! A record of a structure read in passing: what SEARCH needs of each part, nothing allocated.

use std::ops::ControlFlow;

use super::read::Reader;
use super::{Corrupt, KIND_LEAF, KIND_MESSAGE, KIND_MULTIPART, PART_OCTETS_MIN, VERSION};
use super::{REPLY_TO_IS_FROM, SENDER_IS_FROM};
use crate::limits::PART_DEPTH_MAX;
use crate::range::Range32;

/// One part of the record.
pub(crate) struct RecordPart<'a> {
    pub(crate) header: Range32,
    pub(crate) body: Range32,
    pub(crate) is_leaf: bool,
    pub(crate) is_message: bool,
    pub(crate) is_root: bool,
    pub(crate) media_type: &'a [u8],
    pub(crate) encoding: Option<&'a [u8]>,
    /// The first charset parameter; empty if there is none.
    pub(crate) charset: &'a [u8],
}

/// Calls `visit` for each part in the order of the message until it breaks.
pub(crate) fn walk_record(
    record: &[u8],
    visit: &mut dyn FnMut(RecordPart<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Corrupt> {
    let mut reader = Reader::new(record);
    reader.version(VERSION)?;
    walk_part(&mut reader, Place { base: 0, depth: 0, is_message: true }, visit)
}

/// Where a part is.
#[derive(Clone, Copy)]
struct Place {
    base: u32,
    depth: usize,
    is_message: bool,
}

fn walk_part(
    reader: &mut Reader<'_>,
    place: Place,
    visit: &mut dyn FnMut(RecordPart<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Corrupt> {
    if place.depth > PART_DEPTH_MAX {
        return Err(reader.corrupt("parts nested too deep"));
    }
    let kind = reader.octet()?;
    let start = reader.position(place.base)?;
    let header = Range32::new(start, reader.position(start)?);
    let body = Range32::new(header.end, reader.position(header.end)?);
    reader.number()?;
    let media_type = reader.octets()?;
    reader.octets()?;
    let charset = charset(reader)?;
    let encoding = reader.optional_octets()?;
    skip_more_content(reader)?;
    let part = RecordPart {
        header,
        body,
        is_leaf: kind == KIND_LEAF,
        is_message: place.is_message,
        is_root: place.depth == 0,
        media_type,
        encoding,
        charset,
    };
    if visit(part).is_break() {
        return Ok(ControlFlow::Break(()));
    }
    let below = Place { base: start, depth: place.depth + 1, is_message: kind == KIND_MESSAGE };
    let count = match kind {
        KIND_LEAF => 0,
        KIND_MULTIPART => reader.count(PART_OCTETS_MIN)?,
        KIND_MESSAGE => {
            skip_envelope(reader)?;
            1
        }
        _ => return Err(reader.corrupt("unknown kind of part")),
    };
    for _ in 0..count {
        if walk_part(reader, below, visit)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The value of the first parameter `charset`; all are read.
fn charset<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Corrupt> {
    let mut charset = None;
    for _ in 0..reader.count(2)? {
        let (name, value) = (reader.octets()?, reader.octets()?);
        if charset.is_none() && name.eq_ignore_ascii_case(b"charset") {
            charset = Some(value);
        }
    }
    Ok(charset.unwrap_or_default())
}

fn skip_more_content(reader: &mut Reader<'_>) -> Result<(), Corrupt> {
    if !reader.flag()? {
        return Ok(());
    }
    for _ in 0..4 {
        reader.optional_octets()?;
    }
    for _ in 0..reader.count(1)? {
        reader.octets()?;
    }
    if reader.flag()? {
        reader.octets()?;
        charset(reader)?;
    }
    Ok(())
}

fn skip_envelope(reader: &mut Reader<'_>) -> Result<(), Corrupt> {
    let same = reader.octet()?;
    reader.optional_octets()?;
    reader.optional_octets()?;
    let lists = 6 - usize::from(same & SENDER_IS_FROM != 0) - usize::from(same & REPLY_TO_IS_FROM != 0);
    for _ in 0..lists {
        for _ in 0..reader.count(4)? {
            for _ in 0..4 {
                reader.optional_octets()?;
            }
        }
    }
    reader.optional_octets()?;
    reader.optional_octets()?;
    Ok(())
}
