//! One mail transaction: reverse-path, recipients, and the message as far as it has arrived (RFC 5321 §3.3).

use koi_mailbox::Stage;
use koi_proto::smtp::Reply;
use koi_types::{AccountId, Address, ReversePath};

pub(super) struct Transaction {
    pub(super) from: ReversePath,
    pub(super) recipients: Vec<Recipient>,
    /// Since DATA or the first BDAT.
    pub(super) stage: Option<Stage>,
    /// Chunks come by BDAT; DATA is not allowed any more (RFC 3030 §2).
    pub(super) chunking: bool,
    /// The chunk that arrives is the last; also set by DATA.
    pub(super) last: bool,
    /// What went wrong while the message arrived: the reply instead of a delivery.
    pub(super) broken: Option<Reply>,
}

#[derive(Clone, Debug)]
pub(super) struct Recipient {
    /// As the peer wrote it.
    pub(super) address: Address,
    pub(super) account: AccountId,
}

impl Transaction {
    pub(super) const fn new(from: ReversePath) -> Self {
        let recipients = Vec::new();
        Self { from, recipients, stage: None, chunking: false, last: false, broken: None }
    }
    /// The accounts to deliver to: two addresses of one account get one message.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        let mut accounts: Vec<AccountId> = Vec::with_capacity(self.recipients.len());
        let mut seen = std::collections::BTreeSet::new();
        accounts.extend(self.recipients.iter().map(|r| r.account).filter(|a| seen.insert(*a)));
        accounts
    }
}
