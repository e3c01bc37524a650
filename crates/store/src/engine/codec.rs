//! The octets of a body inside a record: as they came, or made smaller (docs/STORE.md, "Body record").
//!
//! Only packs hold bodies that were made smaller: whoever delivers does not wait for it. A body is cut into
//! pieces with a frame each, so that reading its header does not mean reading an attachment. What is read
//! back is bounded before it is allocated, because the row of the body says how long it is; and every frame
//! ends with a checksum of what it stands for.

use std::cell::RefCell;
use std::io::{self, Cursor};
use std::ops::Range;

use koi_types::limits;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, compress_bound, find_frame_compressed_size};

/// How a record holds its body; the numbers are in the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Codec {
    /// As it came.
    #[default]
    Plain = 0,
    /// A Zstandard frame with checksum for each [`PIECE_OCTETS`] of the body.
    Zstd = 1,
}

impl Codec {
    pub(crate) fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Plain),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Of the body, for one frame; the last one stands for what is left. Part of the format.
pub(crate) const PIECE_OCTETS: usize = 32 * 1024;
/// Shorter bodies stay as they are: they gain little, and most of chat is read soon.
const BODY_OCTETS_MIN: usize = 2048;
/// Larger results, in hundredths of the body, are not worth a frame.
const WORTH_PERCENT: usize = 90;
/// Reading back costs about as much time as a frame has octets, and entropy coding doubles that. So it is
/// kept where it gains most, as with HTML ...
const DENSE_LEVEL: i32 = 1;
const DENSE_PERCENT: usize = 40;
/// ... while prose is stored by its repetitions alone, and base64, which nearly has none, as it came.
const QUICK_LEVEL: i32 = -1;
/// Repetitions shorter than this gain less room than reading them back costs time.
const QUICK_MATCH_OCTETS_MIN: u32 = 6;

/// Makes bodies smaller; keeps its tables from body to body.
pub(crate) struct Squeezer {
    dense: Compressor<'static>,
    quick: Compressor<'static>,
    frame: Vec<u8>,
    frames: Vec<u8>,
}

impl Squeezer {
    pub(crate) fn new() -> io::Result<Self> {
        let (mut dense, mut quick) = (Compressor::new(DENSE_LEVEL)?, Compressor::new(QUICK_LEVEL)?);
        dense.include_checksum(true)?;
        quick.include_checksum(true)?;
        quick.set_parameter(CParameter::MinMatch(QUICK_MATCH_OCTETS_MIN))?;
        Ok(Self { dense, quick, frame: Vec::new(), frames: Vec::new() })
    }
    /// The frames of a body, when they are worth it.
    pub(crate) fn squeeze(&mut self, body: &[u8]) -> Option<&[u8]> {
        if !(BODY_OCTETS_MIN..=limits::BODY_INLINE_OCTETS_MAX).contains(&body.len()) {
            return None;
        }
        self.frames.clear();
        for piece in body.chunks(PIECE_OCTETS) {
            self.piece(piece).ok()?;
            self.frames.extend_from_slice(&self.frame);
        }
        (self.frames.len() <= body.len() / 100 * WORTH_PERCENT).then_some(&self.frames)
    }
    fn piece(&mut self, piece: &[u8]) -> io::Result<()> {
        self.frame.clear();
        self.frame.reserve(compress_bound(piece.len()));
        self.dense.compress_to_buffer(piece, &mut self.frame)?;
        if self.frame.len() > piece.len() / 100 * DENSE_PERCENT {
            self.frame.clear();
            self.quick.compress_to_buffer(piece, &mut self.frame)?;
        }
        Ok(())
    }
}

/// Appends a range of the body of these frames, which is `octets` long, to `out`. `false`, and `out` as it
/// was, when a frame is damaged or missing.
pub(crate) fn expand(mut frames: &[u8], octets: usize, range: Range<usize>, out: &mut Vec<u8>) -> bool {
    let base = out.len();
    let range = range.start.min(octets)..range.end.min(octets);
    let mut sound = octets <= limits::BODY_INLINE_OCTETS_MAX;
    let mut at = 0;
    while sound && at < range.end {
        let end = octets.min(at + PIECE_OCTETS);
        let frame = find_frame_compressed_size(frames).unwrap_or(usize::MAX);
        let Some((frame, rest)) = frames.split_at_checked(frame) else {
            sound = false;
            break;
        };
        if range.start < end {
            let wanted = range.start.max(at) - at..range.end.min(end) - at;
            sound = expand_piece(frame, end - at, wanted, out);
        }
        (frames, at) = (rest, end);
    }
    if !sound {
        out.truncate(base);
    }
    sound
}

/// Appends a part of one piece. Frames are expanded in the room behind what `out` holds, which is not filled
/// with zeros first.
fn expand_piece(frame: &[u8], octets: usize, wanted: Range<usize>, out: &mut Vec<u8>) -> bool {
    let base = out.len();
    out.reserve(octets);
    let mut room = Cursor::new(std::mem::take(out));
    room.set_position(base as u64);
    let expanded = expand_into(frame, &mut room);
    *out = room.into_inner();
    if !expanded.is_ok_and(|expanded| expanded == octets) || out.len() != base + octets {
        return false;
    }
    out.truncate(base + wanted.end);
    out.drain(base..base + wanted.start);
    true
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
                let frames = squeezer.squeeze(&body).unwrap().to_vec();
                assert!(frames.len() <= octets * most_percent / 100 + 64, "{} of {octets}", frames.len());
                for range in
                    [0..octets, 0..10, 5..octets / 2, octets - 3..octets + 9, octets..octets + 1, 7..7]
                {
                    let mut out = b"before".to_vec();
                    assert!(expand(&frames, octets, range.clone(), &mut out));
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
            let frames = squeezer.squeeze(&body).unwrap().to_vec();
            for at in (0..frames.len()).step_by(1 + frames.len() / 2_000) {
                let mut flipped = frames.clone();
                flipped[at] ^= 1 << (at % 8);
                let mut out = b"before".to_vec();
                let sound = expand(&flipped, octets, 0..octets, &mut out);
                // A few bits of a frame say nothing about its content: it comes back right or not at all.
                assert!(if sound { out[6..] == body } else { out == b"before" }, "octet {at}");
                assert!(!expand(&frames[..at], octets, 0..octets, &mut Vec::new()), "cut at {at}");
            }
            for wrong in [octets - 1, octets + 1, octets + PIECE_OCTETS, usize::MAX] {
                let mut out = Vec::new();
                assert!(!expand(&frames, wrong, 0..wrong, &mut out) && out.is_empty(), "{wrong}");
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
