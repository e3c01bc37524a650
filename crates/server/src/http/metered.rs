//! Octets counted while they are read: whether a message is under way, and since when.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What has come since the last whole message.
#[derive(Clone, Default)]
pub(super) struct Meter(Arc<Mutex<Option<Waiting>>>);

/// A message that is not whole yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) since: Instant,
    pub(super) octets: u64,
}

impl Meter {
    /// A message is whole; of the next one there may be octets already, which count from now on.
    pub(super) fn message_came(&self) {
        *self.0.lock() = None;
    }
    pub(super) fn waiting(&self) -> Option<Waiting> {
        *self.0.lock()
    }
    fn add(&self, octets: usize) {
        let mut waiting = self.0.lock();
        let waiting = waiting.get_or_insert_with(|| Waiting { since: Instant::now(), octets: 0 });
        waiting.octets = waiting.octets.saturating_add(octets as u64);
    }
}

/// A stream whose reads are counted.
pub(super) struct Metered<S> {
    stream: S,
    meter: Meter,
}

impl<S> Metered<S> {
    pub(super) const fn new(stream: S, meter: Meter) -> Self {
        Self { stream, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = octets.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, octets);
        let count = octets.filled().len() - before;
        if count > 0 {
            self.meter.add(count);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
