//! Lookups that failed a moment ago: whoever asks meanwhile hears the same, and nobody is asked again.
//! Bounded; of too many the one that ends first goes, so that strangers, who have as many domains as they
//! like, do not make all others forgotten at once. Must not: last.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use koi_types::MailError;
use parking_lot::Mutex;

/// Domains that are remembered.
const FAILURES_MAX: usize = 4096;

#[derive(Default)]
pub(crate) struct Failures(Mutex<HashMap<String, Failure>>);

struct Failure {
    until: Instant,
    error: MailError,
}

impl Failures {
    pub(crate) fn recent(&self, domain: &str) -> Option<MailError> {
        self.recent_at(domain, Instant::now())
    }
    /// For so long.
    pub(crate) fn remember(&self, domain: &str, error: MailError, rest: Duration) {
        self.remember_at(domain, error, rest, Instant::now());
    }
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
    fn recent_at(&self, domain: &str, now: Instant) -> Option<MailError> {
        let failures = self.0.lock();
        failures.get(domain).filter(|failure| failure.until > now).map(|failure| failure.error.clone())
    }
    fn remember_at(&self, domain: &str, error: MailError, rest: Duration, now: Instant) {
        let mut failures = self.0.lock();
        if failures.len() >= FAILURES_MAX && !failures.contains_key(domain) {
            failures.retain(|_, failure| failure.until > now);
        }
        if failures.len() >= FAILURES_MAX && !failures.contains_key(domain) {
            let first = failures.iter().min_by_key(|(_, failure)| failure.until);
            if let Some(domain) = first.map(|(domain, _)| domain.clone()) {
                failures.remove(&domain);
            }
        }
        failures.insert(domain.to_owned(), Failure { until: now + rest, error });
    }
}

#[cfg(test)]
mod tests {
    use koi_types::ErrorKind;

    use super::*;

    #[test]
    fn they_are_few_and_do_not_last() {
        let (failures, began) = (Failures::default(), Instant::now());
        let at = |secs| began + Duration::from_secs(secs);
        let error = || MailError::new(ErrorKind::Unavailable, "no answer");
        let fails = |domain: &str, rest, now| {
            failures.remember_at(domain, error(), Duration::from_secs(rest), now);
        };
        fails("one.example", 60, at(0));
        assert!(failures.recent_at("one.example", at(59)).is_some_and(|again| &*again.text == "no answer"));
        assert!(failures.recent_at("one.example", at(60)).is_none());
        assert!(failures.recent_at("two.example", at(0)).is_none());
        for number in 0..FAILURES_MAX + 9 {
            fails(&format!("{number}.stranger.example"), 10, at(1));
        }
        assert_eq!(failures.0.lock().len(), FAILURES_MAX);
        assert!(failures.recent_at("one.example", at(2)).is_some(), "it is the last of all to be forgotten");
        fails("two.example", 10, at(12));
        assert_eq!(failures.0.lock().len(), 2, "what is past goes first");
        failures.clear();
        assert!(failures.recent_at("one.example", at(13)).is_none());
    }
}
