//! The file system of the machine.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate, fdatasync};
use rustix::io::{ReadWriteFlags, pwritev2};

use super::{File, Vfs};

/// Files of the machine, readable by their owner only.
#[derive(Clone, Copy, Default, Debug)]
pub struct RealVfs;

struct RealFile(std::fs::File);

impl Vfs for RealVfs {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RealFile(OpenOptions::new().read(true).write(true).open(path)?)))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other,
        }
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let names =
            std::fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names = names.collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::File::open(path)?.sync_all()
    }
    fn disk_octets(&self, path: &Path) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(path)?;
        Ok(disk.f_blocks.saturating_mul(disk.f_frsize))
    }
    fn free_octets(&self, path: &Path) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(path)?;
        // Some file systems do not say.
        if disk.f_blocks == 0 {
            return Ok(u64::MAX);
        }
        let may_take_all = rustix::process::geteuid().is_root();
        let blocks = if may_take_all { disk.f_bfree } else { disk.f_bavail };
        Ok(blocks.saturating_mul(disk.f_frsize))
    }
}

impl File for RealFile {
    fn write_at(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(octets, offset)
    }
    fn write_durable(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        let (mut rest, mut at) = (octets, offset);
        while !rest.is_empty() {
            let wrote = match pwritev2(&self.0, &[IoSlice::new(rest)], at, ReadWriteFlags::DSYNC) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(wrote) => wrote,
                Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                    self.0.write_all_at(rest, at)?;
                    return self.flush();
                }
                Err(error) => return Err(error.into()),
            };
            rest = rest.get(wrote..).unwrap_or_default();
            at += wrote as u64;
        }
        Ok(())
    }
    fn flush(&self) -> io::Result<()> {
        Ok(fdatasync(&self.0)?)
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
    fn octets(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
    fn set_octets(&self, octets: u64) -> io::Result<()> {
        self.0.set_len(octets)
    }
    fn write_back(&self, offset: u64, octets: u64) -> io::Result<()> {
        write_back(&self.0, offset, octets)
    }
    fn reserve(&self, octets: u64) -> io::Result<()> {
        Ok(fallocate(&self.0, FallocateFlags::empty(), 0, octets)?)
    }
}

/// sync_file_range(2): neither flushes the device nor writes what the file system knows of the file.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn write_back(file: &std::fs::File, offset: u64, octets: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let (Ok(offset), Ok(octets)) = (i64::try_from(offset), i64::try_from(octets)) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let flags = libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    // SAFETY: numbers only; the descriptor is open as long as `file` is borrowed.
    match unsafe { libc::sync_file_range(file.as_raw_fd(), offset, octets, flags) } {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            // Where the system does not have it, the flush at the end does all of it.
            error if error.kind() == io::ErrorKind::Unsupported => Ok(()),
            error => Err(error),
        },
    }
}

/// Elsewhere the flush at the end does all of it.
#[cfg(not(target_os = "linux"))]
fn write_back(_file: &std::fs::File, _offset: u64, _octets: u64) -> io::Result<()> {
    Ok(())
}
