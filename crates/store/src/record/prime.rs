//! p: the encrypted message that an email stands for: where it is, and what its frame says (DMAP-00 §3.4).
//!
//! Opaque to the store: nothing here is opened. The email's own body is a text that says what to read it
//! with.

use koi_types::{BlobId, KeyId};

use super::{Fields, Record, put_varint};
use crate::body::BodyRef;

/// One chunk of the message, or one tracing object before it (kind 0): all octets of it, with header and
/// slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkRow {
    pub kind: u8,
    /// From the first octet stored.
    pub start: u64,
    pub octets: u64,
}

/// One row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrimeRecord {
    pub body: BodyRef,
    /// The magic number of the message: what it is for.
    pub magic: u16,
    pub suite: u8,
    /// By which of its owner's keys it opens, where that is known.
    pub key: Option<KeyId>,
    /// The domain it came from, where the server had to know it.
    pub peer: Option<Box<str>>,
    /// In stored order, none overlapping.
    pub chunks: Vec<ChunkRow>,
}

/// Most messages have no more.
const CHUNKS_USUAL: u64 = 16;
const HAS_KEY: u8 = 1;
const HAS_PEER: u8 = 2;

impl PrimeRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = &self.body;
        let record = Record::new(192 + self.chunks.len() * 4);
        let record = record.octets(&body.blob.0).u32(body.segment).u64(body.offset).u64(body.octets);
        let has = |bit: u8, is_there: bool| if is_there { bit } else { 0 };
        let bits = has(HAS_KEY, self.key.is_some()) | has(HAS_PEER, self.peer.is_some());
        let record = record.u16(self.magic).u8(self.suite).u8(bits);
        let record = self.key.iter().fold(record, |record, key| record.octets(&key.0));
        let mut octets = self.peer.iter().fold(record, |record, peer| record.sized(peer.as_bytes())).0;
        put_varint(&mut octets, self.chunks.len() as u64);
        let mut end = 0u64;
        for chunk in &self.chunks {
            octets.push(chunk.kind);
            put_varint(&mut octets, chunk.start.saturating_sub(end));
            put_varint(&mut octets, chunk.octets);
            end = chunk.start.saturating_add(chunk.octets);
        }
        octets
    }
    /// Only where the message is, with which a row begins: all that is needed to show the whole of it.
    #[must_use]
    pub fn decode_body(record: &[u8]) -> Option<BodyRef> {
        body(&mut Fields::of(record)?)
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let body = body(&mut f)?;
        let (magic, suite, bits) = (f.u16()?, f.u8()?, f.u8()?);
        if bits & !(HAS_KEY | HAS_PEER) != 0 {
            return None;
        }
        let key = if bits & HAS_KEY != 0 { Some(KeyId(f.array()?)) } else { None };
        let peer = if bits & HAS_PEER != 0 { Some(f.text()?.into()) } else { None };
        let count = f.varint()?;
        // The number is not believed before as many chunks are there.
        let mut chunks = Vec::with_capacity(count.min(CHUNKS_USUAL) as usize);
        let mut end = 0u64;
        for _ in 0..count {
            let kind = f.u8()?;
            let start = end.checked_add(f.varint()?)?;
            let octets = f.varint()?;
            end = start.checked_add(octets).filter(|end| *end <= body.octets)?;
            chunks.push(ChunkRow { kind, start, octets });
        }
        f.end().map(|()| Self { body, magic, suite, key, peer, chunks })
    }
}

fn body(f: &mut Fields<'_>) -> Option<BodyRef> {
    Some(BodyRef { blob: BlobId(f.array()?), segment: f.u32()?, offset: f.u64()?, octets: f.u64()? })
}
