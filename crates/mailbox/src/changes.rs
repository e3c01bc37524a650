//! The change log as a snapshot reads it: what happened in a mailbox since a MODSEQ (RFC 7162 §3.1,
//! RFC 8621 §4.3).

use std::ops::ControlFlow;

use koi_store::key;
use koi_store::mail::dmap::prime;
use koi_store::mail::per_user;
use koi_store::record::log::{Event, LastRow, LogRecord, LogSection};
use koi_store::record::mailbox::MailboxRecord;
use koi_store::record::membership::{KeywordNumbers, Membership};
use koi_types::{
    AccountId, EmailId, MailboxId, ModSeq, NumSet, Result, Rights, SystemFlags, Uid, UidSet, ZoneOffset,
};

use crate::outcome::{ChangedMessages, Changes};
use crate::row::MessageRow;
use crate::snapshot::Snapshot;

/// A message that left its mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpungedMessage {
    pub uid: Uid,
    pub email: EmailId,
    /// When it left.
    pub modseq: ModSeq,
    /// As whoever looks had it; older versions did not write it down.
    last: Option<LastRow>,
}

/// Mailboxes of one email that are looked at.
const PLACES_MAX: usize = 64;

impl Snapshot<'_> {
    /// Those of `uids` that left the mailbox after `since`, with their emails, as far as the log still knows:
    /// for clients that were not told yet. Whether the email is still in its grace, `email` says.
    pub fn expunged(&self, mailbox: MailboxId, since: ModSeq, uids: &NumSet) -> Result<Vec<ExpungedMessage>> {
        self.require(mailbox, Rights::READ)?;
        let mut found = Vec::new();
        let from = key::log(self.account, since.value().saturating_add(1));
        let end = key::log(self.account, u64::MAX);
        self.view.scan(&from, &end, &mut |key, row| {
            let modseq = key::part(key, 5).and_then(|octets| ModSeq::new(u64::from_be_bytes(octets)));
            let (Some(modseq), Some(log)) = (modseq, LogRecord::decode(row)) else {
                return ControlFlow::Continue(());
            };
            let sections = log.sections.into_iter().filter(|section| section.mailbox == Some(mailbox));
            found.extend(self.left_of(sections.collect(), modseq, uids));
            ControlFlow::Continue(())
        })?;
        found.sort_by_key(|message| message.uid);
        Ok(found)
    }
    /// Those of `uids` that left in one commit, of which these are the sections.
    fn left_of(&self, sections: Vec<LogSection>, modseq: ModSeq, uids: &NumSet) -> Vec<ExpungedMessage> {
        let (mut left, mut rows, mut seen) = (Vec::new(), Vec::new(), UidSet::new());
        for section in sections {
            match section.event {
                Event::Expunged { uids: gone, emails } => left.extend(gone.iter().zip(emails)),
                Event::LeftAs(last) => rows = last,
                Event::LeftSeen { user, uids } if self.is_user(user) => seen = uids,
                _ => {}
            }
        }
        let mut rows = rows.into_iter();
        let messages = left.into_iter().map(|(uid, email)| {
            let mut last = rows.next();
            if let Some(last) = last.as_mut().filter(|_| self.guest.is_some()) {
                let own = if seen.contains(uid) { SystemFlags::SEEN } else { SystemFlags::NONE };
                last.flags = last.flags.without(SystemFlags::SEEN).union(own);
            }
            ExpungedMessage { uid, email, modseq, last }
        });
        messages.filter(|message| uids.contains(message.uid.value())).collect()
    }
    /// Reads a message that left as it was then; `None` after its email's grace.
    pub fn left<T>(
        &self,
        message: &ExpungedMessage,
        read: impl FnOnce(&MessageRow<'_>) -> T,
    ) -> Result<Option<T>> {
        let Some(email) = self.email(message.email)? else { return Ok(None) };
        // What an older version has not written down: that it was deleted, which it was as a rule.
        let last = message.last.clone().unwrap_or_else(|| LastRow {
            flags: SystemFlags::DELETED,
            modseq: message.modseq,
            received_at: email.received_at,
            received_zone: ZoneOffset(0),
            saved_at: email.received_at,
            keywords: Vec::new(),
        });
        let prime = prime::prime_body(&*self.view, self.account, message.email)?;
        let membership = Membership {
            flags: last.flags,
            email: message.email,
            modseq: last.modseq,
            created_modseq: last.modseq,
            octets: u32::try_from(email.body.octets).unwrap_or(u32::MAX),
            received_at: last.received_at,
            received_zone: last.received_zone,
            saved_at: last.saved_at,
            sent_day: None,
            prime_octets: prime.map_or(0, |body| u32::try_from(body.octets).unwrap_or(u32::MAX)),
            meta_octets: 0,
            keywords: KeywordNumbers::default(),
        };
        let mut row = Vec::new();
        membership.encode(&last.keywords, &mut row);
        let membership = Membership::decode(&row).unwrap_or(membership);
        Ok(Some(read(&MessageRow { uid: message.uid, membership })))
    }
    /// The row of a message that was moved, as it is where it went, if it is still there.
    pub fn moved<T>(
        &self,
        message: &ExpungedMessage,
        read: impl FnOnce(&MessageRow<'_>) -> T,
    ) -> Result<Option<T>> {
        let mut places = Vec::new();
        let range = key::below(&key::email_memberships(self.account, message.email));
        self.view.scan(&range.from, &range.end, &mut |key, _| {
            places.extend(key::membership_of_email(self.account, key));
            if places.len() < PLACES_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        for place in places {
            let Some(row) = self.view.get(&place)? else { continue };
            let came_then = |row: &Membership<'_>| row.created_modseq == message.modseq;
            if let Some(membership) = Membership::decode(&row).filter(came_then) {
                return Ok(Some(read(&MessageRow { uid: message.uid, membership })));
            }
        }
        Ok(None)
    }
    /// What changed in a mailbox after `since`, at a cost that grows with what changed; at most `max` commits
    /// and runs of messages in them.
    pub fn changes(&self, mailbox: MailboxId, since: ModSeq, max: usize) -> Result<Changes> {
        let Some(record) = self.mailbox_record(mailbox)? else { return Ok(Changes::MailboxGone) };
        let Some(highest_modseq) = self.highest_modseq(mailbox, &record)? else {
            return Ok(Changes::MailboxGone);
        };
        let upto = self.modseq();
        let mut changed = ChangedMessages {
            added: UidSet::new(),
            flags: UidSet::new(),
            vanished: UidSet::new(),
            flagged_last: UidSet::new(),
            upto,
        };
        if highest_modseq <= since {
            return Ok(Changes::Listed(changed));
        }
        if since.value() < self.record.log_floor || !self.read_log(mailbox, since, max, &mut changed)? {
            return Ok(Changes::TooMany { upto });
        }
        changed.added.0 = changed.added.0.difference(&changed.vanished.0);
        changed.flags.0 = changed.flags.0.difference(&changed.vanished.0).difference(&changed.added.0);
        Ok(Changes::Listed(changed))
    }
    fn is_user(&self, user: AccountId) -> bool {
        self.guest.as_ref().is_some_and(|guest| guest.user.id == user)
    }
    /// When anything happened that whoever looks is told of; nothing for who may not read.
    fn highest_modseq(&self, mailbox: MailboxId, record: &MailboxRecord) -> Result<Option<ModSeq>> {
        let Some(guest) = &self.guest else { return Ok(Some(record.highest_modseq)) };
        if !self.rights(mailbox)?.contains(Rights::READ) {
            return Ok(None);
        }
        let totals = per_user::totals(&*self.view, self.account, mailbox, guest.user.id)?;
        let own = ModSeq::new(totals.highest_modseq);
        Ok(own.map_or(Some(record.highest_modseq), |own| Some(own.max(record.highest_modseq))))
    }
    /// Answers whether it was not too much.
    fn read_log(
        &self,
        mailbox: MailboxId,
        since: ModSeq,
        max: usize,
        changed: &mut ChangedMessages,
    ) -> Result<bool> {
        let from = key::log(self.account, since.value().saturating_add(1));
        let end = key::log(self.account, u64::MAX);
        let mut left = max as u64;
        let mut complete = true;
        self.view.scan(&from, &end, &mut |_, row| {
            let Some(log) = LogRecord::decode(row).filter(|_| left > 0) else {
                complete = false;
                return ControlFlow::Break(());
            };
            left -= 1;
            let (mut flagged, mut gone) = (NumSet::new(), NumSet::new());
            for section in log.sections.into_iter().filter(|section| section.mailbox == Some(mailbox)) {
                let (set, uids) = match section.event {
                    Event::Added(uids) => (&mut changed.added, uids),
                    Event::Flags(uids) => {
                        // What moves when it is seen moves by its owner's eyes, to where others may not look.
                        if self.guest.is_none() {
                            flagged.clone_from(&uids.0);
                        }
                        (&mut changed.flags, uids)
                    }
                    Event::PerUser { user, uids } if self.is_user(user) => (&mut changed.flags, uids),
                    Event::Expunged { uids, .. } => {
                        gone.clone_from(&uids.0);
                        (&mut changed.vanished, uids)
                    }
                    _ => continue,
                };
                let Some(fewer) = left.checked_sub(uids.0.runs().count() as u64) else {
                    complete = false;
                    return ControlFlow::Break(());
                };
                left = fewer;
                set.0.extend(&uids.0);
            }
            if !flagged.is_empty() && !gone.is_empty() {
                changed.flagged_last.0.extend(&flagged.intersect(&gone));
            }
            ControlFlow::Continue(())
        })?;
        Ok(complete)
    }
}
