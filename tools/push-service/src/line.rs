//! A connection that can be made slow or torn off in the middle of what HTTP says on it.

use std::future::Future as _;
use std::io::Result;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Sleep;

/// What the answer to a request does to its connection.
#[derive(Default)]
pub(crate) struct Control {
    /// From now on one octet is written at a time, so long after the other.
    pause: Mutex<Option<Duration>>,
    torn: Notify,
}

impl Control {
    pub(crate) fn slow_down(&self, pause: Duration) {
        *self.pause.lock() = Some(pause);
    }
    pub(crate) fn tear(&self) {
        self.torn.notify_one();
    }
    /// Resolves when the connection is to be torn off.
    pub(crate) async fn torn(&self) {
        self.torn.notified().await;
    }
}

/// A stream under control.
pub(crate) struct Line<S> {
    stream: S,
    control: Arc<Control>,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Line<S> {
    pub(crate) fn new(stream: S, control: Arc<Control>) -> Self {
        Self { stream, control, waiting: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<Result<usize>> {
        let line = &mut *self;
        let Some(pause) = *line.control.pause.lock() else {
            return Pin::new(&mut line.stream).poll_write(cx, octets);
        };
        let waiting = line.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
        ready!(waiting.as_mut().poll(cx));
        line.waiting = None;
        let written = ready!(Pin::new(&mut line.stream).poll_write(cx, &octets[..1.min(octets.len())]))?;
        // An octet must leave, not wait for others in the buffer of TLS.
        let _ = Pin::new(&mut line.stream).poll_flush(cx);
        Poll::Ready(Ok(written))
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
