//! Whose subscriptions of JMAP tell of which accounts (RFC 8620 §7): in memory, made anew from the store.
//!
//! A commit says which account has come further; whoever follows it is to be told, at once after a pause, and
//! at most so often. What exactly is found out when it is sent. Who shares what with whom is looked at again
//! now and then. Must not: read the store, or know what is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use koi_types::AccountId;

/// Everybody who follows, and whom.
pub(super) struct Following {
    /// Between two pushes of states of one user.
    pause: Duration,
    users: HashMap<AccountId, User>,
    followers: HashMap<AccountId, BTreeSet<AccountId>>,
    /// Users who are to be told, and when.
    due: BTreeMap<AccountId, Instant>,
}

struct User {
    accounts: BTreeSet<AccountId>,
    told_at: Option<Instant>,
}

impl Following {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, users: HashMap::new(), followers: HashMap::new(), due: BTreeMap::new() }
    }
    /// A user follows these accounts from now on, and is told of what it does not know of them. Answers
    /// whether it followed others before.
    pub(super) fn follow(&mut self, user: AccountId, accounts: BTreeSet<AccountId>, now: Instant) -> bool {
        let before = self.users.remove(&user);
        let told_at = before.as_ref().and_then(|before| before.told_at);
        let followed = before.map(|before| before.accounts).unwrap_or_default();
        let is_changed = followed != accounts;
        for account in followed.difference(&accounts) {
            if let Some(followers) = self.followers.get_mut(account) {
                followers.remove(&user);
                if followers.is_empty() {
                    self.followers.remove(account);
                }
            }
        }
        for account in &accounts {
            self.followers.entry(*account).or_default().insert(user);
        }
        if accounts.is_empty() {
            self.due.remove(&user);
            return is_changed;
        }
        self.users.insert(user, User { accounts, told_at });
        if is_changed {
            self.tell(user, now);
        }
        is_changed
    }
    /// Something happened in an account.
    pub(super) fn advanced(&mut self, account: AccountId, now: Instant) {
        let followers = self.followers.get(&account).cloned().unwrap_or_default();
        followers.into_iter().for_each(|user| self.tell(user, now));
    }
    fn tell(&mut self, user: AccountId, now: Instant) {
        let told_at = self.users.get(&user).and_then(|user| user.told_at);
        let at = told_at.map_or(now, |told_at| now.max(told_at + self.pause));
        self.due.entry(user).or_insert(at);
    }
    /// Who is to be told now.
    pub(super) fn take_due(&mut self, now: Instant) -> BTreeSet<AccountId> {
        let due: BTreeSet<AccountId> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(user, _)| *user).collect();
        for user in &due {
            self.due.remove(user);
            if let Some(user) = self.users.get_mut(user) {
                user.told_at = Some(now);
            }
        }
        due
    }
    /// When the next user is to be told.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.due.values().min().copied()
    }
    /// Everybody who follows.
    pub(super) fn users(&self) -> Vec<AccountId> {
        self.users.keys().copied().collect()
    }
    /// Accounts that somebody follows.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.followers.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(2);

    fn set(ids: &[u32]) -> BTreeSet<AccountId> {
        ids.iter().map(|id| AccountId(*id)).collect()
    }

    /// spec: RFC 8620 §7
    #[test]
    fn the_first_is_told_at_once_and_what_follows_together() {
        let (mut following, began) = (Following::new(PAUSE), Instant::now());
        assert!(following.follow(AccountId(1), set(&[1, 2]), began));
        assert!(!following.follow(AccountId(1), set(&[1, 2]), began));
        assert_eq!(following.take_due(began), set(&[1]), "for what happened before");
        following.advanced(AccountId(2), began);
        following.advanced(AccountId(3), began);
        assert_eq!(following.next_at(), Some(began + PAUSE));
        assert_eq!(following.take_due(began), set(&[]));
        following.advanced(AccountId(1), began + PAUSE / 2);
        assert_eq!(following.take_due(began + PAUSE), set(&[1]), "once");
        let later = began + PAUSE * 3;
        following.advanced(AccountId(2), later);
        assert_eq!(following.take_due(later), set(&[1]));
    }

    #[test]
    fn whoever_follows_nobody_is_forgotten() {
        let (mut following, now) = (Following::new(PAUSE), Instant::now());
        following.follow(AccountId(1), set(&[1, 2]), now);
        following.follow(AccountId(4), set(&[2, 4]), now);
        following.take_due(now);
        assert!(following.follow(AccountId(1), set(&[]), now));
        following.advanced(AccountId(2), now + PAUSE);
        assert_eq!(following.take_due(now + PAUSE), set(&[4]));
        assert!(following.follow(AccountId(4), set(&[4]), now + PAUSE));
        assert_eq!(following.accounts().collect::<Vec<_>>(), [AccountId(4)]);
        assert_eq!(following.users(), [AccountId(4)]);
    }
}
