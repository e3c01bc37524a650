//! A group: the transactions acknowledged by one flush, as octets (docs/STORE.md, "Group").
//!
//! A header of 64 octets, the body part (body records, each padded to 8), the operation part, padding to 8.
//! Operations are physical: final key, final value. So replay is idempotent and needs no rule of the levels
//! above.

use std::sync::Arc;

use koi_types::{BlobId, limits};

use super::checksum::rewound;
use super::codec::Codec;
use super::merge::Row;
use super::slot::Slot;
use super::wire::{Fields, pad};

pub(crate) const GROUP_HEADER_OCTETS: usize = 64;
/// Of a body record, before the octets of the body.
pub(crate) const BODY_HEADER_OCTETS: usize = 40;
/// Larger ones are refused by whoever reads them; the writer stays far below.
pub(crate) const GROUP_OCTETS_MAX: usize = 64 * 1024 * 1024;
const MAGIC: u32 = 0x4749_4f4b;
const VERSION: u16 = 1;
const PUT: u8 = 1;
const DELETE: u8 = 2;
const OPERATION_HEADER_OCTETS: usize = 7;

/// Facts of a group, as its header holds them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct GroupHeader {
    pub(crate) sequence: u64,
    pub(crate) segment: u32,
    /// Header and padding included.
    pub(crate) total_octets: u32,
    pub(crate) body_octets: u32,
    pub(crate) operation_octets: u32,
    pub(crate) transactions: u32,
    pub(crate) operations: u32,
    pub(crate) millis: u64,
    /// Checksum of the header of the group before.
    pub(crate) chain: u32,
    payload_checksum: u32,
    /// Checksum of this header: what the next group calls `chain`.
    pub(crate) checksum: u32,
}

impl GroupHeader {
    fn encode(&self, seed: u32) -> ([u8; GROUP_HEADER_OCTETS], u32) {
        let mut out = Vec::with_capacity(GROUP_HEADER_OCTETS);
        out.extend_from_slice(&MAGIC.to_le_bytes());
        out.extend_from_slice(&VERSION.to_le_bytes());
        // Flags: none are defined.
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.segment.to_le_bytes());
        out.extend_from_slice(&self.total_octets.to_le_bytes());
        out.extend_from_slice(&self.body_octets.to_le_bytes());
        out.extend_from_slice(&self.operation_octets.to_le_bytes());
        out.extend_from_slice(&self.transactions.to_le_bytes());
        out.extend_from_slice(&self.operations.to_le_bytes());
        out.extend_from_slice(&self.millis.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.chain.to_le_bytes());
        out.extend_from_slice(&self.payload_checksum.to_le_bytes());
        let checksum = crc32c::crc32c_append(seed, &out);
        out.extend_from_slice(&checksum.to_le_bytes());
        let mut fixed = [0; GROUP_HEADER_OCTETS];
        fixed.iter_mut().zip(&out).for_each(|(slot, octet)| *slot = *octet);
        (fixed, checksum)
    }
    /// `None` when this is not the header of a group of the file with this seed.
    pub(crate) fn decode(octets: &[u8], seed: u32) -> Option<Self> {
        let covered = octets.get(..GROUP_HEADER_OCTETS - 4)?;
        let mut fields = Fields(octets.get(..GROUP_HEADER_OCTETS)?);
        if fields.u32()? != MAGIC || fields.u16()? != VERSION || fields.u16()? != 0 {
            return None;
        }
        let mut header = Self {
            sequence: fields.u64()?,
            segment: fields.u32()?,
            total_octets: fields.u32()?,
            body_octets: fields.u32()?,
            operation_octets: fields.u32()?,
            transactions: fields.u32()?,
            operations: fields.u32()?,
            millis: fields.u64()?,
            ..Self::default()
        };
        let _reserved = fields.u32()?;
        header.chain = fields.u32()?;
        header.payload_checksum = fields.u32()?;
        header.checksum = fields.u32()?;
        let parts =
            GROUP_HEADER_OCTETS as u64 + u64::from(header.body_octets) + u64::from(header.operation_octets);
        let sound = header.checksum == crc32c::crc32c_append(seed, covered)
            && header.total_octets as usize <= GROUP_OCTETS_MAX
            && u64::from(header.total_octets) == parts.next_multiple_of(8);
        sound.then_some(header)
    }
    /// The seed with which these octets are the header of a group. `None` when they are none of any file.
    pub(crate) fn seed(octets: &[u8]) -> Option<u32> {
        let covered =
            octets.get(..GROUP_HEADER_OCTETS - 4).filter(|o| o.starts_with(&MAGIC.to_le_bytes()))?;
        let checksum = u32::from_le_bytes(*octets.get(..GROUP_HEADER_OCTETS)?.last_chunk()?);
        Some(rewound(checksum, covered))
    }
    /// Whether these are the octets behind this header.
    pub(crate) fn fits(&self, payload: &[u8], seed: u32) -> bool {
        self.covered(payload).is_some_and(|part| crc32c::crc32c_append(seed, part) == self.payload_checksum)
    }
    fn covered<'a>(&self, payload: &'a [u8]) -> Option<&'a [u8]> {
        payload.get(..self.body_octets as usize + self.operation_octets as usize)
    }
    /// The operations of a payload that fits.
    pub(crate) fn operations<'a>(&self, payload: &'a [u8]) -> Operations<'a> {
        let part = self.operation_part(payload);
        Operations { fields: Fields(part), octets: part.len(), left: self.operations }
    }
    /// The operation part of a payload that fits.
    pub(crate) fn operation_part<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        self.covered(payload).and_then(|part| part.get(self.body_octets as usize..)).unwrap_or_default()
    }
    /// The body part of a payload that fits.
    pub(crate) fn body_part<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        payload.get(..self.body_octets as usize).unwrap_or_default()
    }
}

