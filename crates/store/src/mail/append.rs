//! New messages: APPEND and delivery.

use std::sync::Arc;

use koi_types::{
    Cause, Contact, Day, EmailId, ErrorKind, Keyword, MailError, MailboxId, Result, Rights, SystemFlags,
    ThreadId, Timestamp, Uid, UidValidity, ZoneOffset, limits,
};

use super::account::{AccountTxn, At};
use super::dmap::prime::NewPrime;
use super::per_user::Guest;
use crate::body::{BodyRef, NewBody, Scope};
use crate::key;
use crate::kv::Txn;
use crate::record::email::{EmailRecord, Place, SentAt, ThreadKeys};
use crate::record::membership::{KeywordNumbers, Membership};

/// What is stored beside a message, found out before the transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailFacts {
    /// A record of `koi-message`.
    pub envelope: Arc<[u8]>,
    /// A record of `koi-message`.
    pub structure: Arc<[u8]>,
    pub sent_at: Option<SentAt>,
    /// The day the Date field names.
    pub sent_day: Option<Day>,
    /// `short_hash` of each Message-ID it names, its own first; few.
    pub thread_keys: Arc<[u64]>,
    /// `short_hash` of the Message-ID of each of its ancestors, oldest first.
    pub ancestors: Arc<[u64]>,
    /// `short_hash` of the base subject.
    pub subject_hash: u64,
    /// What it says as a contact storage message.
    pub contact: Option<Arc<Contact>>,
}

/// One message to append.
#[derive(Clone, Copy, Debug)]
pub struct NewEmail<'a> {
    pub email: EmailId,
    pub body: &'a NewBody,
    /// RFC822.SIZE.
    pub octets: u32,
    pub facts: &'a EmailFacts,
    pub flags: SystemFlags,
    pub keywords: &'a [Keyword],
    pub received_at: Timestamp,
    pub received_zone: ZoneOffset,
}

/// The same without its body.
pub(super) struct Entry<'a> {
    pub(super) email: EmailId,
    pub(super) octets: u32,
    pub(super) facts: &'a EmailFacts,
    pub(super) flags: SystemFlags,
    pub(super) keywords: &'a [Keyword],
    pub(super) received_at: Timestamp,
    pub(super) received_zone: ZoneOffset,
    /// What it stands for; nothing for mail that is what it is.
    pub(super) prime: Option<&'a NewPrime<'a>>,
    pub(super) meta: Option<&'a [u8]>,
}

/// Where it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    pub uidvalidity: UidValidity,
    pub uid: Uid,
    pub email: EmailId,
    pub thread: ThreadId,
}

impl<'a> Entry<'a> {
    const fn of(new: &NewEmail<'a>) -> Self {
        let NewEmail { email, octets, facts, flags, keywords, received_at, received_zone, .. } = *new;
        Self { email, octets, facts, flags, keywords, received_at, received_zone, prime: None, meta: None }
    }
}

/// Mail in clear for an account that keeps encrypted messages only.
#[must_use]
pub fn clear_mail() -> MailError {
    let text = "this account keeps encrypted messages only";
    MailError::new(ErrorKind::NoPermission, text).because(Cause::BadMessage)
}

