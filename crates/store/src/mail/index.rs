//! The rows of the search index: written in small transactions, valid when the head names them.
//!
//! Nothing here has a MODSEQ: what an index holds changes nothing that anybody sees.

use std::ops::ControlFlow;

use koi_types::{AccountId, ErrorKind, MailError, Result};

use crate::key::{self, index};
use crate::kv::{Read, Txn};
use crate::record::account::AccountRecord;
use crate::record::corrupt;
use crate::record::index::{IndexHead, decode_purged, encode_purged};

/// The head of an account's index; `Corrupt` when it cannot be read.
pub fn head(read: &(impl Read + ?Sized), account: AccountId) -> Result<Option<IndexHead>> {
    let key = index::head(account);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    IndexHead::decode(&row).map(Some).ok_or_else(|| corrupt("search index", &key))
}

/// Replaces the head `old` by `new`. `Conflict` when it is not the one that is there, or the account is gone:
/// somebody else writes.
pub fn replace_head(
    txn: &mut dyn Txn,
    account: AccountId,
    old: Option<&IndexHead>,
    new: Option<&IndexHead>,
) -> Result<()> {
    let key = index::head(account);
    let same = txn.get(&key)?.as_deref() == old.map(IndexHead::encode).as_deref();
    if !same || txn.get(&key::account(account))?.is_none() {
        return Err(MailError::new(ErrorKind::Conflict, "somebody else writes the search index"));
    }
    match new {
        Some(head) => txn.put(&key, &head.encode()),
        None => txn.delete(&key),
    }
}

/// Takes the head away, whatever it is.
pub fn remove_head(txn: &mut dyn Txn, account: AccountId) -> Result<()> {
    txn.frees_space();
    txn.delete(&index::purged(account))?;
    txn.delete(&index::head(account))
}

/// Takes up to `rows_max` rows of segments away that the head does not name: of those that were replaced, and
/// of one that was not finished. Answers whether there may be more.
pub fn remove_orphans(txn: &mut dyn Txn, account: AccountId, rows_max: usize) -> Result<bool> {
    txn.frees_space();
    let keys = orphans(&*txn, account, rows_max)?;
    for key in &keys {
        txn.delete(key)?;
    }
    Ok(keys.len() == rows_max)
}

/// Those rows.
pub fn orphans(read: &(impl Read + ?Sized), account: AccountId, rows_max: usize) -> Result<Vec<Vec<u8>>> {
    // A head that cannot be read names nothing that could be used.
    let head = match head(read, account) {
        Err(error) if error.kind != ErrorKind::Corrupt => return Err(error),
        head => head.ok().flatten(),
    };
    let mut named: Vec<u32> = head.iter().flat_map(|head| &head.segments).map(|s| s.number).collect();
    named.sort_unstable();
    let mut orphans = Vec::new();
    for kind in [index::DOCS, index::TERMS] {
        // Between two segments that are named there is nothing to be looked at but keys.
        let mut from = 0;
        for next in named.iter().copied().chain([u32::MAX]) {
            if from < next {
                let range = index::segments(account, kind, from, next);
                read.scan(&range.from, &range.end, &mut |key, _| {
                    orphans.push(key.to_vec());
                    if orphans.len() < rows_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                })?;
                if orphans.len() >= rows_max {
                    return Ok(orphans);
                }
            }
            from = from.max(next.saturating_add(1));
        }
    }
    Ok(orphans)
}

/// How many emails were purged since the account has an index.
pub fn purged(read: &(impl Read + ?Sized), account: AccountId) -> Result<u64> {
    Ok(read.get(&index::purged(account))?.and_then(|row| decode_purged(&row)).unwrap_or(0))
}

/// Counts emails that are purged, if the account has an index.
pub(super) fn count_purged(txn: &mut dyn Txn, account: AccountId, count: usize) -> Result<()> {
    if count == 0 || txn.get(&index::head(account))?.is_none() {
        return Ok(());
    }
    let all = purged(&*txn, account)?.saturating_add(count as u64);
    txn.put(&index::purged(account), &encode_purged(all))
}

/// The account's own row; nothing when it is gone.
pub fn account_record(read: &(impl Read + ?Sized), account: AccountId) -> Result<Option<AccountRecord>> {
    let key = key::account(account);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    AccountRecord::decode(&row).map(Some).ok_or_else(|| corrupt("account", &key))
}