/// Operations of a group, in the order they were made. Ends early, with `left` above 0, where one cannot be
/// read.
pub(crate) struct Operations<'a> {
    fields: Fields<'a>,
    /// Of the whole part.
    octets: usize,
    left: u32,
}

impl Operations<'_> {
    /// Whether every operation was read.
    pub(crate) fn is_complete(&self) -> bool {
        self.left == 0 && self.fields.is_empty()
    }
}

impl<'a> Operations<'a> {
    /// The next operation, and where it lies in the operation part.
    pub(crate) fn next_placed(&mut self) -> Option<Placed<'a>> {
        if self.left == 0 {
            return None;
        }
        let at = self.octets - self.fields.0.len() + OPERATION_HEADER_OCTETS;
        let (kind, key_octets, value_octets) = (self.fields.u8()?, self.fields.u16()?, self.fields.u32()?);
        let key = self.fields.slice(usize::from(key_octets))?;
        let value = self.fields.slice(value_octets as usize)?;
        let sound =
            key.len() <= limits::KEY_OCTETS_MAX && (kind == PUT || kind == DELETE && value.is_empty());
        if !sound {
            return None;
        }
        self.left -= 1;
        let row = Row { key, value: (kind == PUT).then_some(value) };
        Some(Placed { row, slot: Slot::new(row, at) })
    }
}

/// An operation and where it lies.
pub(crate) struct Placed<'a> {
    pub(crate) row: Row<'a>,
    pub(crate) slot: Slot,
}

impl<'a> Iterator for Operations<'a> {
    type Item = Row<'a>;
    fn next(&mut self) -> Option<Row<'a>> {
        self.next_placed().map(|placed| placed.row)
    }
}

/// The front of a body record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BodyHeader {
    pub(crate) blob: BlobId,
    /// As they are stored: those of the body itself only when the codec is plain.
    pub(crate) octets: u32,
    pub(crate) codec: Codec,
}

