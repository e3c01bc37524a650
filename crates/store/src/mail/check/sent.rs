//! F: rows that cannot be read are dropped; what they knew is learnt again, what was sent is counted anew.

use koi_types::Result;

use super::Check;
use crate::key::table;
use crate::record::sent::{SentCountsRecord, SubmittedRecord, decode_setting, decode_since};

impl Check<'_> {
    pub(super) fn sent(&mut self) -> Result<()> {
        self.each(table::SENT, |check, key, value| {
            let readable = match key.get(5..) {
                Some([0, hash @ ..]) if hash.len() == 8 => SubmittedRecord::decode(value).is_some(),
                Some([1, client @ ..]) if client.len() == 8 => decode_since(value).is_some(),
                Some([2]) => decode_setting(value).is_some(),
                Some([3]) => SentCountsRecord::decode(value).is_some(),
                _ => false,
            };
            if !readable {
                check.superfluous(key, value, "unreadable row about sent mail");
            }
            Ok(())
        })
    }
}
