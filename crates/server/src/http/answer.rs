//! An answer before it is sent, and its body while it is: in pieces, each of which shows that the peer reads.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::connection::InFlight;

/// Octets handed to a connection at a time.
const PIECE_OCTETS: usize = 16 * 1024;

/// Status, headers and a body that is in memory.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// Answers are for whoever asked, now (RFC 8620 §2).
    pub(super) fn of(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate"));
        let nosniff = HeaderName::from_static("x-content-type-options");
        headers.insert(nosniff, HeaderValue::from_static("nosniff"));
        Self { status, headers, body: body.into() }
    }
    pub(super) fn json(body: Vec<u8>) -> Self {
        Self::of(StatusCode::OK, "application/json", body)
    }
    /// Without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }
    /// RFC 9110 §9.3.2: what GET would say of it stays.
    pub(super) fn without_body(&mut self) {
        self.headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        self.body = Bytes::new();
    }
    /// As hyper sends it; the request is in flight until the last of it has gone.
    pub(super) fn response(self, in_flight: InFlight) -> Response<Sending> {
        in_flight.sends();
        let mut response = Response::new(Sending { rest: self.body, in_flight });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// A body on its way.
pub(crate) struct Sending {
    rest: Bytes,
    in_flight: InFlight,
}

impl Body for Sending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.in_flight.moved();
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE_OCTETS);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }
    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
