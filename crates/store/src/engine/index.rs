//! The index: LMDB, the only place that names it. A checkpoint of the journal: all rows up to a position,
//! which it stores with them. Rows and position change in one LMDB transaction, fully synced.
//!
//! Must not: be written by anybody but the applier and recovery.

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use heed::types::Bytes;
use heed::{
    CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, MdbError, PutFlags, RoTxn, RwTxn, WithoutTls,
};
use koi_types::{ErrorKind, MailError, Result};

use super::merge::{Direction, Row};
use super::segment::StoreId;
use super::wire::Fields;

/// Read transactions at once; a view holds one for one step.
const READERS_MAX: u32 = 2048;
const STORE_KEY: &[u8] = b"store";
const POSITION_KEY: &[u8] = b"position";
const REACH_KEY: &[u8] = b"reach";
const POSITION_VERSION: u8 = 1;
const DATA_FILE: &str = "data.mdb";
/// Beside the generations: the index was found damaged while the store was open.
pub(crate) const DAMAGED_MARK: &str = "damaged";

/// How far the journal has come, or how much of it the index holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Position {
    /// Of the last group; 0 before the first.
    pub(crate) sequence: u64,
    pub(crate) segment: u32,
    /// End of that group.
    pub(crate) offset: u64,
    /// Checksum of the header of that group.
    pub(crate) chain: u32,
    /// The next unused number of a body file.
    pub(crate) next_body: u32,
}

impl Position {
    /// Greater the further it is.
    pub(crate) const fn place(self) -> (u64, u32, u64) {
        (self.sequence, self.segment, self.offset)
    }
}

/// Why an index could not be opened or written.
#[derive(Debug)]
pub(crate) enum IndexError {
    MapFull,
    /// Not an index of this store, or damaged: it can be rebuilt from the journal.
    Unusable(String),
    /// Disk full or failing: may pass.
    Failed(String),
}

impl IndexError {
    pub(crate) fn into_mail(self) -> MailError {
        match self {
            Self::MapFull => MailError::new(ErrorKind::Unavailable, "the index is full"),
            Self::Unusable(why) => MailError::new(
                ErrorKind::Corrupt,
                "the index is damaged; it is built again at the next start",
            )
            .context(why),
            Self::Failed(why) => MailError::new(ErrorKind::Unavailable, "the index failed").context(why),
        }
    }
}

impl From<heed::Error> for IndexError {
    fn from(error: heed::Error) -> Self {
        match error {
            heed::Error::Mdb(MdbError::MapFull) => Self::MapFull,
            heed::Error::Io(error) => Self::Failed(error.to_string()),
            other => Self::Unusable(other.to_string()),
        }
    }
}

/// A read transaction that owns its environment.
pub(crate) type ReadTxn = RoTxn<'static, WithoutTls>;
type Table = Database<'static, Bytes, Bytes>;

/// An open index.
pub(crate) struct Index {
    pub(super) env: Env<WithoutTls>,
    pub(super) rows: Table,
    pub(super) meta: Table,
    folder: PathBuf,
    number: u32,
    /// A newer generation has taken over: the files go with the last reader.
    retired: AtomicBool,
}

