//! The cache of proofs: which password was right for which verifier, from which address, as keyed hashes.
//!
//! The key is random and lives as long as the process. The verifier is part of what is hashed, so a changed
//! password makes every proof of the account worthless at once, whoever changed it. For SCRAM there is
//! nothing to save, but it is remembered too: who logged in before is not locked out by a stranger's guesses.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use koi_types::AccountId;
use parking_lot::Mutex;

/// A keyed hash of account, verifier, address and, but for SCRAM, password.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Proof([u8; 32]);

/// A bounded set of proofs; the oldest goes first.
pub(super) struct Proofs {
    key: [u8; 32],
    entries_max: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    until: HashMap<Proof, Instant>,
    /// In the order they were added.
    order: VecDeque<Proof>,
}

impl Proofs {
    pub(super) fn new(entries_max: usize) -> Self {
        Self { key: crate::clock::random(), entries_max, entries: Mutex::default() }
    }

    /// `password` is empty for SCRAM: that the proof fits was found out before.
    pub(super) fn proof(&self, account: AccountId, peer: IpAddr, verifier: &[u8], password: &[u8]) -> Proof {
        super::tally::did("proof");
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&account.0.to_be_bytes());
        let peer = crate::admission::counted(peer).to_string();
        for part in [peer.as_bytes(), verifier, password] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Proof(*hasher.finalize().as_bytes())
    }

    pub(super) fn holds(&self, proof: &Proof, now: Instant) -> bool {
        self.entries.lock().until.get(proof).is_some_and(|until| now < *until)
    }

    pub(super) fn remember(&self, proof: Proof, now: Instant, until: Instant) {
        if self.entries_max == 0 {
            return;
        }
        let mut entries = self.entries.lock();
        if entries.until.insert(proof, until).is_none() {
            entries.order.push_back(proof);
        }
        while let Some(oldest) = entries.order.front().copied() {
            let expired = entries.until.get(&oldest).is_none_or(|until| *until <= now);
            if !expired && entries.order.len() <= self.entries_max {
                break;
            }
            entries.order.pop_front();
            entries.until.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn bounded_expiring_and_bound_to_the_verifier() {
        let proofs = Proofs::new(2);
        let now = Instant::now();
        let later = now + Duration::from_secs(10);
        let peer = IpAddr::from([10, 0, 0, 1]);
        let proof = |password: &[u8]| proofs.proof(AccountId(1), peer, b"v", password);
        assert!(proof(b"a") != proofs.proof(AccountId(1), peer, b"w", b"a"));
        assert!(proof(b"a") != proofs.proof(AccountId(2), peer, b"v", b"a"));
        assert!(proof(b"a") != proofs.proof(AccountId(1), IpAddr::from([10, 0, 0, 2]), b"v", b"a"));
        for password in [b"a", b"b", b"c"] {
            proofs.remember(proof(password), now, later);
        }
        assert!(!proofs.holds(&proof(b"a"), now), "the oldest made room");
        assert!(proofs.holds(&proof(b"b"), now) && proofs.holds(&proof(b"c"), now));
        assert!(!proofs.holds(&proof(b"c"), later), "expired");
        proofs.remember(proof(b"d"), later, later + Duration::from_secs(1));
        assert_eq!(proofs.entries.lock().order.len(), 1, "expired ones were taken out");
    }
}
