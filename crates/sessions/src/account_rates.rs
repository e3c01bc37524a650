//! How much one account may send in an hour and in a day (RFC 6409 §3.3 and RFC 5068 §2 ask for accountable
//! submission): a password that was stolen sends no more than this before somebody looks.
//!
//! Shared by all ways to send, submission and JMAP; counted from the start of the server. Each count is a
//! [`Bucket`]. Bounded: accounts whose buckets are full again are forgotten, and above the bound new ones are
//! not counted meanwhile.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use koi_types::{AccountId, Timestamp, limits};

use crate::bucket::Bucket;

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
#[derive(Debug, Default)]
pub struct AccountRates {
    max: AccountRatesMax,
    known: Mutex<BTreeMap<AccountId, Counts>>,
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

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

impl AccountRates {
    #[must_use]
    pub fn new(max: AccountRatesMax) -> Self {
        Self { max, known: Mutex::default() }
    }
    /// Counts one. False when it is one too many in either period; that one is not counted.
    pub(crate) fn take(&self, sent: Sent, account: AccountId, now: Timestamp) -> bool {
        self.count(account, now, |counts, now| counts.take(&self.max, sent, now))
    }
    /// Counts a message with all its recipients; where that is too much, nothing of it.
    pub(crate) fn take_message(&self, recipients: usize, account: AccountId, now: Timestamp) -> bool {
        self.count(account, now, |counts, now| {
            let mut each =
                std::iter::once(Sent::Message).chain(std::iter::repeat_n(Sent::Recipient, recipients));
            each.all(|sent| counts.take(&self.max, sent, now))
        })
    }
    fn count(&self, account: AccountId, now: Timestamp, take: impl FnOnce(&mut Counts, i64) -> bool) -> bool {
        if self.max == AccountRatesMax::default() {
            return true;
        }
        let now = now.0.saturating_mul(1000);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::RATED_ACCOUNTS_MAX && !known.contains_key(&account) {
            known.retain(|_, counts| !counts.is_at_rest(now));
            if known.len() >= limits::RATED_ACCOUNTS_MAX {
                return true;
            }
        }
        let counts = known.entry(account).or_default();
        let mut after = *counts;
        let fits = take(&mut after, now);
        if fits {
            *counts = after;
        }
        fits
    }
}

impl Counts {
    fn take(&mut self, max: &AccountRatesMax, sent: Sent, now: i64) -> bool {
        let (periods, per_hour, per_day) = match sent {
            Sent::Message => (&mut self.messages, max.messages_per_hour, max.messages_per_day),
            Sent::Recipient => (&mut self.recipients, max.recipients_per_hour, max.recipients_per_day),
        };
        periods.hour.take(per_hour, HOUR_MICROS, now) && periods.day.take(per_day, DAY_MICROS, now)
    }
    fn is_at_rest(&self, now: i64) -> bool {
        let Self { messages, recipients } = self;
        [messages.hour, messages.day, recipients.hour, recipients.day].iter().all(|b| b.is_full(now))
    }
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
            rates.take(Sent::Message, AccountId(account), Timestamp(1_000_000_000 + millis))
        };
        assert_eq!([take(1, 0), take(1, 0), take(1, 0)], [true, true, false]);
        assert!(take(2, 0), "another account");
        assert!(take(1, HOUR / 2), "one of two comes back in half an hour");
        assert!(!take(1, 2 * HOUR), "the day's are used up");
        assert!(take(1, 8 * HOUR), "one of three comes back in eight hours");
        assert!(rates.take(Sent::Recipient, AccountId(1), Timestamp(0)), "no bound");
        assert_eq!(rates.known.lock().unwrap().len(), 2);
    }
    #[test]
    fn a_message_is_counted_with_all_recipients_or_not_at_all() {
        let max = AccountRatesMax { messages_per_hour: 2, recipients_per_hour: 4, ..Default::default() };
        let rates = AccountRates::new(max);
        let take = |recipients| rates.take_message(recipients, AccountId(1), Timestamp(1_000_000_000));
        assert!(!take(5), "more than there are");
        assert!(take(3));
        assert!(!take(2), "one is left");
        assert!(take(1), "the message before was not counted");
        assert!(!take(0), "two messages were sent");
    }
}