impl Drop for Index {
    fn drop(&mut self) {
        if self.retired.load(Ordering::Acquire) {
            // What is left of it is removed at the next start.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

impl Index {
    /// Opens or makes the index in `folder`. The map is address space, not room on the disk.
    pub(crate) fn open(
        folder: &Path,
        map_octets: usize,
        number: u32,
    ) -> std::result::Result<Self, IndexError> {
        Self::open_with(folder, map_octets, number, EnvFlags::NO_READ_AHEAD)
    }
    pub(super) fn open_with(
        folder: &Path,
        map_octets: usize,
        number: u32,
        flags: EnvFlags,
    ) -> std::result::Result<Self, IndexError> {
        let failed = |error: std::io::Error| IndexError::Failed(error.to_string());
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let env = open_env(folder, map_octets, flags)?;
        let txn = env.write_txn()?;
        let opened = env.create_databases_and_commit(txn, |opener, txn| {
            let rows = opener.create_database::<Bytes, Bytes>(txn, Some("rows"))?;
            let meta = opener.create_database::<Bytes, Bytes>(txn, Some("meta"))?;
            Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit((rows, meta)))
        })?;
        let Some((rows, meta)) = opened.commit() else {
            return Err(IndexError::Unusable("its tables cannot be opened".to_owned()));
        };
        let index =
            Self { env, rows, meta, folder: folder.to_owned(), number, retired: AtomicBool::new(false) };
        index.fill_up()?;
        Ok(index)
    }
    /// Opens an index that another process may have open too, never to be written.
    pub(crate) fn open_to_read(folder: &Path) -> std::result::Result<Self, IndexError> {
        let octets = std::fs::metadata(folder.join(DATA_FILE)).map_or(0, |facts| facts.len());
        let map_octets = usize::try_from(octets.next_multiple_of(1 << 20)).unwrap_or(usize::MAX);
        let env = open_env(folder, map_octets, EnvFlags::READ_ONLY)?;
        let txn = env.read_txn()?;
        let opened = env.open_databases_and_commit(txn, |opener, txn| {
            let rows = opener.open_database::<Bytes, Bytes>(txn, Some("rows"))?;
            let meta = opener.open_database::<Bytes, Bytes>(txn, Some("meta"))?;
            Ok::<_, heed::Error>(match rows.zip(meta) {
                Some(tables) => CommitOrAbort::Commit(tables),
                None => CommitOrAbort::Abort(()),
            })
        })?;
        let Some((rows, meta)) = opened.commit() else {
            return Err(IndexError::Unusable("its tables cannot be opened".to_owned()));
        };
        Ok(Self { env, rows, meta, folder: folder.to_owned(), number: 0, retired: AtomicBool::new(false) })
    }
    /// Lets go of what readers in other processes held when they died.
    pub(crate) fn forget_dead_readers(&self) {
        // A reader that stays only keeps pages from being used again.
        let _ = self.env.clear_stale_readers();
    }
    pub(crate) fn begin_read(&self) -> Result<ReadTxn> {
        self.env.clone().static_read_txn().map_err(|error| self.failed(error))
    }
    pub(crate) fn get<'t>(&self, txn: &'t ReadTxn, key: &[u8]) -> Result<Option<&'t [u8]>> {
        self.rows.get(txn, key).map_err(|error| self.failed(error))
    }
    /// Rows with `from <= key < end`.
    pub(crate) fn range<'t>(
        &'t self,
        txn: &'t ReadTxn,
        from: &[u8],
        end: &[u8],
        direction: Direction,
    ) -> Result<Box<dyn Iterator<Item = Result<Row<'t>>> + 't>> {
        let row = |item: heed::Result<(&'t [u8], &'t [u8])>| match item {
            Ok((key, value)) => Ok(Row { key, value: Some(value) }),
            Err(error) => Err(self.failed(error)),
        };
        let failed = |error| self.failed(error);
        let bounds = (std::ops::Bound::Included(from), std::ops::Bound::Excluded(end));
        Ok(match direction {
            Direction::Up => Box::new(self.rows.range(txn, &bounds).map_err(failed)?.map(row)),
            Direction::Down => Box::new(self.rows.rev_range(txn, &bounds).map_err(failed)?.map(row)),
        })
    }
    /// Puts and deletes `rows` (ascending) and moves the position, durable when it returns. More than
    /// `part_rows` are written in several transactions, so that no flush is so large that the journal's waits
    /// long for it. The position moves with the last; until then the index may hold rows beyond it, and says
    /// how far they reach. The journal has them all: reading it again from the position gives the same.
    pub(crate) fn apply<'r>(
        &self,
        rows: impl Iterator<Item = Row<'r>>,
        position: Position,
        part_rows: usize,
        committed: &dyn Fn(),
    ) -> std::result::Result<(), IndexError> {
        let mut rows = rows.peekable();
        loop {
            let mut txn = self.env.write_txn()?;
            let before = read_position(&self.meta, &txn, POSITION_KEY)?;
            if before.is_some_and(|before| before.sequence > position.sequence) {
                return Err(IndexError::Unusable("its position would go back".to_owned()));
            }
            self.meta.put(&mut txn, REACH_KEY, &encode_position(&position))?;
            self.write_rows(&mut txn, &mut rows.by_ref().take(part_rows.max(1)))?;
            let is_last = rows.peek().is_none();
            if is_last {
                self.meta.put(&mut txn, POSITION_KEY, &encode_position(&position))?;
            }
            txn.commit()?;
            self.fill_up()?;
            committed();
            if is_last {
                return Ok(());
            }
        }
    }
    /// A cursor that goes from row to row mostly finds the next one's place on the page where it is.
    #[allow(unsafe_code)]
    fn write_rows<'r>(
        &self,
        txn: &mut RwTxn<'_>,
        rows: &mut dyn Iterator<Item = Row<'r>>,
    ) -> std::result::Result<(), IndexError> {
        let mut row = rows.next();
        while let Some(first) = row {
            if first.value.is_none() {
                self.rows.delete(txn, first.key)?;
                row = rows.next();
                continue;
            }
            let mut cursor = self.rows.iter_mut(txn)?;
            while let Some(Row { key, value: Some(value) }) = row {
                // SAFETY: key and value lie in the overlay's memory, never in pages of this database, and no
                // reference into those is held while the cursor lives. No flag makes LMDB trust its place.
                unsafe { cursor.put_current_with_options::<Bytes>(PutFlags::empty(), key, value)? };
                row = rows.next();
            }
        }
        Ok(())
    }
    /// Reads every row; an error says that the index is damaged inside. LMDB has no checksums, so order and
    /// number of the rows are looked at too.
    pub(crate) fn read_through(&self) -> std::result::Result<(), IndexError> {
        let txn = self.env.read_txn()?;
        let (mut before, mut rows) = (Vec::new(), 0);
        for row in self.rows.iter(&txn)? {
            let (key, _) = row?;
            if rows > 0 && key <= before.as_slice() {
                return Err(IndexError::Unusable("its rows are out of order".to_owned()));
            }
            before.clear();
            before.extend_from_slice(key);
            rows += 1;
        }
        match rows == self.rows.len(&txn)? {
            true => Ok(()),
            false => Err(IndexError::Unusable("it does not hold as many rows as it says".to_owned())),
        }
    }
    /// A damaged index is marked, so that the next start builds it again.
    fn failed(&self, error: heed::Error) -> MailError {
        let error = IndexError::from(error);
        if let IndexError::Unusable(_) = error {
            self.mark_damaged();
        }
        error.into_mail()
    }
    pub(crate) fn mark_damaged(&self) {
        let _ = File::create(self.folder.with_file_name(DAMAGED_MARK));
    }
    pub(crate) fn set_store(&self, store: StoreId) -> std::result::Result<(), IndexError> {
        let mut txn = self.env.write_txn()?;
        self.meta.put(&mut txn, STORE_KEY, &store.0)?;
        txn.commit()?;
        self.fill_up()
    }
    /// `None` in an index that was just made.
    pub(crate) fn store(&self) -> std::result::Result<Option<StoreId>, IndexError> {
        let txn = self.env.read_txn()?;
        let value = self.meta.get(&txn, STORE_KEY)?;
        let unreadable = || IndexError::Unusable("the store's name in it cannot be read".to_owned());
        value.map(|octets| octets.try_into().map(StoreId).map_err(|_| unreadable())).transpose()
    }
    /// `None` before the first application.
    pub(crate) fn position(&self) -> std::result::Result<Option<Position>, IndexError> {
        let txn = self.env.read_txn()?;
        read_position(&self.meta, &txn, POSITION_KEY)
    }
    /// Up to where there may be rows, when a round was interrupted.
    pub(crate) fn reach(&self) -> std::result::Result<Option<Position>, IndexError> {
        let txn = self.env.read_txn()?;
        read_position(&self.meta, &txn, REACH_KEY)
    }
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join(DATA_FILE)
    }
    pub(crate) fn number(&self) -> u32 {
        self.number
    }
    pub(crate) fn map_octets(&self) -> usize {
        self.env.info().map_size
    }
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }
    pub(crate) fn usage(&self) -> std::result::Result<Usage, IndexError> {
        let txn = self.env.read_txn()?;
        let stat = self.rows.stat(&txn)?;
        let pages = stat.branch_pages + stat.leaf_pages + stat.overflow_pages;
        let file_octets = self.env.real_disk_size()?;
        Ok(Usage {
            used_octets: pages as u64 * u64::from(stat.page_size),
            file_octets,
            rows: stat.entries as u64,
        })
    }
    /// LMDB leaves the file shorter than its page count when the last pages are free. We keep it that long,
    /// so that a file that was cut is known as such: reading a page behind the end of a mapped file would
    /// kill the process.
    pub(super) fn fill_up(&self) -> std::result::Result<(), IndexError> {
        let failed = |error: std::io::Error| IndexError::Failed(error.to_string());
        let pages = self.env.info().last_page_number as u64 + 1;
        let octets = pages * u64::from(self.env.unnamed_database_stat().page_size);
        if self.env.real_disk_size()? < octets {
            let file = File::options().write(true).open(self.folder.join(DATA_FILE)).map_err(failed)?;
            file.set_len(octets).map_err(failed)?;
        }
        Ok(())
    }
}

