//! The octets of one connection: clear text, or TLS over it. Reading goes through one buffer per thread, so
//! that a connection that says nothing holds no buffer of its own.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Octets taken from the socket at a time; a session never gets more at once.
const READ_OCTETS_MAX: usize = koi_types::limits::INPUT_OCTETS_MAX;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Clear text or TLS.
pub enum Wire {
    Plain(TcpStream),
    /// Boxed: half of all connections do not need the room.
    Tls(Box<TlsStream<TcpStream>>),
    /// Only while a handshake has taken the stream out.
    Handshaking,
}

impl Wire {
    /// Reads what is there and hands it to `take`; 0 is the end of the stream.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Poll<io::Result<usize>> {
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

    /// Acknowledges what was read now. A peer that sends a command in several small writes waits
    /// for the acknowledgement of the first, which the system would hold back for 40 ms when there is nothing
    /// to answer.
    pub fn acknowledge_now(&self) {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
            Self::Handshaking => return,
        };
        // Fails only for a broken connection, which the next read reports.
        let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
    }

    /// Says that nothing more comes (TLS: close_notify first, RFC 8446 §6.1).
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Self::Handshaking => Poll::Ready(Ok(())),
        }
    }
}
