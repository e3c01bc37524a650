//! An answer before it is sent, and its body while it is: in pieces, each of which shows that the peer reads.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::blobs::Reading;
use super::connection::InFlight;

/// Octets handed to a connection at a time.
const PIECE_OCTETS: usize = 16 * 1024;

/// Status, headers and a body that is in memory.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// What is read while it is sent, instead of the body.
    reading: Option<Box<Reading>>,
}

impl Answer {
    /// Answers are for whoever asked, now (RFC 8620 §2).
    pub(super) fn of(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate"));
        let nosniff = HeaderName::from_static("x-content-type-options");
        headers.insert(nosniff, HeaderValue::from_static("nosniff"));
        Self { status, headers, body: body.into(), reading: None }
    }
    pub(super) fn json(body: Vec<u8>) -> Self {
        Self::of(StatusCode::OK, "application/json", body)
    }
    pub(super) fn reading(reading: Reading) -> Self {
        Self {
            reading: Some(Box::new(reading)),
            ..Self::of(StatusCode::OK, "application/octet-stream", Vec::new())
        }
    }
    /// How long the body is.
    pub(super) fn octets(&self) -> u64 {
        self.body.len() as u64 + self.reading.as_ref().map_or(0, |reading| reading.left())
    }
    /// Without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new(), reading: None }
    }
    /// RFC 9110 §9.3.2: what GET would say of it stays.
    pub(super) fn without_body(&mut self) {
        self.headers.insert(CONTENT_LENGTH, HeaderValue::from(self.octets()));
        (self.body, self.reading) = (Bytes::new(), None);
    }
    /// As hyper sends it; the request is in flight until the last of it has gone.
    pub(super) fn response(self, in_flight: InFlight) -> Response<Sending> {
        in_flight.sends();
        let mut response = Response::new(Sending { rest: self.body, reading: self.reading, in_flight });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// A body on its way.
pub(crate) struct Sending {
    rest: Bytes,
    reading: Option<Box<Reading>>,
    in_flight: InFlight,
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.in_flight.moved();
        if let Some(reading) = self.reading.as_mut().filter(|reading| reading.left() > 0) {
            // The peer sees that it ends too early; what was wrong is in the log.
            let piece = reading.next().map_err(|error| {
                tracing::warn!(%error, "a download failed");
                io::Error::other("a blob cannot be read")
            });
            return Poll::Ready(Some(piece.map(Frame::data)));
        }
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE_OCTETS);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }
    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

impl Sending {
    fn left(&self) -> u64 {
        self.rest.len() as u64 + self.reading.as_ref().map_or(0, |reading| reading.left())
    }
}