#[allow(unsafe_code)]
fn open_env(
    folder: &Path,
    map_octets: usize,
    flags: EnvFlags,
) -> std::result::Result<Env<WithoutTls>, IndexError> {
    let whole = pages_are_there(&folder.join(DATA_FILE));
    if !whole.map_err(|error| IndexError::Failed(error.to_string()))? {
        return Err(IndexError::Unusable("the file is cut short or is no index".to_owned()));
    }
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(map_octets).max_dbs(2).max_readers(READERS_MAX);
    // Safety: the store's folder is locked by this process (`lock.rs`) or the index is opened only to be read
    // in a process of its own (`probe.rs`); nobody else writes the file while it is mapped, and it was just
    // checked to be as long as its pages say. The flags switch off reading ahead, or writing.
    let env = unsafe { options.flags(flags).open(folder)? };
    Ok(env)
}

/// What the index takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In pages that hold rows.
    pub used_octets: u64,
    pub file_octets: u64,
    pub rows: u64,
}

fn read_position(
    meta: &Table,
    txn: &RoTxn<'_>,
    key: &[u8],
) -> std::result::Result<Option<Position>, IndexError> {
    let unreadable = || IndexError::Unusable("the position in it cannot be read".to_owned());
    let value = meta.get(txn, key)?;
    value.map(|octets| decode_position(octets).ok_or_else(unreadable)).transpose()
}

