//! Keys of account 0: domains, addresses, accounts, app passwords and the secrets of the folder.
//!
//! Must not: read or write a row.

use koi_types::{AccountId, limits};

use super::{joined, prefix, table};

/// D: a domain, in lower case.
#[must_use]
pub fn domain(domain: &str) -> Vec<u8> {
    global_text(table::global::DOMAIN, domain)
}

/// H: an address in the form of `Address::account_key`.
#[must_use]
pub fn address(address: &koi_types::Address) -> Vec<u8> {
    global_text(table::global::ADDRESS, &address.to_string())
}

/// J and R: one account of the directory.
#[must_use]
pub fn directory(table: u8, account: AccountId) -> [u8; 9] {
    joined(&[&prefix(AccountId::GLOBAL, table), &account.0.to_be_bytes()])
}

/// Z: the counters of the directory.
#[must_use]
pub fn counters() -> [u8; 5] {
    prefix(AccountId::GLOBAL, table::global::COUNTERS)
}

/// Q: the secret of the folder.
#[must_use]
pub fn secret() -> [u8; 5] {
    prefix(AccountId::GLOBAL, table::global::SECRET)
}

/// K: a private key, by what it is for.
#[must_use]
pub fn server_key(purpose: u8) -> [u8; 6] {
    joined(&[&prefix(AccountId::GLOBAL, table::global::KEY), &[purpose]])
}

/// W: one app password.
#[must_use]
pub fn app_password(account: AccountId, number: u32) -> [u8; 13] {
    joined(&[&app_passwords(account), &number.to_be_bytes()])
}

/// The first octets of all of an account's `W` rows.
#[must_use]
pub fn app_passwords(account: AccountId) -> [u8; 9] {
    directory(table::global::APP_PASSWORD, account)
}

fn global_text(table: u8, text: &str) -> Vec<u8> {
    let mut key = prefix(AccountId::GLOBAL, table).to_vec();
    key.extend_from_slice(text.as_bytes());
    debug_assert!(key.len() <= limits::KEY_OCTETS_MAX);
    key
}
