//! What is left behind comes back in bounded pieces: emails past their grace, the rows of deleted mailboxes,
//! old lines of the change log, removed accounts. None of it changes what anybody sees, so none takes a
//! MODSEQ.

use std::ops::ControlFlow;

use koi_types::{AccountId, EmailId, ErrorKind, MailboxId, ModSeq, Result, SystemFlags, ThreadId, Timestamp};

use super::unshare::unshare;
use super::{contact, index, per_user, places};
use crate::body::Scope;
use crate::key::{self, KeyRange, table};
use crate::kv::{Read, Txn};
use crate::record::account::AccountRecord;
use crate::record::corrupt;
use crate::record::email::{EmailRecord, Place};
use crate::record::gone::{GONE_PER_ROW, GoneMessage, encode_gone};
use crate::record::mailbox::MailboxRecord;
use crate::record::membership::Membership;
use crate::record::small::{GraceRecord, ReclaimRecord};

/// One email whose last membership is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grace {
    pub expunged_at: Timestamp,
    pub email: EmailId,
    /// What must have been seen before it goes early.
    pub mailbox: MailboxId,
    pub modseq: ModSeq,
}

/// The oldest emails in grace, at most `max`. A row that cannot be read has nobody to wait for.
pub fn in_grace(read: &(impl Read + ?Sized), account: AccountId, max: usize) -> Result<Vec<Grace>> {
    let range = key::all(account, table::GRACE);
    let mut found = Vec::new();
    read.scan(&range.from, &range.end, &mut |key, row| {
        let at = key::part::<8>(key, 5).map(|octets| Timestamp(i64::from_be_bytes(octets)));
        let email = key::part(key, 13).map(EmailId);
        if let (Some(expunged_at), Some(email)) = (at, email) {
            let unread = GraceRecord { mailbox: MailboxId(0), modseq: ModSeq::MIN };
            let GraceRecord { mailbox, modseq } = GraceRecord::decode(row).unwrap_or(unread);
            found.push(Grace { expunged_at, email, mailbox, modseq });
        }
        if found.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

/// Forgets these emails for good and gives their bodies back.
pub fn purge(txn: &mut dyn Txn, account: AccountId, emails: &[Grace]) -> Result<()> {
    txn.frees_space();
    let Some(record) = account_record(txn, account)? else { return Ok(()) };
    let mut gone = 0;
    for each in emails {
        let grace = key::grace(account, each.expunged_at, each.email);
        if txn.get(&grace)?.is_none() {
            continue;
        }
        txn.delete(&grace)?;
        if !places::is_anywhere(txn, account, each.email)? {
            forget_email(txn, account, record.scope, each.email)?;
            gone += 1;
        }
    }
    index::count_purged(txn, account, gone)
}

/// Deleted mailboxes with rows left, at most `max`.
pub fn deleted_mailboxes(
    read: &(impl Read + ?Sized),
    account: AccountId,
    max: usize,
) -> Result<Vec<MailboxId>> {
    let range = key::all(account, table::RECLAIM);
    let mut found = Vec::new();
    read.scan(&range.from, &range.end, &mut |key, _| {
        found.extend(key::mailbox_of(key));
        if found.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

/// Takes up to `rows_max` messages of a deleted mailbox away, then its other rows. Answers whether there are
/// more.
pub fn reclaim_mailbox(
    txn: &mut dyn Txn,
    account: AccountId,
    mailbox: MailboxId,
    rows_max: usize,
) -> Result<bool> {
    txn.frees_space();
    let marker = key::mailbox(account, table::RECLAIM, mailbox);
    let (Some(record), Some(reclaim)) = (account_record(txn, account)?, txn.get(&marker)?) else {
        return Ok(false);
    };
    let deleted_at = ReclaimRecord::decode(&reclaim).map_or(0, |reclaim| reclaim.modseq.value());
    drop(reclaim);
    let rows = key::below(&key::mailbox(account, table::MEMBERSHIP, mailbox));
    let removed = collect(txn, &rows, rows_max)?;
    if deleted_at > record.log_floor {
        tell_gone(txn, account, mailbox, deleted_at, &removed)?;
    }
    let has_contacts = contact::has_contacts(txn, account)?;
    let mut gone = 0;
    for row in &removed {
        txn.delete(&row.key)?;
        let (Some(uid), Some(email)) = (key::uid_at_end(&row.key), row.email) else { continue };
        let elsewhere = places::forget(txn, account, email, Place { mailbox, uid })?;
        if has_contacts {
            contact::left(txn, account, email, mailbox)?;
        }
        if !elsewhere {
            forget_email(txn, account, record.scope, email)?;
            gone += 1;
        }
    }
    index::count_purged(txn, account, gone)?;
    let mut more = removed.len() == rows_max;
    if !more {
        let vanished = key::below(&key::mailbox(account, table::VANISHED, mailbox));
        more = delete_rows(txn, &vanished, rows_max)?;
    }
    if !more {
        more = delete_rows(txn, &key::below(&key::mailbox(account, table::META, mailbox)), rows_max)?;
    }
    if !more {
        more = super::annotation::reclaim(txn, account, mailbox, rows_max)?;
    }
    if !more {
        let own_flags = key::mailbox(account, table::PER_USER, mailbox);
        more = per_user::reclaim(txn, account, &own_flags, rows_max)?;
    }
    if !more {
        txn.delete(&marker)?;
    }
    Ok(more)
}

struct Removed {
    key: Vec<u8>,
    /// Nothing when the row cannot be read.
    email: Option<EmailId>,
    hidden: bool,
}

/// Keeps what the change log does not say: which messages went with the mailbox.
fn tell_gone(
    txn: &mut dyn Txn,
    account: AccountId,
    mailbox: MailboxId,
    deleted_at: u64,
    removed: &[Removed],
) -> Result<()> {
    let mut messages = Vec::with_capacity(removed.len());
    for row in removed {
        let (Some(uid), Some(email)) = (key::uid_at_end(&row.key), row.email) else { continue };
        let thread = places::other_thread(&*txn, account, email)?;
        let thread = thread.map_or(ThreadId(email.0), |of| of.thread);
        messages.push(GoneMessage { uid, hidden: row.hidden, email, thread });
    }
    for piece in messages.chunks(GONE_PER_ROW) {
        let first = piece.first().map_or(0, |message| message.uid.value());
        txn.put(&key::gone(account, deleted_at, mailbox, first), &encode_gone(piece))?;
    }
    Ok(())
}

fn collect(txn: &dyn Txn, rows: &KeyRange, max: usize) -> Result<Vec<Removed>> {
    let mut removed = Vec::new();
    txn.scan(&rows.from, &rows.end, &mut |key, row| {
        let row = Membership::decode(row);
        let hidden = row.is_some_and(|row| row.flags.contains(SystemFlags::DELETED));
        removed.push(Removed { key: key.to_vec(), email: row.map(|row| row.email), hidden });
        if removed.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(removed)
}

/// Forgets the change log up to `upto`, and what vanished up to then, at most `rows_max` rows of each.
pub fn trim_log(txn: &mut dyn Txn, account: AccountId, upto: ModSeq, rows_max: usize) -> Result<bool> {
    txn.frees_space();
    let Some(mut record) = account_record(txn, account)? else { return Ok(false) };
    let floor = upto.value().min(record.modseq);
    if floor <= record.log_floor {
        return Ok(false);
    }
    let log = KeyRange { from: key::log(account, 0).to_vec(), end: key::log(account, floor + 1).to_vec() };
    let more = delete_rows(txn, &log, rows_max)?;
    record.log_floor = floor;
    txn.put(&key::account(account), &record.encode())?;
    let gone = KeyRange {
        from: key::prefix(account, table::GONE).to_vec(),
        end: key::gone(account, floor + 1, MailboxId(0), 0).to_vec(),
    };
    let more = delete_rows(txn, &gone, rows_max)? || more;
    Ok(trim_vanished(txn, account, floor, rows_max)? || more)
}

fn trim_vanished(txn: &mut dyn Txn, account: AccountId, floor: u64, rows_max: usize) -> Result<bool> {
    let range = key::all(account, table::VANISHED);
    let mut old = Vec::new();
    txn.scan(&range.from, &range.end, &mut |key, _| {
        if key::modseq_at_end(key).is_some_and(|modseq| modseq.value() <= floor) {
            old.push(key.to_vec());
        }
        if old.len() < rows_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let mut last = None;
    for key in &old {
        txn.delete(key)?;
        let mailbox = key::mailbox_of(key);
        if let Some(mailbox) = mailbox.filter(|_| mailbox != last) {
            raise_vanished_floor(txn, account, mailbox, floor)?;
        }
        last = mailbox;
    }
    Ok(old.len() == rows_max)
}

fn raise_vanished_floor(txn: &mut dyn Txn, account: AccountId, mailbox: MailboxId, floor: u64) -> Result<()> {
    let key = key::mailbox(account, table::MAILBOX, mailbox);
    let Some(row) = txn.get(&key)? else { return Ok(()) };
    let Some(mut record) = MailboxRecord::decode(&row) else { return Ok(()) };
    drop(row);
    record.vanished_floor = record.vanished_floor.max(floor);
    txn.put(&key, &record.encode())
}

/// Takes up to `rows_max` rows of a removed account away, bodies first. Answers whether there are more.
pub fn reclaim_account(txn: &mut dyn Txn, account: AccountId, rows_max: usize) -> Result<bool> {
    txn.frees_space();
    if let Some(record) = account_record(txn, account)? {
        let mut emails = Vec::new();
        let range = key::all(account, table::EMAIL);
        txn.scan(&range.from, &range.end, &mut |key, _| {
            emails.extend(key::email_of(key));
            if emails.len() < rows_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        for email in &emails {
            forget_email(txn, account, record.scope, *email)?;
            txn.delete(&key::email(account, *email))?;
        }
        if emails.len() == rows_max
            || super::upload::reclaim(txn, account, record.scope, rows_max)?
            || super::pending::reclaim(txn, account, record.scope, rows_max)?
            || super::dmap::outbox::reclaim(txn, account, record.scope, rows_max)?
            || super::dmap::queue::reclaim(txn, account, record.scope, rows_max)?
            || unshare(txn, account, record.scope, rows_max)?
        {
            return Ok(true);
        }
    }
    let all = key::below(&account.0.to_be_bytes());
    if delete_rows(txn, &all, rows_max)? {
        return Ok(true);
    }
    txn.delete(&key::directory(table::global::REMOVED, account))?;
    Ok(false)
}

/// Deletes rows of a range, at most `max`. Answers whether there may be more.
fn delete_rows(txn: &mut dyn Txn, range: &KeyRange, max: usize) -> Result<bool> {
    let mut keys = Vec::new();
    txn.scan(&range.from, &range.end, &mut |key, _| {
        keys.push(key.to_vec());
        if keys.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    for key in &keys {
        txn.delete(key)?;
    }
    Ok(keys.len() == max)
}

/// Rows M, H, I, T, and the reference to the body. A row M that cannot be read is left for `check`.
fn forget_email(txn: &mut dyn Txn, account: AccountId, scope: Scope, email: EmailId) -> Result<()> {
    let key = key::email(account, email);
    let Some(row) = txn.get(&key)? else { return Ok(()) };
    let row = row.into_owned();
    let Some(record) = EmailRecord::decode(&row) else { return Ok(()) };
    for hash in record.thread_keys.iter() {
        txn.delete(&key::thread_key(account, hash, email))?;
    }
    if record.has_thread_row(email) {
        txn.delete(&key::thread(account, record.thread, email))?;
    }
    contact::forget(txn, account, email)?;
    super::dmap::prime::forget(txn, account, scope, email)?;
    txn.delete(&key)?;
    match txn.release_body(scope, &record.body.blob) {
        // The table of bodies is damaged: `check` says so, and the rest must not wait for it.
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt) => Ok(()),
        released => released,
    }
}

/// Nothing when the account was removed meanwhile.
fn account_record(read: &(impl Read + ?Sized), account: AccountId) -> Result<Option<AccountRecord>> {
    let key = key::account(account);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    AccountRecord::decode(&row).map(Some).ok_or_else(|| corrupt("account", &key))
}
