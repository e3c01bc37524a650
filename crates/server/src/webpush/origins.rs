//! Push services as this server knows them: how well each is, how many requests it has, the token for it.
//!
//! A push service that fails again and again is left alone for a while, for all subscriptions together, so
//! that a stalled one costs neither places nor time of the others; then one request tries whether it is well.
//! Must not: know subscriptions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use koi_types::Timestamp;
use koi_webpush::{Failed, Origin, Signer, vapid};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::jitter;

/// Failures in a row after which a push service is left alone.
const FAILURES_MAX: u32 = 3;
/// For so long at first, doubled with each further failure up to the most.
const ALONE: Duration = Duration::from_secs(10);
const ALONE_MAX: Duration = Duration::from_secs(600);
/// While one request tries it, the others wait.
const TRIAL: Duration = Duration::from_secs(30);
/// Couriers of one push service for each request it may have at a time; more are told to come back.
const COURIERS_PER_REQUEST: usize = 16;
/// When those with couriers beyond their share should come back: after this, and up to as much again.
const COME_BACK: Duration = Duration::from_secs(10);
/// Push services remembered; those that are well and idle are forgotten first.
const ORIGINS_MAX: usize = 4096;
/// RFC 8292 §2 allows 24 hours; a token is used for half of its life.
const TOKEN_VALID_SECS: u32 = 12 * 3600;
const TOKEN_USED_SECS: u32 = 6 * 3600;

/// All push services.
pub(super) struct Origins {
    requests_max: usize,
    all: Mutex<HashMap<Origin, Arc<OriginState>>>,
}

/// One push service.
pub(super) struct OriginState {
    origin: Origin,
    /// Requests at a time.
    pub(super) requests: Semaphore,
    health: Mutex<Health>,
    token: Mutex<Option<Token>>,
}

#[derive(Default)]
struct Health {
    couriers: usize,
    failures: u32,
    alone_until: Option<Instant>,
}

struct Token {
    value: Arc<str>,
    renew_at: Timestamp,
}

/// A courier's place at a push service.
pub(super) struct Place(pub(super) Arc<OriginState>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.health.lock().couriers -= 1;
    }
}

impl Origins {
    pub(super) fn new(requests_max: usize) -> Self {
        Self { requests_max, all: Mutex::default() }
    }
    /// A place for one more courier, or how long its subscription has to wait.
    pub(super) fn place(&self, origin: &Origin, now: Instant) -> Result<Place, Duration> {
        let state = self.state(origin);
        let mut health = state.health.lock();
        if let Some(until) = health.alone_until {
            if now < until {
                return Err(jitter(until - now));
            }
            health.alone_until = (health.failures >= FAILURES_MAX).then(|| now + TRIAL);
        }
        if health.couriers >= self.requests_max * COURIERS_PER_REQUEST {
            return Err(jitter(COME_BACK));
        }
        health.couriers += 1;
        drop(health);
        Ok(Place(state))
    }
    fn state(&self, origin: &Origin) -> Arc<OriginState> {
        let mut all = self.all.lock();
        if let Some(state) = all.get(origin) {
            return Arc::clone(state);
        }
        if all.len() >= ORIGINS_MAX {
            all.retain(|_, state| !state.is_forgettable());
        }
        let state = Arc::new(OriginState {
            origin: origin.clone(),
            requests: Semaphore::new(self.requests_max),
            health: Mutex::default(),
            token: Mutex::default(),
        });
        all.insert(origin.clone(), Arc::clone(&state));
        state
    }
}

impl OriginState {
    pub(super) fn name(&self) -> &str {
        self.origin.as_str()
    }
    /// It answered, whatever it said.
    pub(super) fn is_well(&self) {
        let mut health = self.health.lock();
        (health.failures, health.alone_until) = (0, None);
    }
    /// It did not answer, or only that it is not well.
    pub(super) fn is_unwell(&self, now: Instant) {
        let mut health = self.health.lock();
        health.failures = health.failures.saturating_add(1);
        let Some(beyond) = health.failures.checked_sub(FAILURES_MAX) else { return };
        let alone = ALONE.saturating_mul(1 << beyond.min(10)).min(ALONE_MAX);
        if beyond == 0 {
            tracing::warn!(origin = self.name(), "a push service does not answer: left alone for a while");
        }
        health.alone_until = Some(now + alone);
    }
    /// How long it is left alone.
    pub(super) fn alone_for(&self, now: Instant) -> Option<Duration> {
        self.health.lock().alone_until.filter(|until| *until > now).map(|until| until - now)
    }
    /// RFC 8292 §5: made once in a while, not for every request.
    pub(super) fn authorization(
        &self,
        contact: &str,
        now: Timestamp,
        signer: &impl Signer,
    ) -> Result<Arc<str>, Failed> {
        let mut token = self.token.lock();
        if let Some(known) = token.as_ref().filter(|known| known.renew_at > now) {
            return Ok(Arc::clone(&known.value));
        }
        let value: Arc<str> = vapid(&self.origin, contact, now.plus_secs(TOKEN_VALID_SECS), signer)?.into();
        *token = Some(Token { value: Arc::clone(&value), renew_at: now.plus_secs(TOKEN_USED_SECS) });
        Ok(value)
    }
    fn is_forgettable(&self) -> bool {
        let health = self.health.lock();
        health.couriers == 0 && health.failures == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use koi_webpush::Endpoint;

    fn origin(host: &str) -> Origin {
        Endpoint::parse(&format!("https://{host}/x")).unwrap().origin()
    }

    #[test]
    fn a_push_service_that_fails_is_left_alone_then_tried_by_one() {
        let (origins, now) = (Origins::new(1), Instant::now());
        let (bad, good) = (origin("bad.example"), origin("good.example"));
        let state = origins.place(&bad, now).unwrap().0.clone();
        (0..2).for_each(|_| state.is_unwell(now));
        assert_eq!(state.alone_for(now), None);
        state.is_unwell(now);
        assert_eq!(state.alone_for(now), Some(ALONE));
        assert!(origins.place(&bad, now).is_err_and(|wait| wait >= ALONE));
        assert!(origins.place(&good, now).is_ok());
        let later = now + ALONE;
        assert!(origins.place(&bad, later).is_ok(), "one tries");
        assert!(origins.place(&bad, later).is_err(), "the others wait");
        state.is_unwell(later);
        assert_eq!(state.alone_for(later), Some(ALONE * 2));
        (0..40).for_each(|_| state.is_unwell(later));
        assert_eq!(state.alone_for(later), Some(ALONE_MAX));
        state.is_well();
        assert!(origins.place(&bad, later).is_ok() && origins.place(&bad, later).is_ok());
    }

    #[test]
    fn couriers_beyond_the_share_of_a_push_service_come_back() {
        let (origins, now) = (Origins::new(1), Instant::now());
        let one = origin("a.example");
        let mut places: Vec<Place> = (0..COURIERS_PER_REQUEST)
            .map(|_| origins.place(&one, now).unwrap_or_else(|_| panic!()))
            .collect();
        assert!(origins.place(&one, now).is_err());
        places.pop();
        assert!(origins.place(&one, now).is_ok());
    }
}
