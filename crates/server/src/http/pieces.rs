//! A body that is made while it is sent. The channel between holds one piece: nothing is made faster than the
//! peer takes it, and who makes it knows when the peer has gone.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::compress::Packer;
use super::connection::InFlight;
use super::problem::Refused;

/// A response of more octets is sent while it is made.
pub const PIECE_OCTETS: usize = 64 * 1024;
/// Octets handed to a connection at a time: each shows that the peer reads.
pub(super) const FRAME_OCTETS: usize = 16 * 1024;

/// Where the pieces of a response go; whoever writes waits until there is room.
pub struct Out {
    pieces: mpsc::Sender<Bytes>,
    /// Whose peer must take them; nothing where somebody else sees to that.
    in_flight: Option<InFlight>,
}

/// The body.
pub(super) struct Pieces {
    /// What was there before it was known that there are more.
    first: Bytes,
    rest: mpsc::Receiver<Bytes>,
    making: JoinHandle<bool>,
    packer: Option<Packer>,
    /// What is handed out next.
    ready: Bytes,
    ended: bool,
}

/// Makes a body in a task of its own, which says at its end whether all of it was made.
pub(super) fn make<F>(in_flight: &InFlight, making: impl FnOnce(Out) -> F) -> Pieces
where
    F: Future<Output = bool> + Send + 'static,
{
    let (pieces, rest) = mpsc::channel(1);
    let making = tokio::spawn(making(Out { pieces, in_flight: Some(in_flight.clone()) }));
    let (first, ready) = Default::default();
    Pieces { first, rest, making, packer: None, ready, ended: false }
}

impl Out {
    /// One whose pieces are taken here.
    pub(super) fn taken_here() -> (Self, mpsc::Receiver<Bytes>) {
        let (pieces, taken) = mpsc::channel(1);
        (Self { pieces, in_flight: None }, taken)
    }
    /// Waits until there is room; `false`: the peer has gone.
    pub(super) async fn has_room(&self) -> bool {
        self.pieces.reserve().await.is_ok()
    }
    /// Waits until there is room, and sends; `false`: the peer has gone.
    pub async fn write(&self, piece: impl Into<Bytes>) -> bool {
        let Ok(room) = self.pieces.reserve().await else { return false };
        // From now on the peer must take it.
        if let Some(in_flight) = &self.in_flight {
            in_flight.sends();
        }
        room.send(piece.into());
        true
    }
    /// Resolves when the peer has gone.
    pub(super) async fn gone(&self) {
        self.pieces.closed().await;
    }
}

impl Pieces {
    /// The next piece, before the body is on its way.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        self.rest.recv().await
    }
    /// What has made nothing has panicked: the panic goes on in whoever waits for it.
    pub(super) async fn pass_on_panic(self) -> Refused {
        match self.making.await {
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            _ => Refused::Internal,
        }
    }
    /// Puts this before the rest.
    pub(super) fn begin_with(&mut self, first: Bytes) {
        self.first = first;
    }
    pub(super) fn pack_with(&mut self, packer: Packer) {
        self.packer = Some(packer);
    }
    /// The next octets as they are sent. Where it could not be made to its end the peer sees that it breaks
    /// off.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if !self.ready.is_empty() {
                let length = self.ready.len().min(FRAME_OCTETS);
                return Poll::Ready(Some(Ok(self.ready.split_to(length))));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            let piece = match std::mem::take(&mut self.first) {
                first if first.is_empty() => ready!(self.rest.poll_recv(cx)),
                first => Some(first),
            };
            if piece.is_none() && !ready!(Pin::new(&mut self.making).poll(cx)).unwrap_or(false) {
                self.ended = true;
                return Poll::Ready(Some(Err(io::Error::other("the answer could not be made"))));
            }
            self.ended = piece.is_none();
            self.ready = match (&mut self.packer, piece) {
                (None, piece) => piece.unwrap_or_default(),
                (Some(packer), Some(piece)) => packer.write(&piece),
                (packer, None) => packer.take().map(Packer::finish).unwrap_or_default(),
            };
        }
    }
    pub(super) fn has_ended(&self) -> bool {
        self.ended && self.ready.is_empty()
    }
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").field("ended", &self.ended).finish_non_exhaustive()
    }
}
