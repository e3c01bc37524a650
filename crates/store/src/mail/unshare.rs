//! A removed account leaves nobody's lists: what it shared, and what was shared with it, goes in bounded
//! pieces. Ids of accounts are given once, so that nobody comes to such rows meanwhile.

use std::ops::ControlFlow;

use koi_types::{AccountId, Identifier, Result, Who};

use super::{per_user, rights};
use crate::body::Scope;
use crate::key::{self, KeyRange, Reason, SharedKey, table};
use crate::kv::Txn;
use crate::record::VERSION;

/// Takes about `rows_max` rows away. Answers whether there may be more.
pub(super) fn unshare(txn: &mut dyn Txn, account: AccountId, scope: Scope, rows_max: usize) -> Result<bool> {
    let given = keys(txn, &key::all(account, table::RIGHTS), rows_max)?;
    for row in &given {
        rights::forget_row(txn, account, scope, row)?;
    }
    if given.len() == rows_max || per_user::reclaim(txn, account, &own_flags(account), rows_max)? {
        return Ok(true);
    }
    let named = keys(txn, &key::below(&key::shared_by(Reason::Named(account))), rows_max)?;
    for row in &named {
        if let Some(SharedKey { owner, mailbox, .. }) = SharedKey::of(row) {
            for negative in [false, true] {
                let identifier = Identifier { who: Who::User(account), negative };
                txn.delete(&key::rights(owner, mailbox, identifier))?;
            }
        }
        txn.delete(row)?;
    }
    txn.delete(&key::sharing_changes(Reason::Named(account)))?;
    Ok(named.len() == rows_max || forget_flags(txn, account, rows_max)?)
}

/// The flags the account had in one mailbox of another.
fn forget_flags(txn: &mut dyn Txn, account: AccountId, rows_max: usize) -> Result<bool> {
    let range = key::below(&key::shared_by(Reason::OwnFlags(account)));
    let Some(row) = keys(txn, &range, 1)?.pop() else { return Ok(false) };
    let more = match SharedKey::of(&row) {
        Some(SharedKey { owner, mailbox, .. }) => {
            per_user::reclaim(txn, owner, &key::per_user_of(owner, mailbox, account), rows_max)?
        }
        None => false,
    };
    match more {
        // It went with the first of the rows it leads to.
        true => txn.put(&row, &[VERSION])?,
        false => txn.delete(&row)?,
    }
    Ok(true)
}

fn own_flags(account: AccountId) -> [u8; 5] {
    key::prefix(account, table::PER_USER)
}

/// The first keys of a range.
fn keys(txn: &dyn Txn, range: &KeyRange, max: usize) -> Result<Vec<Vec<u8>>> {
    let mut keys = Vec::new();
    txn.scan(&range.from, &range.end, &mut |key, _| {
        keys.push(key.to_vec());
        if keys.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(keys)
}
