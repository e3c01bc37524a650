//! The octets of a body inside a record: as they came, or made smaller (docs/STORE.md, "Body record").
//!
//! Only packs hold bodies that were made smaller: whoever delivers does not wait for it. A body is cut into
//! pieces of their own, so that reading its header does not mean reading an attachment. What is read back is
//! bounded before it is allocated, because the row of the body says how long it is; and every piece has a
//! checksum of what it stands for.

use std::cell::RefCell;
use std::io::{self, Cursor};
use std::ops::Range;

use koi_types::limits;
use lz4_flex::block;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{compress_bound, find_frame_compressed_size};

use super::wire::Fields;

/// How a record holds its body; the numbers are in the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Codec {
    /// As it came.
    #[default]
    Plain = 0,
    /// A Zstandard frame with checksum for each [`PIECE_OCTETS`] of the body: of packs before version 3.
    Frames = 1,
    /// Each [`PIECE_OCTETS`] of the body in the way that suits it, behind [`PIECE_HEADER_OCTETS`].
    Pieces = 2,
}

impl Codec {
    pub(crate) fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Plain),
            1 => Some(Self::Frames),
            2 => Some(Self::Pieces),
            _ => None,
        }
    }
}

/// Of the body, for one piece; the last one stands for what is left. Part of the format.
pub(crate) const PIECE_OCTETS: usize = 32 * 1024;
/// Way, length (3) and CRC-32C of what the piece stands for.
const PIECE_HEADER_OCTETS: usize = 8;
/// Shorter bodies stay as they are: they gain little, and most of chat is read soon.
const BODY_OCTETS_MIN: usize = 2048;
/// Larger results, in hundredths of the body, are not worth it.
const WORTH_PERCENT: usize = 90;
/// Reading a Zstandard frame back costs several times as much as LZ4. So it is kept where it gains most, as
/// with HTML; prose is stored by its repetitions alone, and base64, which nearly has none, as it came.
const DENSE_LEVEL: i32 = 1;
const DENSE_PERCENT: usize = 40;

/// How a piece is held; the numbers are in the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    AsItCame = 0,
    /// An LZ4 block.
    Quick = 1,
    /// A Zstandard frame.
    Dense = 2,
}

impl Way {
    fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AsItCame),
            1 => Some(Self::Quick),
            2 => Some(Self::Dense),
            _ => None,
        }
    }
}

/// Makes bodies smaller; keeps its tables from body to body.
pub(crate) struct Squeezer {
    dense: Compressor<'static>,
    frame: Vec<u8>,
    block: Vec<u8>,
    pieces: Vec<u8>,
}

impl Squeezer {
    pub(crate) fn new() -> io::Result<Self> {
        let dense = Compressor::new(DENSE_LEVEL)?;
        let block = vec![0; block::get_maximum_output_size(PIECE_OCTETS)];
        Ok(Self { dense, frame: Vec::new(), block, pieces: Vec::new() })
    }
    /// The pieces of a body, when they are worth it.
    pub(crate) fn squeeze(&mut self, body: &[u8]) -> Option<&[u8]> {
        if !(BODY_OCTETS_MIN..=limits::BODY_INLINE_OCTETS_MAX).contains(&body.len()) {
            return None;
        }
        self.pieces.clear();
        for piece in body.chunks(PIECE_OCTETS) {
            self.piece(piece).ok()?;
        }
        (self.pieces.len() <= body.len() / 100 * WORTH_PERCENT).then_some(&self.pieces)
    }
    fn piece(&mut self, piece: &[u8]) -> io::Result<()> {
        self.frame.clear();
        self.frame.reserve(compress_bound(piece.len()));
        self.dense.compress_to_buffer(piece, &mut self.frame)?;
        let quick = block::compress_into(piece, &mut self.block).unwrap_or(usize::MAX);
        let (way, octets) = if self.frame.len() <= piece.len() / 100 * DENSE_PERCENT {
            (Way::Dense, self.frame.as_slice())
        } else {
            match self.block.get(..quick) {
                Some(block) if quick < piece.len() => (Way::Quick, block),
                _ => (Way::AsItCame, piece),
            }
        };
        // Neither way makes a piece longer, so its length fits.
        let [low, middle, high, _] = (octets.len() as u32).to_le_bytes();
        self.pieces.extend_from_slice(&[way as u8, low, middle, high]);
        self.pieces.extend_from_slice(&crc32c::crc32c(piece).to_le_bytes());
        self.pieces.extend_from_slice(octets);
        Ok(())
    }
}