fn encode_position(position: &Position) -> Vec<u8> {
    let mut out = vec![POSITION_VERSION];
    out.extend_from_slice(&position.sequence.to_le_bytes());
    out.extend_from_slice(&position.segment.to_le_bytes());
    out.extend_from_slice(&position.offset.to_le_bytes());
    out.extend_from_slice(&position.chain.to_le_bytes());
    out.extend_from_slice(&position.next_body.to_le_bytes());
    out
}

fn decode_position(octets: &[u8]) -> Option<Position> {
    let mut fields = Fields(octets);
    (fields.u8()? == POSITION_VERSION).then_some(())?;
    let position = Position {
        sequence: fields.u64()?,
        segment: fields.u32()?,
        offset: fields.u64()?,
        chain: fields.u32()?,
        next_body: fields.u32()?,
    };
    fields.is_empty().then_some(position)
}

/// Whether the file is as long as the newer of its two meta pages says. A file that is not there, or empty,
/// is fine.
fn pages_are_there(path: &Path) -> std::io::Result<bool> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        other => other?,
    };
    let octets = file.metadata()?.len();
    if octets == 0 {
        return Ok(true);
    }
    let meta = |at: u64| {
        let mut page = [0u8; 152];
        file.read_exact_at(&mut page, at).ok().and_then(|()| meta_page(&page))
    };
    let Some(first) = meta(0) else { return Ok(false) };
    let Some(second) = meta(first.page_octets) else { return Ok(false) };
    let newest = if first.transaction > second.transaction { first } else { second };
    Ok((newest.last_page + 1).saturating_mul(newest.page_octets) <= octets)
}

struct MetaPage {
    page_octets: u64,
    last_page: u64,
    transaction: u64,
}

/// Reads a meta page of LMDB 0.9: page header (16), magic, version, address, map size, two tables of 48, last
/// page, transaction. The page size is the first field of the first table.
fn meta_page(page: &[u8]) -> Option<MetaPage> {
    let mut fields = Fields(page);
    fields.slice(16)?;
    let magic = fields.u32()?;
    fields.slice(4 + 8 + 8)?;
    let free_table = fields.slice(48)?;
    fields.slice(48)?;
    let page_octets = u64::from(Fields(free_table).u32()?);
    let (last_page, transaction) = (fields.u64()?, fields.u64()?);
    let sound = magic == 0xbeef_c0de && page_octets.is_power_of_two() && (512..=65536).contains(&page_octets);
    sound.then_some(MetaPage { page_octets, last_page, transaction })
}
