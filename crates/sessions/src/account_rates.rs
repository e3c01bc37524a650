//! How much one account may send in an hour and in a day (RFC 6409 §3.3 and RFC 5068 §2 ask for accountable
//! submission): a password that was stolen sends no more than this before somebody looks.
//!
//! Shared by all ways to send: submission, JMAP, DMAP. What is refused in the end is given back. Each count
//! is a [`Bucket`]. Bounded: accounts whose buckets are full again are forgotten, a few whenever a new one
//! comes, and above the bound new ones are not counted meanwhile.
//!
//! What is counted here was asked for; what was sent is counted once more with the message, in its
//! transaction ([`Counted::shares`]). With that an account begins that is not known here: after a restart.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

use koi_mailbox::{MailboxService, SentCountsRecord, SentShares};
use koi_types::{AccountId, Timestamp, limits};

use crate::bucket::{Bucket, Share};

/// So many for each account; 0: no bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AccountRatesMax {
    pub messages_per_hour: u32,
    pub messages_per_day: u32,
    pub recipients_per_hour: u32,
    pub recipients_per_day: u32,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sent {
    Message,
    Recipient,
}

/// The counts of all accounts.
#[derive(Default)]
pub struct AccountRates {
    max: AccountRatesMax,
    /// Who remembers what was sent; nobody in tests of one run.
    service: Option<MailboxService>,
    known: Mutex<Known>,
}

/// What was counted at once, of one account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    account: AccountId,
    messages: Shares,
    recipients: Shares,
}

#[derive(Clone, Copy, Debug, Default)]
struct Shares {
    hour: Share,
    day: Share,
}

#[derive(Debug, Default)]
struct Known {
    accounts: BTreeMap<AccountId, Counts>,
    /// The accounts behind this one are looked at next.
    looked_at: Option<AccountId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    messages: Periods,
    recipients: Periods,
}

#[derive(Clone, Copy, Debug, Default)]
struct Periods {
    hour: Bucket,
    day: Bucket,
}

/// Accounts looked at when a new one comes.
const LOOK: usize = 16;

const HOUR_MICROS: i64 = SentCountsRecord::HOUR;
const DAY_MICROS: i64 = SentCountsRecord::DAY;

impl AccountRates {
    #[must_use]
    pub fn new(max: AccountRatesMax) -> Self {
        Self { max, ..Self::default() }
    }
    /// The same, which go on where they were when the server is started again.
    #[must_use]
    pub fn remembered(max: AccountRatesMax, service: MailboxService) -> Self {
        Self { service: Some(service), ..Self::new(max) }
    }
    /// Counts one. Nothing when it is one too many in either period; that one is not counted.
    pub(crate) fn take(&self, sent: Sent, account: AccountId, now: Timestamp) -> Option<Counted> {
        self.count(account, now, |counts, now| {
            let shares = counts.take(&self.max, sent, now)?;
            let none = Shares::default();
            Some(match sent {
                Sent::Message => Counted { account, messages: shares, recipients: none },
                Sent::Recipient => Counted { account, messages: none, recipients: shares },
            })
        })
    }
    /// Counts a message with all its recipients; where that is too much, nothing of it.
    pub(crate) fn take_message(
        &self,
        recipients: usize,
        account: AccountId,
        now: Timestamp,
    ) -> Option<Counted> {
        self.count(account, now, |counts, now| {
            let messages = counts.take(&self.max, Sent::Message, now)?;
            let mut each = std::iter::repeat_n(Sent::Recipient, recipients);
            let recipients = each
                .try_fold(Shares::default(), |all, sent| Some(all.and(counts.take(&self.max, sent, now)?)))?;
            Some(Counted { account, messages, recipients })
        })
    }
    /// It was not sent.
    pub(crate) fn give_back(&self, counted: &Counted, now: Timestamp) {
        let now = micros(now);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Counts { messages, recipients }) = known.accounts.get_mut(&counted.account) {
            messages.give_back(counted.messages, now);
            recipients.give_back(counted.recipients, now);
        }
    }
    fn count(
        &self,
        account: AccountId,
        now: Timestamp,
        take: impl FnOnce(&mut Counts, i64) -> Option<Counted>,
    ) -> Option<Counted> {
        let uncounted = Counted { account, messages: Shares::default(), recipients: Shares::default() };
        if self.max == AccountRatesMax::default() {
            return Some(uncounted);
        }
        let now = micros(now);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.accounts.contains_key(&account) {
            // Nobody waits for the disk meanwhile.
            drop(known);
            let stored = self.stored(account);
            known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.forget_some(now);
            if known.accounts.len() >= limits::RATED_ACCOUNTS_MAX {
                return Some(uncounted);
            }
            known.accounts.entry(account).or_insert(stored);
        }
        let counts = known.accounts.entry(account).or_default();
        // Also where nothing can be taken: else it would stay so until the time that the clock showed before.
        counts.bound(now);
        let mut after = *counts;
        let counted = take(&mut after, now)?;
        *counts = after;
        Some(counted)
    }
    /// What the account has sent before it was known here. Where that cannot be read nothing is sent either,
    /// and whoever tries is told why.
    fn stored(&self, account: AccountId) -> Counts {
        let account = self.service.as_ref().map(|service| service.account(account));
        let stored = account.and_then(|account| account.ok()?.sent_counts().ok()).unwrap_or_default();
        let SentCountsRecord { messages_hour, messages_day, recipients_hour, recipients_day } = stored;
        let full_at = Bucket::full_at;
        Counts {
            messages: Periods { hour: full_at(messages_hour), day: full_at(messages_day) },
            recipients: Periods { hour: full_at(recipients_hour), day: full_at(recipients_day) },
        }
    }
}

