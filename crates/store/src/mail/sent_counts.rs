//! How much an account has sent of what an hour and a day allow (RFC 6409 §3.3): counted in the transaction
//! that takes a message, so that a restart forgets nothing and remembering costs no flush.
//!
//! Counts are held in time: when each will be full again. Must not: refuse anything; whoever takes a message
//! has asked before.

use koi_types::{AccountId, ErrorKind, MailError, Result, Timestamp};

use super::account::AccountTxn;
use crate::key;
use crate::kv::{Read, Txn};
use crate::record::sent::SentCountsRecord;

/// What a submission takes of each count, in microseconds: the time in which that comes back. 0 where there
/// is no bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SentShares {
    pub messages_hour: i64,
    pub messages_day: i64,
    pub recipients_hour: i64,
    pub recipients_day: i64,
}

impl SentShares {
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            messages_hour: self.messages_hour.saturating_add(other.messages_hour),
            messages_day: self.messages_day.saturating_add(other.messages_day),
            recipients_hour: self.recipients_hour.saturating_add(other.recipients_hour),
            recipients_day: self.recipients_day.saturating_add(other.recipients_day),
        }
    }
}

/// How much the account has sent. A row that cannot be read is none: the next message writes it anew.
pub fn sent_counts(read: &(impl Read + ?Sized), account: AccountId) -> Result<SentCountsRecord> {
    let row = read.get(&key::sent_counts(account))?;
    Ok(row.and_then(|row| SentCountsRecord::decode(&row)).unwrap_or_default())
}

/// Counts what is sent. `NotFound` when there is no such account.
pub fn count_sent(txn: &mut dyn Txn, account: AccountId, shares: SentShares, now: Timestamp) -> Result<()> {
    let now = micros(now);
    // What a clock that was set back has left far away is at most all that there is.
    change(txn, account, shares, |count, share, period| {
        count.clamp(now, now.saturating_add(period)).saturating_add(share)
    })
}

/// It was not sent in the end. What has come back of it meanwhile is lost.
fn uncount_sent(txn: &mut dyn Txn, account: AccountId, shares: SentShares, now: Timestamp) -> Result<()> {
    change(txn, account, shares, |count, share, _| {
        let left = count.saturating_sub(micros(now)).max(0);
        count.saturating_sub(share.min(left))
    })
}

impl AccountTxn<'_> {
    /// Counts what the account sends.
    pub fn count_sent(&mut self, shares: SentShares) -> Result<()> {
        count_sent(&mut *self.txn, self.id, shares, self.now)
    }
    /// It was not sent in the end.
    pub fn uncount_sent(&mut self, shares: SentShares) -> Result<()> {
        uncount_sent(&mut *self.txn, self.id, shares, self.now)
    }
}

fn change(
    txn: &mut dyn Txn,
    account: AccountId,
    shares: SentShares,
    changed: impl Fn(i64, i64, i64) -> i64,
) -> Result<()> {
    if shares == SentShares::default() {
        return Ok(());
    }
    if txn.get(&key::account(account))?.is_none() {
        return Err(MailError::new(ErrorKind::NotFound, "no such account"));
    }
    let counts = sent_counts(&*txn, account)?;
    let changed = |count, share, period| if share == 0 { count } else { changed(count, share, period) };
    let hour = |count, share| changed(count, share, SentCountsRecord::HOUR);
    let day = |count, share| changed(count, share, SentCountsRecord::DAY);
    let counts = SentCountsRecord {
        messages_hour: hour(counts.messages_hour, shares.messages_hour),
        messages_day: day(counts.messages_day, shares.messages_day),
        recipients_hour: hour(counts.recipients_hour, shares.recipients_hour),
        recipients_day: day(counts.recipients_day, shares.recipients_day),
    };
    txn.put(&key::sent_counts(account), &counts.encode())
}

const fn micros(at: Timestamp) -> i64 {
    at.0.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{Kv, transact_and_wait};
    use crate::mail::fixture::{ALICE, engine};
    use crate::mail::sent;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn stored(kv: &dyn Kv) -> SentCountsRecord {
        sent_counts(&*kv.view().unwrap(), ALICE).unwrap()
    }

    // spec: RFC 6409 §3.3
    #[test]
    fn counts_go_up_come_back_and_outlive_the_setting_of_copies() {
        let kv = engine(&["alice"], NOW);
        let shares = SentShares { messages_hour: 5_000_000, recipients_day: 7, ..SentShares::default() };
        let count = |at: Timestamp| transact_and_wait(&kv, move |txn| count_sent(txn, ALICE, shares, at));
        assert_eq!(stored(&kv), SentCountsRecord::default());
        count(NOW).unwrap();
        count(NOW.plus_secs(1)).unwrap();
        let now = micros(NOW);
        // The second comes behind what is left of the first; where nothing is left, behind the time it came.
        let expected = SentCountsRecord {
            messages_hour: now + 10_000_000,
            recipients_day: now + 1_000_007,
            ..SentCountsRecord::default()
        };
        assert_eq!(stored(&kv), expected);
        transact_and_wait(&kv, |txn| sent::set_files_sent(txn, ALICE, true)).unwrap();
        assert_eq!(stored(&kv), expected);
        // Of the seven microseconds nothing is left after a while.
        let later = NOW.plus_secs(2);
        transact_and_wait(&kv, move |txn| uncount_sent(txn, ALICE, shares, later)).unwrap();
        let expected = SentCountsRecord { messages_hour: now + 5_000_000, ..expected };
        assert_eq!(stored(&kv), expected);
        // The clock was a year ahead, and is set back: as if all had been sent just now.
        count(NOW.plus_secs(365 * 86_400)).unwrap();
        count(NOW).unwrap();
        let expected = SentCountsRecord {
            messages_hour: now + SentCountsRecord::HOUR + 5_000_000,
            recipients_day: now + SentCountsRecord::DAY + 7,
            ..SentCountsRecord::default()
        };
        assert_eq!(stored(&kv), expected);
        let nobody = transact_and_wait(&kv, move |txn| count_sent(txn, AccountId(9), shares, NOW));
        assert_eq!(nobody.unwrap_err().kind, ErrorKind::NotFound);
    }
    #[test]
    fn a_row_that_cannot_be_read_begins_anew_and_no_bound_writes_nothing() {
        let kv = engine(&["alice"], NOW);
        transact_and_wait(&kv, |txn| count_sent(txn, ALICE, SentShares::default(), NOW)).unwrap();
        assert!(kv.view().unwrap().get(&key::sent_counts(ALICE)).unwrap().is_none());
        transact_and_wait(&kv, |txn| txn.put(&key::sent_counts(ALICE), b"\x02?")).unwrap();
        let shares = SentShares { messages_day: 9, ..SentShares::default() };
        transact_and_wait(&kv, move |txn| count_sent(txn, ALICE, shares, NOW)).unwrap();
        let expected = SentCountsRecord { messages_day: micros(NOW) + 9, ..SentCountsRecord::default() };
        assert_eq!(stored(&kv), expected);
    }
}
