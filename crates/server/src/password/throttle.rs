//! Slows down guessing: each failed login beyond the free ones makes the next for that address, or for that
//! account, wait longer. Attempts that run at the same time reserve their turn, so opening many connections
//! does not help.
//!
//! A login whose proof is cached is slowed only by what failed for its account from its own address: a
//! stranger's guesses do not lock out a client that is in use, and guessing at what is cached is no quicker.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config::AuthConfig;

/// Addresses and accounts remembered at the same time; beyond it the longest quiet are forgotten.
const SUBJECTS_MAX: usize = 100_000;
/// The first wait; it doubles with each failure.
const WAIT_FIRST: Duration = Duration::from_millis(250);
/// The most one failure adds.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What failures are counted for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Subject {
    Address(IpAddr),
    /// A hash, so that names of any length cost the same room.
    Account([u8; 16]),
    /// An account from an address.
    Pair([u8; 16]),
}

impl Subject {
    pub(super) fn address(peer: IpAddr) -> Self {
        Self::Address(crate::admission::counted(peer))
    }
    pub(super) fn account(name: &str) -> Self {
        Self::Account(short(blake3::hash(name.as_bytes())))
    }
    pub(super) fn pair(peer: IpAddr, name: &str) -> Self {
        let peer = crate::admission::counted(peer);
        Self::Pair(short(blake3::hash(format!("{peer} {name}").as_bytes())))
    }
}

fn short(hash: blake3::Hash) -> [u8; 16] {
    let mut short = [0; 16];
    short.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    short
}

/// A login being checked.
pub(super) struct Attempt {
    subjects: Vec<Subject>,
}

#[derive(Default)]
pub(super) struct Throttle {
    subjects: Mutex<HashMap<Subject, Record>>,
}

struct Record {
    failures: u32,
    last: Instant,
    /// No attempt is checked before this.
    not_before: Instant,
}

impl Throttle {
    /// Registers an attempt and says how long it has to wait.
    pub(super) fn attempt(
        &self,
        subjects: Vec<Subject>,
        config: &AuthConfig,
        now: Instant,
    ) -> (Attempt, Duration) {
        let mut known = self.subjects.lock();
        let mut wait = Duration::ZERO;
        for subject in &subjects {
            if known.get(subject).is_some_and(|r| now.duration_since(r.last) >= config.failures_forget) {
                known.remove(subject);
            }
            if let Some(record) = known.get_mut(subject)
                && record.failures >= config.failures_free
            {
                let start = record.not_before.max(now);
                let mine = start.duration_since(now);
                wait = wait.max(mine);
                // An attempt that is refused takes no turn: else refusals would lock the account for ever.
                if mine <= config.failure_wait_max {
                    record.not_before = start + penalty(record.failures - config.failures_free);
                }
            }
        }
        (Attempt { subjects }, wait)
    }

    pub(super) fn failed(&self, attempt: &Attempt, config: &AuthConfig, now: Instant) {
        let mut known = self.subjects.lock();
        if known.len() >= SUBJECTS_MAX {
            forget(&mut known, config.failures_forget, now);
        }
        for subject in &attempt.subjects {
            let fresh = Record { failures: 0, last: now, not_before: now };
            let record = known.entry(subject.clone()).or_insert(fresh);
            record.failures = record.failures.saturating_add(1);
            record.last = now;
        }
    }

    /// The account's failures are forgotten, and those of the address that were for this account: somebody
    /// mistyped. The address keeps what failed there for others, or one good account would hide the guessing.
    pub(super) fn succeeded(&self, attempt: &Attempt) {
        let mut known = self.subjects.lock();
        let pair = attempt.subjects.iter().find(|subject| matches!(subject, Subject::Pair(_)));
        let own = pair.and_then(|pair| known.get(pair)).map_or(0, |record| record.failures);
        for subject in &attempt.subjects {
            match subject {
                Subject::Account(_) | Subject::Pair(_) => {
                    known.remove(subject);
                }
                Subject::Address(_) => {
                    if let Some(record) = known.get_mut(subject) {
                        record.failures = record.failures.saturating_sub(own);
                    }
                }
            }
        }
    }
}

