//! App passwords of accounts (table W of account 0), and the secret of the folder (Q).

use std::ops::ControlFlow;

use koi_types::{AccessSet, AccountId, ErrorKind, MailError, Result, Timestamp, limits};

use crate::key::{self, table};
use crate::kv::{Read, Txn};
use crate::record::app_password::{AppPasswordRecord, decode_secret, encode_secret};
use crate::record::corrupt;

/// One app password of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppPassword {
    /// Within its account; may be given out again after the last one was removed.
    pub number: u32,
    pub record: AppPasswordRecord,
}

/// One to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewAppPassword {
    pub name: Box<str>,
    pub access: AccessSet,
    pub hash: [u8; 32],
}

/// Makes one. `AlreadyExists` when the account has one of that name.
pub fn add(txn: &mut dyn Txn, account: AccountId, new: &NewAppPassword, now: Timestamp) -> Result<()> {
    let name = new.name.trim();
    if name.is_empty()
        || name.len() > limits::APP_PASSWORD_NAME_OCTETS_MAX
        || name.chars().any(char::is_control)
    {
        return Err(MailError::new(ErrorKind::InvalidInput, "not a name for an app password"));
    }
    if txn.get(&key::directory(table::global::DIRECTORY, account))?.is_none() {
        return Err(MailError::new(ErrorKind::NotFound, "no such account"));
    }
    let there = of(txn, account)?;
    if there.iter().any(|p| &*p.record.name == name) {
        let text = "the account has an app password of this name";
        return Err(MailError::new(ErrorKind::AlreadyExists, text));
    }
    let numbers = numbers(txn, account)?;
    if numbers.len() >= limits::APP_PASSWORDS_MAX {
        let text = format!("the account has {} app passwords already", limits::APP_PASSWORDS_MAX);
        return Err(MailError::new(ErrorKind::LimitReached, text));
    }
    let last = numbers.last().copied().unwrap_or_default();
    let number = last.checked_add(1).ok_or_else(|| MailError::new(ErrorKind::LimitReached, "no number"))?;
    let (access, hash) = (new.access, new.hash);
    let record = AppPasswordRecord { name: name.into(), access, hash, created_at: now, used_at: None };
    txn.put(&key::app_password(account, number), &record.encode())
}

/// Removes the one of that name and answers which it was.
pub fn remove(txn: &mut dyn Txn, account: AccountId, name: &str) -> Result<AppPassword> {
    txn.frees_space();
    let found = of(txn, account)?.into_iter().find(|p| &*p.record.name == name.trim());
    let found = found.ok_or_else(|| MailError::new(ErrorKind::NotFound, "no app password of this name"))?;
    txn.delete(&key::app_password(account, found.number))?;
    Ok(found)
}

/// All of an account, with the account.
pub(super) fn remove_all(txn: &mut dyn Txn, account: AccountId) -> Result<()> {
    for number in numbers(txn, account)? {
        txn.delete(&key::app_password(account, number))?;
    }
    Ok(())
}

/// Writes down when it was used, if it is still the same.
pub fn used(
    txn: &mut dyn Txn,
    account: AccountId,
    number: u32,
    hash: &[u8; 32],
    at: Timestamp,
) -> Result<()> {
    let key = key::app_password(account, number);
    let Some(row) = txn.get(&key)? else { return Ok(()) };
    let mut record = AppPasswordRecord::decode(&row).ok_or_else(|| corrupt("app password", &key))?;
    if record.hash == *hash && record.used_at.is_none_or(|before| before < at) {
        record.used_at = Some(at);
        txn.put(&key, &record.encode())?;
    }
    Ok(())
}

/// All of an account, in the order they were made. One that cannot be read is nobody's login, and keeps no
/// other from being one; `koi check` names it.
pub fn of(read: &(impl Read + ?Sized), account: AccountId) -> Result<Vec<AppPassword>> {
    let mut all = Vec::new();
    each(read, account, &mut |number, row| {
        all.extend(AppPasswordRecord::decode(row).map(|record| AppPassword { number, record }));
    })?;
    Ok(all)
}

/// Of those that cannot be read too.
fn numbers(read: &(impl Read + ?Sized), account: AccountId) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    each(read, account, &mut |number, _| numbers.push(number))?;
    Ok(numbers)
}

fn each(read: &(impl Read + ?Sized), account: AccountId, visit: &mut dyn FnMut(u32, &[u8])) -> Result<()> {
    let range = key::below(&key::app_passwords(account));
    let mut left = limits::APP_PASSWORDS_MAX;
    read.scan(&range.from, &range.end, &mut |key, row| {
        if let Some(number) = key::part(key, 9).map(u32::from_be_bytes) {
            visit(number, row);
        }
        left = left.saturating_sub(1);
        if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
}

/// The secret of the folder; `fresh` becomes it when there is none.
pub fn secret(txn: &mut dyn Txn, fresh: &[u8; 32]) -> Result<[u8; 32]> {
    if let Some(secret) = stored_secret(txn)? {
        return Ok(secret);
    }
    txn.put(&key::secret(), &encode_secret(fresh))?;
    Ok(*fresh)
}

/// The secret of the folder, once it has one.
pub fn stored_secret(read: &(impl Read + ?Sized)) -> Result<Option<[u8; 32]>> {
    let key = key::secret();
    let Some(row) = read.get(&key)? else { return Ok(None) };
    decode_secret(&row).map(Some).ok_or_else(|| corrupt("secret", &key))
}

#[cfg(test)]
mod tests;
