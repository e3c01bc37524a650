//! Bodies too large for a group: streamed into a file of their own, hashed on the way, durable before a
//! transaction refers to them. They are written back early, a piece at a time, so that neither the last flush
//! nor a piece stands in the way of the journal's.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use koi_types::{BlobId, ErrorKind, MailError, Result};
use parking_lot::Mutex;

use super::Shared;
use super::bodies::BODY_FILES_FROM;
use super::codec::Codec;
use super::commit::disk_full;
use super::counters::add;
use super::group::{BODY_HEADER_OCTETS, BodyHeader};
use super::journal::{now_millis, random};
use super::segment::{FileKind, Header, SMALL_HEADER_OCTETS};
use crate::body::{BodyRef, NewBody, StagedBody};
use crate::kv::StageBody;
use crate::vfs::{File, Vfs, is_full};

/// So many octets are on their way to the disk at a time: a flush of the journal waits for what is on its way
/// before it.
const WRITEBACK_OCTETS: u64 = 128 * 1024;
/// Small writes are gathered; between two the thread gives way.
const BUFFER_OCTETS: usize = 16 * 1024;

/// Numbers of body files, and which of them nobody refers to yet.
#[derive(Default)]
pub(crate) struct BodyFiles {
    inner: Mutex<Numbers>,
}

#[derive(Default)]
struct Numbers {
    next: u32,
    held: BTreeSet<u32>,
}

impl BodyFiles {
    pub(crate) fn new(next: u32) -> Self {
        Self { inner: Mutex::new(Numbers { next: next.max(BODY_FILES_FROM), held: BTreeSet::new() }) }
    }
    pub(crate) fn next(&self) -> u32 {
        self.inner.lock().next
    }
    /// Whether somebody may still refer to it.
    pub(crate) fn is_held(&self, number: u32) -> bool {
        self.inner.lock().held.contains(&number)
    }
    fn take(&self) -> Option<u32> {
        let mut numbers = self.inner.lock();
        let number = numbers.next;
        numbers.next = number.checked_add(1)?;
        numbers.held.insert(number);
        Some(number)
    }
}

/// Keeps a body file from being removed.
struct Hold {
    shared: Arc<Shared>,
    number: u32,
    path: PathBuf,
    octets: u64,
    finished: bool,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.shared.body_files.inner.lock().held.remove(&self.number);
        if self.finished {
            // Perhaps nobody refers to it: then the compactor should look before long.
            self.shared.dead_hint.fetch_add(self.octets / 4, Ordering::Relaxed);
        } else {
            let _ = self.shared.vfs.remove(&self.path);
        }
    }
}

/// A large body while it arrives.
pub(crate) struct Staging {
    hold: Hold,
    file: Arc<dyn File>,
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
    /// In the file.
    written: u64,
    written_back: u64,
    /// Why it cannot be finished any more: what has failed once no flush tells again.
    broken: Option<MailError>,
}

const DATA_FROM: u64 = SMALL_HEADER_OCTETS + BODY_HEADER_OCTETS as u64;

impl Staging {
    pub(crate) fn begin(shared: &Arc<Shared>) -> Result<Self> {
        shared.writable()?;
        has_room(shared, Shared::takes_mail)?;
        let out_of_numbers = || MailError::new(ErrorKind::LimitReached, "no more body files can be named");
        let number = shared.body_files.take().ok_or_else(out_of_numbers)?;
        let path = shared.layout.body(number);
        let hold =
            Hold { shared: Arc::clone(shared), number, path: path.clone(), octets: 0, finished: false };
        let file = shared.vfs.create(&path).map_err(|error| failed(shared, &error))?;
        Ok(Self {
            hold,
            file,
            hasher: blake3::Hasher::new(),
            buffer: Vec::with_capacity(BUFFER_OCTETS),
            written: 0,
            written_back: 0,
            broken: None,
        })
    }
    fn flush_buffer(&mut self) -> Result<()> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let written = self.write_buffer();
        self.broken = written.as_ref().err().cloned();
        written
    }
    fn write_buffer(&mut self) -> Result<()> {
        // Others that began at the same moment may have taken it.
        has_room(&self.hold.shared, Shared::can_pack)?;
        // Full buffers begin where a subtree of the hash begins: it takes all of one at a time.
        self.hasher.update(&self.buffer);
        let offset = DATA_FROM + self.written;
        self.file.write_at(&self.buffer, offset).map_err(|error| failed(&self.hold.shared, &error))?;
        self.written += self.buffer.len() as u64;
        self.hold.shared.note_written(self.buffer.len() as u64);
        self.buffer.clear();
        if self.written - self.written_back >= WRITEBACK_OCTETS {
            let (from, octets) = (DATA_FROM + self.written_back, self.written - self.written_back);
            self.file.write_back(from, octets).map_err(|error| failed(&self.hold.shared, &error))?;
            self.written_back = self.written;
        }
        // Who is woken beside a thread that goes on and on waits for the next tick of the clock: that is
        // milliseconds, each time.
        std::thread::yield_now();
        Ok(())
    }
    fn seal(&mut self, blob: BlobId) -> std::io::Result<()> {
        let shared = &self.hold.shared;
        let header = Header {
            kind: FileKind::Body,
            ahead: false,
            store: shared.store,
            segment: self.hold.number,
            salt: random()?,
            sequence: 0,
            chain: 0,
            applied: 0,
            created_millis: now_millis(),
        };
        let mut front = header.encode();
        let octets = u32::try_from(self.written).map_err(|_| std::io::ErrorKind::FileTooLarge)?;
        front.extend_from_slice(&BodyHeader { blob, octets, codec: Codec::Plain }.encode());
        self.file.write_at(&front, 0)?;
        self.file.flush()?;
        shared.vfs.sync_dir(&shared.layout.bodies())
    }
}

impl StageBody for Staging {
    fn write(&mut self, octets: &[u8]) -> Result<()> {
        let mut rest = octets;
        while !rest.is_empty() {
            let room = BUFFER_OCTETS - self.buffer.len();
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.buffer.extend_from_slice(now);
            rest = later;
            if self.buffer.len() == BUFFER_OCTETS {
                self.flush_buffer()?;
            }
        }
        Ok(())
    }
    fn finish(mut self: Box<Self>) -> Result<NewBody> {
        self.flush_buffer()?;
        let blob = BlobId(*self.hasher.finalize().as_bytes());
        // A flush that failed is not repeated: the file is dropped, and the caller may send it again.
        self.seal(blob).map_err(|error| failed(&self.hold.shared, &error))?;
        add(&self.hold.shared.counters.staged_octets, self.written);
        let body =
            BodyRef { blob, segment: self.hold.number, offset: SMALL_HEADER_OCTETS, octets: self.written };
        let mut hold = self.hold;
        hold.finished = true;
        hold.octets = self.written;
        Ok(NewBody::Staged(StagedBody::new(body, Arc::new(hold))))
    }
}

fn has_room(shared: &Shared, has: fn(&Shared) -> bool) -> Result<()> {
    if has(shared) {
        return Ok(());
    }
    let error = disk_full();
    shared.note_disk(&error);
    Err(error)
}

fn failed(shared: &Shared, error: &std::io::Error) -> MailError {
    let text = if is_full(error) { "the disk is full" } else { "a message could not be written" };
    let error = MailError::new(ErrorKind::Unavailable, text).context(error);
    shared.note_disk(&error);
    error
}