impl BodyHeader {
    /// Of a body as it came.
    pub(crate) fn of_plain(blob: BlobId, octets: u64) -> Self {
        Self { blob, octets: u32::try_from(octets).unwrap_or(u32::MAX), codec: Codec::Plain }
    }
    pub(crate) fn encode(&self) -> [u8; BODY_HEADER_OCTETS] {
        let mut out = [0; BODY_HEADER_OCTETS];
        let codec = [self.codec as u8, 0, 0, 0];
        let parts: [&[u8]; 3] = [&self.octets.to_le_bytes(), &codec, &self.blob.0];
        out.iter_mut().zip(parts.into_iter().flatten()).for_each(|(slot, octet)| *slot = *octet);
        out
    }
    pub(crate) fn decode(octets: &[u8]) -> Option<Self> {
        let mut fields = Fields(octets);
        let octets = fields.u32()?;
        let [codec, 0, 0, 0] = fields.array()? else { return None };
        Some(Self { codec: Codec::of(codec)?, blob: BlobId(fields.array()?), octets })
    }
    /// Of the whole record, padding included.
    pub(crate) fn record_octets(&self) -> u64 {
        super::wire::padded(BODY_HEADER_OCTETS as u64 + u64::from(self.octets))
    }
}

/// Collects what a group will hold. Buffers are kept from group to group.
#[derive(Default)]
pub(crate) struct GroupBuilder {
    /// The header's room, then the body part; at the end the operations too.
    octets: Vec<u8>,
    operation_part: Vec<u8>,
    operations: u32,
    pub(crate) transactions: u32,
}

/// A point to go back to when a transaction fails.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    octets: usize,
    operation_octets: usize,
    operations: u32,
}

/// What the writer knows about a group beside its content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placing {
    pub(crate) sequence: u64,
    pub(crate) segment: u32,
    pub(crate) chain: u32,
    pub(crate) seed: u32,
    pub(crate) millis: u64,
}

impl GroupBuilder {
    pub(crate) fn clear(&mut self) {
        self.octets.clear();
        self.octets.resize(GROUP_HEADER_OCTETS, 0);
        self.operation_part.clear();
        (self.operations, self.transactions) = (0, 0);
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.operations == 0
    }
    pub(crate) fn octets(&self) -> usize {
        self.octets.len() + self.operation_part.len()
    }
    /// The operations so far: what the slots of [`GroupBuilder::operation`] lie in.
    pub(crate) fn operations(&self) -> &[u8] {
        &self.operation_part
    }
    /// The finished group, to be written while the next one is built.
    pub(crate) fn take_octets(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.octets)
    }
    /// Room of a group that was written, so that it need not be allocated again.
    pub(crate) fn give_room(&mut self, room: Vec<u8>) {
        if self.octets.capacity() == 0 {
            self.octets = room;
        }
    }
    pub(crate) fn mark(&self) -> Mark {
        let operation_octets = self.operation_part.len();
        Mark { octets: self.octets.len(), operation_octets, operations: self.operations }
    }
    /// Forgets the bodies and operations since the mark.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.octets.truncate(mark.octets);
        self.operation_part.truncate(mark.operation_octets);
        self.operations = mark.operations;
    }
    /// Returns where the record lies, from the start of the group.
    pub(crate) fn body(&mut self, blob: BlobId, octets: &[u8]) -> u64 {
        self.coded_body(blob, Codec::Plain, octets)
    }
    /// The same with the octets of a codec.
    pub(crate) fn coded_body(&mut self, blob: BlobId, codec: Codec, octets: &[u8]) -> u64 {
        let at = self.octets.len() as u64;
        let header = BodyHeader { blob, octets: octets.len() as u32, codec };
        self.octets.extend_from_slice(&header.encode());
        self.octets.extend_from_slice(octets);
        pad(&mut self.octets);
        at
    }
    /// Returns where the row lies in the operation part.
    pub(crate) fn operation(&mut self, row: Row<'_>) -> Slot {
        let value = row.value.unwrap_or_default();
        let part = &mut self.operation_part;
        part.reserve(OPERATION_HEADER_OCTETS + row.key.len() + value.len());
        part.push(if row.value.is_some() { PUT } else { DELETE });
        part.extend_from_slice(&(row.key.len() as u16).to_le_bytes());
        part.extend_from_slice(&(value.len() as u32).to_le_bytes());
        let at = part.len();
        part.extend_from_slice(row.key);
        part.extend_from_slice(value);
        self.operations += 1;
        Slot::new(row, at)
    }
    /// The operations so far, in one allocation that all rows of the group share.
    pub(crate) fn share_operations(&self) -> Arc<[u8]> {
        self.operation_part.as_slice().into()
    }
    /// The group as it goes to the file, and the chain for the next.
    pub(crate) fn finish(&mut self, placing: Placing) -> Finished<'_> {
        let body_octets = (self.octets.len() - GROUP_HEADER_OCTETS) as u32;
        let operation_octets = self.operation_part.len() as u32;
        self.octets.extend_from_slice(&self.operation_part);
        let payload = self.octets.get(GROUP_HEADER_OCTETS..).unwrap_or_default();
        let payload_checksum = crc32c::crc32c_append(placing.seed, payload);
        pad(&mut self.octets);
        let header = GroupHeader {
            sequence: placing.sequence,
            segment: placing.segment,
            total_octets: self.octets.len() as u32,
            body_octets,
            operation_octets,
            transactions: self.transactions,
            operations: self.operations,
            millis: placing.millis,
            chain: placing.chain,
            payload_checksum,
            checksum: 0,
        };
        let (head, chain) = header.encode(placing.seed);
        if let Some(room) = self.octets.first_chunk_mut() {
            *room = head;
        }
        Finished { octets: &self.octets, chain }
    }
}

