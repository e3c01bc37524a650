//! The live segment: where the next group goes, and the zeros ahead of it.
//!
//! Must not: write a group behind anything that is not a whole group or zeros.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::build::Open;
use super::group::{GROUP_HEADER_OCTETS, GroupBuilder};
use super::index::Position;
use super::options::Durability;
use super::segment::{FileKind, Header, Layout, SEGMENT_HEADER_OCTETS, StoreId};
use crate::vfs::{File, Vfs};

/// Zeros are written in such steps, so that no commit waits long for one.
const FILL_STEP_OCTETS: u64 = 1024 * 1024;
/// Written at a time.
static ZEROS: [u8; 128 * 1024] = [0; 128 * 1024];
/// Groups above this lengthen the file: the change of length is a small part of their cost, the zeros would
/// not be.
const FILLED_GROUP_OCTETS_MAX: u64 = 64 * 1024;
/// So many small groups in a row are a reason to write zeros: the next large one would only cover them.
const SMALL_GROUPS_MIN: u64 = 8;

/// The end of the journal. Only the leader has it.
pub(crate) struct Live {
    /// The group that is being built, behind `position`.
    pub(crate) open: Option<Open>,
    pub(crate) file: Arc<LiveFile>,
    pub(crate) header: Header,
    pub(crate) position: Position,
    pub(crate) builder: GroupBuilder,
    /// The segment after it was asked for.
    pub(crate) next_wanted: bool,
}

/// The live segment's file, shared with the thread that fills it.
pub(crate) struct LiveFile {
    pub(crate) file: Arc<dyn File>,
    /// Up to here the file is as long as it is and holds groups or zeros.
    filled: AtomicU64,
    /// End of the last group.
    end: AtomicU64,
    /// Held while `filled` moves.
    filling: Mutex<()>,
    /// A failed filling is not repeated in this segment.
    given_up: AtomicU64,
    /// Groups since the last one that was too large to be written into zeros.
    small_groups: AtomicU64,
}

impl LiveFile {
    pub(crate) fn new(file: Arc<dyn File>, end: u64) -> Self {
        Self {
            file,
            filled: AtomicU64::new(end),
            end: AtomicU64::new(end),
            filling: Mutex::new(()),
            given_up: AtomicU64::new(0),
            small_groups: AtomicU64::new(SMALL_GROUPS_MIN),
        }
    }
    /// Writes a group at `offset` and returns when it is durable.
    pub(crate) fn write(&self, group: &[u8], offset: u64, durability: Durability) -> io::Result<()> {
        let end = offset + group.len() as u64;
        if end > self.filled.load(Ordering::Acquire) {
            // From here on the filler stays behind us.
            let _filling = self.filling.lock();
            self.filled.fetch_max(end, Ordering::AcqRel);
        }
        match durability {
            Durability::ZeroFilled => self.file.write_durable(group, offset)?,
            Durability::Append => {
                self.file.write_at(group, offset)?;
                self.file.flush()?;
            }
        }
        self.end.store(end, Ordering::Release);
        Ok(())
    }
    /// A group could not be written: what there is of it must not pass for one later. The room stays:
    /// on a full disk it
    /// may be all there is.
    pub(crate) fn disown(&self, offset: u64) {
        let _ = self.file.write_at(&[0; GROUP_HEADER_OCTETS], offset);
    }
    /// Cuts the file behind the last group.
    fn cut(&self, end: u64) -> io::Result<()> {
        let _filling = self.filling.lock();
        self.file.set_octets(end)?;
        self.filled.store(end, Ordering::Release);
        self.end.store(end, Ordering::Release);
        Ok(())
    }
    /// No more zeros: the segment is sealed.
    pub(crate) fn seal(&self, end: u64) -> io::Result<()> {
        self.given_up.store(1, Ordering::Release);
        self.cut(end)
    }
    /// Whether the zeros ahead run out, and groups like this one would use them.
    pub(crate) fn wants_zeros(&self, group_octets: u64, ahead_octets: u64) -> bool {
        if group_octets > FILLED_GROUP_OCTETS_MAX {
            self.small_groups.store(0, Ordering::Relaxed);
            return false;
        }
        let small_groups = self.small_groups.fetch_add(1, Ordering::Relaxed);
        let ahead = self.filled.load(Ordering::Acquire).saturating_sub(self.end.load(Ordering::Acquire));
        ahead < ahead_octets / 2
            && small_groups >= SMALL_GROUPS_MIN
            && self.given_up.load(Ordering::Acquire) == 0
    }
    /// Writes one step of zeros if they are missing. Returns whether there may be more to do.
    pub(crate) fn fill(&self, ahead_octets: u64) -> bool {
        let _filling = self.filling.lock();
        let from = self.filled.load(Ordering::Acquire);
        let wanted = self.end.load(Ordering::Acquire) + ahead_octets;
        if from >= wanted || self.given_up.load(Ordering::Acquire) > 0 {
            return false;
        }
        let octets = FILL_STEP_OCTETS.min(wanted - from);
        let done = self.write_zeros(from, octets).and_then(|()| self.file.flush());
        match done {
            Ok(()) => self.filled.store(from + octets, Ordering::Release),
            // A full disk is met by the groups themselves, which report it.
            Err(_) => self.given_up.store(1, Ordering::Release),
        }
        done.is_ok()
    }
    fn write_zeros(&self, from: u64, octets: u64) -> io::Result<()> {
        let mut done = 0;
        while done < octets {
            let piece = (octets - done).min(ZEROS.len() as u64);
            self.file.write_at(ZEROS.get(..piece as usize).unwrap_or(&ZEROS), from + done)?;
            done += piece;
            // The system does not interrupt a long copy, whoever waits.
            std::thread::yield_now();
        }
        Ok(())
    }
}

