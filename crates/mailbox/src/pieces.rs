//! A change of many messages: transactions of a bounded number of messages each, submitted together and run
//! one after the other. Each is durable, and may be told, before those behind it are.
//!
//! Must not: promise that all of them happen: when one is refused, those before it stay.

use std::collections::VecDeque;

use koi_store::kv;
use koi_store::mail::AccountTxn;
use koi_types::{MailError, MailboxId, Result, UidSet};

use crate::Ticket;
use crate::account::{Account, CHUNK};
use crate::outcome::Pending;
use crate::uids::pieces;

/// What the transactions of one change will return, in their order.
#[must_use = "a write has happened only when its ticket says so"]
pub struct Pieces<T> {
    parts: VecDeque<(UidSet, kv::Pending<T>)>,
    /// Nothing was submitted, because of this.
    refused: Option<MailError>,
}

impl<T: Default + Send + 'static> Pieces<T> {
    pub(crate) const fn failed(error: MailError) -> Self {
        Self { parts: VecDeque::new(), refused: Some(error) }
    }
    /// Resolves when the next of them is durable or has failed; nothing when there is none left.
    #[must_use]
    pub fn ticket(&self) -> Option<Ticket> {
        match self.refused {
            Some(_) => Some(Ticket::done()),
            None => self.parts.front().map(|(_, pending)| pending.ticket()),
        }
    }
    /// The next, if it is durable or has failed: the messages it was asked for, and what came of it.
    pub fn next_done(&mut self) -> Result<Option<(UidSet, T)>> {
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        match self.parts.pop_front_if(|(_, pending)| pending.ticket().peek().is_some()) {
            Some((uids, pending)) => Ok(Some((uids, pending.take()?))),
            None => Ok(None),
        }
    }
    /// All of them as one.
    pub(crate) fn joined(self, join: impl Fn(&mut T, T) + Send + 'static) -> Pending<T> {
        if let Some(error) = self.refused {
            return Pending::failed(error);
        }
        if self.parts.is_empty() {
            return Pending::ready(T::default());
        }
        let parts = self.parts.into_iter().map(|(_, pending)| pending).collect();
        Pending::joined(parts, move |parts: Vec<Result<T>>| {
            let mut all = T::default();
            for part in parts {
                join(&mut all, part?);
            }
            Ok(all)
        })
    }
}

impl Account {
    /// A chain of transactions of at most so many messages each.
    pub(crate) fn in_pieces<T: Default + Send + 'static>(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        count: u32,
        run: impl Fn(&mut AccountTxn<'_>, &UidSet) -> Result<T> + Clone + Send + 'static,
    ) -> Pieces<T> {
        let uids = match self.present(mailbox, uids) {
            Ok(uids) => uids,
            Err(error) => return Pieces::failed(error),
        };
        let part = |piece: UidSet| {
            let (run, own) = (run.clone(), piece.clone());
            (piece, self.submit(move |account| run(account, &own)))
        };
        Pieces { parts: pieces(&uids, count).into_iter().map(part).collect(), refused: None }
    }
    /// Those of a large set that are there, so that a chain is as long as there is work for; a small set as
    /// it is.
    pub(crate) fn present(&self, mailbox: MailboxId, uids: &UidSet) -> Result<UidSet> {
        if uids.count() <= u64::from(CHUNK) {
            return Ok(uids.clone());
        }
        let there = self.snapshot()?.uids(mailbox)?;
        Ok(UidSet(there.0.intersect(&uids.0)))
    }
}
