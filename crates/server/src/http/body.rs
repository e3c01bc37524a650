//! Reading what a client sends: no more than it may send, and no slower.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::connection::InFlight;
use super::problem::Refused;

/// Who sends for long sends this much in a second on average.
const OCTETS_PER_SECOND_MIN: u64 = 1024;

/// What a body may be.
pub(super) struct Bounds {
    pub(super) octets_max: usize,
    /// The longest pause.
    pub(super) pause: Duration,
    pub(super) too_large: fn(usize) -> Refused,
}

impl Bounds {
    /// All of it, in memory.
    pub(super) async fn read(&self, body: Incoming, in_flight: &InFlight) -> Result<Bytes, Refused> {
        let mut octets = BytesMut::new();
        let take = |data: Bytes| {
            octets.extend_from_slice(&data);
            Ok(())
        };
        self.each(body, in_flight, take).await?;
        Ok(octets.freeze())
    }
    /// Piece by piece. What says that it is too large is not read at all.
    pub(super) async fn each(
        &self,
        mut body: Incoming,
        in_flight: &InFlight,
        mut take: impl FnMut(Bytes) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let too_large = || (self.too_large)(self.octets_max);
        let announced = body.size_hint().lower();
        if announced > self.octets_max as u64 {
            return Err(too_large());
        }
        let mut octets = 0usize;
        let began = Instant::now();
        loop {
            let frame = tokio::time::timeout(self.pause, body.frame()).await.map_err(|_| Refused::Slow)?;
            let Some(frame) = frame else { return Ok(()) };
            let broken = |_| Refused::BadRequest("The request ended in the middle.".into());
            in_flight.moved();
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            octets = octets.saturating_add(data.len());
            if octets > self.octets_max {
                return Err(too_large());
            }
            take(data)?;
            if self.is_slow(octets as u64, began.elapsed()) {
                return Err(Refused::Slow);
            }
        }
    }
    fn is_slow(&self, octets: u64, took: Duration) -> bool {
        took > self.pause + Duration::from_secs(octets / OCTETS_PER_SECOND_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_is_slow_and_a_phone_is_not() {
        let bounds = Bounds { octets_max: 10, pause: Duration::from_secs(30), too_large: |_| Refused::Slow };
        assert!(!bounds.is_slow(1, Duration::from_secs(29)));
        assert!(bounds.is_slow(100, Duration::from_secs(31)), "an octet now and then");
        assert!(!bounds.is_slow(5_000_000, Duration::from_secs(600)));
    }
}
