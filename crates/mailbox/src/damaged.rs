//! Which messages have a body: for `koi check`, which finds bodies damaged and has to tell whose mail that
//! is.
//!
//! Must not: be asked while sessions wait; it looks at every row of every account.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use koi_store::engine::BodyKey;
use koi_store::key::{self, table};
use koi_store::kv::View;
use koi_store::mail::rights;
use koi_store::record::email::EmailRecord;
use koi_store::record::mailbox::NameRecord;
use koi_store::record::membership::Membership;
use koi_types::{AccountId, Address, EmailId, MailboxId, Result, Uid};

use crate::MailboxService;

/// A message with one of the bodies that were asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    pub body: BodyKey,
    pub account: Address,
    /// As people know it; its number where it has no name that can be read.
    pub mailbox: String,
    pub uid: Uid,
}

impl MailboxService {
    /// All messages with these bodies, by account, mailbox and UID.
    pub fn holders(&self, bodies: &BTreeSet<BodyKey>) -> Result<Vec<Holder>> {
        let mut holders = Vec::new();
        if bodies.is_empty() {
            return Ok(holders);
        }
        for row in self.directory().list()? {
            let view = self.inner.kv.view()?;
            let emails = emails_with(&*view, row.id, bodies)?;
            if emails.is_empty() {
                continue;
            }
            let range = key::all(row.id, table::MEMBERSHIP);
            let mut found = Vec::new();
            view.scan(&range.from, &range.end, &mut |key, value| {
                if let Some(body) = Membership::decode(value).and_then(|row| emails.get(&row.email))
                    && let (Some(mailbox), Some(uid)) = (key::mailbox_of(key), key::uid_at_end(key))
                {
                    found.push((*body, mailbox, uid));
                }
                ControlFlow::Continue(())
            })?;
            for (body, mailbox, uid) in found {
                let mailbox = name(&*view, row.id, mailbox)?;
                holders.push(Holder { body, account: row.address.clone(), mailbox, uid });
            }
        }
        Ok(holders)
    }
}

fn emails_with(
    view: &dyn View,
    account: AccountId,
    bodies: &BTreeSet<BodyKey>,
) -> Result<HashMap<EmailId, BodyKey>> {
    let mut emails = HashMap::new();
    // The same octets lie once more for each domain, and what is wrong with one is not with the others.
    // An account whose row is lost has no domain to look in; the check of its rows tells of it.
    let Ok(Some(scope)) = rights::scope_of(view, account) else { return Ok(emails) };
    let range = key::all(account, table::EMAIL);
    view.scan(&range.from, &range.end, &mut |key, value| {
        if let (Some(id), Some(email)) = (key::email_of(key), EmailRecord::decode(value))
            && let body = (BodyKey { scope, blob: email.body.blob })
            && bodies.contains(&body)
        {
            emails.insert(id, body);
        }
        ControlFlow::Continue(())
    })?;
    Ok(emails)
}

fn name(view: &dyn View, account: AccountId, mailbox: MailboxId) -> Result<String> {
    let row = view.get(&key::mailbox(account, table::MAILBOX_NAME, mailbox))?;
    let record = row.and_then(|row| NameRecord::decode(&row));
    Ok(record.map_or_else(|| format!("mailbox {}", mailbox.0), |record| record.name.to_string()))
}
