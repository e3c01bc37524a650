//! How often one address may connect, send messages, name recipients, ask for signets and make errors
//! (RFC 5321 §7.8).
//!
//! Shared by all sessions of a listener. Each count is a bucket that holds a minute's worth and fills up
//! steadily; a network of IPv6 (/64) is one address, because one customer has many. Bounded: when too many
//! addresses are known, those that are at rest are forgotten, and new ones are not counted meanwhile.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use koi_types::{Timestamp, limits};

use crate::bucket::Bucket;

/// So many a minute and address; 0: no bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RatesMax {
    pub connections: u32,
    pub messages: u32,
    pub recipients: u32,
    pub lookups: u32,
    pub errors: u32,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Connection,
    Message,
    Recipient,
    Lookup,
    Error,
}

/// The counts of all addresses.
#[derive(Debug, Default)]
pub struct Rates {
    max: RatesMax,
    known: Mutex<BTreeMap<u128, Buckets>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Buckets([Bucket; 5]);

const MINUTE_MICROS: i64 = 60_000_000;

impl Rates {
    #[must_use]
    pub fn new(max: RatesMax) -> Self {
        Self { max, known: Mutex::default() }
    }
    /// Counts one. False when it is one too many; that one is not counted.
    pub(crate) fn take(&self, kind: Kind, peer: &str, now: Timestamp) -> bool {
        let max = self.max_of(kind);
        let (Some(address), true) = (counted(peer), max > 0) else { return true };
        let now = now.0.saturating_mul(1000);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::RATED_ADDRESSES_MAX && !known.contains_key(&address) {
            known.retain(|_, buckets| !buckets.0.iter().all(|bucket| bucket.is_full(now)));
            if known.len() >= limits::RATED_ADDRESSES_MAX {
                return true;
            }
        }
        let buckets = known.entry(address).or_default();
        buckets.0.get_mut(kind as usize).is_none_or(|bucket| bucket.take(max, MINUTE_MICROS, now))
    }
    const fn max_of(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Connection => self.max.connections,
            Kind::Message => self.max.messages,
            Kind::Recipient => self.max.recipients,
            Kind::Lookup => self.max.lookups,
            Kind::Error => self.max.errors,
        }
    }
}

/// An address as a number: IPv4 alone, IPv6 by its first 64 bits.
fn counted(peer: &str) -> Option<u128> {
    match peer.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(v4) => Some(u128::from(v4.to_ipv6_mapped())),
        IpAddr::V6(v6) if v6.is_loopback() => Some(u128::from(v6)),
        IpAddr::V6(v6) => Some(u128::from(v6) & !u128::from(u64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp(1_000_000 + millis)
    }

    // spec: RFC 5321 §7.8
    #[test]
    fn a_minutes_worth_at_once_then_steadily() {
        let rates = Rates::new(RatesMax { messages: 3, ..RatesMax::default() });
        let take = |millis| rates.take(Kind::Message, "192.0.2.1", at(millis));
        assert_eq!([take(0), take(0), take(0), take(0)], [true, true, true, false]);
        assert_eq!([take(19_999), take(20_000), take(20_001)], [false, true, false]);
        assert!(rates.take(Kind::Message, "192.0.2.2", at(0)), "another address");
        assert!(rates.take(Kind::Recipient, "192.0.2.1", at(0)), "no bound");
        assert!(rates.take(Kind::Message, "no address", at(0)));
    }

    #[test]
    fn networks_of_ipv6_are_one() {
        assert_eq!(counted("2001:db8::1"), counted("2001:db8::ffff:1"));
        assert_ne!(counted("2001:db8::1"), counted("2001:db8:0:1::1"));
        assert_eq!(counted("::ffff:10.0.0.1"), counted("10.0.0.1"));
        assert_ne!(counted("::1"), counted("::2"));
    }
}
