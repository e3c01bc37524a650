//! The search index of an account: which emails have a word around a piece of text (docs/SEARCH.md).
//!
//! It only ever says which messages need not be read; what is found is decided by the text itself, so a
//! search finds the same with and without it. It is made behind delivery, by [`IndexRun`]s: each takes in
//! what came since the last, and keeps segments few. Knows no threads of its own and no clock: whoever runs
//! it decides when and how fast.

mod batch;
pub(crate) mod check;
mod known;
pub(crate) mod lookup;
mod merge;
mod news;
mod queue;
mod run;
mod segment;

use koi_message::search::term_rules;
use koi_store::kv::transact_and_wait;
use koi_store::mail::index;
use koi_types::{AccountId, ErrorKind, MailError, Result};

pub(crate) use queue::IndexQueue;
pub use run::{IndexRun, IndexStep};

use crate::service::MailboxService;

/// Rows taken away by one transaction.
const REMOVED_ROWS_MAX: usize = 2000;
/// What any index may take, however little mail there is.
const OCTETS_MIN: u64 = 1 << 20;

/// What an administrator may set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexOptions {
    /// Whether there are indexes at all.
    pub enabled: bool,
    /// Messages from which on an account gets one by itself.
    pub messages_min: u64,
    /// Octets of an index, in hundredths of the mail of its account; emails that come when it is full are
    /// read by every search.
    pub share_max: u64,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self { enabled: true, messages_min: 1000, share_max: 50 }
    }
}

impl IndexOptions {
    /// Octets of the index of an account with so many octets of mail.
    #[must_use]
    pub fn octets_max(&self, mail_octets: u64) -> u64 {
        (mail_octets / 100).saturating_mul(self.share_max).max(OCTETS_MIN)
    }
}

/// An index as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IndexStatus {
    /// Emails it knows.
    pub emails: u64,
    /// Octets of its rows.
    pub octets: u64,
    /// Octets it may have.
    pub octets_max: u64,
    pub segments: u64,
    /// Everything that there is is in it.
    pub complete: bool,
}

impl MailboxService {
    /// Who has changed since it was last asked; every account once after a start.
    pub fn next_to_index(&self) -> Result<Option<AccountId>> {
        if self.inner.index.waiting().begin() {
            self.each_account(&mut |account| self.inner.index.waiting().add(account))?;
        }
        Ok(self.inner.index.waiting().take())
    }
    /// The account is to be looked at again.
    pub fn index_later(&self, account: AccountId) {
        self.inner.index.waiting().add(account);
    }
    /// Begins to bring an account's index up to date, making one where there is none and there should be:
    /// always when `wanted`. Nothing when there is nothing to do. `InUse` while another run is at it.
    pub fn index_run(&self, account: AccountId, wanted: bool) -> Result<Option<IndexRun>> {
        IndexRun::begin(&self.inner, account, wanted)
    }
    /// The index of an account; nothing when it has none.
    pub fn index_status(&self, account: AccountId) -> Result<Option<IndexStatus>> {
        let view = self.inner.kv.view()?;
        let (Some(head), Some(record)) =
            (index::head(&*view, account)?, index::account_record(&*view, account)?)
        else {
            return Ok(None);
        };
        Ok(Some(IndexStatus {
            emails: head.docs(),
            octets: head.octets(),
            octets_max: self.inner.options.index.octets_max(record.octets),
            segments: head.segments.len() as u64,
            complete: head.upto.is_none() && head.modseq >= record.current() && head.rules == term_rules(),
        }))
    }
    /// Takes the index of an account away. Answers whether there was one.
    pub fn drop_index(&self, account: AccountId) -> Result<bool> {
        let Some(_busy) = self.inner.index.occupy(account) else { return Err(in_use()) };
        let there = match index::head(&*self.inner.kv.view()?, account) {
            Err(error) if error.kind == ErrorKind::Corrupt => true,
            head => head?.is_some(),
        };
        transact_and_wait(&*self.inner.kv, move |txn| index::remove_head(txn, account))?;
        while transact_and_wait(&*self.inner.kv, move |txn| {
            index::remove_orphans(txn, account, REMOVED_ROWS_MAX)
        })? {}
        Ok(there)
    }
}

fn in_use() -> MailError {
    MailError::new(ErrorKind::InUse, "the search index of the account is being written")
}
