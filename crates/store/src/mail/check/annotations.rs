//! O: each belongs to a mailbox that is there, and their sums are right.

use koi_types::Result;
use koi_types::annotation::Target;

use super::Check;
use super::names::State;
use crate::key::{self, table};
use crate::mail::annotation::counted_octets;
use crate::record::annotation::{AnnotationRecord, AnnotationTotals};

impl Check<'_> {
    /// After names and messages: a mailbox that these want rebuilt keeps its annotations.
    pub(super) fn annotations(&mut self, state: &State) -> Result<()> {
        let totals_key = key::annotation_totals(self.account);
        let (mut count, mut octets) = (0u32, 0u64);
        self.each(table::ANNOTATION, |check, key, value| {
            if key == totals_key {
                return Ok(());
            }
            count = count.saturating_add(1);
            octets = octets.saturating_add(counted_octets(key, value));
            let of = key::annotation_of(key).filter(|(_, name)| name.key() == name.as_str());
            let Some((target, _)) = of else {
                check.report(key, "an annotation has a key of the wrong form");
                return Ok(());
            };
            if let Target::Mailbox(mailbox) = target {
                let of_mailbox = key::mailbox(check.account, table::MAILBOX, mailbox);
                let rebuilt = check.findings.iter().any(|finding| *finding.key == of_mailbox);
                if !state.knows(mailbox) && !rebuilt {
                    check.superfluous(key, value, "an annotation of a mailbox that does not exist");
                    return Ok(());
                }
            }
            match AnnotationRecord::decode(value) {
                None => check.report(key, "an annotation cannot be read"),
                Some(record) if record.modseq > state.account.modseq => {
                    check.report(key, "an annotation has a MODSEQ above the account's");
                }
                Some(_) => {}
            }
            Ok(())
        })?;
        self.annotation_totals(state, count, octets)
    }
    fn annotation_totals(&mut self, state: &State, count: u32, octets: u64) -> Result<()> {
        let key = key::annotation_totals(self.account);
        let row = self.read.get(&key)?.map(std::borrow::Cow::into_owned);
        let found = row.as_deref().and_then(AnnotationTotals::decode);
        // Without a row that can be read, something may have changed just now.
        let modseq = found.map_or(state.account.modseq, |found| found.modseq.min(state.account.modseq));
        let right = AnnotationTotals { count, octets, modseq };
        let problem = "the sums of an account's annotations are wrong";
        match (row, found) {
            (None, _) if count == 0 => {}
            (None, _) => self.missing(&key, problem, right.encode()),
            (Some(row), found) if found != Some(right) => self.wrong(&key, &row, problem, right.encode()),
            _ => {}
        }
        Ok(())
    }
}
