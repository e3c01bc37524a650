//! The reserve: room on the disk that is given up so that DELETE and EXPUNGE work when it is full.

use super::Shared;
use crate::vfs::Vfs;

impl Shared {
    /// Takes the room again when it was given up. A disk that is still full is no error.
    pub(crate) fn refill_reserve(&self) {
        let mut held = self.reserve_held.lock();
        if *held || self.options.reserve_octets == 0 {
            return;
        }
        let path = self.layout.reserve();
        let file = match self.vfs.open(&path) {
            Ok(file) => Ok(file),
            Err(_) => self.vfs.create(&path),
        };
        match file.and_then(|file| file.reserve(self.options.reserve_octets)) {
            Ok(()) => *held = true,
            Err(_) => drop(self.vfs.remove(&path)),
        }
    }
    /// Gives the room up. Returns whether there was any.
    pub(crate) fn release_reserve(&self) -> bool {
        let mut held = self.reserve_held.lock();
        let had = *held && self.vfs.remove(&self.layout.reserve()).is_ok();
        *held = false;
        had
    }
    /// The index needs some pages to note deletions; without them no space would ever come back.
    pub(crate) fn release_reserve_for_index(&self) {
        if self.state.lock().apply_failure.is_some() {
            self.release_reserve();
        }
    }
}
