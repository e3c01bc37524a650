//! The reserve: room on the disk that is given up so that DELETE and EXPUNGE work when it is full.
//!
//! Beside it room is left for packing a segment (`Options::packing_octets`), of which others may take some.
//!
//! Must not: let mail into the room that was given up; it would be gone when it is needed again.

use std::io::ErrorKind;
use std::sync::atomic::Ordering;

use super::segment::Layout;
use super::{Options, Shared};
use crate::vfs::{Vfs, is_full};

/// Of a small disk so much is left for packing,
const ROOM_PART: u64 = 16;
/// and a segment is no longer than this part of it: several can be packed with that room.
const SEGMENT_PART: u64 = 64;
/// It is looked at anew when mail took this part of the room that is left,
const LOOKS: u64 = 64;
/// but not for less than this.
const LOOK_OCTETS_MIN: u64 = 64 * 1024;
/// No disk makes segments shorter.
const SEGMENT_OCTETS_MIN: u64 = 1024 * 1024;

/// The options for a store on the disk where it is.
pub(crate) fn on_its_disk(options: Options, layout: &Layout) -> Options {
    let disk = options.vfs.disk_octets(&layout.root).unwrap_or(u64::MAX);
    let longest = (disk / SEGMENT_PART).max(SEGMENT_OCTETS_MIN);
    Options { segment_octets: options.segment_octets.min(longest), ..options }
}

/// Whether the room that is kept for giving room back is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reserve {
    /// None is kept, or it was not taken yet.
    None,
    /// This disk cannot keep any.
    Unsupported,
    Held,
    /// It was given up, and the disk is too full to take it again.
    Missing,
}

impl Shared {
    /// Takes the room again when it was given up. A disk that is still full is no error.
    pub(crate) fn refill_reserve(&self) {
        // The index needs the room now, and tries again soon.
        let is_needed = self.state.lock().apply_failure.is_some();
        let mut reserve = self.reserve.lock();
        let is_settled = matches!(*reserve, Reserve::Held | Reserve::Unsupported);
        if is_settled || self.options.reserve_octets == 0 {
            return;
        }
        // Asking for room that is not there takes, for a moment, all there is (fallocate goes in steps), and
        // a deletion beside it would fail.
        if *reserve == Reserve::Missing && (is_needed || !self.has_room_for_reserve()) {
            return;
        }
        let path = self.layout.reserve();
        let file = match self.vfs.open(&path) {
            Ok(file) => Ok(file),
            Err(_) => self.vfs.create(&path),
        };
        *reserve = match file.and_then(|file| file.reserve(self.options.reserve_octets)) {
            Ok(()) => Reserve::Held,
            Err(error) => {
                let _ = self.vfs.remove(&path);
                match error.kind() {
                    _ if is_full(&error) => Reserve::Missing,
                    ErrorKind::Unsupported => Reserve::Unsupported,
                    _ => Reserve::None,
                }
            }
        };
    }
    fn has_room_for_reserve(&self) -> bool {
        let free = self.vfs.free_octets(&self.layout.root).unwrap_or(u64::MAX);
        free >= self.options.reserve_octets
    }
    /// Whether there is room for more than giving room back.
    pub(crate) fn takes_mail(&self) -> bool {
        if *self.reserve.lock() == Reserve::Missing {
            self.refill_reserve();
        }
        *self.reserve.lock() != Reserve::Missing && self.can_pack()
    }
    /// Whether there is room for packing a segment. Looked at again when some mail was written since.
    pub(crate) fn can_pack(&self) -> bool {
        let options = &self.options;
        let unlooked = self.unlooked_octets.load(Ordering::Relaxed);
        if options.packing_octets == 0 || unlooked < self.look_octets.load(Ordering::Relaxed) {
            return true;
        }
        let path = &self.layout.root;
        // A disk that does not say how much room it has is taken for one that has enough.
        let needed =
            self.vfs.disk_octets(path).map_or(0, |disk| options.packing_octets.min(disk / ROOM_PART));
        let free = self.vfs.free_octets(path).unwrap_or(u64::MAX);
        let can = free.saturating_sub(self.unapplied_octets()) >= needed;
        self.look_octets.store((needed / LOOKS).max(LOOK_OCTETS_MIN), Ordering::Relaxed);
        if can {
            self.unlooked_octets.store(0, Ordering::Relaxed);
        }
        can
    }
    /// Rows that are in the journal, and soon in the index too.
    fn unapplied_octets(&self) -> u64 {
        let state = self.state.lock();
        (state.current.octets() + state.frozen.octets()) as u64
    }
    /// Octets that were written to the disk.
    pub(crate) fn note_written(&self, octets: u64) {
        self.unlooked_octets.fetch_add(octets, Ordering::Relaxed);
    }
    /// Gives the room up. Returns whether there was any.
    pub(crate) fn release_reserve(&self) -> bool {
        let mut reserve = self.reserve.lock();
        let had = *reserve == Reserve::Held && self.vfs.remove(&self.layout.reserve()).is_ok();
        if had {
            *reserve = Reserve::Missing;
        }
        had
    }
    /// The index needs some pages to note deletions; without them no space would ever come back.
    pub(crate) fn release_reserve_for_index(&self) {
        let free = self.vfs.free_octets(&self.layout.root).unwrap_or(0);
        if free < self.options.reserve_octets && self.state.lock().apply_failure.is_some() {
            self.release_reserve();
        }
    }
}
