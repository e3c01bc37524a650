//! A message's content in the words of the wire: its chunks and where they lie (DMAP-00 §3.3.4, §3.3.5,
//! §3.4).

use std::ops::Range;

use koi_mailbox::dmap::Content;
use koi_proto::dmap::chunk::{ChunkType, Section};
use koi_proto::dmap::response::ChunkEntry;

/// BODYSTRUCTURE: in stored order.
pub(crate) fn chunks(content: &Content) -> Vec<ChunkEntry> {
    let entry = |fact: &koi_dime::message::ChunkFact| ChunkEntry {
        chunk: ChunkType(fact.kind.0),
        octets: fact.octets,
    };
    content.chunks().iter().map(entry).collect()
}

/// Which octets a section is; all of them without one. Nothing when there is no such chunk.
pub(crate) fn range(content: &Content, section: Option<Section>) -> Option<Range<u64>> {
    let Some(Section { chunk, number }) = section else { return Some(0..content.octets()) };
    let fact = content.section(koi_dime::ChunkType(chunk.0), number)?;
    Some(fact.start..fact.start.saturating_add(fact.octets))
}
