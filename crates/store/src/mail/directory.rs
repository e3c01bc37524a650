//! Who has an account: domains, addresses, password verifiers (account 0), and the making of accounts.

use koi_types::{AccountId, Address, ErrorKind, MailError, MailboxName, Result, Role, Timestamp};

use super::account::{AccountTxn, Quota};
use super::{app_password, push};
use crate::body::Scope;
use crate::key::{self, table};
use crate::kv::{Read, Txn};
use crate::record::account::AccountRecord;
use crate::record::corrupt;
use crate::record::directory::{
    CountersRecord, DirectoryRecord, PasswordRecord, decode_account_id, decode_scope, encode_account_id,
    encode_scope,
};

/// The mailboxes a new account has besides INBOX (RFC 6154 §2).
pub const FIRST_MAILBOXES: [(&str, Role); 5] = [
    ("Drafts", Role::Drafts),
    ("Sent", Role::Sent),
    ("Junk", Role::Junk),
    ("Trash", Role::Trash),
    ("Archive", Role::Archive),
];

/// INBOX of every account: it is made first, and neither DELETE nor RENAME gives it another id.
pub const INBOX: koi_types::MailboxId = koi_types::MailboxId(1);

/// A domain and its scope; one that exists is answered as it is.
pub fn create_domain(txn: &mut dyn Txn, domain: &str) -> Result<Scope> {
    let domain = domain.to_lowercase();
    if domain.is_empty() || domain.len() > 255 || domain.contains(['@', ' ']) {
        return Err(MailError::new(ErrorKind::InvalidInput, "not a domain"));
    }
    if let Some(scope) = scope_of(txn, &domain)? {
        return Ok(scope);
    }
    let mut counters = counters(txn)?;
    let scope = counters.next_scope;
    counters.next_scope = Scope(scope.0.checked_add(1).ok_or_else(used_up)?);
    txn.put(&key::counters(), &counters.encode())?;
    txn.put(&key::domain(&domain), &encode_scope(scope))?;
    Ok(scope)
}

/// An account with its first mailboxes, subscribed. Its domain must exist.
pub fn create_account(
    txn: &mut dyn Txn,
    address: &Address,
    password: impl Into<PasswordRecord>,
    now: Timestamp,
) -> Result<AccountId> {
    let address = address.account_key();
    let no_domain = || MailError::new(ErrorKind::NotFound, "no such domain here");
    let scope = scope_of(txn, address.domain())?.ok_or_else(no_domain)?;
    if account_of(txn, &address)?.is_some() {
        return Err(MailError::new(ErrorKind::AlreadyExists, "an account with this address exists"));
    }
    let mut counters = counters(txn)?;
    let id = counters.next_account;
    counters.next_account = AccountId(id.0.checked_add(1).ok_or_else(used_up)?);
    txn.put(&key::counters(), &counters.encode())?;
    txn.put(&key::address(&address), &encode_account_id(id))?;
    let record = DirectoryRecord {
        address,
        password: password.into(),
        created_at: now,
        disabled: false,
        settings: [].into(),
    };
    txn.put(&key::directory(table::global::DIRECTORY, id), &record.encode())?;
    let mut account = AccountTxn::with_record(txn, id, AccountRecord::new(scope), Quota::UNLIMITED, now)?;
    let inbox = MailboxName::inbox();
    let created = account.create(&inbox, None)?;
    debug_assert_eq!(created.mailbox, INBOX);
    account.subscribe(&inbox, true)?;
    for (name, role) in FIRST_MAILBOXES {
        let name = MailboxName::new(name).map_err(|text| MailError::new(ErrorKind::Internal, text))?;
        account.create(&name, Some(role))?;
        account.subscribe(&name, true)?;
    }
    account.finish()?;
    Ok(id)
}

/// Changes what the directory says of an account.
pub fn update_account(
    txn: &mut dyn Txn,
    account: AccountId,
    update: &mut dyn FnMut(&mut DirectoryRecord),
) -> Result<()> {
    let mut record = directory_record(txn, account)?.ok_or_else(no_such_account)?;
    update(&mut record);
    txn.put(&key::directory(table::global::DIRECTORY, account), &record.encode())
}

/// Takes an account out of the directory at once; its rows are reclaimed afterwards, in pieces.
pub fn remove_account(txn: &mut dyn Txn, account: AccountId) -> Result<()> {
    txn.frees_space();
    let record = directory_record(txn, account)?.ok_or_else(no_such_account)?;
    txn.delete(&key::address(&record.address))?;
    txn.delete(&key::directory(table::global::DIRECTORY, account))?;
    app_password::remove_all(txn, account)?;
    push::forget_due(txn, account)?;
    txn.put(&key::directory(table::global::REMOVED, account), &[crate::record::VERSION])
}

/// The account of an address: exactly that of its `account_key`.
pub fn account_of(read: &(impl Read + ?Sized), address: &Address) -> Result<Option<AccountId>> {
    let key = key::address(&address.account_key());
    let Some(row) = read.get(&key)? else { return Ok(None) };
    decode_account_id(&row).map(Some).ok_or_else(|| corrupt("address", &key))
}

/// What the directory says of an account.
pub fn directory_record(read: &(impl Read + ?Sized), account: AccountId) -> Result<Option<DirectoryRecord>> {
    let key = key::directory(table::global::DIRECTORY, account);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    DirectoryRecord::decode(&row).map(Some).ok_or_else(|| corrupt("directory", &key))
}

/// The scope of a domain in lower case.
pub fn scope_of(read: &(impl Read + ?Sized), domain: &str) -> Result<Option<Scope>> {
    let key = key::domain(domain);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    decode_scope(&row).map(Some).ok_or_else(|| corrupt("domain", &key))
}

fn counters(read: &(impl Read + ?Sized)) -> Result<CountersRecord> {
    let key = key::counters();
    let Some(row) = read.get(&key)? else { return Ok(CountersRecord::default()) };
    CountersRecord::decode(&row).ok_or_else(|| corrupt("counters", &key))
}

fn no_such_account() -> MailError {
    MailError::new(ErrorKind::NotFound, "no such account")
}

fn used_up() -> MailError {
    MailError::new(ErrorKind::LimitReached, "the numbers for new accounts are used up")
}
