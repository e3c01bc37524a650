//! Messages go from an account to another (COPY and MOVE between mailboxes of different owners): what goes
//! along is what COPY inside an account keeps, with a new email id. The body is shared inside a domain, and
//! stored again for another.

use std::borrow::Cow;

use koi_types::{
    AccountId, BlobId, Cause, EmailId, ErrorKind, Keyword, MailError, MailboxId, Result, Rights, SystemFlags,
    Timestamp, Uid, UidSet, UidValidity, ZoneOffset,
};

use super::account::AccountTxn;
use super::append::{Appended, EmailFacts, Entry};
use super::contact;
use super::per_user::{self, Guest};
use crate::body::{NewBody, Scope};
use crate::key;
use crate::record::corrupt;
use crate::record::email::EmailRecord;
use crate::record::membership::Membership;

/// A message under way.
#[derive(Clone, Debug)]
pub struct Carried {
    pub uid: Uid,
    pub email: EmailId,
    octets: u32,
    facts: EmailFacts,
    blob: BlobId,
    /// As whoever carries it sees them.
    flags: SystemFlags,
    keywords: Vec<Keyword>,
    received_at: Timestamp,
    received_zone: ZoneOffset,
}

impl AccountTxn<'_> {
    /// Those of `uids` that are there, as `guest` sees them, or else the owner.
    pub fn carried(
        &mut self,
        mailbox: MailboxId,
        uids: &UidSet,
        guest: Option<AccountId>,
    ) -> Result<Vec<Carried>> {
        let rows = self.collect_rows(mailbox, uids)?;
        let mut carried = Vec::new();
        for (uid, row) in rows.iter() {
            let at = || key::membership(self.id, mailbox, uid.value());
            let row = Membership::decode(row).ok_or_else(|| corrupt("membership", &at()))?;
            if row.prime_octets > 0 {
                let text = "an encrypted message stays in the account that it was encrypted for";
                return Err(MailError::new(ErrorKind::NoPermission, text).because(Cause::Cannot));
            }
            let flags = match guest {
                None => row.flags,
                Some(user) => {
                    let own = per_user::row(&*self.txn, self.id, mailbox, user, uid)?;
                    let own = own.map_or(SystemFlags::NONE, |own| own.flags);
                    row.flags.without(SystemFlags::SEEN).union(own)
                }
            };
            let keywords = self.keywords_of(&row)?;
            carried.push(self.carry(uid, &row, flags, keywords)?);
        }
        Ok(carried)
    }
    fn carry(
        &self,
        uid: Uid,
        row: &Membership<'_>,
        flags: SystemFlags,
        keywords: Vec<Keyword>,
    ) -> Result<Carried> {
        let key = key::email(self.id, row.email);
        let stored = self.txn.get(&key)?.map(Cow::into_owned).unwrap_or_default();
        let email = EmailRecord::decode(&stored).ok_or_else(|| corrupt("email", &key))?;
        let facts = EmailFacts {
            envelope: email.envelope.into(),
            structure: email.structure.into(),
            sent_at: email.sent_at,
            sent_day: row.sent_day,
            thread_keys: email.thread_keys.iter().collect(),
            // Of an email that was stored before they were kept, the ids that it names beside its own.
            ancestors: match email.ancestors {
                Some(ancestors) => ancestors.iter().collect(),
                None => email.thread_keys.iter().skip(1).collect(),
            },
            subject_hash: email.subject_hash,
            contact: contact::contact_of(&*self.txn, self.id, row.email)?.map(Into::into),
        };
        Ok(Carried {
            uid,
            email: row.email,
            octets: row.octets,
            facts,
            blob: email.body.blob,
            flags,
            keywords,
            received_at: row.received_at,
            received_zone: row.received_zone,
        })
    }
    /// Puts a message into a mailbox of this account; with `body`, if it comes from another domain. A guest
    /// gives it the flags it may set there.
    pub fn bring(
        &mut self,
        mailbox: MailboxId,
        carried: &Carried,
        email: EmailId,
        body: Option<&NewBody>,
        guest: Option<Guest>,
    ) -> Result<Appended> {
        let writes = guest.is_none_or(|guest| guest.rights.contains(Rights::WRITE));
        let entry = Entry {
            email,
            octets: carried.octets,
            facts: &carried.facts,
            flags: guest.map_or(carried.flags, |guest| guest.shared_of(carried.flags)),
            keywords: if writes { &carried.keywords } else { &[] },
            received_at: carried.received_at,
            received_zone: carried.received_zone,
            prime: None,
            meta: None,
        };
        let appended = self.append_entry(mailbox, &entry, |txn, scope| match body {
            Some(body) => txn.put_body(scope, body),
            None => txn.share_body(scope, &carried.blob),
        })?;
        let seen = carried.flags.contains(SystemFlags::SEEN);
        if let Some(guest) = guest.filter(|guest| seen && guest.keeps_seen()) {
            let at = self.mailbox(mailbox)?;
            self.keep_seen(at, guest.user, appended.uid)?;
        }
        Ok(appended)
    }
    /// The scope of this account's bodies.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        self.record.scope
    }
    /// The UIDVALIDITY of a mailbox.
    pub fn uidvalidity(&mut self, mailbox: MailboxId) -> Result<UidValidity> {
        let at = self.mailbox(mailbox)?;
        Ok(self.at(at)?.record.uidvalidity)
    }
}
