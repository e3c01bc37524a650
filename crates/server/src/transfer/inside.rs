//! Files of the folder that is imported, and of no other: a symbolic link is never followed, because it may
//! lead to what the person who made the folder could not read, and who imports it can.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use crate::problem::Problem;

/// Why a link is left out.
pub(super) const LINK: &str = "a symbolic link is not followed, it may lead out of the folder";
const NO_FILE: &str = "not a file";

/// Opens a file that lies there itself. Nothing is waited for that somebody would have to write.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| {
        match path.is_symlink() {
            true => io::Error::new(io::ErrorKind::InvalidInput, LINK),
            false => error,
        }
    })?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, NO_FILE)),
    }
}

/// The same of a file that need not be there.
pub(super) fn open_if_there(path: &Path) -> Result<Option<File>, Problem> {
    match open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::file("read", path)(error)),
    }
}
