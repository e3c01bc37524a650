//! Finding out what changed where the change log does not reach back far enough: every message there is, by
//! its modseq, a piece of the mailbox at every step.

use std::ops::ControlFlow;

use koi_mailbox::Snapshot;
use koi_types::{MailboxId, ModSeq, NumSet, Result};

/// Rows looked at in one step.
const ROWS_PER_STEP: usize = 10_000;

/// Messages that may have changed since.
#[derive(Debug)]
pub(crate) struct Compare {
    mailbox: MailboxId,
    since: ModSeq,
    /// UIDs not yet looked at.
    left: NumSet,
    /// UIDs of those that did change.
    changed: NumSet,
}

impl Compare {
    pub(crate) fn new(mailbox: MailboxId, since: ModSeq, uids: NumSet) -> Self {
        Self { mailbox, since, left: uids, changed: NumSet::new() }
    }
    /// Looks on for one step; what changed when all is looked at. What leaves meanwhile is not in it, and
    /// what changes meanwhile may be: it is told twice then, and right both times.
    pub(crate) fn step(&mut self, snapshot: &Snapshot<'_>) -> Result<Option<NumSet>> {
        let (mut rows, mut last) = (0, 0);
        let (since, changed) = (self.since, &mut self.changed);
        let _ = snapshot.messages(self.mailbox, &self.left, |row| {
            if row.modseq > since {
                changed.insert(row.uid.value());
            }
            rows += 1;
            last = row.uid.value();
            if rows < ROWS_PER_STEP { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if rows < ROWS_PER_STEP {
            return Ok(Some(std::mem::take(&mut self.changed)));
        }
        self.left.remove_range(0..=last);
        Ok(None)
    }
}
