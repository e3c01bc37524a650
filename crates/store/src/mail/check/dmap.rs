//! Tables d, m and p: what is there for DMAP, against the messages and emails it belongs to.

use std::collections::HashMap;

use koi_types::{EmailId, KeyId, MailboxId, Result};

use super::names::State;
use super::{Check, References};
use crate::key::{self, table};
use crate::record::account::AccountRecord;
use crate::record::dmap::{
    KeyRecord, OutboxRecord, RealmRecord, RingRecord, decode_key_emails, decode_meta, encode_key_emails,
};
use crate::record::dmtp::{QueuedRecord, TakenRecord};
use crate::record::membership::Membership;
use crate::record::prime::PrimeRecord;

impl Check<'_> {
    pub(super) fn dmap(&mut self, state: &State, references: &mut References) -> Result<()> {
        let emails = self.primes(state, references)?;
        self.metas(state)?;
        self.each(table::DMAP, |check, key, value| {
            let is_known = match key.get(5) {
                Some(&key::DMAP_KEY) => key.len() == 70 && KeyRecord::decode(value).is_some(),
                Some(&key::DMAP_REALM) => {
                    key::dmap_realm_of(key).is_some() && RealmRecord::decode(value).is_some()
                }
                Some(&key::DMAP_SIGNET) => {
                    key::dmap_signet_of(key).is_some() && RingRecord::decode(value).is_some()
                }
                Some(&key::DMAP_OUTBOX) => {
                    let record = OutboxRecord::decode(value).filter(|_| key.len() == 22);
                    references.count_body(state.account.scope, record.map(|record| record.body))
                }
                Some(&key::DMAP_QUEUE) => check.queued(state.account.scope, key, value, references)?,
                Some(&key::DMAP_KEY_EMAILS) => check.key_emails(key, value, emails.as_ref())?,
                Some(&key::DMAP_TAKEN) => key.len() == 70 && TakenRecord::decode(value).is_some(),
                _ => false,
            };
            // Somebody may have the octets elsewhere: nothing of it is thrown away.
            if !is_known {
                check.report(key, "a key, a shard, a signet or a submission cannot be read");
            }
            Ok(())
        })
    }
    /// What is counted of a key against the emails that open by it; nothing where some cannot be read.
    fn key_emails(&mut self, key: &[u8], value: &[u8], emails: Option<&HashMap<KeyId, u64>>) -> Result<bool> {
        let Some(id) = key::dmap_key_of(key).filter(|_| key.len() == 70) else { return Ok(false) };
        let Some(emails) = emails else { return Ok(decode_key_emails(value).is_some()) };
        let right = emails.get(&id).copied().unwrap_or_default();
        if !self.has(&key::dmap_key(self.account, &id))? {
            self.superfluous(key, value, "messages are counted of a key that does not exist");
        } else if decode_key_emails(value) != Some(right) {
            self.wrong(key, value, "the messages of a key are counted wrong", encode_key_emails(right));
        }
        Ok(true)
    }
    /// Rows p belong to emails. Answers how many emails open by each key, if all of them could be read.
    fn primes(&mut self, state: &State, references: &mut References) -> Result<Option<HashMap<KeyId, u64>>> {
        let mut emails = Some(HashMap::new());
        self.each(table::PRIME, |check, key, value| {
            let record = PrimeRecord::decode(value);
            match (&record, &mut emails) {
                (Some(record), Some(emails)) => {
                    record.key.into_iter().for_each(|id| *emails.entry(id).or_default() += 1);
                }
                _ => emails = None,
            }
            let is_readable = references.count_body(state.account.scope, record.map(|record| record.body));
            if !is_readable {
                check.report(key, "an encrypted message's row cannot be read");
            }
            let email = key::part(key, 5).map(EmailId);
            match email {
                Some(email) if check.has(&key::email(check.account, email))? => {}
                _ => check.report(key, "an encrypted message of an email that does not exist"),
            }
            Ok(())
        })?;
        Ok(emails)
    }
    /// Rows m belong to messages that say so, or to mailboxes.
    fn metas(&mut self, state: &State) -> Result<()> {
        self.each(table::META, |check, key, value| {
            let mailbox = key::mailbox_of(key).unwrap_or(MailboxId(0));
            let Some(meta) = decode_meta(value) else {
                check.report(key, "a META block cannot be read");
                return Ok(());
            };
            let Some(uid) = key::uid_at_end(key) else {
                if !state.knows(mailbox) {
                    check.superfluous(key, value, "a META block of a mailbox that does not exist");
                }
                return Ok(());
            };
            let row = check.read.get(&key::membership(check.account, mailbox, uid.value()))?;
            let octets = row.as_deref().map(|row| Membership::decode(row).map(|row| row.meta_octets));
            match octets {
                Some(Some(octets)) if u64::from(octets) == meta.len() as u64 => {}
                Some(Some(_)) => check.report(key, "a META block is not as large as its message says"),
                // Only a client can make it again: the row is made again around it.
                Some(None) => {}
                // Of a mailbox that was deleted they go after its messages.
                None if state.deleted.contains(&mailbox) => {}
                None => check.superfluous(key, value, "a META block of a message that does not exist"),
            }
            Ok(())
        })
    }
    /// What DMAP refers to in an account that is being reclaimed.
    pub(super) fn dmap_references_left(
        &mut self,
        account: &AccountRecord,
        references: &mut References,
    ) -> Result<()> {
        self.each(table::PRIME, |_, _, value| {
            references.count_body(account.scope, PrimeRecord::decode(value).map(|record| record.body));
            Ok(())
        })?;
        self.each(table::DMAP, |_, key, value| {
            if key.get(5) == Some(&key::DMAP_OUTBOX) {
                references.count_body(account.scope, OutboxRecord::decode(value).map(|record| record.body));
            }
            if key.get(5) == Some(&key::DMAP_QUEUE) {
                references.count_body(account.scope, QueuedRecord::decode(value).map(|record| record.body));
            }
            Ok(())
        })
    }
}
