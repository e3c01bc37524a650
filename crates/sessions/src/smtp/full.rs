//! Recipients of port 25 that had no room for a message.
//!
//! There one reply speaks for all recipients (RFC 5321 §4.2.5), so that one who is full costs the others the
//! message. Where the sender did not say how large it was, that is known only at its end. So it is
//! remembered: when the sender tries again, that recipient is refused at RCPT, and the others get their mail.
//! Bounded in time and number; when too many are remembered, the oldest are forgotten.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use koi_types::{AccountId, ReversePath, Timestamp, limits};

/// A sender tries again within this (RFC 5321 §4.5.4.1 speaks of 30 minutes, then longer).
const REMEMBERED_SECS: u32 = 12 * 3600;

/// Who had no room for whose message.
#[derive(Debug, Default)]
pub struct FullRecipients(Mutex<BTreeMap<Try, Refused>>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Try {
    account: AccountId,
    /// In small letters; empty for the null reverse-path.
    from: Box<str>,
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    octets: u64,
    until: Timestamp,
}

impl FullRecipients {
    /// The account had no room for a message of so many octets.
    pub(super) fn remember(&self, account: AccountId, from: &ReversePath, octets: u64, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::FULL_RECIPIENTS_MAX {
            forget_half(&mut known, now);
        }
        known.insert(tried(account, from), Refused { octets, until: now.plus_secs(REMEMBERED_SECS) });
    }
    /// How large the message probably is that this sender has for the account, 0 when nothing is known.
    pub(super) fn octets(&self, account: AccountId, from: &ReversePath, now: Timestamp) -> u64 {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = known.get(&tried(account, from)).filter(|refused| now < refused.until);
        refused.map_or(0, |refused| refused.octets)
    }
    /// It got a message: what is remembered is over.
    pub(super) fn forget(&self, account: AccountId, from: &ReversePath) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&tried(account, from));
    }
}

fn tried(account: AccountId, from: &ReversePath) -> Try {
    let from = match from {
        ReversePath::Null => String::new(),
        ReversePath::Address(address) => address.to_string().to_lowercase(),
    };
    Try { account, from: from.into() }
}

fn forget_half(known: &mut BTreeMap<Try, Refused>, now: Timestamp) {
    let mut ends: Vec<Timestamp> = known.values().map(|refused| refused.until).collect();
    ends.sort_unstable();
    let middle = ends.get(ends.len() / 2).copied().unwrap_or(now).max(now);
    known.retain(|_, refused| refused.until > middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_one_sender_for_a_while_and_bounded() {
        let full = FullRecipients::default();
        let at = |secs: u32| Timestamp::from_secs(1_000_000).plus_secs(secs);
        let sender = |n: usize| ReversePath::Address(koi_types::Address::new(&n.to_string(), "x").unwrap());
        full.remember(AccountId(1), &ReversePath::Null, 500, at(0));
        assert_eq!(full.octets(AccountId(1), &ReversePath::Null, at(3600)), 500);
        assert_eq!(full.octets(AccountId(2), &ReversePath::Null, at(0)), 0);
        assert_eq!(full.octets(AccountId(1), &sender(1), at(0)), 0);
        assert_eq!(full.octets(AccountId(1), &ReversePath::Null, at(REMEMBERED_SECS)), 0);
        full.forget(AccountId(1), &ReversePath::Null);
        assert_eq!(full.octets(AccountId(1), &ReversePath::Null, at(0)), 0);
        for n in 0..3 * limits::FULL_RECIPIENTS_MAX {
            full.remember(AccountId(1), &sender(n), 1, at(n as u32 / 1000));
        }
        let known = full.0.lock().unwrap().len();
        assert!(known <= limits::FULL_RECIPIENTS_MAX && known > limits::FULL_RECIPIENTS_MAX / 4, "{known}");
        assert_eq!(full.octets(AccountId(1), &sender(3 * limits::FULL_RECIPIENTS_MAX - 1), at(30)), 1);
    }
}
