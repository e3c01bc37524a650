//! Going through a table of emails with a filter, in pieces: a filter has up to a thousand conditions, a
//! table up to a million emails, and one step does so many and no more.
//!
//! What changes meanwhile is not gone through again, unless all of it is little: whoever asks is told a state
//! from before, from which on it hears of every change. Must not: read anything.

use koi_types::Result;

use super::filter::{Test, Verdict};
use super::table::{Table, TableVersion};
use crate::row::KeywordTable;

/// Conditions times emails that one step decides: some milliseconds.
pub(super) const STEP_COST: u64 = 256 * 1024;

/// The slots of emails with one verdict, as far as they are found.
pub(super) struct Sieve {
    wanted: Verdict,
    of: TableVersion,
    among: Among,
    /// Those that were gone through: of the list so many, or slots up to here.
    done: u32,
    chosen: Vec<u32>,
}

enum Among {
    /// It was not begun.
    Nothing,
    All,
    /// Only these, ascending.
    Few(Vec<u32>),
}

impl Sieve {
    pub(super) const fn new(wanted: Verdict) -> Self {
        Self { wanted, of: TableVersion::NONE, among: Among::Nothing, done: 0, chosen: Vec::new() }
    }
    /// Goes through the next piece; answers whether that was all. `few` is asked at the beginning for the
    /// only slots there can be, ascending, when they are known.
    pub(super) fn advance(
        &mut self,
        test: &Test,
        table: &Table,
        keywords: &KeywordTable,
        few: impl FnOnce() -> Result<Option<Vec<u32>>>,
    ) -> Result<bool> {
        let now = table.version();
        let is_other = self.of.number != now.number || matches!(self.among, Among::Nothing);
        if is_other || (self.of != now && self.is_little(test, table)) {
            let among = few()?.map_or(Among::All, Among::Few);
            *self = Self { of: now, among, ..Self::new(self.wanted) };
        }
        let end = self.end(table);
        let piece = u32::try_from(STEP_COST / test.cost()).unwrap_or(u32::MAX).max(1);
        let upto = end.min(self.done.saturating_add(piece));
        for at in self.done..upto {
            let slot = match &self.among {
                Among::Few(slots) => slots.get(at as usize).copied().unwrap_or(u32::MAX),
                Among::All | Among::Nothing => at,
            };
            if test.verdict_of(table, keywords, slot) == Some(self.wanted) {
                self.chosen.push(slot);
            }
        }
        self.done = upto;
        Ok(upto == end)
    }
    /// Whether one step goes through all of it.
    fn is_little(&self, test: &Test, table: &Table) -> bool {
        u64::from(self.end(table)).saturating_mul(test.cost()) <= STEP_COST
    }
    fn end(&self, table: &Table) -> u32 {
        match &self.among {
            Among::Few(slots) => u32::try_from(slots.len()).unwrap_or(u32::MAX),
            Among::All | Among::Nothing => table.slots_end(),
        }
    }
    /// Slots that were found and still have an email that is shown, ascending.
    pub(super) fn chosen(&self, table: &Table) -> Vec<u32> {
        let is_shown = |slot: &u32| table.slot(*slot).is_some_and(super::table::EmailEntry::is_shown);
        self.chosen.iter().copied().filter(is_shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use koi_types::{EmailId, MailboxId, SystemFlags, ThreadId, Timestamp, Uid};

    use super::*;
    use crate::emails::filter::{EmailCondition, EmailFilter};
    use crate::emails::table::{Place, Present};

    const EMAILS: u32 = 2000;

    fn add(table: &mut Table, n: u32) {
        let id = u128::from(n).to_be_bytes();
        let place = Place { mailbox: MailboxId(1), uid: Uid::new(n + 1).unwrap() };
        let (email, received_at) = (EmailId(id), Timestamp(0));
        let flags = SystemFlags::NONE;
        let present = Present { email, place, flags, keywords: &[], received_at, octets: n };
        table.set(&present, ThreadId(id));
    }

    fn table() -> Table {
        let mut table = Table::new(1, 1, None);
        (0..EMAILS).for_each(|n| add(&mut table, n));
        table.complete();
        table
    }

    fn many_conditions(holds: EmailCondition) -> Test {
        let never = EmailFilter::Is(EmailCondition::MaxSize(0));
        let mut all = vec![never; 1000];
        all.push(EmailFilter::Is(holds));
        Test::new(&EmailFilter::Or(all))
    }

    // spec: RFC 8620 §3.6.2
    #[test]
    fn many_conditions_and_emails_take_many_steps() {
        let (mut table, keywords) = (table(), KeywordTable::default());
        let test = many_conditions(EmailCondition::MinSize(100));
        let mut sieve = Sieve::new(Verdict::Yes);
        let mut steps = 0;
        while !sieve.advance(&test, &table, &keywords, || Ok(None)).unwrap() {
            steps += 1;
            // Time goes on, and mail comes.
            table.modseq += 1;
            add(&mut table, EMAILS + steps);
            table.settle();
        }
        assert!(steps >= 7, "{steps}");
        let found = sieve.chosen(&table);
        let expected: Vec<u32> = (100..EMAILS + steps).collect();
        assert_eq!(found, expected, "what came is found too");
        // What is gone is not told.
        table.remove(EmailId(u128::from(150_u32).to_be_bytes()), |_| true);
        table.settle();
        assert_eq!(sieve.chosen(&table).len(), expected.len() - 1);
        // Slots of another table are others.
        let other = self::table();
        let mut steps = 1;
        while !sieve.advance(&test, &other, &keywords, || Ok(Some(vec![1, 500]))).unwrap() {
            steps += 1;
        }
        assert_eq!((sieve.chosen(&other), steps), (vec![500], 1));
    }
    #[test]
    fn what_takes_one_step_is_as_of_that_step() {
        let (mut table, keywords) = (table(), KeywordTable::default());
        let test = Test::new(&EmailFilter::Is(EmailCondition::InMailbox(MailboxId(2))));
        let mut sieve = Sieve::new(Verdict::Yes);
        assert!(sieve.advance(&test, &table, &keywords, || Ok(None)).unwrap());
        assert!(sieve.chosen(&table).is_empty());
        let place = Place { mailbox: MailboxId(2), uid: Uid::new(1).unwrap() };
        let id = u128::from(7_u32).to_be_bytes();
        let (email, received_at, flags) = (EmailId(id), Timestamp(0), SystemFlags::NONE);
        let present = Present { email, place, flags, keywords: &[], received_at, octets: 1 };
        table.set(&present, ThreadId(id));
        table.settle();
        table.modseq += 1;
        assert!(sieve.advance(&test, &table, &keywords, || Ok(None)).unwrap());
        assert_eq!(sieve.chosen(&table), [7]);
    }
}