/// Appends a range of the body of these octets, which is `octets` long, to `out`. `false`, and `out` as it
/// was, when a piece is damaged or missing.
pub(crate) fn expand(
    codec: Codec,
    mut stored: &[u8],
    octets: usize,
    range: Range<usize>,
    out: &mut Vec<u8>,
) -> bool {
    let base = out.len();
    let range = range.start.min(octets)..range.end.min(octets);
    let mut sound = octets <= limits::BODY_INLINE_OCTETS_MAX;
    let mut at = 0;
    while sound && at < range.end {
        let end = octets.min(at + PIECE_OCTETS);
        let Some((piece, rest)) = Piece::next(codec, stored) else {
            sound = false;
            break;
        };
        if range.start < end {
            let wanted = range.start.max(at) - at..range.end.min(end) - at;
            sound = piece.expand(end - at, wanted, out);
        }
        (stored, at) = (rest, end);
    }
    if !sound {
        out.truncate(base);
    }
    sound
}

/// One piece as it is stored.
struct Piece<'a> {
    way: Way,
    /// A frame of [`Codec::Frames`] has its own.
    checksum: Option<u32>,
    octets: &'a [u8],
}

impl<'a> Piece<'a> {
    /// The first of these, and the rest.
    fn next(codec: Codec, stored: &'a [u8]) -> Option<(Self, &'a [u8])> {
        match codec {
            Codec::Plain => None,
            Codec::Frames => {
                let (octets, rest) = stored.split_at_checked(find_frame_compressed_size(stored).ok()?)?;
                Some((Self { way: Way::Dense, checksum: None, octets }, rest))
            }
            Codec::Pieces => {
                let (header, rest) = stored.split_at_checked(PIECE_HEADER_OCTETS)?;
                let mut fields = Fields(header);
                let [way, low, middle, high] = fields.array()?;
                let (length, checksum) = (u32::from_le_bytes([low, middle, high, 0]), fields.u32()?);
                let (octets, rest) = rest.split_at_checked(length as usize)?;
                Some((Self { way: Way::of(way)?, checksum: Some(checksum), octets }, rest))
            }
        }
    }
    /// Appends a part of what it stands for, which is `octets` long.
    fn expand(&self, octets: usize, wanted: Range<usize>, out: &mut Vec<u8>) -> bool {
        let base = out.len();
        let expanded = match self.way {
            Way::AsItCame => {
                out.extend_from_slice(self.octets);
                self.octets.len() == octets
            }
            Way::Quick => {
                out.resize(base + octets, 0);
                let room = out.get_mut(base..).unwrap_or_default();
                block::decompress_into(self.octets, room).is_ok_and(|expanded| expanded == octets)
            }
            Way::Dense => expand_frame(self.octets, octets, out),
        };
        let piece = out.get(base..).unwrap_or_default();
        let sound = self.checksum.is_none_or(|checksum| crc32c::crc32c(piece) == checksum);
        if !expanded || !sound || piece.len() != octets {
            return false;
        }
        out.truncate(base + wanted.end);
        out.drain(base..base + wanted.start);
        true
    }
}

/// The room behind what `out` holds is not filled with zeros first.
fn expand_frame(frame: &[u8], octets: usize, out: &mut Vec<u8>) -> bool {
    let base = out.len();
    out.reserve(octets);
    let mut room = Cursor::new(std::mem::take(out));
    room.set_position(base as u64);
    let expanded = expand_into(frame, &mut room);
    *out = room.into_inner();
    expanded.is_ok_and(|expanded| expanded == octets)
}

