//! Delivery: one message to several accounts, in one transaction. Where it goes in each, `placement` says.

use std::sync::Arc;

use koi_store::kv::{Txn, transact};
use koi_store::mail::AccountTxn;
use koi_types::{AccountId, EmailId, ErrorKind, MailError, Result, ReversePath, Timestamp};

use crate::outcome::{Delivered, Delivery, Pending};
use crate::placement::{Arriving, take_in};
use crate::service::{MailboxService, Options};

impl MailboxService {
    /// Delivers to every recipient, in the order of `recipients`; the body is stored once per domain. An
    /// account that is gone or full fails for itself only; a full disk fails for all.
    pub fn deliver(&self, delivery: Delivery) -> Pending<Vec<Result<Delivered>>> {
        let inner = &self.inner;
        if let Err(error) = inner.prepare(&delivery.message, &delivery.recipients, peer(&delivery.sender)) {
            return Pending::failed(error);
        }
        let to = |account: &AccountId| To { account: *account, email: inner.new_email_id() };
        let recipients: Arc<[To]> = delivery.recipients.iter().map(to).collect();
        let (options, now) = (Arc::clone(&inner.options), inner.env.now());
        let all = Arc::clone(&recipients);
        let pending = transact(&*inner.kv, move |txn: &mut dyn Txn| {
            let mut results = Vec::with_capacity(all.len());
            for to in all.iter() {
                let one = deliver_one(txn, &options, &delivery, *to, now);
                if let Some(fatal) = one.as_ref().err().filter(|error| !is_about_one_account(error)) {
                    return Err(fatal.clone());
                }
                results.push(one);
            }
            Ok(results)
        });
        recipients.iter().for_each(|to| inner.changed(to.account));
        Pending::of(pending)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct To {
    pub(crate) account: AccountId,
    pub(crate) email: EmailId,
}

pub(crate) fn deliver_one(
    txn: &mut dyn Txn,
    options: &Options,
    delivery: &Delivery,
    to: To,
    now: Timestamp,
) -> Result<Delivered> {
    let mut account = AccountTxn::open(txn, to.account, options.quota, now)?;
    let Delivery { sender, message, received_at, .. } = delivery;
    let arriving = Arriving { message, sender, received_at: *received_at };
    let delivered = take_in(&mut account, options, to.email, &arriving)?;
    account.finish()?;
    Ok(delivered)
}

/// Errors that `take_in` can only meet before it has written a row.
pub(crate) fn is_about_one_account(error: &MailError) -> bool {
    // Why an account takes nothing in clear, or cannot get this encrypted.
    error.cause.is_some()
        || matches!(
            error.kind,
            ErrorKind::NotFound | ErrorKind::OverQuota | ErrorKind::LimitReached | ErrorKind::Corrupt
        )
}

/// The domain that mail comes from, as the envelope says it.
pub(crate) fn peer(sender: &ReversePath) -> Option<&str> {
    match sender {
        ReversePath::Null => None,
        ReversePath::Address(address) => Some(address.domain()),
    }
}
