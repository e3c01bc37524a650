//! What URLs of messages are signed with (RFC 4467 §2.2).

use koi_store::mail::url_key;
use koi_store::record::url_key::{URL_KEY_OCTETS, UrlKeyRecord};
use koi_types::{AccountId, MailboxId, Result};

use crate::account::Account;
use crate::outcome::Pending;
use crate::service::Env;
use crate::snapshot::Snapshot;

/// A mailbox of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MailboxOf {
    pub owner: AccountId,
    pub mailbox: MailboxId,
}

impl Account {
    /// The keys of these mailboxes, in their order; those that are missing are made.
    pub fn url_keys(&self, mailboxes: Vec<MailboxOf>) -> Pending<Vec<UrlKeyRecord>> {
        let fresh: Vec<UrlKeyRecord> = mailboxes.iter().map(|_| self.fresh_key()).collect();
        self.change(move |account| {
            let wanted = mailboxes.iter().zip(&fresh);
            wanted.map(|(of, fresh)| account.make_url_key(of.owner, of.mailbox, fresh)).collect()
        })
    }
    /// Gives a mailbox another key.
    pub fn reset_url_key(&self, of: MailboxOf) -> Pending<()> {
        let fresh = self.fresh_key();
        self.change(move |account| account.set_url_key(of.owner, of.mailbox, &fresh))
    }
    /// Forgets all keys of this user.
    pub fn remove_url_keys(&self) -> Pending<()> {
        self.change(|account| account.remove_url_keys())
    }
    fn fresh_key(&self) -> UrlKeyRecord {
        UrlKeyRecord(random(&*self.inner.env))
    }
}

impl Snapshot<'_> {
    /// The key that this user has for a mailbox.
    pub fn url_key(&self, of: MailboxOf) -> Result<Option<UrlKeyRecord>> {
        url_key::url_key(&*self.view, self.account, of.owner, of.mailbox)
    }
}

fn random(env: &dyn Env) -> [u8; URL_KEY_OCTETS] {
    let mut key = [0; URL_KEY_OCTETS];
    for part in key.chunks_mut(10) {
        part.iter_mut().zip(env.random()).for_each(|(octet, random)| *octet = random);
    }
    key
}