thread_local! {
    /// Its tables are large: one for each thread that reads.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn expand_into(frame: &[u8], room: &mut Cursor<Vec<u8>>) -> io::Result<usize> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress_to_buffer(frame, room)
    })
}

/// Lends so many octets of this thread's buffer; what they hold is left from before.
pub(crate) fn with_scratch<T>(octets: usize, work: impl FnOnce(&mut [u8]) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < octets {
            scratch.resize(octets, 0);
        }
        work(scratch.get_mut(..octets).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `kind` 0: the same again and again; 1: like prose; 2: noise.
    fn body(octets: usize, kind: u8) -> Vec<u8> {
        let words: Vec<String> =
            (0..400).map(|n: u32| format!("w{:x} ", n.wrapping_mul(2_654_435_761))).collect();
        let mut noise = vec![0; octets];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        let mut dice = noise.iter();
        let mut text = Vec::new();
        while text.len() < octets {
            let word = usize::from(*dice.next().unwrap());
            match kind {
                0 => text.extend_from_slice(b"<td class=\"much the same\">"),
                1 => text.extend_from_slice(words[word].as_bytes()),
                _ => text.extend_from_slice(&noise),
            }
        }
        text.truncate(octets);
        text
    }

    #[test]
    fn bodies_come_back_whole_and_in_parts() {
        let mut squeezer = Squeezer::new().unwrap();
        for (kind, most_percent) in [(0, 5), (1, 85)] {
            for octets in [BODY_OCTETS_MIN, 6_000, PIECE_OCTETS, PIECE_OCTETS + 1, 3 * PIECE_OCTETS - 7] {
                let body = body(octets, kind);
                let pieces = squeezer.squeeze(&body).unwrap().to_vec();
                assert!(pieces.len() <= octets * most_percent / 100 + 64, "{} of {octets}", pieces.len());
                for range in
                    [0..octets, 0..10, 5..octets / 2, octets - 3..octets + 9, octets..octets + 1, 7..7]
                {
                    let mut out = b"before".to_vec();
                    assert!(expand(Codec::Pieces, &pieces, octets, range.clone(), &mut out));
                    let wanted = range.start.min(octets)..range.end.min(octets);
                    assert_eq!(out, [b"before", &body[wanted]].concat(), "{range:?} of {octets}");
                }
            }
        }
    }

    #[test]
    fn no_damage_passes() {
        let mut squeezer = Squeezer::new().unwrap();
        for (octets, kind) in [(2_500, 0), (2_500, 1), (PIECE_OCTETS + 800, 1)] {
            let body = body(octets, kind);
            let pieces = squeezer.squeeze(&body).unwrap().to_vec();
            for at in (0..pieces.len()).step_by(1 + pieces.len() / 2_000) {
                let mut flipped = pieces.clone();
                flipped[at] ^= 1 << (at % 8);
                let mut out = b"before".to_vec();
                let sound = expand(Codec::Pieces, &flipped, octets, 0..octets, &mut out);
                // A few bits of a frame say nothing about its content: it comes back right or not at all.
                assert!(if sound { out[6..] == body } else { out == b"before" }, "octet {at}");
                assert!(
                    !expand(Codec::Pieces, &pieces[..at], octets, 0..octets, &mut Vec::new()),
                    "cut at {at}"
                );
            }
            for wrong in [octets - 1, octets + 1, octets + PIECE_OCTETS, usize::MAX] {
                let mut out = Vec::new();
                assert!(
                    !expand(Codec::Pieces, &pieces, wrong, 0..wrong, &mut out) && out.is_empty(),
                    "{wrong}"
                );
            }
        }
    }

    #[test]
    fn what_does_not_shrink_stays() {
        let mut squeezer = Squeezer::new().unwrap();
        assert!(squeezer.squeeze(&body(4096, 2)).is_none());
        assert!(squeezer.squeeze(&body(BODY_OCTETS_MIN - 1, 0)).is_none());
        assert!(squeezer.squeeze(&body(limits::BODY_INLINE_OCTETS_MAX + 1, 0)).is_none());
    }
}
