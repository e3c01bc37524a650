//! Logins that come without a password: by the cookie of a page of this very server, and by a ticket that
//! opens one WebSocket.
//!
//! A cookie is good only for what pages of its own origin ask for: browsers say so in headers that no page
//! can write (Fetch Metadata), and send it to nobody else (`__Host-`, `SameSite=Strict`). What a
//! login was checked with is checked again at every use, so that a password that was changed, and an app
//! password or token that was removed, end what came of them. All of this is in memory; `file` is where it
//! is while the server is not there.

mod file;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use koi_types::AccountId;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::password::Proven;

/// Web logins of one account; the one not used the longest goes.
const LOGINS_PER_ACCOUNT_MAX: usize = 64;
const LOGINS_MAX: usize = 100_000;
/// Tickets of one account that nobody has used yet; the oldest goes.
const TICKETS_PER_ACCOUNT_MAX: usize = 16;
const TICKETS_MAX: usize = 100_000;
/// How long a ticket waits.
pub(super) const TICKET_SECS: u64 = 60;
/// 256 bits: nobody guesses them, and equal hashes are equal secrets.
const SECRET_OCTETS: usize = 32;

/// Hash of a secret: what is kept.
type Hash = [u8; 32];

/// What of both kinds is open.
pub(super) struct WebLogins {
    /// How long one that is not used stays.
    idle: Mutex<Duration>,
    logins: Mutex<HashMap<Hash, Kept>>,
    tickets: Mutex<HashMap<Hash, Kept>>,
}

struct Kept {
    proven: Proven,
    /// When it was used last, or made.
    used: Instant,
    /// Dropped with this: streams that came with the cookie end.
    open: watch::Sender<()>,
}

/// A cookie that is good.
pub(super) struct Found {
    pub(super) proven: Proven,
    pub(super) until: watch::Receiver<()>,
}

impl WebLogins {
    pub(super) fn new(idle: Duration) -> Self {
        Self { idle: Mutex::new(idle), logins: Mutex::default(), tickets: Mutex::default() }
    }
    /// From now on they stay for so long, also those that are there.
    pub(super) fn stay_for(&self, idle: Duration) {
        *self.idle.lock() = idle;
    }
    /// Keeps a login; the answer is the cookie's value.
    pub(super) fn log_in(&self, proven: Proven, now: Instant) -> String {
        let (idle, mut logins) = (*self.idle.lock(), self.logins.lock());
        keep(&mut logins, proven, now, idle, LOGINS_PER_ACCOUNT_MAX, LOGINS_MAX)
    }
    /// Whose cookie it is.
    pub(super) fn find(&self, cookie: &str, now: Instant) -> Option<Found> {
        let (idle, mut logins) = (*self.idle.lock(), self.logins.lock());
        let hash = hash(cookie)?;
        let kept = logins.get_mut(&hash)?;
        if now.duration_since(kept.used) >= idle {
            logins.remove(&hash);
            return None;
        }
        kept.used = now;
        Some(Found { proven: kept.proven.clone(), until: kept.open.subscribe() })
    }
    /// Forgets it; whether there was one.
    pub(super) fn log_out(&self, cookie: &str) -> bool {
        hash(cookie).is_some_and(|hash| self.logins.lock().remove(&hash).is_some())
    }
    /// Makes a ticket.
    pub(super) fn ticket(&self, proven: Proven, now: Instant) -> String {
        let idle = Duration::from_secs(TICKET_SECS);
        let mut tickets = self.tickets.lock();
        keep(&mut tickets, proven, now, idle, TICKETS_PER_ACCOUNT_MAX, TICKETS_MAX)
    }
    /// Whose ticket it is; from now on it is nobody's.
    pub(super) fn redeem(&self, ticket: &str, now: Instant) -> Option<Proven> {
        let kept = self.tickets.lock().remove(&hash(ticket)?)?;
        let is_fresh = now.duration_since(kept.used) < Duration::from_secs(TICKET_SECS);
        is_fresh.then_some(kept.proven)
    }
}

