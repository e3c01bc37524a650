//! d 4 and N: messages on their way to other organisations, and when each is to be tried.
//!
//! Every row of d 4 has one of N, at the time it names; both change together. Must not: know how a message is
//! sent.

use std::ops::ControlFlow;

use koi_types::{AccountId, ErrorKind, MailError, ObjectId, Result, Timestamp, limits};

use super::prime;
use crate::body::{NewBody, Scope};
use crate::key::{self, SendDue, table};
use crate::kv::{Read, Txn};
use crate::mail::AccountTxn;
use crate::record::dmtp::QueuedRecord;
use crate::record::{VERSION, corrupt};

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct NewQueued {
    pub destination: Box<str>,
    pub signet: [u8; 64],
    pub bounces: u8,
    pub body: NewBody,
}

/// One that is on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Queued {
    pub id: ObjectId,
    pub record: QueuedRecord,
}

/// One that is due, and where it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    pub due: SendDue,
    pub destination: Box<str>,
}

/// One message; nothing when it is not on its way any more.
pub fn queued(read: &(impl Read + ?Sized), account: AccountId, id: ObjectId) -> Result<Option<QueuedRecord>> {
    let key = key::dmtp_queued(account, id);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    QueuedRecord::decode(&row).map(Some).ok_or_else(|| corrupt("queued message", &key))
}

/// All of an account; rows that cannot be read are left out. There are never more than
/// `limits::DMTP_QUEUE_MAX`.
pub fn queue(read: &(impl Read + ?Sized), account: AccountId) -> Result<Vec<Queued>> {
    let range = key::below(&key::dmap(account, key::DMAP_QUEUE));
    let mut all = Vec::new();
    read.scan(&range.from, &range.end, &mut |key, row| {
        let one = key::dmap_outbox_of(key).zip(QueuedRecord::decode(row));
        all.extend(one.map(|(id, record)| Queued { id, record }));
        ControlFlow::Continue(())
    })?;
    Ok(all)
}

/// All by when they are due, the earliest first, until the visitor breaks.
pub fn due(read: &(impl Read + ?Sized), visit: &mut dyn FnMut(Due) -> ControlFlow<()>) -> Result<()> {
    let range = key::all(AccountId::GLOBAL, table::global::SEND_DUE);
    read.scan(&range.from, &range.end, &mut |key, row| match key::send_due_of(key).zip(destination_of(row)) {
        Some((due, destination)) => visit(Due { due, destination: destination.into() }),
        None => ControlFlow::Continue(()),
    })
}

/// The value of an N row: version, then the domain.
pub(in crate::mail) fn destination_of(row: &[u8]) -> Option<&str> {
    std::str::from_utf8(row.strip_prefix(&[VERSION])?).ok()
}

/// The same, to be written.
pub(in crate::mail) fn due_row(destination: &str) -> Vec<u8> {
    [&[VERSION], destination.as_bytes()].concat()
}

/// Takes up to `rows_max` away, unsent, with their account. Answers whether there may be more.
pub(in crate::mail) fn reclaim(
    txn: &mut dyn Txn,
    account: AccountId,
    scope: Scope,
    rows_max: usize,
) -> Result<bool> {
    let mut some = queue(&*txn, account)?;
    some.truncate(rows_max);
    for each in &some {
        forget(txn, account, scope, each)?;
    }
    Ok(some.len() == rows_max)
}

fn forget(txn: &mut dyn Txn, account: AccountId, scope: Scope, one: &Queued) -> Result<()> {
    txn.delete(&key::send_due(one.record.next_at, account, one.id))?;
    txn.delete(&key::dmtp_queued(account, one.id))?;
    prime::release(txn, scope, &one.record.body.blob)
}

impl AccountTxn<'_> {
    /// Puts a message on its way. `LimitReached` when the account has too many there, or too much.
    pub fn enqueue(&mut self, id: ObjectId, new: &NewQueued) -> Result<()> {
        let queue = queue(&*self.txn, self.id)?;
        let octets = queue.iter().fold(0, |sum: u64, one| sum.saturating_add(one.record.body.octets));
        let is_too_much =
            !queue.is_empty() && octets.saturating_add(new.body.octets()) > limits::DMTP_QUEUE_OCTETS_MAX;
        if queue.len() >= limits::DMTP_QUEUE_MAX || is_too_much {
            let text = "too many messages are on their way to other servers";
            return Err(MailError::new(ErrorKind::LimitReached, text));
        }
        let record = QueuedRecord {
            destination: new.destination.clone(),
            signet: new.signet,
            queued_at: self.now,
            next_at: self.now,
            attempts: 0,
            bounces: new.bounces,
            said: "".into(),
            body: self.txn.put_body(self.record.scope, &new.body)?,
        };
        self.sends = true;
        self.put_queued(id, &record)
    }
    /// It is not there yet: tried again then. Nothing when it is not on its way any more.
    pub fn put_off(&mut self, id: ObjectId, until: Timestamp, said: &str) -> Result<Option<QueuedRecord>> {
        let Some(record) = queued(&*self.txn, self.id, id)? else { return Ok(None) };
        self.txn.delete(&key::send_due(record.next_at, self.id, id))?;
        let attempts = record.attempts.saturating_add(1);
        let record = QueuedRecord { next_at: until, attempts, said: said.into(), ..record };
        self.put_queued(id, &record)?;
        Ok(Some(record))
    }
    /// It is due now. Nothing when it is not on its way any more.
    pub fn hurry(&mut self, id: ObjectId) -> Result<Option<QueuedRecord>> {
        let Some(record) = queued(&*self.txn, self.id, id)? else { return Ok(None) };
        self.txn.delete(&key::send_due(record.next_at, self.id, id))?;
        let record = QueuedRecord { next_at: self.now, ..record };
        self.sends = true;
        self.put_queued(id, &record)?;
        Ok(Some(record))
    }
    /// It is there, or will never be. Nothing when somebody has ended it before.
    pub fn dequeue(&mut self, id: ObjectId) -> Result<Option<QueuedRecord>> {
        let Some(record) = queued(&*self.txn, self.id, id)? else { return Ok(None) };
        let one = Queued { id, record };
        forget(self.txn, self.id, self.record.scope, &one)?;
        Ok(Some(one.record))
    }
    fn put_queued(&mut self, id: ObjectId, record: &QueuedRecord) -> Result<()> {
        self.txn.put(&key::dmtp_queued(self.id, id), &record.encode())?;
        self.txn.put(&key::send_due(record.next_at, self.id, id), &due_row(&record.destination))
    }
}
