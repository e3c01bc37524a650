//! BINARY and BINARY.SIZE: a part without its Content-Transfer-Encoding (RFC 3516 §4.2, RFC 3516 §4.3, RFC
//! 9051 §6.4.5).
//!
//! A part is read twice: once to learn its size and whether NUL is in it, which stand before its octets; then
//! to send it. Neither has more of it in memory than a piece.

// DEVIATION RFC 3516 §4.2: BINARY[] sends the message as it is stored, with what its parts are encoded in,
// because the message as a whole has no encoding (RFC 2045 §6.4), and a header that speaks of base64 before a
// body that is none would be read wrong. A message that came with NUL is stored with such parts in base64.

use std::ops::Range;

use koi_mailbox::{BodyRef, Snapshot};
use koi_message::transfer::Decoder;
use koi_message::{Part, PartKind, Structure, TransferEncoding, find_part};
use koi_proto::imap::command::{BodySection, FetchItem, Partial};
use koi_proto::imap::response::FetchLine;
use koi_types::Result;

/// Octets of a message read at a time.
const PIECE_OCTETS: u64 = 64 * 1024;
/// Octets of a message read by one step that only measures.
const MEASURED_PER_STEP: u64 = 4 << 20;

/// What an item asks for.
#[derive(Debug)]
pub(super) struct Wanted {
    part: Vec<u32>,
    /// Nothing: only the size is asked for.
    octets: Option<Option<Partial>>,
}

/// A part being measured or sent.
#[derive(Debug)]
pub(crate) struct Decoding {
    body: BodyRef,
    encoding: TransferEncoding,
    /// Where the part is in the message.
    range: Range<u64>,
    /// Which of the decoded octets are asked for.
    window: Range<u64>,
    decoder: Decoder,
    /// How far the message was read.
    at: u64,
    /// Octets decoded so far.
    decoded: u64,
    /// NUL is among those asked for.
    nul: bool,
}

impl Wanted {
    pub(super) fn of(item: &FetchItem) -> Option<Self> {
        match item {
            FetchItem::Binary(binary) => {
                Some(Self { part: binary.part.clone(), octets: Some(binary.partial) })
            }
            FetchItem::BinarySize(part) => Some(Self { part: part.clone(), octets: None }),
            _ => None,
        }
    }
    /// The octets of a section that is a part.
    pub(super) fn octets_of(section: &BodySection) -> Self {
        Self { part: section.section.part.clone(), octets: Some(section.partial) }
    }
    /// The part of a section, all of it.
    pub(super) fn part_of(section: &BodySection) -> Self {
        Self { part: section.section.part.clone(), octets: Some(None) }
    }
    fn first(&self) -> Option<u64> {
        self.octets.flatten().map(|partial| partial.first)
    }
    /// There is no such part, or no longer.
    pub(super) fn announce_missing(&self, line: &mut FetchLine, out: &mut Vec<u8>) {
        match self.octets {
            Some(_) => line.binary_nil(&self.part, self.first(), out),
            None => line.binary_size(&self.part, 0, out),
        }
    }
    /// The item up to its octets, which are sent by what is answered.
    pub(super) fn announce(
        &self,
        measured: Decoding,
        line: &mut FetchLine,
        out: &mut Vec<u8>,
    ) -> Option<Decoding> {
        let octets = measured.asked_for();
        if self.octets.is_none() {
            line.binary_size(&self.part, octets, out);
            return None;
        }
        line.binary(&self.part, self.first(), octets, measured.nul, out);
        measured.again().filter(|_| octets > 0)
    }
    /// `None` when there is no such part.
    pub(super) fn begin(&self, structure: &Structure, body: BodyRef) -> Option<Decoding> {
        let part = find_part(structure, &self.part)?;
        let octets = if self.part.is_empty() { part.whole() } else { part.body };
        let window = match self.octets.flatten() {
            Some(partial) => partial.first..partial.first.saturating_add(partial.count),
            None => 0..u64::MAX,
        };
        let range = u64::from(octets.start)..u64::from(octets.end);
        Decoding::new(body, encoding(part, &self.part), range, window)
    }
    /// Whether the encoding of the part is one that can be taken off; also when there is no such part.
    pub(super) fn is_decodable(&self, structure: &Structure) -> bool {
        let part = find_part(structure, &self.part);
        part.is_none_or(|part| Decoder::new(encoding(part, &self.part)).is_some())
    }
    /// Whether the part without its encoding is another than with it, and can be had.
    pub(super) fn is_changed_by_decoding(&self, structure: &Structure) -> bool {
        let encoding = find_part(structure, &self.part).map(|part| encoding(part, &self.part));
        matches!(encoding, Some(TransferEncoding::Base64 | TransferEncoding::QuotedPrintable))
    }
}

