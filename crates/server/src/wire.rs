//! The octets of one connection: clear text, or TLS over it, or compressed (`packing`) over either. Reading
//! goes through one buffer per thread, so that a connection that says nothing holds no buffer of its own.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use koi_proto::deflate::without_end;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::packing::Packing;

/// Octets taken from the socket at a time; a session never gets more at once.
const READ_OCTETS_MAX: usize = koi_types::limits::INPUT_OCTETS_MAX;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One connection's octets as the session reads and writes them.
pub struct Wire {
    stream: Stream,
    packing: Option<Box<Packing>>,
    /// What ended a compressed stream may still come.
    behind_packing: bool,
}

/// Clear text or TLS.
pub enum Stream {
    Plain(TcpStream),
    /// Boxed: half of all connections do not need the room.
    Tls(Box<TlsStream<TcpStream>>),
    /// Only while a handshake has taken the stream out.
    Handshaking,
}

impl Wire {
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        Self { stream, packing: None, behind_packing: false }
    }
    /// For a handshake, which brings it back as TLS.
    pub fn take_plain(&mut self) -> Option<TcpStream> {
        match std::mem::replace(&mut self.stream, Stream::Handshaking) {
            Stream::Plain(stream) => Some(stream),
            other => {
                self.stream = other;
                None
            }
        }
    }
    pub fn secured(&mut self, stream: TlsStream<TcpStream>) {
        self.stream = Stream::Tls(Box::new(stream));
    }

    /// From here on both directions are compressed (RFC 4978 §3). Everything written is on its way.
    pub fn start_packing(&mut self) {
        self.packing = Some(Box::default());
    }
    /// Both directions are clear again, behind what was said so far (RFC 8437 §4.1): ends ours, and answers
    /// what the peer has sent behind the end of its own.
    pub fn poll_end_packing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        let Some(packing) = &mut self.packing else { return Poll::Ready(Ok(Vec::new())) };
        ready!(packing.poll_finish(&mut self.stream, cx))?;
        let rest = without_end(packing.unread()).to_vec();
        self.behind_packing = rest.is_empty();
        self.packing = None;
        Poll::Ready(Ok(rest))
    }
    /// The compression of this connection, if it is compressed.
    pub fn packing(&mut self) -> Option<&mut Packing> {
        self.packing.as_deref_mut()
    }
    /// The session has read everything it was given, and waits for more.
    pub fn has_been_read(&mut self) {
        if let Some(packing) = &mut self.packing {
            packing.go_on();
        }
    }
    /// What was read was no compressed stream; nothing more is read.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.packing.as_ref().is_some_and(|packing| packing.is_broken())
    }

    /// Reads what is there and hands it to `take`; 0 is the end of the stream.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Poll<io::Result<usize>> {
        let Some(packing) = &mut self.packing else { return self.poll_read_clear(cx, take) };
        loop {
            if let Some(read) = packing.read(take) {
                return read.map(Ok);
            }
            let mut fed = |octets: &[u8]| packing.feed(octets);
            if ready!(self.stream.poll_take(cx, &mut fed))? == 0 {
                return Poll::Ready(Ok(0));
            }
        }
    }

    fn poll_read_clear(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Poll<io::Result<usize>> {
        loop {
            let (mut behind, mut taken) = (self.behind_packing, 0);
            let mut clear = |octets: &[u8]| {
                let octets = if behind { without_end(octets) } else { octets };
                (behind, taken) = (octets.is_empty(), octets.len());
                if taken > 0 {
                    take(octets);
                }
            };
            if ready!(self.stream.poll_take(cx, &mut clear))? == 0 {
                return Poll::Ready(Ok(0));
            }
            self.behind_packing = behind;
            if taken > 0 {
                return Poll::Ready(Ok(taken));
            }
        }
    }

    /// Takes some of the octets; they are written with the next flush at the latest.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.packing {
            Some(packing) => packing.poll_write(&mut self.stream, cx, octets),
            None => self.stream.poll_write(cx, octets),
        }
    }

    /// Everything written has gone to the system, and the peer can read it when it has come.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.packing {
            Some(packing) => packing.poll_flush(&mut self.stream, cx),
            None => self.stream.poll_flush(cx),
        }
    }

    /// Acknowledges what was read now. A peer that sends a command in several small writes waits
    /// for the acknowledgement of the first, which the system would hold back for 40 ms when there is nothing
    /// to answer.
    pub fn acknowledge_now(&self) {
        let stream = match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
            Stream::Handshaking => return,
        };
        // Fails only for a broken connection, which the next read reports.
        let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
    }

    /// Says that nothing more comes (TLS: close_notify first, RFC 8446 §6.1).
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Stream::Handshaking => Poll::Ready(Ok(())),
        }
    }
}

impl Stream {
    /// Reads what is there and hands it to `take`; 0 is the end of the stream.
    fn poll_take(&mut self, cx: &mut Context<'_>, take: &mut dyn FnMut(&[u8])) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.resize(READ_OCTETS_MAX, 0);
            let mut buffer = ReadBuf::new(scratch);
            ready!(self.poll_read_buf(cx, &mut buffer))?;
            let filled = buffer.filled();
            if !filled.is_empty() {
                take(filled);
                let length = filled.len();
                // What a peer sent may be a password; the buffer goes on to the next connection.
                buffer.filled_mut().fill(0);
                return Poll::Ready(Ok(length));
            }
            Poll::Ready(Ok(0))
        })
    }

    fn poll_read_buf(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
            Self::Handshaking => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Writes some of the octets.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, octets),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, octets),
            Self::Handshaking => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Everything written has gone to the system.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }
}