fn keep(
    all: &mut HashMap<Hash, Kept>,
    proven: Proven,
    now: Instant,
    idle: Duration,
    account_max: usize,
    max: usize,
) -> String {
    let account = proven.login.account;
    if of_account(all, account) >= account_max || all.len() >= max {
        all.retain(|_, kept| now.duration_since(kept.used) < idle);
    }
    while of_account(all, account) >= account_max {
        remove_oldest(all, |kept| kept.proven.login.account == account);
    }
    while all.len() >= max {
        remove_oldest(all, |_| true);
    }
    let secret = URL_SAFE_NO_PAD.encode(crate::clock::random::<SECRET_OCTETS>());
    if let Some(hash) = hash(&secret) {
        all.insert(hash, Kept { proven, used: now, open: watch::Sender::new(()) });
    }
    secret
}

fn of_account(all: &HashMap<Hash, Kept>, account: AccountId) -> usize {
    all.values().filter(|kept| kept.proven.login.account == account).count()
}

fn remove_oldest(all: &mut HashMap<Hash, Kept>, of: impl Fn(&Kept) -> bool) {
    let oldest = all.iter().filter(|(_, kept)| of(kept)).min_by_key(|(_, kept)| kept.used);
    if let Some(hash) = oldest.map(|(hash, _)| *hash) {
        all.remove(&hash);
    }
}

/// Nothing for what is none of ours.
fn hash(secret: &str) -> Option<Hash> {
    let octets = URL_SAFE_NO_PAD.decode(secret).ok().filter(|octets| octets.len() == SECRET_OCTETS)?;
    Some(*blake3::hash(&octets).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proven(account: u32) -> Proven {
        Proven::for_tests(AccountId(account))
    }

    #[test]
    fn a_cookie_is_good_until_it_is_not_used() {
        let (logins, now) = (WebLogins::new(Duration::from_secs(100)), Instant::now());
        let later = |secs| now + Duration::from_secs(secs);
        let cookie = logins.log_in(proven(1), now);
        assert_ne!(cookie, logins.log_in(proven(1), now));
        assert!(logins.find(&cookie, later(99)).is_some() && logins.find(&cookie, later(198)).is_some());
        assert!(logins.find(&cookie, later(298)).is_none() && logins.find(&cookie, later(298)).is_none());
        let cookie = logins.log_in(proven(1), now);
        // By a setting that has changed meanwhile.
        logins.stay_for(Duration::from_secs(50));
        assert!(logins.find(&cookie, later(49)).is_some() && logins.find(&cookie, later(99)).is_none());
        logins.stay_for(Duration::from_secs(100));
        let cookie = logins.log_in(proven(1), now);
        let found = logins.find(&cookie, now).unwrap();
        assert!(found.until.has_changed().is_ok());
        assert!(logins.log_out(&cookie) && !logins.log_out(&cookie));
        assert!(found.until.has_changed().is_err(), "what is open with it hears of it");
        for bad in ["", "x", "====", &"A".repeat(43), &"A".repeat(1000)] {
            assert!(logins.find(bad, now).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_account_has_so_many_and_others_keep_theirs() {
        let (logins, now) = (WebLogins::new(Duration::from_secs(100)), Instant::now());
        let other = logins.log_in(proven(2), now);
        let all: Vec<String> = (0..=LOGINS_PER_ACCOUNT_MAX as u64)
            .map(|n| logins.log_in(proven(1), now + Duration::from_millis(n)))
            .collect();
        let good = all.iter().filter(|cookie| logins.find(cookie, now + Duration::from_secs(1)).is_some());
        assert_eq!(good.count(), LOGINS_PER_ACCOUNT_MAX);
        assert!(logins.find(&all[0], now).is_none() && logins.find(&other, now).is_some());
    }

    #[test]
    fn a_ticket_is_good_once_and_soon() {
        let (logins, now) = (WebLogins::new(Duration::from_secs(100)), Instant::now());
        let ticket = logins.ticket(proven(1), now);
        assert!(logins.find(&ticket, now).is_none(), "it is no cookie");
        assert_eq!(logins.redeem(&ticket, now).unwrap().login.account, AccountId(1));
        assert!(logins.redeem(&ticket, now).is_none());
        let late = logins.ticket(proven(1), now);
        assert!(logins.redeem(&late, now + Duration::from_secs(TICKET_SECS)).is_none());
        let first = logins.ticket(proven(1), now);
        for n in 0..TICKETS_PER_ACCOUNT_MAX as u64 {
            logins.ticket(proven(1), now + Duration::from_millis(n + 1));
        }
        assert!(logins.redeem(&first, now).is_none());
    }
}
