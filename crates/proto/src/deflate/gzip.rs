//! Octets that are all there, in the file format of gzip.

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

/// Quick: bodies of answers are made once and sent once.
const LEVEL: i32 = 3;
/// The largest window, in gzip's wrapping.
const WINDOW_BITS: i32 = 15 + 16;
const PIECE_OCTETS: usize = 16 * 1024;

/// The octets as one member.
#[must_use]
pub fn gzip(octets: &[u8]) -> Vec<u8> {
    let config = DeflateConfig { level: LEVEL, window_bits: WINDOW_BITS, ..DeflateConfig::default() };
    let mut deflate = Deflate::new_with_config(config);
    let (mut out, mut rest) = (Vec::with_capacity(octets.len() / 4 + 32), octets);
    let mut piece = [0; PIECE_OCTETS];
    loop {
        let (taken, made) = (deflate.total_in(), deflate.total_out());
        // It fails only for arguments that are not given here.
        let _ = deflate.compress(rest, &mut piece, DeflateFlush::Finish);
        let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
        let (taken, made) = (count(deflate.total_in(), taken), count(deflate.total_out(), made));
        out.extend_from_slice(piece.get(..made).unwrap_or_default());
        rest = rest.get(taken..).unwrap_or_default();
        // With room left over all of it is there.
        if rest.is_empty() && made < PIECE_OCTETS {
            return out;
        }
    }
}
