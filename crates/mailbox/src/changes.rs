//! The change log as a snapshot reads it: what happened in a mailbox since a MODSEQ (RFC 7162 §3.1,
//! RFC 8621 §4.3).

use std::ops::ControlFlow;

use koi_store::key;
use koi_store::record::log::{Event, LogRecord};
use koi_types::{EmailId, MailboxId, ModSeq, NumSet, Result, Uid, UidSet};

use crate::outcome::{ChangedMessages, Changes};
use crate::snapshot::Snapshot;

/// A message that left its mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExpungedMessage {
    pub uid: Uid,
    pub email: EmailId,
    pub modseq: ModSeq,
}

impl Snapshot<'_> {
    /// Those of `uids` that left the mailbox after `since`, with their emails, as far as the log still knows:
    /// for clients that were not told yet. Whether the email is still in its grace, `email` says.
    pub fn expunged(&self, mailbox: MailboxId, since: ModSeq, uids: &NumSet) -> Result<Vec<ExpungedMessage>> {
        let mut found = Vec::new();
        let from = key::log(self.account, since.value().saturating_add(1));
        let end = key::log(self.account, u64::MAX);
        self.view.scan(&from, &end, &mut |key, row| {
            let modseq = key::part(key, 5).and_then(|octets| ModSeq::new(u64::from_be_bytes(octets)));
            let (Some(modseq), Some(log)) = (modseq, LogRecord::decode(row)) else {
                return ControlFlow::Continue(());
            };
            for section in log.sections.into_iter().filter(|section| section.mailbox == Some(mailbox)) {
                let Event::Expunged { uids: gone, emails } = section.event else { continue };
                let pairs = gone.iter().zip(emails).filter(|(uid, _)| uids.contains(uid.value()));
                found.extend(pairs.map(|(uid, email)| ExpungedMessage { uid, email, modseq }));
            }
            ControlFlow::Continue(())
        })?;
        found.sort_by_key(|message| message.uid);
        Ok(found)
    }
    /// What changed in a mailbox after `since`, at a cost that grows with what changed; at most `max` commits
    /// and runs of messages in them.
    pub fn changes(&self, mailbox: MailboxId, since: ModSeq, max: usize) -> Result<Changes> {
        let Some(record) = self.mailbox_record(mailbox)? else { return Ok(Changes::MailboxGone) };
        let upto = self.modseq();
        let mut changed =
            ChangedMessages { added: UidSet::new(), flags: UidSet::new(), vanished: UidSet::new(), upto };
        if record.highest_modseq <= since {
            return Ok(Changes::Listed(changed));
        }
        if since.value() < self.record.log_floor || !self.read_log(mailbox, since, max, &mut changed)? {
            return Ok(Changes::TooMany { upto });
        }
        changed.added.0 = changed.added.0.difference(&changed.vanished.0);
        changed.flags.0 = changed.flags.0.difference(&changed.vanished.0).difference(&changed.added.0);
        Ok(Changes::Listed(changed))
    }
    /// Answers whether it was not too much.
    fn read_log(
        &self,
        mailbox: MailboxId,
        since: ModSeq,
        max: usize,
        changed: &mut ChangedMessages,
    ) -> Result<bool> {
        let from = key::log(self.account, since.value().saturating_add(1));
        let end = key::log(self.account, u64::MAX);
        let mut left = max as u64;
        let mut complete = true;
        self.view.scan(&from, &end, &mut |_, row| {
            let Some(log) = LogRecord::decode(row).filter(|_| left > 0) else {
                complete = false;
                return ControlFlow::Break(());
            };
            left -= 1;
            for section in log.sections.into_iter().filter(|section| section.mailbox == Some(mailbox)) {
                let (set, uids) = match section.event {
                    Event::Added(uids) => (&mut changed.added, uids),
                    Event::Flags(uids) => (&mut changed.flags, uids),
                    Event::Expunged { uids, .. } => (&mut changed.vanished, uids),
                    _ => continue,
                };
                let Some(fewer) = left.checked_sub(uids.0.runs().count() as u64) else {
                    complete = false;
                    return ControlFlow::Break(());
                };
                left = fewer;
                set.0.extend(&uids.0);
            }
            ControlFlow::Continue(())
        })?;
        Ok(complete)
    }
}
