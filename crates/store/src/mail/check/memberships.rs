//! Messages in mailboxes: tables U and E against each other, against M, and against the counters of C and A.

use std::collections::BTreeMap;

use koi_types::{EmailId, MailboxId, Result, SystemFlags, ZoneOffset};

use super::Check;
use super::counters::Counted;
use super::names::State;
use crate::key::{self, table};
use crate::mail::places;
use crate::record::dmap::decode_meta;
use crate::record::email::{EmailRecord, Place};
use crate::record::membership::{KeywordNumbers, Membership};
use crate::record::runs::decode_vanished;

/// A row U that cannot be read.
struct Unreadable {
    key: Box<[u8]>,
    value: Box<[u8]>,
}

/// What a key of U says.
fn place_of(key: &[u8]) -> Option<Place> {
    Some(Place { mailbox: key::mailbox_of(key)?, uid: key::uid_at_end(key)? })
}

impl Check<'_> {
    pub(super) fn memberships(&mut self, state: &State) -> Result<()> {
        let mut counted: BTreeMap<MailboxId, Counted> = BTreeMap::new();
        let mut unreadable = Vec::new();
        self.each(table::MEMBERSHIP, |check, key, value| {
            let Some(place) = place_of(key) else { return Ok(()) };
            let Some(row) = Membership::decode(value) else {
                counted.entry(place.mailbox).or_default().unreadable = true;
                unreadable.push(Unreadable { key: key.into(), value: value.into() });
                return Ok(());
            };
            check.membership(state, key, place, &row)?;
            counted.entry(place.mailbox).or_default().count(place.uid, &row);
            Ok(())
        })?;
        let lost = self.email_memberships(&unreadable)?;
        self.rebuild(state, unreadable, &lost)?;
        self.each(table::VANISHED, |_, key, value| {
            let (mailbox, modseq) = (key::mailbox_of(key), key::modseq_at_end(key));
            if let (Some(mailbox), Some(modseq), Some(uids)) = (mailbox, modseq, decode_vanished(value)) {
                counted.entry(mailbox).or_default().vanished(&uids, modseq);
            }
            Ok(())
        })?;
        self.counters(state, &counted)
    }
    fn membership(&mut self, state: &State, key: &[u8], place: Place, row: &Membership<'_>) -> Result<()> {
        if !state.knows(place.mailbox) {
            self.rebuild_mailbox(state, place.mailbox, None, "a mailbox with messages has no row");
        }
        if state.mailboxes.get(&place.mailbox).is_some_and(|mailbox| place.uid >= mailbox.uidnext) {
            self.report(key, "a message has a UID that was not given out yet");
        }
        if row.modseq.value() > state.account.modseq || row.created_modseq > row.modseq {
            self.report(key, "a message has an impossible MODSEQ");
        }
        if row.flags.without(SystemFlags::ALL) != SystemFlags::NONE
            || row.keywords.iter().any(|number| number >= state.account.keywords)
        {
            self.report(key, "a message has a flag that does not exist");
        }
        self.way_to(key, place, row.email)
    }
    /// The email leads to its mailbox, by its row M or by a row E.
    fn way_to(&mut self, key: &[u8], place: Place, email: EmailId) -> Result<()> {
        let Some(record) = self.read.get(&key::email(self.account, email))? else {
            self.report(key, "a message whose email is lost");
            return Ok(());
        };
        let is_first = EmailRecord::first_place(&record) == Some(place);
        let by_email = key::email_membership(self.account, email, place.mailbox, place.uid);
        let readable = EmailRecord::decode(&record).is_some();
        drop(record);
        if !is_first && readable && !self.has(&by_email)? {
            self.missing(&by_email, "an email does not know one of its mailboxes", Vec::new());
        }
        Ok(())
    }
    /// Rows E, and the first places in M. Answers the emails of those memberships that cannot be read, by
    /// the key of U.
    fn email_memberships(&mut self, unreadable: &[Unreadable]) -> Result<BTreeMap<Box<[u8]>, EmailId>> {
        let mut lost = BTreeMap::new();
        self.each(table::EMAIL_MEMBERSHIP, |check, key, value| {
            let place = key::part(key, 21).map(|octets| MailboxId(u32::from_be_bytes(octets)));
            let (Some(email), Some(mailbox), Some(uid)) = (key::email_of(key), place, key::uid_at_end(key))
            else {
                check.report(key, "a row of an email's mailboxes has a key of the wrong form");
                return Ok(());
            };
            let row_key = key::membership(check.account, mailbox, uid.value());
            let row = check.read.get(&row_key)?.map(std::borrow::Cow::into_owned);
            match row.as_deref().map(Membership::decode) {
                Some(Some(row)) if row.email == email => {
                    let place = Place { mailbox, uid };
                    if places::first(check.read, check.account, email)? == Some(place) {
                        check.superfluous(key, value, "an email has two rows for one message");
                    }
                }
                Some(None) if unreadable.iter().any(|each| *each.key == row_key) => {
                    lost.insert(Box::from(row_key.as_slice()), email);
                }
                _ => check.superfluous(key, value, "an email is said to be in a mailbox where it is not"),
            }
            Ok(())
        })?;
        if !unreadable.is_empty() {
            self.each(table::EMAIL, |check, key, value| {
                let (Some(email), Some(first)) = (key::email_of(key), EmailRecord::first_place(value)) else {
                    return Ok(());
                };
                let row_key = key::membership(check.account, first.mailbox, first.uid.value());
                if unreadable.iter().any(|each| *each.key == row_key) {
                    lost.insert(Box::from(row_key.as_slice()), email);
                }
                Ok(())
            })?;
        }
        Ok(lost)
    }
    /// A row U that cannot be read is made anew from its E and M rows, without flags; with its META.
    fn rebuild(
        &mut self,
        state: &State,
        unreadable: Vec<Unreadable>,
        emails: &BTreeMap<Box<[u8]>, EmailId>,
    ) -> Result<()> {
        let problem = "a message's row cannot be read";
        for Unreadable { key, value } in unreadable {
            let email_key = emails.get(&key).map(|email| key::email(self.account, *email));
            let record = match &email_key {
                Some(key) => self.read.get(key)?.map(std::borrow::Cow::into_owned),
                None => None,
            };
            let email = record.as_deref().and_then(EmailRecord::decode);
            match (emails.get(&key), email) {
                (Some(id), Some(email)) => {
                    let prime = super::super::dmap::prime::prime(self.read, self.account, *id)?;
                    let prime_octets = prime.map_or(0, |prime| prime.body.octets);
                    let dmap = (prime_octets, self.meta_octets(&key)?);
                    let right = bare_membership(*id, &email, dmap, state);
                    self.wrong(&key, &value, problem, right);
                }
                _ => self.report(&key, problem),
            }
        }
        Ok(())
    }
    /// Of the META block of the message with this key of U.
    fn meta_octets(&self, key: &[u8]) -> Result<u64> {
        let Some(place) = place_of(key) else { return Ok(0) };
        let row = self.read.get(&key::meta(self.account, place.mailbox, place.uid.value()))?;
        Ok(row.as_deref().and_then(decode_meta).map_or(0, |meta| meta.len() as u64))
    }
}

/// `dmap` are the octets of the encrypted message and of META.
fn bare_membership(id: EmailId, email: &EmailRecord<'_>, dmap: (u64, u64), state: &State) -> Vec<u8> {
    let row = Membership {
        flags: SystemFlags::NONE,
        email: id,
        modseq: state.account.current(),
        created_modseq: state.account.current(),
        octets: u32::try_from(email.body.octets).unwrap_or(u32::MAX),
        received_at: email.received_at,
        received_zone: ZoneOffset(0),
        saved_at: email.received_at,
        sent_day: email.sent_at.map(|sent| sent.at.day(sent.zone)),
        prime_octets: u32::try_from(dmap.0).unwrap_or(u32::MAX),
        meta_octets: u32::try_from(dmap.1).unwrap_or(u32::MAX),
        keywords: KeywordNumbers::default(),
    };
    let mut octets = Vec::new();
    row.encode(&[], &mut octets);
    octets
}
