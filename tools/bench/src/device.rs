//! The disk and the machine: a bare flush, the device's own sector counter, the page cache, the
//! octets a folder occupies, the load.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::failure::{Context, Outcome};

/// A file to which 4 KB are appended and flushed: what one durable write costs on this disk now.
pub(crate) struct BareFlush {
    file: File,
    path: PathBuf,
    block: Vec<u8>,
}

impl BareFlush {
    /// Creates the file in a folder of the disk that is measured.
    pub(crate) fn new(folder: &Path) -> Outcome<Self> {
        let path = folder.join("bare-flush");
        Ok(Self { file: File::create(&path)?, path, block: vec![0x5a; 4_096] })
    }

    /// Appends 4 KB, flushes them (fdatasync), says how long it took.
    pub(crate) fn once(&mut self) -> Outcome<Duration> {
        let start = Instant::now();
        self.file.write_all(&self.block)?;
        self.file.sync_data()?;
        Ok(start.elapsed())
    }
}

impl Drop for BareFlush {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _result = fs::remove_file(&self.path);
    }
}

/// How the page cache was emptied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// /proc/sys/vm/drop_caches: pages, directory entries and inodes.
    Everything,
    /// Only the pages of the server's files (posix_fadvise), for want of permission.
    FilePages,
}

/// Writes everything back and empties the page cache.
pub(crate) fn drop_page_cache(data: &Path) -> Outcome<Dropped> {
    rustix::fs::sync();
    if fs::write("/proc/sys/vm/drop_caches", "3").is_ok() {
        return Ok(Dropped::Everything);
    }
    for path in files(data)? {
        let file = File::open(path)?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(Dropped::FilePages)
}

/// Octets allocated for a folder, each file once (what `du -B1` says).
pub(crate) fn allocated_octets(folder: &Path) -> Outcome<u64> {
    let mut seen = HashSet::new();
    let mut sum = 0;
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).context(&folder.display().to_string())? {
            let entry = entry?;
            // A server may remove a file while we look.
            let Ok(meta) = entry.metadata() else { continue };
            if seen.insert((meta.dev(), meta.ino())) {
                sum += meta.blocks() * 512;
            }
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(sum)
}

fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Octets written to the device a folder lies on since the machine started (the device's counter of
/// sectors; /proc/PID/io overstates it).
pub(crate) fn device_octets_written(folder: &Path) -> Outcome<u64> {
    let device = fs::metadata(folder)?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let text = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat"))?;
    let sectors: u64 = text.split_whitespace().nth(6).context("sectors written")?.parse()?;
    Ok(sectors * 512)
}

/// The load of the last minute.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_string()
}

/// Processor, memory, kernel and file system, one line.
pub(crate) fn machine(folder: &Path) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let processors = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    let (gib, kernel, kind) = (kib.div_ceil(1 << 20), kernel.trim(), file_system(folder));
    format!("{processors} x {model}, {gib} GiB, Linux {kernel}, {kind}")
}

/// The type of the file system a folder lies on.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mut best = (0, "unknown file system");
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(place), Some(kind)) = (fields.next(), fields.next()) else { continue };
        if folder.starts_with(place) && place.len() >= best.0 {
            best = (place.len(), kind);
        }
    }
    best.1.to_string()
}
