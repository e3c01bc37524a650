//! The lock of the data folder: one process at a time, and whoever comes second learns who is first.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Held as long as the store is open.
pub(crate) struct FolderLock {
    file: File,
}

impl Drop for FolderLock {
    fn drop(&mut self) {
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
        file.set_len(0).and_then(|()| file.rewind()).map_err(LockError::Io)?;
        writeln!(file, "{}", std::process::id()).map_err(LockError::Io)?;
        Ok(Self { file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
