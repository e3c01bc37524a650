//! Where an email is: the place it came into first stands in its row M, every other one in a row E. The
//! first is never written again: whether the email is still there, the row U of that place says.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use koi_types::{AccountId, EmailId, MailboxId, Result};

use super::rows::any_row;
use crate::key;
use crate::kv::{Read, Txn};
use crate::record::email::{EmailRecord, Place};
use crate::record::log::ThreadOf;
use crate::record::membership::Membership;

/// Whether the email is in any mailbox.
pub(super) fn is_anywhere(read: &(impl Read + ?Sized), account: AccountId, email: EmailId) -> Result<bool> {
    Ok(has_further(read, account, email)? || is_at(read, account, email, first(read, account, email)?)?)
}

/// Whether the email is in this mailbox.
pub(super) fn is_in(
    read: &(impl Read + ?Sized),
    account: AccountId,
    email: EmailId,
    mailbox: MailboxId,
) -> Result<bool> {
    let further = key::below(&key::email_memberships_in(account, email, mailbox));
    let first = first(read, account, email)?.filter(|first| first.mailbox == mailbox);
    Ok(any_row(read, &further)? || is_at(read, account, email, first)?)
}

/// All mailboxes the email is in.
pub(super) fn mailboxes(
    read: &(impl Read + ?Sized),
    account: AccountId,
    email: EmailId,
) -> Result<BTreeSet<MailboxId>> {
    let mut mailboxes = BTreeSet::new();
    let further = key::below(&key::email_memberships(account, email));
    read.scan(&further.from, &further.end, &mut |key, _| {
        mailboxes.extend(key::part(key, 21).map(u32::from_be_bytes).map(MailboxId));
        ControlFlow::Continue(())
    })?;
    let first = first(read, account, email)?;
    if is_at(read, account, email, first)? {
        mailboxes.extend(first.map(|first| first.mailbox));
    }
    Ok(mailboxes)
}

/// All messages the email is, the first place first.
pub(super) fn all(read: &(impl Read + ?Sized), account: AccountId, email: EmailId) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    if let Some(first) = first(read, account, email)?
        && is_at(read, account, email, Some(first))?
    {
        places.push(first);
    }
    let further = key::below(&key::email_memberships(account, email));
    read.scan(&further.from, &further.end, &mut |key, _| {
        let mailbox = key::part(key, 21).map(|octets| MailboxId(u32::from_be_bytes(octets)));
        if let (Some(mailbox), Some(uid)) = (mailbox, key::uid_at_end(key)) {
            places.push(Place { mailbox, uid });
        }
        ControlFlow::Continue(())
    })?;
    Ok(places)
}

/// The row U of `place` is gone: so must be what leads there. Answers whether the email is anywhere else.
pub(super) fn forget(txn: &mut dyn Txn, account: AccountId, email: EmailId, place: Place) -> Result<bool> {
    let first = first(&*txn, account, email)?;
    if first == Some(place) {
        return has_further(&*txn, account, email);
    }
    txn.delete(&key::email_membership(account, email, place.mailbox, place.uid))?;
    Ok(has_further(&*txn, account, email)? || is_at(&*txn, account, email, first)?)
}

/// Where the email came in, as its row M says.
pub(super) fn first(
    read: &(impl Read + ?Sized),
    account: AccountId,
    email: EmailId,
) -> Result<Option<Place>> {
    Ok(read.get(&key::email(account, email))?.and_then(|row| EmailRecord::first_place(&row)))
}

/// The thread of an email, unless it is named after it.
pub(super) fn other_thread(
    read: &(impl Read + ?Sized),
    account: AccountId,
    email: EmailId,
) -> Result<Option<ThreadOf>> {
    let row = read.get(&key::email(account, email))?;
    let thread = row.and_then(|row| EmailRecord::decode(&row).map(|record| record.thread));
    Ok(thread.filter(|thread| thread.0 != email.0).map(|thread| ThreadOf { email, thread }))
}

/// A row that cannot be read may be the email's.
fn is_at(
    read: &(impl Read + ?Sized),
    account: AccountId,
    email: EmailId,
    place: Option<Place>,
) -> Result<bool> {
    let Some(place) = place else { return Ok(false) };
    let row = read.get(&key::membership(account, place.mailbox, place.uid.value()))?;
    Ok(row.is_some_and(|row| Membership::decode(&row).is_none_or(|row| row.email == email)))
}

fn has_further(read: &(impl Read + ?Sized), account: AccountId, email: EmailId) -> Result<bool> {
    any_row(read, &key::below(&key::email_memberships(account, email)))
}
