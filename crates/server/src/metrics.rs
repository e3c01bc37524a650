//! Counters and latency histograms for `koi status`. Lock-free, of fixed size, no names made at run time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Everything that is counted since the start.
#[derive(Default)]
pub struct Metrics {
    pub connections: AtomicU64,
    pub connections_refused: AtomicU64,
    pub sessions_panicked: AtomicU64,
    pub octets_in: AtomicU64,
    pub octets_out: AtomicU64,
    pub commands: AtomicU64,
    pub messages_delivered: AtomicU64,
    pub delivery_failures: AtomicU64,
    pub logins: AtomicU64,
    pub login_failures: AtomicU64,
    pub login_proofs_hit: AtomicU64,
    pub tls_handshakes: AtomicU64,
    pub tls_failures: AtomicU64,
    pub slow_peers_dropped: AtomicU64,
    pub http_requests: AtomicU64,
    pub http_refused: AtomicU64,
    pub jmap_requests: AtomicU64,
    pub jmap_calls_panicked: AtomicU64,
    pub event_sources: AtomicU64,
    pub websockets: AtomicU64,
    pub push_requests: AtomicU64,
    pub pushes_accepted: AtomicU64,
    pub pushes_failed: AtomicU64,
    pub pushes_refused: AtomicU64,
    pub pushes_expired: AtomicU64,
    pub push_subscriptions_gone: AtomicU64,
    pub push_subscriptions_expired: AtomicU64,
    pub mails_sent: AtomicU64,
    pub mails_waiting: AtomicU64,
    pub mails_bounced: AtomicU64,
    pub commit: Histogram,
    pub step: Histogram,
    pub login: Histogram,
    pub push: Histogram,
    pub http_request: Histogram,
    pub jmap_request: Histogram,
}

/// Adds one.
pub fn count(counter: &AtomicU64) {
    add(counter, 1);
}

/// Adds some.
pub fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

/// Four buckets per power of two of microseconds: 19 % apart, up to an hour.
const BUCKETS: usize = 128;

/// Durations by size.
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS] }
    }
}

impl Histogram {
    pub fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(bucket_of(micros)) {
            count(bucket);
        }
    }
    /// Count and percentiles in microseconds (upper bound of the bucket).
    #[must_use]
    pub fn summary(&self) -> Latency {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let percentile = |percent: u64| {
            let wanted = (total * percent).div_ceil(100).max(1);
            let mut seen = 0;
            let at = counts.iter().position(|c| {
                seen += c;
                seen >= wanted
            });
            at.map_or(0, upper_bound)
        };
        Latency {
            count: total,
            p50_micros: percentile(50),
            p99_micros: percentile(99),
            max_micros: percentile(100),
        }
    }
}

fn bucket_of(micros: u64) -> usize {
    if micros < 4 {
        return micros as usize;
    }
    let power = 63 - micros.leading_zeros() as usize;
    let quarter = (micros >> (power - 2)) as usize & 3;
    ((power - 1) * 4 + quarter).min(BUCKETS - 1)
}

fn upper_bound(bucket: usize) -> u64 {
    if bucket < 4 {
        return bucket as u64;
    }
    let (power, quarter) = (bucket / 4 + 1, bucket as u64 % 4);
    ((4 + quarter + 1) << (power - 2)) - 1
}

/// A histogram in numbers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Latency {
    pub count: u64,
    pub p50_micros: u64,
    pub p99_micros: u64,
    pub max_micros: u64,
}

/// One counter by name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counter {
    pub name: String,
    pub value: u64,
}

/// One histogram by name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NamedLatency {
    pub name: String,
    pub latency: Latency,
}

impl Metrics {
    /// All counters, in a fixed order.
    #[must_use]
    pub fn counters(&self) -> Vec<Counter> {
        let all: [(&str, &AtomicU64); 30] = [
            ("connections", &self.connections),
            ("connections refused", &self.connections_refused),
            ("sessions ended by a panic", &self.sessions_panicked),
            ("octets in", &self.octets_in),
            ("octets out", &self.octets_out),
            ("commands", &self.commands),
            ("messages delivered", &self.messages_delivered),
            ("delivery failures", &self.delivery_failures),
            ("logins", &self.logins),
            ("login failures", &self.login_failures),
            ("logins by cached proof", &self.login_proofs_hit),
            ("TLS handshakes", &self.tls_handshakes),
            ("TLS handshakes failed", &self.tls_failures),
            ("peers dropped for not reading", &self.slow_peers_dropped),
            ("HTTP requests", &self.http_requests),
            ("HTTP requests refused", &self.http_refused),
            ("JMAP requests", &self.jmap_requests),
            ("JMAP calls ended by a panic", &self.jmap_calls_panicked),
            ("event sources", &self.event_sources),
            ("WebSockets", &self.websockets),
            ("push requests", &self.push_requests),
            ("pushes taken by push services", &self.pushes_accepted),
            ("pushes to be tried again", &self.pushes_failed),
            ("pushes refused", &self.pushes_refused),
            ("pushes too old to be sent", &self.pushes_expired),
            ("push subscriptions gone", &self.push_subscriptions_gone),
            ("push subscriptions never validated", &self.push_subscriptions_expired),
            ("encrypted messages sent", &self.mails_sent),
            ("encrypted messages to be tried again", &self.mails_waiting),
            ("encrypted messages not delivered", &self.mails_bounced),
        ];
        let value = |(name, counter): (&str, &AtomicU64)| Counter {
            name: name.into(),
            value: counter.load(Ordering::Relaxed),
        };
        all.into_iter().map(value).collect()
    }
    /// All histograms, in a fixed order.
    #[must_use]
    pub fn latencies(&self) -> Vec<NamedLatency> {
        let all = [
            ("commit", &self.commit),
            ("session step", &self.step),
            ("login", &self.login),
            ("push request", &self.push),
            ("HTTP request", &self.http_request),
            ("JMAP request", &self.jmap_request),
        ];
        all.into_iter().map(|(name, h)| NamedLatency { name: name.into(), latency: h.summary() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_every_duration_once_and_in_order() {
        let mut last = 0;
        for micros in 0..100_000u64 {
            let bucket = bucket_of(micros);
            assert!(bucket == last || bucket == last + 1, "{micros}");
            assert!(micros <= upper_bound(bucket), "{micros}");
            last = bucket;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_upper_bounds() {
        let histogram = Histogram::default();
        (0..99).for_each(|_| histogram.record(Duration::from_micros(100)));
        histogram.record(Duration::from_millis(50));
        let latency = histogram.summary();
        assert!((100..120).contains(&latency.p50_micros), "{latency:?}");
        assert!((100..120).contains(&latency.p99_micros), "{latency:?}");
        assert!((50_000..60_000).contains(&latency.max_micros), "{latency:?}");
    }
}
