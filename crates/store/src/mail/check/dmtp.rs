//! Messages on their way to other organisations against what is due (N of account 0), and what is known of
//! those organisations (O).

use std::collections::BTreeSet;

use koi_types::{AccountId, Result};

use super::{Check, References};
use crate::body::Scope;
use crate::key::{self, table};
use crate::mail::dmap::queue;
use crate::record::dmtp::{OrganisationRecord, QueuedRecord};

impl Check<'_> {
    /// One row of d 4; whether it can be read.
    pub(super) fn queued(
        &mut self,
        scope: Scope,
        key: &[u8],
        value: &[u8],
        references: &mut References,
    ) -> Result<bool> {
        let record = QueuedRecord::decode(value).filter(|_| key.len() == 22);
        let Some(record) = record else { return Ok(references.count_body(scope, None)) };
        if let Some(id) = key::dmap_outbox_of(key) {
            let due = key::send_due(record.next_at, self.account, id);
            if !self.has(&due)? {
                let row = queue::due_row(&record.destination);
                self.missing(&due, "a message on its way to another server is never due", row);
            }
        }
        Ok(references.count_body(scope, Some(record.body)))
    }
    /// N and O of account 0.
    pub(super) fn sends_due(&mut self, accounts: &BTreeSet<AccountId>) -> Result<()> {
        self.each(table::global::SEND_DUE, |check, key, value| {
            let due = key::send_due_of(key).filter(|due| accounts.contains(&due.account));
            let record = match due {
                Some(due) => check.read.get(&key::dmtp_queued(due.account, due.id))?,
                None => None,
            };
            let record = record.as_deref().and_then(QueuedRecord::decode);
            let is_its = record.zip(due).is_some_and(|(record, due)| {
                record.next_at == due.at && queue::destination_of(value) == Some(&record.destination)
            });
            if !is_its {
                check.superfluous(key, value, "a message is due to be sent that is not on its way");
            }
            Ok(())
        })?;
        self.each(table::global::ORGANISATION, |check, key, value| {
            if key::organisation_of(key).is_none() || OrganisationRecord::decode(value).is_none() {
                check.report(key, "what is known of another organisation cannot be read");
            }
            Ok(())
        })
    }
}
