//! Octets counted while they are read: whether a message is under way, and since when. One that is not short
//! has a place among the requests of its account before more of it is read.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use koi_types::AccountId;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::account::{Loaded, Loads};

/// Octets of a message that are read before it has a place.
const FREE_OCTETS: u64 = 64 * 1024;
/// Of a frame of a client that controls the connection, besides what is in it (RFC 6455 §5.2, RFC 6455 §5.5).
const CONTROL_HEADER_OCTETS: u64 = 6;

/// What has come since the last whole message.
#[derive(Clone, Default)]
pub(super) struct Meter(Arc<Mutex<Coming>>);

#[derive(Default)]
struct Coming {
    waiting: Option<Waiting>,
    place: Option<Loaded>,
    /// Nothing is read until there is a place.
    held_up: Option<Instant>,
}

/// A message that is not whole yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) since: Instant,
    pub(super) octets: u64,
    /// When the last of them came.
    pub(super) last: Instant,
}

/// Where places are had.
pub(super) struct Places {
    pub(super) loads: Arc<Loads>,
    pub(super) account: AccountId,
    pub(super) max: usize,
}

impl Meter {
    /// A message is whole; answers the place it has. Of the next one there may be octets already, which count
    /// from now on.
    pub(super) fn message_came(&self) -> Option<Loaded> {
        std::mem::take(&mut *self.0.lock()).place
    }
    /// A control frame came, with so much in it: perhaps between two frames of a message, which goes on.
    pub(super) fn control_came(&self, octets: usize) {
        let mut coming = self.0.lock();
        let left = coming.waiting.map(|waiting| {
            let frame = CONTROL_HEADER_OCTETS.saturating_add(octets as u64);
            Waiting { octets: waiting.octets.saturating_sub(frame), ..waiting }
        });
        coming.waiting = left.filter(|waiting| waiting.octets > 0);
    }
    /// Nothing while it is not the peer that is waited for.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let coming = self.0.lock();
        coming.waiting.filter(|_| coming.held_up.is_none())
    }
    /// Whether the peer is not listened to.
    pub(super) fn is_held_up(&self) -> bool {
        self.0.lock().held_up.is_some()
    }
    /// So long nothing was read, whatever came: the peer is not blamed for that. Where it is held up besides,
    /// all of it counts when it has a place.
    pub(super) fn not_listened(&self, took: Duration) {
        let mut coming = self.0.lock();
        if coming.held_up.is_some() {
            return;
        }
        if let Some(waiting) = &mut coming.waiting {
            waiting.since += took;
        }
    }
    fn add(&self, octets: usize) {
        let mut coming = self.0.lock();
        let now = Instant::now();
        let waiting = coming.waiting.get_or_insert(Waiting { since: now, octets: 0, last: now });
        waiting.octets = waiting.octets.saturating_add(octets as u64);
        waiting.last = now;
    }
    fn needs_place(&self) -> bool {
        let mut coming = self.0.lock();
        let is_long = coming.waiting.is_some_and(|waiting| waiting.octets >= FREE_OCTETS);
        let needs = is_long && coming.place.is_none();
        if needs {
            coming.held_up.get_or_insert_with(Instant::now);
        }
        needs
    }
    /// The peer is not blamed for the time it took.
    fn has_place(&self, place: Loaded) {
        let mut coming = self.0.lock();
        let took = coming.held_up.take().map(|since| since.elapsed()).unwrap_or_default();
        if let Some(waiting) = &mut coming.waiting {
            waiting.since += took;
        }
        coming.place = Some(place);
    }
}

/// A stream whose reads are counted.
pub(super) struct Metered<S> {
    stream: S,
    meter: Meter,
    places: Places,
    /// A place that is waited for.
    place: Option<Pin<Box<dyn Future<Output = Loaded> + Send>>>,
}

impl<S> Metered<S> {
    pub(super) const fn new(stream: S, meter: Meter, places: Places) -> Self {
        Self { stream, meter, places, place: None }
    }
    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.meter.needs_place() {
            let Places { loads, account, max } = &self.places;
            let place = self.place.get_or_insert_with(|| Box::pin(Arc::clone(loads).wait(*account, *max)));
            let place = ready!(place.as_mut().poll(cx));
            self.place = None;
            self.meter.has_place(place);
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_place(cx));
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

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 6455 §5.4
    #[test]
    fn a_control_frame_ends_no_message() {
        let meter = Meter::default();
        meter.add(1000);
        meter.add(6 + 4);
        let since = meter.waiting().unwrap().since;
        meter.control_came(4);
        let waiting = meter.waiting().unwrap();
        assert_eq!((waiting.octets, waiting.since), (1000, since));
        assert!(waiting.last >= since);
        assert!(meter.message_came().is_none() && meter.waiting().is_none());
        meter.add(6);
        meter.control_came(0);
        assert!(meter.waiting().is_none(), "that was all");
    }
    #[test]
    fn time_in_which_nothing_is_read_is_none_of_the_peer() {
        const TOOK: Duration = Duration::from_secs(90);
        let meter = Meter::default();
        meter.not_listened(TOOK);
        assert!(meter.waiting().is_none(), "nothing is waited for");
        meter.add(1000);
        let Waiting { since, .. } = meter.waiting().unwrap();
        meter.not_listened(TOOK);
        let waiting = meter.waiting().unwrap();
        assert_eq!((waiting.since, waiting.octets), (since + TOOK, 1000));
        // Held up at the same time: that time is not counted twice.
        meter.add(usize::try_from(FREE_OCTETS).unwrap());
        assert!(meter.needs_place() && meter.is_held_up());
        meter.not_listened(TOOK);
        let place = Arc::new(Loads::default()).begin(AccountId(1), 1).unwrap();
        meter.has_place(place);
        let Waiting { since: again, .. } = meter.waiting().unwrap();
        assert!(again >= since + TOOK && again < since + TOOK + TOOK, "{again:?}");
    }
}