fn penalty(beyond: u32) -> Duration {
    WAIT_FIRST.saturating_mul(1 << beyond.min(10)).min(WAIT_MAX)
}

/// Drops what is quiet; if that is not enough, everything but the youngest half.
fn forget(known: &mut HashMap<Subject, Record>, after: Duration, now: Instant) {
    known.retain(|_, r| now.duration_since(r.last) < after);
    if known.len() >= SUBJECTS_MAX {
        let mut times: Vec<Instant> = known.values().map(|r| r.last).collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        known.retain(|_, r| r.last > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> AuthConfig {
        super::super::tests::config()
    }

    fn subjects(address: u8, account: &str) -> Vec<Subject> {
        vec![Subject::address(IpAddr::from([10, 0, 0, address])), Subject::account(account)]
    }

    #[test]
    fn waits_grow_and_end_with_success_or_quiet() {
        let (throttle, config, now) = (Throttle::default(), config(), Instant::now());
        let wait = |address, account: &str, now| throttle.attempt(subjects(address, account), &config, now);
        for _ in 0..config.failures_free {
            let (attempt, wait) = wait(1, "a", now);
            assert_eq!(wait, Duration::ZERO);
            throttle.failed(&attempt, &config, now);
        }
        assert_eq!(wait(1, "b", now).1, Duration::ZERO, "the first turn after the free ones");
        assert_eq!(wait(1, "b", now).1, WAIT_FIRST, "at the same time: the next turn");
        assert_eq!(wait(2, "c", now).1, Duration::ZERO, "others are not slowed");
        let (attempt, _) = wait(2, "a", now);
        assert!(wait(2, "a", now).1 > Duration::ZERO, "the account is slowed from everywhere");
        throttle.succeeded(&attempt);
        assert_eq!(wait(2, "a", now).1, Duration::ZERO);
        assert_eq!(wait(1, "b", now + config.failures_forget).1, Duration::ZERO);
    }

    /// Else whoever has an account could go on guessing at others from one address.
    #[test]
    fn a_success_takes_back_its_own_failures_and_no_others() {
        let (throttle, config, now) = (Throttle::default(), config(), Instant::now());
        let peer = IpAddr::from([10, 0, 0, 1]);
        let all = |account: &str| {
            vec![Subject::pair(peer, account), Subject::account(account), Subject::address(peer)]
        };
        let fail =
            |account: &str| throttle.failed(&throttle.attempt(all(account), &config, now).0, &config, now);
        let succeed = |account: &str| throttle.succeeded(&throttle.attempt(all(account), &config, now).0);
        let failures = || throttle.subjects.lock().get(&Subject::address(peer)).map_or(0, |r| r.failures);
        // Somebody mistypes twice and gets in.
        for _ in 0..config.failures_free {
            fail("mine");
            fail("mine");
            succeed("mine");
            assert_eq!(failures(), 0);
        }
        // One who guesses at others, and logs in between.
        for n in 0..config.failures_free {
            fail(&format!("other {n}"));
            succeed("mine");
        }
        assert_eq!(failures(), config.failures_free);
        fail("mine");
        succeed("mine");
        succeed("mine");
        assert_eq!(failures(), config.failures_free);
        let (_first, second) =
            (throttle.attempt(all("last"), &config, now), throttle.attempt(all("next"), &config, now));
        assert!(second.1 > Duration::ZERO, "the address is slowed for everybody else");
    }

    #[test]
    fn memory_is_bounded() {
        let (throttle, config, now) = (Throttle::default(), config(), Instant::now());
        for n in 0..SUBJECTS_MAX + 1000 {
            let attempt = Attempt { subjects: subjects(1, &n.to_string()) };
            throttle.failed(&attempt, &config, now + Duration::from_micros(n as u64));
        }
        assert!(throttle.subjects.lock().len() <= SUBJECTS_MAX + 1);
    }
}
