//! Submissions that wait for their time (RFC 8621 §7, sendAt): what is to be sent lies beside the object,
//! so that it is sent whatever becomes of email and object.

use std::ops::ControlFlow;

use koi_types::{AccountId, ErrorKind, MailError, ObjectId, Result, Timestamp, limits};

use super::account::AccountTxn;
use crate::body::{NewBody, Scope};
use crate::key::{self, table};
use crate::kv::{Read, Txn};
use crate::record::submission::PendingRecord;

/// One that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    pub id: ObjectId,
    pub record: PendingRecord,
}

/// The first to be sent; nothing when nothing waits. There are never more than there may be submissions.
pub fn first(read: &(impl Read + ?Sized), account: AccountId) -> Result<Option<Waiting>> {
    let range = key::all(account, table::PENDING);
    let mut first: Option<Waiting> = None;
    read.scan(&range.from, &range.end, &mut |key, row| {
        if let (Some(id), Some(record)) = (key::object_of(key), PendingRecord::decode(row))
            && first.as_ref().is_none_or(|first| record.send_at < first.record.send_at)
        {
            first = Some(Waiting { id, record });
        }
        ControlFlow::Continue(())
    })?;
    Ok(first)
}

/// Takes up to `rows_max` away, unsent. Answers whether there may be more.
pub(super) fn reclaim(txn: &mut dyn Txn, account: AccountId, scope: Scope, rows_max: usize) -> Result<bool> {
    let range = key::all(account, table::PENDING);
    let mut rows = Vec::new();
    txn.scan(&range.from, &range.end, &mut |key, row| {
        let id = key::object_of(key);
        rows.extend(id.and_then(|id| Some(Waiting { id, record: PendingRecord::decode(row)? })));
        if rows.len() < rows_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    rows.iter().try_for_each(|row| forget(txn, account, scope, row))?;
    Ok(rows.len() == rows_max)
}

fn forget(txn: &mut dyn Txn, account: AccountId, scope: Scope, row: &Waiting) -> Result<()> {
    txn.delete(&key::object(account, table::PENDING, row.id))?;
    match txn.release_body(scope, &row.record.body.blob) {
        // The table of bodies is damaged: `check` says so, and the rest must not wait for it.
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt) => Ok(()),
        released => released,
    }
}

impl AccountTxn<'_> {
    /// Keeps what a submission will send. `LimitReached` when too much waits already, also of objects that
    /// were destroyed: it belongs to no quota.
    pub fn put_pending(
        &mut self,
        id: ObjectId,
        send_at: Timestamp,
        body: &NewBody,
        submission: Box<[u8]>,
    ) -> Result<()> {
        let range = key::all(self.id, table::PENDING);
        let (mut waiting, mut octets) = (0, body.octets());
        self.txn.scan(&range.from, &range.end, &mut |_, row| {
            waiting += 1;
            octets = octets.saturating_add(PendingRecord::decode(row).map_or(0, |row| row.body.octets));
            ControlFlow::Continue(())
        })?;
        if waiting >= limits::SUBMISSIONS_MAX || octets > limits::SUBMISSIONS_WAITING_OCTETS_MAX {
            let text = "too many submissions wait for their time";
            return Err(MailError::new(ErrorKind::LimitReached, text));
        }
        let body = self.txn.put_body(self.record.scope, body)?;
        let row = PendingRecord { send_at, body, submission };
        self.txn.put(&key::object(self.id, table::PENDING, id), &row.encode())
    }
    /// Whether it still waits.
    pub fn waits(&self, id: ObjectId) -> Result<bool> {
        Ok(self.txn.get(&key::object(self.id, table::PENDING, id))?.is_some())
    }
    /// It was tried, and is to be tried again then. Nothing happens to one that does not wait.
    pub fn postpone_pending(
        &mut self,
        id: ObjectId,
        send_at: Timestamp,
        submission: Box<[u8]>,
    ) -> Result<()> {
        let key = key::object(self.id, table::PENDING, id);
        let row = self.txn.get(&key)?;
        let Some(record) = row.and_then(|row| PendingRecord::decode(&row)) else { return Ok(()) };
        self.txn.put(&key, &PendingRecord { send_at, submission, ..record }.encode())
    }
    /// It was sent, or will not be. Answers whether it waited.
    pub fn take_pending(&mut self, id: ObjectId) -> Result<bool> {
        let row = self.txn.get(&key::object(self.id, table::PENDING, id))?;
        let Some(record) = row.and_then(|row| PendingRecord::decode(&row)) else { return Ok(false) };
        forget(self.txn, self.id, self.record.scope, &Waiting { id, record })?;
        Ok(true)
    }
}
