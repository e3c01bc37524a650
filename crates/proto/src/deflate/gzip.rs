//! The file format of gzip, for bodies of answers.

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

/// Quick: bodies of answers are made once and sent once.
const LEVEL: i32 = 3;
/// The largest window, in gzip's wrapping.
const WINDOW_BITS: i32 = 15 + 16;
const PIECE_OCTETS: usize = 16 * 1024;

/// The octets as one member.
#[must_use]
pub fn gzip(octets: &[u8]) -> Vec<u8> {
    let (mut out, mut gzip) = (Vec::with_capacity(octets.len() / 4 + 32), Gzip::default());
    gzip.run(octets, DeflateFlush::Finish, &mut out);
    out
}

/// One member, of octets that come in pieces.
pub struct Gzip(Box<Deflate>);

impl Default for Gzip {
    fn default() -> Self {
        let config = DeflateConfig { level: LEVEL, window_bits: WINDOW_BITS, ..DeflateConfig::default() };
        Self(Box::new(Deflate::new_with_config(config)))
    }
}

impl Gzip {
    /// Takes a piece; what can be sent already is appended to `out`.
    pub fn write(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        if !octets.is_empty() {
            self.run(octets, DeflateFlush::NoFlush, out);
        }
    }
    /// Appends the rest.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.run(&[], DeflateFlush::Finish, out);
    }

    fn run(&mut self, octets: &[u8], flush: DeflateFlush, out: &mut Vec<u8>) {
        let deflate = &mut self.0;
        let (mut rest, mut piece) = (octets, [0; PIECE_OCTETS]);
        loop {
            let (taken, made) = (deflate.total_in(), deflate.total_out());
            // It fails only for arguments that are not given here.
            let _ = deflate.compress(rest, &mut piece, flush);
            let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
            let (taken, made) = (count(deflate.total_in(), taken), count(deflate.total_out(), made));
            out.extend_from_slice(piece.get(..made).unwrap_or_default());
            rest = rest.get(taken..).unwrap_or_default();
            // With room left over all of it is there.
            if rest.is_empty() && made < PIECE_OCTETS {
                return;
            }
        }
    }
}
