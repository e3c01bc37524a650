//! One compressed connection (RFC 4978 §3): what comes out of the session is compressed before it goes to TLS
//! or the socket, what comes in is inflated, as much as the session takes and no more.
//!
//! Must not hold much while nothing happens: what a deflater needs goes from one connection to the next.

use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use koi_proto::deflate::{Deflater, Inflater, Spare, Stopped};
use parking_lot::Mutex;

use crate::wire::Stream;

/// Octets handed to a session at a time.
const READ_OCTETS_MAX: usize = koi_types::limits::INPUT_OCTETS_MAX;
/// Octets compressed at a time.
const WRITE_OCTETS_MAX: usize = 64 * 1024;
/// Deflaters kept for whoever needs one next.
const SPARES_MAX: usize = 16;
/// Above this many at work, one is given back as soon as there is nothing to say.
const LINGERING_MAX: usize = 64;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

static SPARES: Mutex<Vec<Spare>> = Mutex::new(Vec::new());
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// Both directions.
pub struct Packing {
    inflater: Inflater,
    deflater: Deflater,
    /// Compressed octets to be written, and how many of them are.
    packed: Vec<u8>,
    sent: usize,
    finished: bool,
    broken: bool,
}

impl Default for Packing {
    fn default() -> Self {
        Self {
            inflater: Inflater::of_commands(),
            deflater: Deflater::default(),
            packed: Vec::new(),
            sent: 0,
            finished: false,
            broken: false,
        }
    }
}

impl Packing {
    /// What comes next for the session; `None` when octets must be read first.
    pub(crate) fn read(&mut self, take: &mut dyn FnMut(&[u8])) -> Option<Poll<usize>> {
        if self.broken {
            return Some(Poll::Ready(0));
        }
        SCRATCH.with_borrow_mut(|clear| {
            let stopped = self.inflater.read(READ_OCTETS_MAX, clear);
            self.broken = stopped.is_err();
            let length = clear.len();
            if length > 0 {
                take(clear);
                clear.fill(0);
                clear.clear();
                return Some(Poll::Ready(length));
            }
            match stopped {
                // The session decides first.
                Ok(Stopped::Held) => Some(Poll::Pending),
                Ok(_) => None,
                Err(_) => Some(Poll::Ready(0)),
            }
        })
    }
    pub(crate) fn feed(&mut self, octets: &[u8]) {
        self.inflater.feed(octets);
    }
    /// What the peer has sent that is not inflated.
    pub(crate) fn unread(&self) -> &[u8] {
        self.inflater.rest()
    }
    pub(crate) fn go_on(&mut self) {
        self.inflater.go_on();
    }
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }

    pub(crate) fn poll_write(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(stream, cx))?;
        let octets = octets.get(..WRITE_OCTETS_MAX).unwrap_or(octets);
        self.work(|deflater, packed| deflater.write(octets, packed));
        Poll::Ready(Ok(octets.len()))
    }
    pub(crate) fn poll_flush(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(stream, cx))?;
        self.deflater.flush(&mut self.packed);
        ready!(self.poll_send(stream, cx))?;
        stream.poll_flush(cx)
    }
    /// Ends the stream and writes all of it; once.
    pub(crate) fn poll_finish(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.finished {
            self.finished = true;
            self.work(Deflater::finish);
        }
        ready!(self.poll_send(stream, cx))?;
        stream.poll_flush(cx)
    }
    fn poll_send(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.packed.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match ready!(stream.poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                length => self.sent += length,
            }
        }
        self.packed.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
    fn work(&mut self, work: impl FnOnce(&mut Deflater, &mut Vec<u8>)) {
        let before = self.deflater.is_at_work();
        if !before && let Some(spare) = SPARES.lock().pop() {
            self.deflater.take_up(spare);
        }
        work(&mut self.deflater, &mut self.packed);
        match (before, self.deflater.is_at_work()) {
            (false, true) => drop(AT_WORK.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(AT_WORK.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
    }

    /// Whether there is anything to give back before the connection has been idle for a while.
    #[must_use]
    pub fn may_linger(&self) -> bool {
        AT_WORK.load(Ordering::Relaxed) <= LINGERING_MAX
    }
    /// Everything is written, and nothing may come for long.
    pub fn put_down(&mut self) {
        self.inflater.put_down();
        if self.packed.is_empty() {
            self.packed = Vec::new();
        }
        self.give_back();
    }
    fn give_back(&mut self) {
        let Some(spare) = self.deflater.put_down() else { return };
        AT_WORK.fetch_sub(1, Ordering::Relaxed);
        let mut spares = SPARES.lock();
        if spares.len() < SPARES_MAX {
            spares.push(spare);
        }
    }
}

impl Drop for Packing {
    fn drop(&mut self) {
        if self.deflater.is_at_work() {
            AT_WORK.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