impl AccountTxn<'_> {
    /// Stores a message at the end of a mailbox. Whatever fails, the transaction must be given up.
    pub fn append(&mut self, mailbox: MailboxId, new: &NewEmail<'_>) -> Result<Appended> {
        self.append_entry(mailbox, &Entry::of(new), |txn, scope| txn.put_body(scope, new.body))
    }
    /// The same for a message that stands for an encrypted one, or that has a META block, or both.
    pub fn append_dmap(
        &mut self,
        mailbox: MailboxId,
        new: &NewEmail<'_>,
        prime: Option<&NewPrime<'_>>,
        meta: Option<&[u8]>,
    ) -> Result<Appended> {
        let entry = Entry { prime, meta, ..Entry::of(new) };
        self.append_entry(mailbox, &entry, |txn, scope| txn.put_body(scope, new.body))
    }
    /// The same for somebody who is not the owner: with the flags it may set (RFC 4314 §4, APPEND).
    pub fn append_as(&mut self, guest: Guest, mailbox: MailboxId, new: &NewEmail<'_>) -> Result<Appended> {
        let keywords = if guest.rights.contains(Rights::WRITE) { new.keywords } else { &[] };
        let flags = guest.shared_of(new.flags);
        let appended = self.append(mailbox, &NewEmail { flags, keywords, ..*new })?;
        if guest.keeps_seen() && new.flags.contains(SystemFlags::SEEN) {
            let at = self.mailbox(mailbox)?;
            self.keep_seen(at, guest.user, appended.uid)?;
        }
        Ok(appended)
    }
    pub(super) fn append_entry(
        &mut self,
        mailbox: MailboxId,
        new: &Entry<'_>,
        put_body: impl FnOnce(&mut dyn Txn, Scope) -> Result<BodyRef>,
    ) -> Result<Appended> {
        let mode = self.record.mode;
        // The one place that keeps it out.
        if new.prime.is_none() && !mode.keeps_clear_mail() {
            return Err(clear_mail());
        }
        let at = self.mailbox(mailbox)?;
        let mut keywords = Vec::new();
        for keyword in new.keywords.iter().filter(|keyword| mode.keeps_keyword(keyword)) {
            keywords.push(self.keyword_number(keyword)?);
        }
        keywords.sort_unstable();
        keywords.dedup();
        let prime_octets = new.prime.map_or(Ok(0), NewPrime::octets)?;
        let membership = Membership {
            flags: new.flags.intersection(mode.system_flags()),
            email: new.email,
            modseq: self.modseq,
            created_modseq: self.modseq,
            octets: new.octets,
            received_at: new.received_at,
            received_zone: new.received_zone,
            saved_at: self.now,
            sent_day: new.facts.sent_day,
            prime_octets,
            meta_octets: super::dmap::meta::octets(new.meta)?,
            keywords: KeywordNumbers::default(),
        };
        self.hold_to_quota(u64::from(new.octets) + membership.dmap_octets())?;
        let first = self.add_row(at, &membership, &keywords)?;
        self.put_meta(first, new.meta.unwrap_or_default())?;
        let thread = self.thread_of(new.email, new.facts)?;
        let body = put_body(self.txn, self.record.scope)?;
        self.put_email(new, body, first, thread)?;
        if let Some(prime) = new.prime {
            self.put_prime(new.email, prime)?;
        }
        self.touched.delivery = true;
        if let Some(contact) = &new.facts.contact {
            self.contact_made(new.email, contact, mailbox)?;
        }
        let uidvalidity = self.at(at)?.record.uidvalidity;
        Ok(Appended { uidvalidity, uid: first.uid, email: new.email, thread })
    }
    fn put_email(&mut self, new: &Entry<'_>, body: BodyRef, first: Place, thread: ThreadId) -> Result<()> {
        let octets = |hashes: &[u64]| hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect::<Vec<u8>>();
        let (hashes, ancestors) = (octets(&new.facts.thread_keys), octets(&new.facts.ancestors));
        let email = EmailRecord {
            first: Some(first),
            body,
            thread,
            received_at: new.received_at,
            sent_at: new.facts.sent_at,
            subject_hash: new.facts.subject_hash,
            thread_keys: ThreadKeys::new(&hashes),
            ancestors: Some(ThreadKeys::new(&ancestors)),
            envelope: &new.facts.envelope,
            structure: &new.facts.structure,
        };
        self.txn.put(&key::email(self.id, new.email), &email.encode())
    }
    /// Gives the next UID to an email that is in another mailbox already: rows U and E, counters, log.
    pub(super) fn add_membership(&mut self, at: At, row: &Membership<'_>, keywords: &[u16]) -> Result<Uid> {
        self.hold_to_quota(u64::from(row.octets) + row.dmap_octets())?;
        self.add_unbounded(at, row, keywords)
    }
    /// The same without regard to the quota: for a message that leaves another mailbox of the account.
    pub(super) fn add_unbounded(&mut self, at: At, row: &Membership<'_>, keywords: &[u16]) -> Result<Uid> {
        let Place { mailbox, uid } = self.add_row(at, row, keywords)?;
        self.txn.put(&key::email_membership(self.id, row.email, mailbox, uid), &[])?;
        Ok(uid)
    }
    pub(super) fn add_row(&mut self, at: At, row: &Membership<'_>, keywords: &[u16]) -> Result<Place> {
        if keywords.len() > limits::KEYWORDS_PER_MESSAGE_MAX {
            return Err(MailError::new(ErrorKind::LimitReached, "too many keywords on one message"));
        }
        let stored = u64::from(row.octets).saturating_add(row.dmap_octets());
        self.record.octets = self.record.octets.saturating_add(stored);
        self.record.messages = self.record.messages.saturating_add(1);
        let open = self.at(at)?;
        let uid = open.record.uidnext;
        let used_up = || MailError::new(ErrorKind::LimitReached, "the UIDs of this mailbox are used up");
        open.record.uidnext = uid.next().ok_or_else(used_up)?;
        open.record.messages = open.record.messages.saturating_add(1);
        open.record.octets = open.record.octets.saturating_add(u64::from(row.octets));
        open.record.dmap_octets = open.record.dmap_octets.saturating_add(row.dmap_octets());
        open.count_flags_in(uid, row.flags, row.octets);
        open.log_added(uid, row.flags);
        let mailbox = open.id;
        let mut octets = Vec::new();
        row.encode(keywords, &mut octets);
        self.txn.put(&key::membership(self.id, mailbox, uid.value()), &octets)?;
        Ok(Place { mailbox, uid })
    }
    /// RFC 9208 §4.3.1: nothing comes in that would put the account over a limit.
    pub(super) fn hold_to_quota(&self, octets: u64) -> Result<()> {
        let all = self.record.octets.saturating_add(octets);
        let messages = self.record.messages.saturating_add(1);
        if all > self.quota.octets_max || messages > self.quota.messages_max {
            return Err(MailError::new(ErrorKind::OverQuota, "the account is over its quota"));
        }
        Ok(())
    }
}
