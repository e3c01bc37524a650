//! Compressing what is said (RFC 4978 §3 and §4).
//!
//! A deflater that was put down begins again with nothing to refer back to, at an octet's border: for the
//! other side this is the same stream.

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

/// docs/decisions/0005: what level, window and memory were measured to give.
const LEVEL: i32 = 2;
const WINDOW_BITS: i32 = 13;
const MEMORY_LEVEL: i32 = 6;
/// Octets made at a time.
const PIECE_OCTETS: usize = 8 * 1024;
/// An empty last block with fixed codes (RFC 1951 §3.2.6).
const EMPTY_LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// Memory of a deflater that has nothing to do: about 190 KiB.
pub struct Spare(Box<Deflate>);

/// One direction of one connection.
#[derive(Default)]
pub struct Deflater {
    /// Nothing while there is nothing to refer back to.
    at_work: Option<Box<Deflate>>,
    /// Something was taken since the last flush.
    unflushed: bool,
}

impl Deflater {
    /// Takes octets; what can be sent of them is appended to `out`, the rest comes with the next flush.
    pub fn write(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        if octets.is_empty() {
            return;
        }
        self.unflushed = true;
        self.run(octets, DeflateFlush::NoFlush, out);
    }
    /// Everything taken so far can be read by the other side when it has what is appended to `out`.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.unflushed) {
            self.run(&[], DeflateFlush::SyncFlush, out);
        }
    }
    /// Ends the stream (RFC 8437 §4.1); what is written after it begins another.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match self.at_work {
            Some(_) => self.run(&[], DeflateFlush::Finish, out),
            None => out.extend_from_slice(&EMPTY_LAST_BLOCK),
        }
        (self.at_work, self.unflushed) = (None, false);
    }
    /// Gives back its memory, for another to take up, unless something must still be flushed.
    pub fn put_down(&mut self) -> Option<Spare> {
        match self.unflushed {
            true => None,
            false => self.at_work.take().map(Spare),
        }
    }
    /// Uses what another has put down, if it needs anything.
    pub fn take_up(&mut self, Spare(mut deflate): Spare) {
        if self.at_work.is_none() {
            deflate.reset();
            self.at_work = Some(deflate);
        }
    }
    /// Whether it holds memory.
    #[must_use]
    pub const fn is_at_work(&self) -> bool {
        self.at_work.is_some()
    }

    fn run(&mut self, mut octets: &[u8], flush: DeflateFlush, out: &mut Vec<u8>) {
        let deflate = self.at_work.get_or_insert_with(|| Box::new(begin()));
        let mut piece = [0; PIECE_OCTETS];
        loop {
            let (taken, made) = (deflate.total_in(), deflate.total_out());
            // It fails only for arguments that are not given here, and when it has no room: it always has.
            let _ = deflate.compress(octets, &mut piece, flush);
            let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
            let (taken, made) = (count(deflate.total_in(), taken), count(deflate.total_out(), made));
            out.extend_from_slice(piece.get(..made).unwrap_or_default());
            octets = octets.get(taken..).unwrap_or_default();
            // With room left over nothing is kept back that this kind of flush would send.
            if octets.is_empty() && made < PIECE_OCTETS {
                return;
            }
        }
    }
}

fn begin() -> Deflate {
    let raw = -WINDOW_BITS;
    let config =
        DeflateConfig { level: LEVEL, window_bits: raw, mem_level: MEMORY_LEVEL, ..DeflateConfig::default() };
    Deflate::new_with_config(config)
}
