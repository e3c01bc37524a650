//! How often one subscription may be pushed to: a burst at once, then so many a minute.
//!
//! Only subscriptions that were pushed to lately are remembered; a restart forgets them all.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use koi_types::{AccountId, PushId};
use parking_lot::Mutex;

/// Pushes of one subscription that go out without waiting, after a pause.
const BURST: f64 = 30.0;
/// Subscriptions remembered; those that are rested are forgotten first.
const SUBSCRIPTIONS_MAX: usize = 16_384;

/// All subscriptions that were pushed to lately.
pub(super) struct Throttle {
    per_sec: f64,
    all: Mutex<HashMap<Key, Bucket>>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Key {
    account: AccountId,
    id: PushId,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Throttle {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_sec: f64::from(per_minute.max(1)) / 60.0, all: Mutex::default() }
    }
    /// How long the next push has to wait.
    pub(super) fn pause(&self, account: AccountId, id: &PushId, now: Instant) -> Duration {
        let all = self.all.lock();
        let bucket = all.get(&Key { account, id: id.clone() });
        let missing = bucket.map_or(0.0, |bucket| 1.0 - bucket.tokens(self.per_sec, now));
        Duration::from_secs_f64((missing / self.per_sec).max(0.0))
    }
    /// Counts a push.
    pub(super) fn count(&self, account: AccountId, id: &PushId, now: Instant) {
        let mut all = self.all.lock();
        if all.len() >= SUBSCRIPTIONS_MAX {
            all.retain(|_, bucket| bucket.tokens(self.per_sec, now) < BURST);
            if all.len() >= SUBSCRIPTIONS_MAX {
                all.clear();
            }
        }
        let key = Key { account, id: id.clone() };
        let bucket = all.entry(key).or_insert(Bucket { tokens: BURST, at: now });
        bucket.tokens = bucket.tokens(self.per_sec, now) - 1.0;
        bucket.at = now;
    }
}

impl Bucket {
    fn tokens(&self, per_sec: f64, now: Instant) -> f64 {
        let rested = now.saturating_duration_since(self.at).as_secs_f64() * per_sec;
        (self.tokens + rested).min(BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_in_time() {
        let (throttle, now) = (Throttle::new(60), Instant::now());
        let (one, other) = (PushId::new("subscription-1").unwrap(), PushId::new("subscription-2").unwrap());
        let pause = |id: &PushId, secs: u64| {
            let at = now + Duration::from_secs(secs);
            throttle.pause(AccountId(1), id, at).as_secs_f64().round() as u64
        };
        for _ in 0..30 {
            assert_eq!(pause(&one, 0), 0);
            throttle.count(AccountId(1), &one, now);
        }
        assert_eq!((pause(&one, 0), pause(&one, 1), pause(&other, 0)), (1, 0, 0));
        throttle.count(AccountId(1), &one, now);
        assert_eq!((pause(&one, 0), pause(&one, 1), pause(&one, 200)), (2, 1, 0));
    }
}
