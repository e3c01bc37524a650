//! Delivery: one message to the INBOXes of several accounts, in one transaction.

use std::sync::Arc;

use koi_store::kv::{Txn, transact};
use koi_store::mail::{AccountTxn, INBOX, NewEmail, Quota};
use koi_types::{AccountId, EmailId, ErrorKind, MailError, Result, SystemFlags, Timestamp, ZoneOffset};

use crate::outcome::{Delivered, Delivery, Pending};
use crate::service::MailboxService;

impl MailboxService {
    /// Delivers to every recipient, in the order of `recipients`; the body is stored once per domain. An
    /// account that is gone or full fails for itself only; a full disk fails for all.
    pub fn deliver(&self, delivery: Delivery) -> Pending<Vec<Result<Delivered>>> {
        let inner = &self.inner;
        let to = |account: &AccountId| To { account: *account, email: inner.new_email_id() };
        let recipients: Arc<[To]> = delivery.recipients.iter().map(to).collect();
        let (quota, now) = (inner.options.quota, inner.env.now());
        let all = Arc::clone(&recipients);
        let pending = transact(&*inner.kv, move |txn: &mut dyn Txn| {
            let mut results = Vec::with_capacity(all.len());
            for to in all.iter() {
                let one = deliver_one(txn, &delivery, *to, quota, now);
                if let Some(fatal) = one.as_ref().err().filter(|error| !is_about_one_account(error)) {
                    return Err(fatal.clone());
                }
                results.push(one);
            }
            Ok(results)
        });
        recipients.iter().for_each(|to| inner.backlog.add(to.account));
        Pending::of(pending)
    }
}

#[derive(Clone, Copy)]
struct To {
    account: AccountId,
    email: EmailId,
}

fn deliver_one(
    txn: &mut dyn Txn,
    delivery: &Delivery,
    to: To,
    quota: Quota,
    now: Timestamp,
) -> Result<Delivered> {
    let mut account = AccountTxn::open(txn, to.account, quota, now)?;
    let message = &delivery.message;
    let new = NewEmail {
        email: to.email,
        body: &message.body,
        octets: message.octets,
        facts: &message.facts,
        flags: SystemFlags::NONE,
        keywords: &[],
        received_at: delivery.received_at,
        received_zone: ZoneOffset(0),
    };
    let appended = account.append(INBOX, &new)?;
    let modseq = account.modseq();
    account.finish()?;
    Ok(Delivered {
        mailbox: INBOX,
        uidvalidity: appended.uidvalidity,
        uid: appended.uid,
        email: appended.email,
        modseq,
    })
}

/// Errors an append without keywords can only meet before it has written a row.
pub(crate) fn is_about_one_account(error: &MailError) -> bool {
    matches!(
        error.kind,
        ErrorKind::NotFound | ErrorKind::OverQuota | ErrorKind::LimitReached | ErrorKind::Corrupt
    )
}
