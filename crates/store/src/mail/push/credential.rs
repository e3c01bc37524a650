//! Subscriptions of JMAP belong to the credential they were made with, and go with it (RFC 8620 §7.2).

use koi_types::{AccountId, Result, Timestamp};

use super::{StoredSubscription, account_of};
use crate::kv::Txn;
use crate::mail::account::{AccountTxn, Quota};

/// What subscriptions were made with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Credential<'a> {
    Any,
    /// The account's own password.
    Password,
    /// An app password or token, by its name.
    App(&'a str),
}

impl Credential<'_> {
    fn is(self, name: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Password => name.is_none(),
            Self::App(app) => name == Some(app),
        }
    }
}

/// Takes away what was subscribed to with a credential that is not good any more (RFC 8620 §7.2): an app
/// password or token of this name, or everything that came with the account's own password. Never fails
/// because of what is stored about push: a credential can always be taken back.
pub fn forget_credential(
    txn: &mut dyn Txn,
    account: AccountId,
    credential: Credential<'_>,
    now: Timestamp,
) -> Result<()> {
    let Ok(Some(_)) = account_of(&*txn, account) else { return Ok(()) };
    let Ok(mut account) = AccountTxn::open(txn, account, Quota::UNLIMITED, now) else { return Ok(()) };
    for StoredSubscription { id, record } in account.push_subscriptions()? {
        if record.given.jmap().is_some_and(|given| credential.is(given.credential.as_deref())) {
            account.remove_push(&id)?;
        }
    }
    account.finish().map(drop)
}