/// RFC 2045 §6.4: what consists of other parts has no encoding of its own; nor has the message as a whole.
fn encoding(part: &Part, path: &[u32]) -> TransferEncoding {
    match part.kind {
        PartKind::Multipart(_) => TransferEncoding::Binary,
        _ if path.is_empty() => TransferEncoding::Binary,
        _ => part.content.transfer_encoding(),
    }
}

impl Decoding {
    fn new(body: BodyRef, encoding: TransferEncoding, range: Range<u64>, window: Range<u64>) -> Option<Self> {
        let (decoder, at) = (Decoder::new(encoding)?, range.start);
        Some(Self { body, encoding, range, window, decoder, at, decoded: 0, nul: false })
    }
    /// From the beginning, to be sent.
    pub(super) fn again(&self) -> Option<Self> {
        Self::new(self.body, self.encoding, self.range.clone(), self.window.clone())
    }
    /// Octets that are asked for and there, when everything was measured.
    pub(super) fn asked_for(&self) -> u64 {
        self.decoded.min(self.window.end).saturating_sub(self.window.start)
    }
    /// Whether NUL is among them.
    pub(super) const fn has_nul(&self) -> bool {
        self.nul
    }
    /// Whether everything that is asked for was seen.
    fn is_done(&self) -> bool {
        self.at >= self.range.end || self.decoded >= self.window.end
    }
    /// Reads on for one step; answers whether the size is known.
    pub(super) fn measure(&mut self, snapshot: &Snapshot<'_>) -> Result<bool> {
        self.look(snapshot, |_| {})
    }
    /// The same for somebody who looks at what is decoded.
    pub(super) fn look(&mut self, snapshot: &Snapshot<'_>, mut seen: impl FnMut(&[u8])) -> Result<bool> {
        let end = self.at.saturating_add(MEASURED_PER_STEP);
        let mut piece = Vec::new();
        while !self.is_done() && self.at < end {
            piece.clear();
            self.piece(snapshot, &mut piece)?;
            self.nul |= piece.contains(&0);
            seen(&piece);
        }
        Ok(self.is_done())
    }
    /// Sends the next piece; answers whether it was the last.
    pub(super) fn send(&mut self, snapshot: &Snapshot<'_>, out: &mut Vec<u8>) -> Result<bool> {
        self.piece(snapshot, out)?;
        Ok(self.is_done())
    }
    /// Appends what of the next piece is asked for.
    fn piece(&mut self, snapshot: &Snapshot<'_>, out: &mut Vec<u8>) -> Result<()> {
        let to = self.range.end.min(self.at.saturating_add(PIECE_OCTETS));
        let (mut octets, mut decoded) = (Vec::new(), Vec::new());
        snapshot.read_body(&self.body, self.at..to, &mut octets)?;
        if octets.len() as u64 != to - self.at {
            return Err(super::short_body());
        }
        self.at = to;
        self.decoder.push(&octets, &mut decoded);
        if self.at >= self.range.end {
            self.decoder.finish(&mut decoded);
        }
        let begin = self.decoded;
        self.decoded += decoded.len() as u64;
        let from = self.window.start.saturating_sub(begin).min(decoded.len() as u64);
        let until = self.window.end.saturating_sub(begin).min(decoded.len() as u64);
        out.extend_from_slice(decoded.get(from as usize..until as usize).unwrap_or_default());
        Ok(())
    }
}
