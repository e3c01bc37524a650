//! Files as the store sees them: positioned reads and writes, flushes, names. The real ones, and twins for
//! tests.
//!
//! The index library does its own I/O; everything else file-like goes through here, so that it can be
//! counted, recorded and made to fail.
//!
//! Must not: know what is in a file.

mod counted;
mod real;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub(crate) use counted::nobody_waits_for_this_thread;
pub use counted::{Counted, IoCounts};
pub use real::RealVfs;

/// A file system, or something that behaves like one.
pub trait Vfs: Send + Sync {
    /// A new file for reading and writing; an error when the name is taken.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// An existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Replaces what has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes a folder only its owner can read; one that is there is no error.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Names in a folder, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Makes names in a folder durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Room left on the disk of a folder, for those who may use it; twins without a disk have enough.
    fn free_octets(&self, _path: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
    /// Length of that disk; twins without a disk are as long as can be.
    fn disk_octets(&self, _path: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
    /// Told after the index has committed by its own means; for twins that keep images of the whole store.
    fn index_committed(&self) {}
}

/// An open file. All offsets and lengths in octets.
pub trait File: Send + Sync {
    /// Writes all octets; they are durable after the next `flush`.
    fn write_at(&self, octets: &[u8], offset: u64) -> io::Result<()>;
    /// Writes all octets and returns when they are durable.
    fn write_durable(&self, octets: &[u8], offset: u64) -> io::Result<()>;
    /// Makes everything written so far durable, the length too.
    fn flush(&self) -> io::Result<()>;
    /// Fills the buffer from `offset`; returns fewer octets only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    fn octets(&self) -> io::Result<u64>;
    /// Cuts, or lengthens with zeros.
    fn set_octets(&self, octets: u64) -> io::Result<()>;
    /// Sends a range to the disk and waits for that, so that the next flush is short, and nothing else has
    /// long to wait behind it. It is not durable then. What fails may be told here and not again by the
    /// flush: the file is lost then.
    fn write_back(&self, offset: u64, octets: u64) -> io::Result<()>;
    /// Takes the room for so many octets on the disk without writing them.
    fn reserve(&self, octets: u64) -> io::Result<()>;
}

/// Whether an error means that the disk (or the quota) is full, and may pass.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
