//! Threads (RFC 8621 §3): messages that name a common Message-ID and have the same base subject.

use std::ops::ControlFlow;

use koi_types::{EmailId, Result, ThreadId};

use super::account::AccountTxn;
use super::append::EmailFacts;
use crate::key;
use crate::record::small::ThreadKeyRecord;

/// Emails looked at for one Message-ID.
const CANDIDATES_MAX: usize = 16;

/// Eight octets that stand for a longer text in keys.
#[must_use]
pub fn short_hash(text: &[u8]) -> u64 {
    let hash = blake3::hash(text);
    hash.as_bytes().first_chunk::<8>().map_or(0, |octets| u64::from_be_bytes(*octets))
}

impl AccountTxn<'_> {
    /// From now on a new email that belongs to several threads makes one of them (RFC 8621 §3). Messages
    /// change their UIDs by it, so it is not done for what a client appends by IMAP, which may just be
    /// putting a mailbox in order.
    pub fn join_threads(&mut self) {
        self.joins_threads = true;
    }
    /// Whether a new email has joined threads, so that others have new ids.
    #[must_use]
    pub const fn has_joined_threads(&self) -> bool {
        self.has_joined
    }
    /// Finds the thread of a new email, or begins one with its id; writes rows I, and T unless the
    /// thread has its name. If it joins several threads, the oldest takes the emails of the others.
    pub(super) fn thread_of(&mut self, email: EmailId, facts: &EmailFacts) -> Result<ThreadId> {
        let mut threads = Vec::new();
        for hash in facts.thread_keys.iter() {
            let thread = self.thread_by_key(*hash, facts.subject_hash)?;
            threads.extend(thread.filter(|thread| !threads.contains(thread)));
            if !threads.is_empty() && !self.joins_threads {
                break;
            }
        }
        // Ids begin with the time.
        threads.sort_unstable();
        let mut threads = threads.into_iter();
        let thread = threads.next().unwrap_or(ThreadId(email.0));
        for other in threads {
            self.merge_thread(other, thread, email)?;
        }
        self.put_in_thread(email, thread, facts.subject_hash, facts.thread_keys.iter().copied())?;
        Ok(thread)
    }
    /// Rows I, and T unless the thread has the email's name.
    pub(super) fn put_in_thread(
        &mut self,
        email: EmailId,
        thread: ThreadId,
        subject_hash: u64,
        hashes: impl Iterator<Item = u64>,
    ) -> Result<()> {
        let record = ThreadKeyRecord { thread, subject_hash }.encode(email);
        for hash in hashes {
            self.txn.put(&key::thread_key(self.id, hash, email), &record)?;
        }
        if thread.0 != email.0 {
            self.txn.put(&key::thread(self.id, thread, email), &[])?;
        }
        Ok(())
    }
    fn thread_by_key(&self, hash: u64, subject_hash: u64) -> Result<Option<ThreadId>> {
        let first = key::thread_key(self.id, hash, EmailId([0; 16]));
        let last = key::thread_key(self.id, hash, EmailId([0xff; 16]));
        let (mut found, mut left) = (None, CANDIDATES_MAX);
        self.txn.scan(&first, &last, &mut |key, row| {
            let record = key::part(key, 13).and_then(|email| ThreadKeyRecord::decode(row, EmailId(email)));
            let same = record.filter(|record| record.subject_hash == subject_hash);
            found = same.map(|record| record.thread);
            left -= 1;
            if found.is_some() || left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }
}
