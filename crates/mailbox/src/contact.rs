//! Contacts and blocking: whom a message is from, as hashes, and the index of contacts against the messages
//! it was made of (COI-client §blocking-contacts).
//!
//! A message from several authors is blocked when any of them is: otherwise somebody who is blocked would
//! only have to name a second author, and what is kept apart is not lost. The address of the envelope counts
//! only where From has no address that could be anybody's; a message with neither is from nobody.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_chat::limits::HEADER_OCTETS_MAX;
use koi_message::{Envelope, Structure};
use koi_store::key::{self, table};
use koi_store::kv::View;
use koi_store::mail::check::{Finding, contact_row};
use koi_store::mail::{AccountTxn, INBOX};
use koi_store::record::email::EmailRecord;
use koi_store::record::membership::Membership;
use koi_store::record::small::decode_mailbox_id;
use koi_types::{
    AccountId, AddressHash, EmailId, ErrorKind, MailError, MailboxId, MailboxName, Result, ReversePath,
};
use sha3::{Digest as _, Sha3_256};

use crate::placement::Arriving;

/// Where mail from blocked addresses goes (COI-client §folders): at the top level, whatever the root is.
pub(crate) const BLOCKED: &str = "Blocked";

/// Messages of the contacts mailbox compared at a time.
const PAGE_EMAILS: usize = 256;

/// The addresses of From, each once.
pub(crate) fn sender_hashes(envelope: &Envelope) -> Arc<[AddressHash]> {
    koi_chat::address::senders(&envelope.from).iter().map(|sender| address_hash(sender)).collect()
}

/// COI-client §contact-storage-message-headers: SHA3-256 of the address in normal form.
fn address_hash(normalised: &[u8]) -> AddressHash {
    AddressHash(Sha3_256::digest(normalised).into())
}

/// Whether somebody the message is from is blocked by a contact in that mailbox: a lookup for each address of
/// From, which is one.
pub(crate) fn is_blocked(
    account: &AccountTxn<'_>,
    contacts: &MailboxName,
    arriving: &Arriving<'_>,
) -> Result<bool> {
    let senders = &arriving.message.senders;
    for sender in senders.iter() {
        if account.is_blocked(contacts, sender)? {
            return Ok(true);
        }
    }
    let (true, ReversePath::Address(address)) = (senders.is_empty(), arriving.sender) else {
        return Ok(false);
    };
    let normalised = koi_chat::address::normalised(address.local().as_bytes(), address.domain().as_bytes());
    normalised.map_or(Ok(false), |sender| account.is_blocked(contacts, &address_hash(&sender)))
}

/// The mailbox for blocked mail, made when it is missing. No mail is lost for want of it: where it cannot be
/// made, INBOX takes the message.
pub(crate) fn blocked_mailbox(account: &mut AccountTxn<'_>) -> Result<MailboxId> {
    let name = MailboxName::new(BLOCKED).map_err(|text| MailError::new(ErrorKind::Internal, text))?;
    if let Some(mailbox) = account.mailbox_named(&name)? {
        return Ok(mailbox);
    }
    match account.create(&name, None) {
        Ok(created) => Ok(created.mailbox),
        // Nothing was written yet.
        Err(error) if matches!(error.kind, ErrorKind::LimitReached | ErrorKind::OverQuota) => Ok(INBOX),
        Err(error) => Err(error),
    }
}

/// Compares what is stored of the messages in the contacts mailboxes of all accounts with their headers. What
/// cannot be read is somebody else's finding.
pub(crate) fn findings(view: &dyn View, contacts: &MailboxName) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for account in accounts(view)? {
        let name = view.get(&key::name(account, table::NAME, contacts))?;
        if let Some(mailbox) = name.and_then(|row| decode_mailbox_id(&row)) {
            compare(view, account, mailbox, &mut findings)?;
        }
    }
    Ok(findings)
}

fn compare(
    view: &dyn View,
    account: AccountId,
    mailbox: MailboxId,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let mut from = key::membership(account, mailbox, 0).to_vec();
    let end = key::membership_end(account, mailbox, u32::MAX);
    loop {
        let (mut emails, mut next) = (Vec::with_capacity(PAGE_EMAILS), Vec::new());
        view.scan(&from, &end, &mut |key, row| {
            next = [key, &[0]].concat();
            emails.extend(Membership::decode(row).map(|row| row.email));
            if emails.len() < PAGE_EMAILS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        for email in &emails {
            findings.extend(finding(view, account, *email)?);
        }
        if emails.len() < PAGE_EMAILS {
            return Ok(());
        }
        from = next;
    }
}

fn finding(view: &dyn View, account: AccountId, email: EmailId) -> Result<Option<Finding>> {
    let Some(row) = view.get(&key::email(account, email))? else { return Ok(None) };
    let Some(record) = EmailRecord::decode(&row) else { return Ok(None) };
    let Ok(structure) = Structure::decode(record.structure) else { return Ok(None) };
    let header = structure.root.header;
    let mut octets = Vec::new();
    let end = u64::from(header.end).min(HEADER_OCTETS_MAX as u64);
    if view.read_body(&record.body, 0..end, &mut octets).is_err() {
        return Ok(None);
    }
    contact_row(view, account, email, koi_chat::contact(&octets).as_ref())
}

/// The accounts of the directory.
fn accounts(view: &dyn View) -> Result<Vec<AccountId>> {
    let range = key::all(AccountId::GLOBAL, table::global::DIRECTORY);
    let mut accounts = Vec::new();
    view.scan(&range.from, &range.end, &mut |key, _| {
        accounts.extend(key::part(key, 5).map(|octets| AccountId(u32::from_be_bytes(octets))));
        ControlFlow::Continue(())
    })?;
    Ok(accounts)
}
