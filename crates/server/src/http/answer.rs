//! An answer before it is sent, and its body while it is: in pieces, each of which shows that the peer reads.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::blobs::Reading;
use super::connection::{InFlight, Line};
use super::pieces::{FRAME_OCTETS, Pieces};

/// Status, headers and a body that is in memory.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// What comes while it is sent, instead of the body.
    source: Source,
}

/// Where a body comes from while it is sent.
#[derive(Debug, Default)]
pub(super) enum Source {
    /// It is all there.
    #[default]
    Memory,
    Blob(Box<Reading>),
    Pieces(Box<Pieces>),
}

impl Answer {
    /// Answers are for whoever asked, now (RFC 8620 §2).
    pub(super) fn of(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate"));
        let nosniff = HeaderName::from_static("x-content-type-options");
        headers.insert(nosniff, HeaderValue::from_static("nosniff"));
        Self { status, headers, body: body.into(), source: Source::Memory }
    }
    pub(super) fn json(body: impl Into<Bytes>) -> Self {
        Self::of(StatusCode::OK, "application/json", body)
    }
    pub(super) fn reading(reading: Reading) -> Self {
        Self {
            source: Source::Blob(Box::new(reading)),
            ..Self::of(StatusCode::OK, "application/octet-stream", Bytes::new())
        }
    }
    pub(super) fn pieces(content_type: &'static str, pieces: Pieces) -> Self {
        let source = Source::Pieces(Box::new(pieces));
        Self { source, ..Self::of(StatusCode::OK, content_type, Bytes::new()) }
    }
    /// The pieces, where the body is made while it is sent.
    pub(super) fn pieces_mut(&mut self) -> Option<&mut Pieces> {
        if let Source::Pieces(pieces) = &mut self.source { Some(pieces) } else { None }
    }
    /// How long the body is; nothing while nobody knows.
    pub(super) fn octets(&self) -> Option<u64> {
        Some(self.body.len() as u64 + self.source.left()?)
    }
    /// Without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new(), source: Source::Memory }
    }
    /// RFC 9110 §9.3.2: what GET would say of it stays.
    pub(super) fn without_body(&mut self) {
        if let Some(octets) = self.octets() {
            self.headers.insert(CONTENT_LENGTH, HeaderValue::from(octets));
        }
        (self.body, self.source) = (Bytes::new(), Source::Memory);
    }
    /// As hyper sends it; the request is in flight until the last of it has gone.
    pub(super) fn response(self, line: Line, in_flight: InFlight) -> Response<Sending> {
        in_flight.sends();
        let sending = Sending { rest: self.body, source: self.source, sent: 0, line, in_flight };
        let mut response = Response::new(sending);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// A body on its way. Its request has a line in the log when the last of it has gone.
pub(crate) struct Sending {
    rest: Bytes,
    source: Source,
    sent: u64,
    line: Line,
    in_flight: InFlight,
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        this.in_flight.moved();
        let piece = match &mut this.source {
            Source::Blob(reading) if reading.left() > 0 => Some(reading.next().map_err(|error| {
                // The peer sees that it ends too early; what was wrong is in the log.
                tracing::warn!(%error, "a download failed");
                io::Error::other("a blob cannot be read")
            })),
            Source::Pieces(pieces) => {
                // Until there is something, nobody keeps anybody waiting.
                this.in_flight.rests();
                let piece = ready!(pieces.poll(cx));
                this.in_flight.sends();
                piece
            }
            Source::Memory | Source::Blob(_) if this.rest.is_empty() => None,
            Source::Memory | Source::Blob(_) => {
                let length = this.rest.len().min(FRAME_OCTETS);
                Some(Ok(this.rest.split_to(length)))
            }
        };
        if let Some(Ok(piece)) = &piece {
            this.sent += piece.len() as u64;
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }
    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Pieces(pieces) => pieces.has_ended(),
            _ => self.left() == Some(0),
        }
    }
    fn size_hint(&self) -> SizeHint {
        self.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Sending {
    fn left(&self) -> Option<u64> {
        Some(self.rest.len() as u64 + self.source.left()?)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.line.log(self.sent);
    }
}

impl Source {
    /// Octets that are still to come; nothing while nobody knows.
    fn left(&self) -> Option<u64> {
        match self {
            Self::Memory => Some(0),
            Self::Blob(reading) => Some(reading.left()),
            Self::Pieces(_) => None,
        }
    }
}