/// A group ready to be written.
pub(crate) struct Finished<'a> {
    pub(crate) octets: &'a [u8],
    pub(crate) chain: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_read_back_and_every_flipped_octet_is_seen() {
        let mut builder = GroupBuilder::default();
        builder.clear();
        let at = builder.body(BlobId([5; 32]), b"nineteen octets of it");
        let mark = builder.mark();
        builder.body(BlobId([6; 32]), b"taken back");
        builder.operation(Row { key: b"00000", value: Some(b"this too") });
        builder.back_to(mark);
        builder.operation(Row { key: b"00001", value: Some(b"one") });
        builder.operation(Row { key: b"00002", value: None });
        builder.transactions = 1;
        let placing = Placing { sequence: 9, segment: 2, chain: 77, seed: 1234, millis: 5 };
        let finished = builder.finish(placing);
        let octets = finished.octets.to_vec();
        let header = GroupHeader::decode(&octets, 1234).unwrap();
        assert_eq!((header.sequence, header.segment, header.chain), (9, 2, 77));
        assert_eq!(header.checksum, finished.chain);
        let payload = &octets[GROUP_HEADER_OCTETS..];
        assert!(header.fits(payload, 1234));
        let mut operations = header.operations(payload);
        let rows: Vec<_> = operations.by_ref().map(|row| (row.key, row.value)).collect();
        assert_eq!(rows, [(b"00001".as_slice(), Some(b"one".as_slice())), (b"00002", None)]);
        assert!(operations.is_complete());
        let body = BodyHeader::decode(&octets[at as usize..]).unwrap();
        assert_eq!(body, BodyHeader::of_plain(BlobId([5; 32]), 21));
        assert_eq!(body.record_octets(), 64);
        let covered = GROUP_HEADER_OCTETS + (header.body_octets + header.operation_octets) as usize;
        for at in 0..covered {
            let mut flipped = octets.clone();
            flipped[at] ^= 1;
            let good = GroupHeader::decode(&flipped, 1234)
                .is_some_and(|header| header.fits(&flipped[GROUP_HEADER_OCTETS..], 1234));
            assert!(!good, "octet {at}");
        }
        assert_eq!(GroupHeader::decode(&octets, 1235), None, "another file's seed");
    }
}
