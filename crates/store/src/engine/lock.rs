//! The lock of the data folder: one process at a time, and whoever comes second learns who is first.
//!
//! The file holds two lines: the process, and how many processes before it ended one after the other without
//! letting the lock go. It is empty after a clean end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::vfs::is_full;

/// Held as long as the store is open.
pub(crate) struct FolderLock {
    file: File,
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Whoever opens the store next sees that we ended well.
        let _ = self.file.set_len(0);
        // Closing alone would leave the lock to a process that was forked meanwhile, until it runs its
        // own program.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Why the folder could not be locked.
#[derive(Debug)]
pub(crate) enum LockError {
    /// By the process with this id, if it could be read.
    Held(Option<u32>),
    Io(io::Error),
}

impl FolderLock {
    /// Takes the lock and writes our process id into the file.
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(path).map_err(LockError::Io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(LockError::Held(holder(&mut file))),
            Err(error) => return Err(LockError::Io(error.into())),
        }
        let ends = unclean_ends(&mut file);
        file.set_len(0).and_then(|()| file.rewind()).map_err(LockError::Io)?;
        match writeln!(file, "{}\n{ends}", std::process::id()) {
            // Who holds it is a courtesy; on a full disk mail must be there to be deleted.
            Err(error) if !is_full(&error) => Err(LockError::Io(error)),
            _ => Ok(Self { file }),
        }
    }
    /// How many processes ended, one after the other and just before now, without closing the store. Counts
    /// one that still has it open.
    pub(crate) fn unclean_ends(path: &Path) -> u32 {
        File::open(path).map_or(0, |mut file| unclean_ends(&mut file))
    }
}

fn holder(file: &mut File) -> Option<u32> {
    text(file).lines().next()?.parse().ok()
}

fn unclean_ends(file: &mut File) -> u32 {
    let text = text(file);
    if text.is_empty() {
        return 0;
    }
    text.lines().nth(1).and_then(|count| count.parse::<u32>().ok()).unwrap_or(0).saturating_add(1)
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    // What cannot be read is no number, and is treated as such.
    let _ = file.take(64).read_to_string(&mut text);
    text
}
