//! The body of an answer: nothing, a text, or more than anybody wants.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// Octets of one piece of an endless body.
const PIECE_OCTETS: usize = 16 * 1024;

pub(crate) enum AnswerBody {
    Text(Option<Bytes>),
    /// So many zeros are still to come.
    Zeros(u64),
}

impl AnswerBody {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text((!text.is_empty()).then(|| Bytes::copy_from_slice(text.as_bytes())))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut *self {
            Self::Text(text) => text.take(),
            Self::Zeros(0) => None,
            Self::Zeros(left) => {
                let octets = usize::try_from(*left).unwrap_or(PIECE_OCTETS).min(PIECE_OCTETS);
                *left -= octets as u64;
                Some(Bytes::from_static(&[0; PIECE_OCTETS]).slice(..octets))
            }
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Text(None) | Self::Zeros(0))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::Zeros(left) => SizeHint::with_exact(*left),
        }
    }
}
