//! COPY and MOVE into a mailbox that may be another account's, in pieces: what another domain must store
//! again is staged first, then everything is submitted.

use koi_store::mail::Copied;
use koi_types::{MailboxId, Result, UidSet};

use crate::account::Account;
use crate::bodies::Staging;
use crate::outcome::Pending;

/// A COPY or MOVE that is not submitted yet.
pub struct TransferRun {
    account: Account,
    from: MailboxId,
    uids: UidSet,
    target: Account,
    to: MailboxId,
    moves: bool,
    staging: Staging,
}

impl Account {
    /// Begins to copy messages into a mailbox of `target`, or to move them there.
    pub fn transfer_run(
        &self,
        from: MailboxId,
        uids: &UidSet,
        target: &Self,
        to: MailboxId,
        moves: bool,
    ) -> Result<TransferRun> {
        let staging = Staging::new(self, from, &uids.0, target)?;
        let (account, target, uids) = (self.clone(), target.clone(), uids.clone());
        Ok(TransferRun { account, from, uids, target, to, moves, staging })
    }
}

impl TransferRun {
    /// Does the next piece, a few milliseconds. Answers whether it can be submitted.
    pub fn advance(&mut self) -> Result<bool> {
        self.staging.advance()
    }
    /// Octets of memory it takes.
    #[must_use]
    pub fn memory_octets(&self) -> usize {
        self.staging.memory_octets()
    }
    /// Submits it.
    pub fn submit(self) -> Pending<Copied> {
        let Self { account, from, uids, target, to, moves, staging } = self;
        account.transfer(from, &uids, &target, to, moves, staging.into_bodies())
    }
    /// Runs to the end, on this thread. For tools and tests.
    pub(crate) fn finish(mut self) -> Pending<Copied> {
        loop {
            match self.advance() {
                Ok(true) => return self.submit(),
                Ok(false) => {}
                Err(error) => return Pending::failed(error),
            }
        }
    }
}