/// Where a new segment begins.
#[derive(Clone, Copy)]
pub(crate) struct Start {
    pub(crate) store: StoreId,
    pub(crate) segment: u32,
    /// The last group before it.
    pub(crate) after: Position,
}

/// Makes a segment, durable with its name, ready for its first group.
pub(crate) fn create_segment(vfs: &dyn Vfs, layout: &Layout, start: Start) -> io::Result<Live> {
    let Start { store, segment, after } = start;
    let header = Header { sequence: after.sequence + 1, chain: after.chain, ..new_header(store, segment)? };
    Ok(Live::begin(header, create_file(vfs, layout, &header)?, after))
}

/// A segment made ahead of need: nobody waits for its flushes when the one before it is full.
pub(crate) struct Ahead {
    header: Header,
    file: Arc<dyn File>,
}

impl Ahead {
    pub(crate) fn create(vfs: &dyn Vfs, layout: &Layout, store: StoreId, segment: u32) -> io::Result<Self> {
        let header = Header { ahead: true, ..new_header(store, segment)? };
        let file = create_file(vfs, layout, &header)?;
        Ok(Self { header, file })
    }
    pub(crate) fn segment(&self) -> u32 {
        self.header.segment
    }
    /// Nothing needs to be written: the first group says what the file does not.
    pub(crate) fn begin(self, after: Position) -> Live {
        let header = Header { sequence: after.sequence + 1, chain: after.chain, ..self.header };
        Live::begin(header, self.file, after)
    }
}

impl Live {
    fn begin(header: Header, file: Arc<dyn File>, after: Position) -> Self {
        let position = Position { segment: header.segment, offset: SEGMENT_HEADER_OCTETS, ..after };
        let file = Arc::new(LiveFile::new(file, SEGMENT_HEADER_OCTETS));
        Self { open: None, file, header, position, builder: GroupBuilder::default(), next_wanted: false }
    }
}

fn new_header(store: StoreId, segment: u32) -> io::Result<Header> {
    Ok(Header {
        kind: FileKind::Journal,
        ahead: false,
        store,
        segment,
        salt: random()?,
        sequence: 0,
        chain: 0,
        applied: 0,
        created_millis: now_millis(),
    })
}

fn create_file(vfs: &dyn Vfs, layout: &Layout, header: &Header) -> io::Result<Arc<dyn File>> {
    let path = layout.segment(header.segment);
    let file = match vfs.create(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Left by an attempt that failed before any group could be in it.
            vfs.remove(&path)?;
            vfs.create(&path)?
        }
        other => other?,
    };
    let durable = file
        .write_at(&header.encode(), 0)
        .and_then(|()| file.flush())
        .and_then(|()| vfs.sync_dir(&layout.journal()));
    if let Err(error) = durable {
        let _ = vfs.remove(&path);
        return Err(error);
    }
    Ok(file)
}

/// Random octets from the system.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(octets)
}

/// Milliseconds since 1970; only written down, never decided by.
pub(crate) fn now_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
