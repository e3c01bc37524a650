//! After a start the index is read into memory in large pieces, while nobody asks for it yet. Read page by
//! page as it is asked for, in the order of rows, the first long answer would wait for the disk ten thousand
//! times.
//!
//! Must not: crowd out anything; a large index is left to its readers.

use std::fs::File;
use std::num::NonZeroU64;

use rustix::fs::{Advice, fadvise};

use super::index::Index;

/// A larger index is not read ahead.
const INDEX_OCTETS_MAX: u64 = 256 * 1024 * 1024;
/// Asked for at a time; the system may take no more.
const PIECE_OCTETS: u64 = 512 * 1024;

impl Index {
    /// Asks for the whole file as long as `go_on` says so. Promises nothing.
    pub(crate) fn read_ahead(&self, go_on: &dyn Fn() -> bool) {
        let Ok(file) = File::open(self.file()) else { return };
        let octets = file.metadata().map_or(0, |facts| facts.len());
        if octets > INDEX_OCTETS_MAX {
            return;
        }
        let mut at = 0;
        while at < octets && go_on() {
            if fadvise(&file, at, NonZeroU64::new(PIECE_OCTETS), Advice::WillNeed).is_err() {
                return;
            }
            at += PIECE_OCTETS;
        }
    }
}