impl std::fmt::Debug for AccountRates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountRates").field("max", &self.max).finish_non_exhaustive()
    }
}

impl Counted {
    /// The same, to be counted with the message.
    pub(crate) const fn shares(&self) -> SentShares {
        SentShares {
            messages_hour: self.messages.hour.micros(),
            messages_day: self.messages.day.micros(),
            recipients_hour: self.recipients.hour.micros(),
            recipients_day: self.recipients.day.micros(),
        }
    }
}

impl Known {
    /// Looks at the next few accounts, round and round.
    fn forget_some(&mut self, now: i64) {
        let from = self.looked_at.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.accounts.range((from, Bound::Unbounded)).take(LOOK);
        let looked_at: Vec<_> = behind.map(|(account, counts)| (*account, counts.is_at_rest(now))).collect();
        self.looked_at = looked_at.last().filter(|_| looked_at.len() == LOOK).map(|(account, _)| *account);
        for (account, _) in looked_at.iter().filter(|(_, is_at_rest)| *is_at_rest) {
            self.accounts.remove(account);
        }
    }
}

impl Counts {
    fn take(&mut self, max: &AccountRatesMax, sent: Sent, now: i64) -> Option<Shares> {
        let (periods, per_hour, per_day) = match sent {
            Sent::Message => (&mut self.messages, max.messages_per_hour, max.messages_per_day),
            Sent::Recipient => (&mut self.recipients, max.recipients_per_hour, max.recipients_per_day),
        };
        let hour = periods.hour.take_share(per_hour, HOUR_MICROS, now)?;
        let day = periods.day.take_share(per_day, DAY_MICROS, now)?;
        Some(Shares { hour, day })
    }
    /// A clock that was set back, or a damaged row, takes no more than there is.
    fn bound(&mut self, now: i64) {
        let Self { messages, recipients } = self;
        for periods in [messages, recipients] {
            periods.hour.bound(HOUR_MICROS, now);
            periods.day.bound(DAY_MICROS, now);
        }
    }
    fn is_at_rest(&self, now: i64) -> bool {
        let Self { messages, recipients } = self;
        [messages.hour, messages.day, recipients.hour, recipients.day].iter().all(|b| b.is_full(now))
    }
}

impl Periods {
    fn give_back(&mut self, shares: Shares, now: i64) {
        self.hour.give_back(shares.hour, now);
        self.day.give_back(shares.day, now);
    }
}

impl Shares {
    const fn and(self, next: Self) -> Self {
        Self { hour: self.hour.and(next.hour), day: self.day.and(next.day) }
    }
}

