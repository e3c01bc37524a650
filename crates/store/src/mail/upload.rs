//! Uploads (RFC 8620 §6.1): bounded in number, octets and time; the oldest go first.

use std::ops::ControlFlow;

use koi_types::{AccountId, ErrorKind, Result, Timestamp, UploadId, limits};

use super::index::account_record;
use crate::body::{NewBody, Scope};
use crate::key::{self, table};
use crate::kv::{Read, Txn};
use crate::record::upload::UploadRecord;

/// An upload that is to be kept.
#[derive(Clone, Debug)]
pub struct NewUpload {
    pub id: UploadId,
    pub by: AccountId,
    pub at: Timestamp,
    pub body: NewBody,
    pub media_type: Box<str>,
}

/// An upload; a row that cannot be read is none.
pub fn upload(read: &(impl Read + ?Sized), account: AccountId, id: UploadId) -> Result<Option<UploadRecord>> {
    Ok(read.get(&key::upload(account, id))?.and_then(|row| UploadRecord::decode(&row)))
}

/// Keeps an upload; `TooLarge` when it alone is more than an account may have, `LimitReached` when what a
/// guest may take away for it is not enough: that is its own.
pub fn keep(txn: &mut dyn Txn, account: AccountId, new: &NewUpload) -> Result<()> {
    let missing = || koi_types::MailError::new(ErrorKind::NotFound, "no such account");
    let record = account_record(txn, account)?.ok_or_else(missing)?;
    let octets = new.body.octets();
    if octets > limits::UPLOADS_OCTETS_MAX {
        let text = "the upload is larger than what an account may upload at all";
        return Err(koi_types::MailError::new(ErrorKind::TooLarge, text));
    }
    let old = all(&*txn, account)?;
    let mut count = old.len();
    let mut sum = old.iter().fold(octets, |sum, kept| sum.saturating_add(kept.record.body.octets));
    for kept in &old {
        let is_old = kept.record.at.plus_secs(limits::UPLOAD_SECS) <= new.at;
        let has_room = count < limits::UPLOADS_MAX && sum <= limits::UPLOADS_OCTETS_MAX;
        let may_go = new.by == account || new.by == kept.record.by;
        if is_old || (!has_room && may_go) {
            forget(txn, account, record.scope, kept)?;
            count -= 1;
            sum = sum.saturating_sub(kept.record.body.octets);
        }
    }
    if count >= limits::UPLOADS_MAX || sum > limits::UPLOADS_OCTETS_MAX {
        let text = "others have uploaded as much to this account as it may have";
        return Err(koi_types::MailError::new(ErrorKind::LimitReached, text));
    }
    let body = txn.put_body(record.scope, &new.body)?;
    let row = UploadRecord { by: new.by, at: new.at, body, media_type: new.media_type.clone() };
    txn.put(&key::upload(account, new.id), &row.encode())
}

/// Whether the oldest upload is past its time.
pub fn has_old(read: &(impl Read + ?Sized), account: AccountId, now: Timestamp) -> Result<Expiry> {
    let oldest = read_some(read, account, 1)?.into_iter().next();
    Ok(oldest.map_or(Expiry::None, |kept| match kept.record.at.plus_secs(limits::UPLOAD_SECS) <= now {
        true => Expiry::Due,
        false => Expiry::Later,
    }))
}

/// When uploads go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    None,
    Later,
    Due,
}

/// Takes away what is past its time, at most `rows_max`.
pub fn expire(txn: &mut dyn Txn, account: AccountId, now: Timestamp, rows_max: usize) -> Result<()> {
    txn.frees_space();
    let Some(record) = account_record(txn, account)? else { return Ok(()) };
    for kept in read_some(&*txn, account, rows_max)? {
        if kept.record.at.plus_secs(limits::UPLOAD_SECS) > now {
            break;
        }
        forget(txn, account, record.scope, &kept)?;
    }
    Ok(())
}

/// Takes up to `rows_max` away, whatever their age. Answers whether there may be more.
pub(super) fn reclaim(txn: &mut dyn Txn, account: AccountId, scope: Scope, rows_max: usize) -> Result<bool> {
    let some = read_some(&*txn, account, rows_max)?;
    some.iter().try_for_each(|kept| forget(txn, account, scope, kept))?;
    Ok(some.len() == rows_max)
}

struct Kept {
    id: UploadId,
    record: UploadRecord,
}

fn all(read: &(impl Read + ?Sized), account: AccountId) -> Result<Vec<Kept>> {
    read_some(read, account, usize::MAX)
}

/// The oldest. There are never more than `limits::UPLOADS_MAX`.
fn read_some(read: &(impl Read + ?Sized), account: AccountId, max: usize) -> Result<Vec<Kept>> {
    let range = key::all(account, table::UPLOAD);
    let mut some = Vec::new();
    read.scan(&range.from, &range.end, &mut |key, row| {
        if let (Some(id), Some(record)) = (key::upload_of(key), UploadRecord::decode(row)) {
            some.push(Kept { id, record });
        }
        if some.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(some)
}

fn forget(txn: &mut dyn Txn, account: AccountId, scope: Scope, kept: &Kept) -> Result<()> {
    txn.delete(&key::upload(account, kept.id))?;
    match txn.release_body(scope, &kept.record.body.blob) {
        // The table of bodies is damaged: `check` says so, and the rest must not wait for it.
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt) => Ok(()),
        released => released,
    }
}
