//! A late message joins two threads (RFC 8621 §3): the emails of the younger come into the older.
//!
//! The thread of an email never changes once it was told (RFC 8474 §5.2), nor does the email id of a message
//! in its mailbox (RFC 8474 §5.1). So the messages are taken out and put in again, as others: with new email
//! ids and new UIDs, at the end of the same mailboxes, with everything else as it was.

use std::borrow::Cow;
use std::ops::ControlFlow;

use koi_types::{EmailId, ErrorKind, Result, ThreadId, Uid};

use super::account::AccountTxn;
use super::{contact, per_user, places};
use crate::key;
use crate::record::corrupt;
use crate::record::email::{EmailRecord, Place, ThreadKeys};
use crate::record::membership::Membership;
use crate::record::sharing::PerUserRecord;

/// A thread with more emails than this stays as it is: nobody's delivery is to wait for it.
const EMAILS_MAX: usize = 64;
/// Nor one with more messages.
const MESSAGES_MAX: usize = 256;

impl AccountTxn<'_> {
    /// Puts what is in `from` into `to`, because of `joining`, from which the new ids are made: nobody can
    /// guess them who does not know it.
    pub(super) fn merge_thread(&mut self, from: ThreadId, to: ThreadId, joining: EmailId) -> Result<()> {
        let mut moves = Vec::new();
        let mut messages = 0;
        for email in self.emails_of_thread(from)? {
            // What cannot be read is `check`'s to tell, and no reason to lose the message that joins.
            let Some(row) = self.txn.get(&key::email(self.id, email))? else { continue };
            if EmailRecord::decode(&row).is_none() {
                return Ok(());
            }
            drop(row);
            let mut places = Vec::new();
            for place in places::all(&*self.txn, self.id, email)? {
                // Rows of a deleted mailbox stay until they are reclaimed.
                if self.has_mailbox(place.mailbox)? {
                    // An encrypted message names nothing that leads to others, and stays what it is.
                    if self.mailbox(place.mailbox).is_err() || self.is_prime(email)? {
                        return Ok(());
                    }
                    places.push(place);
                }
            }
            messages += places.len();
            moves.push(Move { email, places });
        }
        if moves.len() > EMAILS_MAX || messages > MESSAGES_MAX {
            return Ok(());
        }
        for each in &moves {
            // What is nowhere any more only waits to be forgotten.
            if each.places.is_empty() {
                self.forget_thread_keys(each.email)?;
            } else {
                self.put_again(each, to, joining)?;
            }
        }
        Ok(())
    }
    /// An email that is nowhere any more names no Message-ID: its rows I would lead who answers it into a
    /// thread without emails.
    fn forget_thread_keys(&mut self, email: EmailId) -> Result<()> {
        let key = key::email(self.id, email);
        let row = self.txn.get(&key)?.map(Cow::into_owned).unwrap_or_default();
        let Some(record) = EmailRecord::decode(&row) else { return Ok(()) };
        for hash in record.thread_keys.iter() {
            self.txn.delete(&key::thread_key(self.id, hash, email))?;
        }
        self.txn.put(&key, &EmailRecord { thread_keys: ThreadKeys::new(&[]), ..record }.encode())
    }
    fn emails_of_thread(&self, thread: ThreadId) -> Result<Vec<EmailId>> {
        let mut emails = vec![EmailId(thread.0)];
        let range = key::below(&key::thread_emails(self.id, thread));
        self.txn.scan(&range.from, &range.end, &mut |key, _| {
            let email = key::part(key, 21).map(EmailId);
            emails.extend(email.filter(|email| email.0 != thread.0));
            if emails.len() <= EMAILS_MAX + 1 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(emails)
    }
    fn put_again(&mut self, old: &Move, thread: ThreadId, joining: EmailId) -> Result<()> {
        let key = key::email(self.id, old.email);
        let stored = self.txn.get(&key)?.map(Cow::into_owned).unwrap_or_default();
        let record = EmailRecord::decode(&stored).ok_or_else(|| corrupt("email", &key))?;
        let body = match self.txn.share_body(self.record.scope, &record.body.blob) {
            // The table of bodies is damaged: this one stays where it is.
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt) => return Ok(()),
            shared => shared?,
        };
        let email = self.email_after(old.email, joining);
        let mut first = None;
        for place in &old.places {
            let Some(uid) = self.put_message_again(*place, old.email, email)? else { continue };
            match first {
                None => first = Some(Place { mailbox: place.mailbox, uid }),
                Some(_) => {
                    let key = key::email_membership(self.id, email, place.mailbox, uid);
                    self.txn.put(&key, &[])?;
                }
            }
        }
        let Some(first) = first else { return self.txn.release_body(self.record.scope, &record.body.blob) };
        self.move_answer(old.email, email)?;
        self.has_joined = true;
        let again = EmailRecord { first: Some(first), thread, body, ..record };
        self.txn.put(&key::email(self.id, email), &again.encode())?;
        self.put_in_thread(email, thread, record.subject_hash, record.thread_keys.iter())?;
        if let Some(contact) = contact::contact_of(&*self.txn, self.id, old.email)? {
            for place in &old.places {
                self.contact_made(email, &contact, place.mailbox)?;
            }
        }
        for place in &old.places {
            self.take_message_out(*place, old.email)?;
        }
        self.forget_thread_keys(old.email)
    }
    /// Row U of the message as another. The quota is not asked: what it adds goes at once.
    fn put_message_again(&mut self, place: Place, old: EmailId, email: EmailId) -> Result<Option<Uid>> {
        let Some(row) = self.row_of(place, old)? else { return Ok(None) };
        let Some(row) = Membership::decode(&row) else { return Ok(None) };
        let keywords: Vec<u16> = row.keywords.iter().collect();
        let (modseq, created_modseq) = (self.modseq, self.modseq);
        let again = Membership { email, modseq, created_modseq, ..row };
        let at = self.mailbox(place.mailbox)?;
        let uid = self.add_row(at, &again, &keywords)?.uid;
        self.copy_meta(place, Place { mailbox: place.mailbox, uid }, &row)?;
        for user in per_user::users(&*self.txn, self.id, place.mailbox)? {
            let own = per_user::row(&*self.txn, self.id, place.mailbox, user, place.uid)?;
            if own.is_some_and(|own: PerUserRecord| own.is_seen()) {
                self.set_seen(at, user, uid, true)?;
            }
        }
        Ok(Some(uid))
    }
    fn take_message_out(&mut self, place: Place, old: EmailId) -> Result<()> {
        let Some(row) = self.row_of(place, old)? else { return Ok(()) };
        let Some(row) = Membership::decode(&row) else { return Ok(()) };
        let at = self.mailbox(place.mailbox)?;
        self.remove_membership(at, place.uid, &row)
    }
    fn row_of(&self, place: Place, email: EmailId) -> Result<Option<Vec<u8>>> {
        let row = self.txn.get(&key::membership(self.id, place.mailbox, place.uid.value()))?;
        let is_its = |row: &Cow<'_, [u8]>| Membership::decode(row).is_some_and(|row| row.email == email);
        Ok(row.filter(is_its).map(Cow::into_owned))
    }
    /// An id for the email that takes the place of `old`.
    fn email_after(&self, old: EmailId, joining: EmailId) -> EmailId {
        let hash = blake3::hash(&[joining.0, old.0].concat());
        let random = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        EmailId::new(u64::try_from(self.now.0).unwrap_or(0), random)
    }
}

/// An email of the younger thread, and where it is.
struct Move {
    email: EmailId,
    places: Vec<Place>,
}