fn micros(at: Timestamp) -> i64 {
    at.0.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    // spec: RFC 6409 §3.3
    #[test]
    fn an_hours_worth_at_once_and_no_more_than_a_days() {
        let max = AccountRatesMax { messages_per_hour: 2, messages_per_day: 3, ..Default::default() };
        let rates = AccountRates::new(max);
        let take = |account, millis| {
            rates.take(Sent::Message, AccountId(account), Timestamp(1_000_000_000 + millis)).is_some()
        };
        assert_eq!([take(1, 0), take(1, 0), take(1, 0)], [true, true, false]);
        assert!(take(2, 0), "another account");
        assert!(take(1, HOUR / 2), "one of two comes back in half an hour");
        assert!(!take(1, 2 * HOUR), "the day's are used up");
        assert!(take(1, 8 * HOUR), "one of three comes back in eight hours");
        assert!(rates.take(Sent::Recipient, AccountId(1), Timestamp(0)).is_some(), "no bound");
        assert_eq!(rates.known.lock().unwrap().accounts.len(), 2);
    }
    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting_for_what_it_showed_before() {
        let max = AccountRatesMax { messages_per_hour: 2, ..Default::default() };
        let rates = AccountRates::new(max);
        let take =
            |millis| rates.take(Sent::Message, AccountId(1), Timestamp(1_000_000_000 + millis)).is_some();
        assert!(take(1000 * HOUR));
        assert!(!take(0), "as if all had been sent just now");
        assert!(take(HOUR / 2) && !take(HOUR / 2));
    }
    #[test]
    fn a_message_is_counted_with_all_recipients_or_not_at_all() {
        let max = AccountRatesMax { messages_per_hour: 2, recipients_per_hour: 4, ..Default::default() };
        let rates = AccountRates::new(max);
        let at = Timestamp(1_000_000_000);
        let take = |recipients| rates.take_message(recipients, AccountId(1), at).is_some();
        assert!(!take(5), "more than there are");
        assert!(take(3));
        assert!(!take(2), "one is left");
        assert!(take(1), "the message before was not counted");
        assert!(!take(0), "two messages were sent");
    }
    // spec: RFC 6409 §3.3
    #[test]
    fn what_was_not_sent_is_given_back() {
        let max = AccountRatesMax { messages_per_day: 1, recipients_per_hour: 3, ..Default::default() };
        let rates = AccountRates::new(max);
        let at = Timestamp(1_000_000_000);
        let take = |recipients| rates.take_message(recipients, AccountId(1), at);
        let counted = take(2).unwrap();
        assert!(take(1).is_none());
        rates.give_back(&counted, at);
        assert!(take(3).is_some() && take(0).is_none(), "all of it, and no more");
        // Whose counts are forgotten has none.
        rates.give_back(&Counted { account: AccountId(2), ..counted }, at);
        assert_eq!(rates.known.lock().unwrap().accounts.len(), 1);
    }
    #[test]
    fn those_who_rest_are_forgotten_a_few_at_a_time() {
        let max = AccountRatesMax { messages_per_hour: 2, ..Default::default() };
        let rates = AccountRates::new(max);
        let take = |account, at| rates.take(Sent::Message, AccountId(account), Timestamp(at)).is_some();
        let known = || rates.known.lock().unwrap().accounts.len();
        let most = u32::try_from(limits::RATED_ACCOUNTS_MAX).unwrap();
        (0..most).for_each(|account| assert!(take(account, 1)));
        assert_eq!(known(), limits::RATED_ACCOUNTS_MAX);
        assert!((0..5).all(|_| take(most, 1)), "above the bound nothing is counted");
        // Later all of them rest; one send looks at a few of them.
        assert!(take(most, 2 * HOUR));
        assert_eq!(known(), limits::RATED_ACCOUNTS_MAX - LOOK + 1);
        (1..most).for_each(|n| assert!(take(most + n, 4 * HOUR)));
        assert!(known() < limits::RATED_ACCOUNTS_MAX, "{}", known());
        assert!(take(0, 4 * HOUR) && take(0, 4 * HOUR) && !take(0, 4 * HOUR), "counted again");
    }
}
