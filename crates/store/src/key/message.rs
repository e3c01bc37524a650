//! Keys of emails, their memberships, threads, and of what changed: tables U, M, E, L, V, G, I and T.
//!
//! Must not: read or write a row.

use koi_types::{AccountId, EmailId, MailboxId, ModSeq, ThreadId, Timestamp, Uid};

use super::{joined, part, prefix, table};

/// U: one message in a mailbox.
#[must_use]
pub fn membership(account: AccountId, mailbox: MailboxId, uid: u32) -> [u8; 13] {
    joined(&[&prefix(account, table::MEMBERSHIP), &mailbox.0.to_be_bytes(), &uid.to_be_bytes()])
}

/// U: the end of all messages with a UID of at most `last`.
#[must_use]
pub fn membership_end(account: AccountId, mailbox: MailboxId, last: u32) -> [u8; 13] {
    match last.checked_add(1) {
        Some(next) => membership(account, mailbox, next),
        None => membership(account, MailboxId(mailbox.0.saturating_add(1)), 0),
    }
}

/// M: one email.
#[must_use]
pub fn email(account: AccountId, email: EmailId) -> [u8; 21] {
    joined(&[&prefix(account, table::EMAIL), &email.0])
}

/// E: one membership of an email.
#[must_use]
pub fn email_membership(account: AccountId, email: EmailId, mailbox: MailboxId, uid: Uid) -> [u8; 29] {
    joined(&[
        &prefix(account, table::EMAIL_MEMBERSHIP),
        &email.0,
        &mailbox.0.to_be_bytes(),
        &uid.value().to_be_bytes(),
    ])
}

/// The first octets of all of an email's `E` rows.
#[must_use]
pub fn email_memberships(account: AccountId, email: EmailId) -> [u8; 21] {
    joined(&[&prefix(account, table::EMAIL_MEMBERSHIP), &email.0])
}

/// The first octets of an email's `E` rows of one mailbox.
#[must_use]
pub fn email_memberships_in(account: AccountId, email: EmailId, mailbox: MailboxId) -> [u8; 25] {
    joined(&[&email_memberships(account, email), &mailbox.0.to_be_bytes()])
}

/// The `U` key of the membership that an `E` key names.
#[must_use]
pub fn membership_of_email(account: AccountId, key: &[u8]) -> Option<[u8; 13]> {
    let mailbox = MailboxId(u32::from_be_bytes(part(key, 21)?));
    Some(membership(account, mailbox, uid_at_end(key)?.value()))
}

/// L: what one commit changed.
#[must_use]
pub fn log(account: AccountId, modseq: u64) -> [u8; 13] {
    joined(&[&prefix(account, table::LOG), &modseq.to_be_bytes()])
}

/// V: UIDs that left a mailbox at a modseq.
#[must_use]
pub fn vanished(account: AccountId, mailbox: MailboxId, modseq: u64) -> [u8; 17] {
    joined(&[&prefix(account, table::VANISHED), &mailbox.0.to_be_bytes(), &modseq.to_be_bytes()])
}

/// g: messages that went with a mailbox that was deleted at this modseq, from this UID on.
#[must_use]
pub fn gone(account: AccountId, modseq: u64, mailbox: MailboxId, uid: u32) -> [u8; 21] {
    joined(&[
        &prefix(account, table::GONE),
        &modseq.to_be_bytes(),
        &mailbox.0.to_be_bytes(),
        &uid.to_be_bytes(),
    ])
}

/// g: the first octets of all that went with one mailbox.
#[must_use]
pub fn gone_with(account: AccountId, modseq: u64, mailbox: MailboxId) -> [u8; 17] {
    joined(&[&prefix(account, table::GONE), &modseq.to_be_bytes(), &mailbox.0.to_be_bytes()])
}

/// G: an email without memberships, by the time it lost the last.
#[must_use]
pub fn grace(account: AccountId, expunged_at: Timestamp, email: EmailId) -> [u8; 29] {
    let millis = u64::try_from(expunged_at.0).unwrap_or(0);
    joined(&[&prefix(account, table::GRACE), &millis.to_be_bytes(), &email.0])
}

/// I: an email that names a Message-ID, by the hash of that id.
#[must_use]
pub fn thread_key(account: AccountId, hash: u64, email: EmailId) -> [u8; 29] {
    joined(&[&prefix(account, table::THREAD_KEY), &hash.to_be_bytes(), &email.0])
}

/// T: an email of a thread.
#[must_use]
pub fn thread(account: AccountId, thread: ThreadId, email: EmailId) -> [u8; 37] {
    joined(&[&prefix(account, table::THREAD), &thread.0, &email.0])
}

/// T: the first octets of all emails of a thread.
#[must_use]
pub fn thread_emails(account: AccountId, thread: ThreadId) -> [u8; 21] {
    joined(&[&prefix(account, table::THREAD), &thread.0])
}

/// The UID at the end of a `U` or `E` key.
#[must_use]
pub fn uid_at_end(key: &[u8]) -> Option<Uid> {
    Uid::new(u32::from_be_bytes(*key.last_chunk::<4>()?))
}

/// The modseq at the end of an `L` or `V` key.
#[must_use]
pub fn modseq_at_end(key: &[u8]) -> Option<ModSeq> {
    ModSeq::new(u64::from_be_bytes(*key.last_chunk::<8>()?))
}

/// The mailbox of a `C`, `N`, `X`, `U` or `V` key.
#[must_use]
pub fn mailbox_of(key: &[u8]) -> Option<MailboxId> {
    part(key, 5).map(|octets| MailboxId(u32::from_be_bytes(octets)))
}

/// The email of an `M` or `E` key.
#[must_use]
pub fn email_of(key: &[u8]) -> Option<EmailId> {
    part(key, 5).map(EmailId)
}
