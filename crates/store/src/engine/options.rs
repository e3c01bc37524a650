//! What can be set about the engine, with the measured defaults, and why it may refuse to open.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::record::rising::{Rising, rising};
use crate::vfs::{RealVfs, Vfs};

/// How a group becomes durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// The live segment is filled with zeros ahead of need and written in place: no change of its length, so
    /// no commit of the file system's own journal. For file systems that overwrite in place (ext4, XFS).
    ZeroFilled,
    /// Groups lengthen the segment. For file systems that copy on write.
    Append,
}

/// Finds the numbers of a row, by key and value, that never go down.
pub type FindRising = fn(&[u8], &[u8]) -> Option<Rising>;

/// Settings of the embedded engine. Tests make everything small.
#[derive(Clone)]
pub struct Options {
    pub vfs: Arc<dyn Vfs>,
    pub durability: Durability,
    /// A segment that has become so long is sealed, on a small disk earlier.
    pub segment_octets: u64,
    /// How far the zeros lie ahead of the groups.
    pub fill_ahead_octets: u64,
    /// Transactions in one group.
    pub group_transactions_max: usize,
    /// A group takes no further transaction above this.
    pub group_octets_max: usize,
    /// One transaction may not write more; its caller has to split it.
    pub transaction_octets_max: usize,
    /// So many rows start the applier.
    pub apply_rows: usize,
    /// Rows so old start it too.
    pub apply_millis: u64,
    /// So many rows are written to the index with one flush.
    pub apply_part_rows: usize,
    /// At so many rows not yet in the index, commits wait.
    pub overlay_rows_max: usize,
    /// At so much memory, commits wait.
    pub overlay_octets_max: usize,
    /// Address space of the index; it grows by itself.
    pub map_octets: usize,
    /// Kept free for DELETE and EXPUNGE on a full disk.
    pub reserve_octets: u64,
    /// Mail is taken while so much room is left on the disk, on a small disk a sixteenth of it: with less, a
    /// segment could not be packed, and what is deleted would give nothing back.
    pub packing_octets: u64,
    /// Whether space comes back by itself.
    pub compactor: CompactorOptions,
    /// Letters of tables in which most keys are looked for in vain; that of bodies is known.
    pub mostly_new: &'static [u8],
    /// So many lookups in vain make the engine remember which keys there are, to answer such from memory.
    pub vain_lookups_max: u64,
    /// What is watched while the journal is read again.
    pub rising: FindRising,
    /// Called by the applier before each round; tests slow it down or make it fail with it.
    pub before_apply: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    /// Called when the index was read for a copy, before what was written since goes there; for tests.
    pub while_copying: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Called when a commit is about to wait because too much is not yet in the index; for tests.
    pub when_held: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// When and how fast space comes back.
#[derive(Clone, Copy, Debug)]
pub struct CompactorOptions {
    pub enabled: bool,
    /// How often it looks for work.
    pub period_millis: u64,
    /// Dead octets of all segments, in hundredths of the live ones, that make it begin.
    pub dead_percent: u64,
    /// Fewer dead octets than this are never worth it.
    pub dead_octets_min: u64,
    /// Read and written per second at most.
    pub octets_per_second: u64,
}

impl Default for CompactorOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            period_millis: 5_000,
            dead_percent: 10,
            dead_octets_min: 1024 * 1024,
            octets_per_second: 64 * 1024 * 1024,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            vfs: Arc::new(RealVfs),
            durability: Durability::ZeroFilled,
            segment_octets: 128 * MIB,
            fill_ahead_octets: 2 * MIB,
            group_transactions_max: 256,
            group_octets_max: 8 * MIB as usize,
            transaction_octets_max: 32 * MIB as usize,
            apply_rows: 262_144,
            apply_millis: 2_000,
            apply_part_rows: 16_384,
            overlay_rows_max: 524_288,
            overlay_octets_max: 192 * MIB as usize,
            map_octets: 64 * 1024 * MIB as usize,
            reserve_octets: 2 * MIB,
            packing_octets: 176 * MIB,
            compactor: CompactorOptions::default(),
            mostly_new: &[crate::key::table::THREAD_KEY],
            vain_lookups_max: 4_096,
            rising,
            before_apply: None,
            while_copying: None,
            when_held: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("durability", &self.durability).finish_non_exhaustive()
    }
}

/// Why a store did not open: what is wrong, where, and what to do.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it open.
    Locked {
        folder: PathBuf,
        holder: Option<u32>,
    },
    /// Acknowledged data is damaged: starting would lose it silently.
    Damaged {
        file: PathBuf,
        what: String,
    },
    /// Files of another store, or of a newer format.
    Foreign {
        file: PathBuf,
        what: String,
    },
    /// The journal ends before what the index has: it was damaged or replaced by an older copy.
    IndexAhead {
        index_sequence: u64,
        journal_sequence: u64,
    },
    Io {
        path: PathBuf,
        error: std::io::Error,
    },
    Index {
        path: PathBuf,
        what: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { folder, holder: Some(pid) } => {
                write!(f, "{} is in use by process {pid}; stop that process first", folder.display())
            }
            Self::Locked { folder, holder: None } => {
                write!(f, "{} is in use by another process; stop it first", folder.display())
            }
            Self::Damaged { file, what } => write!(
                f,
                "{}: {what}; restore the file from a backup, or run `koi check --repair` to give up what is \
                 damaged",
                file.display()
            ),
            Self::Foreign { file, what } => {
                write!(
                    f,
                    "{}: {what}; restore the folder as a whole, or use the version that wrote it",
                    file.display()
                )
            }
            Self::IndexAhead { index_sequence, journal_sequence } => write!(
                f,
                "the journal ends at group {journal_sequence}, but the index already has group \
                 {index_sequence}: the journal was cut or replaced by an older copy; restore it, or run \
                 `koi check --repair` to go on with what is there"
            ),
            Self::Io { path, error } => {
                write!(f, "{}: {error}; check the disk and the permissions", path.display())
            }
            Self::Index { path, what } => {
                write!(f, "{}: {what}; free some room, or remove the folder: it is rebuilt", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {}

impl OpenError {
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |error| Self::Io { path: path.to_owned(), error }
    }
}
