//! What waits for other organisations, as an administrator sees it: from whom, to where, and why it waits
//! (docs/DMAP.md, other organisations). Must not: show anything of a message.

use std::ops::ControlFlow;

use koi_store::kv::transact;
use koi_store::mail::AccountTxn;
use koi_store::mail::dmap::queue;
use koi_types::{AccountId, Address, ErrorKind, ObjectId, Result, Timestamp};

use crate::outcome::Pending;
use crate::service::MailboxService;

/// A message on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingMail {
    pub account: AccountId,
    pub id: ObjectId,
    /// Whose it is; nothing when the account is being removed.
    pub from: Option<Address>,
    /// The domain.
    pub destination: Box<str>,
    pub octets: u64,
    pub queued_at: Timestamp,
    pub next_at: Timestamp,
    pub attempts: u32,
    /// Why the last attempt did not succeed; empty before the first.
    pub said: Box<str>,
}

impl MailboxService {
    /// All that waits, what is due first first.
    pub fn waiting_mail(&self) -> Result<Vec<WaitingMail>> {
        let view = self.inner.kv.view()?;
        let mut due = Vec::new();
        queue::due(&*view, &mut |one| {
            due.push(one.due);
            ControlFlow::Continue(())
        })?;
        let mut all = Vec::new();
        for due in due {
            let Some(record) = queue::queued(&*view, due.account, due.id)? else { continue };
            let row = self.directory().row(due.account)?;
            all.push(WaitingMail {
                account: due.account,
                id: due.id,
                from: row.map(|row| row.address),
                destination: record.destination,
                octets: record.body.octets,
                queued_at: record.queued_at,
                next_at: record.next_at,
                attempts: record.attempts,
                said: record.said,
            });
        }
        Ok(all)
    }
    /// How many.
    pub fn waiting_mail_count(&self) -> Result<u64> {
        let mut count = 0;
        queue::due(&*self.inner.kv.view()?, &mut |_| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }
    /// One is due now. Answers whether it was still on its way.
    pub fn hurry_mail(&self, account: AccountId, id: ObjectId) -> Pending<bool> {
        let (options, now) = (std::sync::Arc::clone(&self.inner.options), self.inner.env.now());
        let pending = transact(&*self.inner.kv, move |txn| {
            let mut own = match AccountTxn::open(txn, account, options.quota, now) {
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(false),
                opened => opened?,
            };
            let found = own.hurry(id)?;
            own.finish()?;
            Ok(found.is_some())
        });
        Pending::of(pending)
    }
}
