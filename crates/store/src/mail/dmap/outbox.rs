//! d 3: messages that are being submitted by DMAP, and the two keywords that say so (DMAP-00 §7.6.7).
//!
//! A message that waits has `$SubmitPending`; one that was taken for submission has `$Submitted`, too, and a
//! row here, which holds the message: from then on nothing that happens to it is lost by a crash. When it is
//! on its way `$SubmitPending` goes; when it is refused, both. Must not: look at what a message says.

use std::borrow::Cow;
use std::ops::ControlFlow;

use koi_types::mode::{SUBMIT_PENDING, SUBMITTED};
use koi_types::{
    AccountId, Cause, ErrorKind, Keyword, MailError, MailboxId, ObjectId, Result, SystemFlags, Timestamp,
    Uid, limits,
};

use super::prime;
use crate::body::Scope;
use crate::key;
use crate::kv::{Read, Txn};
use crate::mail::AccountTxn;
use crate::record::corrupt;
use crate::record::dmap::{OutboxRecord, OutboxState, Outgoing};
use crate::record::email::Place;
use crate::record::membership::{KeywordNumbers, Membership};

/// What is asked for with a submission.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewOutgoing {
    pub held_until: Option<Timestamp>,
    /// 1 envelopes and headers, 2 also what is displayed.
    pub bounces: u8,
    pub save_to: Option<MailboxId>,
    pub flags: SystemFlags,
    pub keywords: Vec<Keyword>,
}

/// How a submission ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// It is on its way, or there.
    Sent,
    Refused,
}

/// One that is being submitted; nothing when there is none of this id.
pub fn outgoing(
    read: &(impl Read + ?Sized),
    account: AccountId,
    id: ObjectId,
) -> Result<Option<OutboxRecord>> {
    let key = key::dmap_outbox(account, id);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    OutboxRecord::decode(&row).map(Some).ok_or_else(|| corrupt("submission", &key))
}

/// All of an account, the oldest first; rows that cannot be read are left out. There are never more than
/// `limits::DMAP_OUTBOX_MAX`.
pub fn outbox(read: &(impl Read + ?Sized), account: AccountId) -> Result<Vec<Outgoing>> {
    let range = key::below(&key::dmap(account, key::DMAP_OUTBOX));
    let mut all = Vec::new();
    read.scan(&range.from, &range.end, &mut |key, row| {
        let one = key::dmap_outbox_of(key).zip(OutboxRecord::decode(row));
        all.extend(one.map(|(id, record)| Outgoing { id, record }));
        ControlFlow::Continue(())
    })?;
    Ok(all)
}

/// Takes up to `rows_max` away, unsent, with their account. Answers whether there may be more.
pub(in crate::mail) fn reclaim(
    txn: &mut dyn Txn,
    account: AccountId,
    scope: Scope,
    rows_max: usize,
) -> Result<bool> {
    let mut some = outbox(&*txn, account)?;
    some.truncate(rows_max);
    for each in &some {
        txn.delete(&key::dmap_outbox(account, each.id))?;
        prime::release(txn, scope, &each.record.body.blob)?;
    }
    Ok(some.len() == rows_max)
}

/// The numbers of the two keywords, as far as the account has them.
#[derive(Clone, Copy)]
struct Marks {
    pending: Option<u16>,
    submitted: Option<u16>,
}

impl Marks {
    fn is(self, number: u16) -> bool {
        Some(number) == self.pending || Some(number) == self.submitted
    }
    /// The message waits, and nobody has taken it.
    fn waits(self, keywords: KeywordNumbers<'_>) -> bool {
        let has = |mark: Option<u16>| mark.is_some_and(|number| keywords.contains(number));
        has(self.pending) && !has(self.submitted)
    }
}

impl AccountTxn<'_> {
    /// Takes a message that waits for submission, or holds it until its time. `Gone` when it is not there,
    /// `Conflict` when it does not wait, or somebody else has taken it (DMAP-00 §7.6.7, SUBMISSIONRACE).
    pub fn claim_submission(
        &mut self,
        place: Place,
        id: ObjectId,
        new: &NewOutgoing,
    ) -> Result<OutboxRecord> {
        let at = self.mailbox(place.mailbox)?;
        let key = key::membership(self.id, place.mailbox, place.uid.value());
        let gone = || MailError::new(ErrorKind::Gone, "the message is gone");
        let stored = self.txn.get(&key)?.map(Cow::into_owned).ok_or_else(gone)?;
        let row = Membership::decode(&stored).ok_or_else(|| corrupt("membership", &key))?;
        if !self.marks()?.waits(row.keywords) {
            let text = "the message does not wait to be submitted";
            return Err(MailError::new(ErrorKind::Conflict, text).because(Cause::SubmissionRace));
        }
        let Some(message) = self.prime(row.email)? else {
            let text = "only an encrypted message is submitted so";
            return Err(MailError::new(ErrorKind::Unsupported, text).because(Cause::BadMessage));
        };
        if outbox(&*self.txn, self.id)?.len() >= limits::DMAP_OUTBOX_MAX {
            return Err(MailError::new(ErrorKind::LimitReached, "too many messages are being submitted"));
        }
        let body = self.txn.share_body(self.record.scope, &message.body.blob)?;
        let state = if new.held_until.is_some() { OutboxState::Held } else { OutboxState::Claimed };
        let record = OutboxRecord {
            state,
            mailbox: place.mailbox,
            uid: place.uid,
            uidvalidity: self.at(at)?.record.uidvalidity,
            email: row.email,
            at: new.held_until.unwrap_or(self.now),
            bounces: new.bounces,
            save_to: new.save_to,
            flags: new.flags,
            keywords: new.keywords.clone(),
            body,
        };
        self.txn.put(&key::dmap_outbox(self.id, id), &record.encode())?;
        self.mark(place, &row, &[SUBMITTED], &[])?;
        Ok(record)
    }
    /// The time of one that was held has come. Answers it as it is now; nothing when it was taken back.
    pub fn release_held(&mut self, id: ObjectId) -> Result<Option<OutboxRecord>> {
        let Some(record) = outgoing(&*self.txn, self.id, id)? else { return Ok(None) };
        if record.state != OutboxState::Held {
            return Ok(Some(record));
        }
        let claimed = OutboxRecord { state: OutboxState::Claimed, at: self.now, ..record };
        self.txn.put(&key::dmap_outbox(self.id, id), &claimed.encode())?;
        Ok(Some(claimed))
    }
    /// A submission is over: its row goes, and the message, if it is still where it was, is marked. Nothing
    /// when there is no such submission any more.
    pub fn end_submission(&mut self, id: ObjectId, ending: Ending) -> Result<Option<OutboxRecord>> {
        let Some(record) = outgoing(&*self.txn, self.id, id)? else { return Ok(None) };
        self.forget_outgoing(id, &record)?;
        let place = Place { mailbox: record.mailbox, uid: record.uid };
        if !self.has_mailbox(place.mailbox)? || self.uidvalidity(place.mailbox)? != record.uidvalidity {
            return Ok(Some(record));
        }
        let key = key::membership(self.id, place.mailbox, place.uid.value());
        let stored = self.txn.get(&key)?.map(Cow::into_owned).unwrap_or_default();
        if let Some(row) = Membership::decode(&stored).filter(|row| row.email == record.email) {
            match ending {
                Ending::Sent => self.mark(place, &row, &[SUBMITTED], &[SUBMIT_PENDING])?,
                Ending::Refused => self.mark(place, &row, &[], &[SUBMITTED, SUBMIT_PENDING])?,
            }
        }
        Ok(Some(record))
    }
    fn forget_outgoing(&mut self, id: ObjectId, record: &OutboxRecord) -> Result<()> {
        self.txn.delete(&key::dmap_outbox(self.id, id))?;
        prime::release(self.txn, self.record.scope, &record.body.blob)
    }
    fn marks(&mut self) -> Result<Marks> {
        let mut number = |text| Keyword::new(text).map_or(Ok(None), |keyword| self.known_keyword(&keyword));
        Ok(Marks { pending: number(SUBMIT_PENDING)?, submitted: number(SUBMITTED)? })
    }
    /// Sets and takes away keywords of one message.
    fn mark(&mut self, place: Place, row: &Membership<'_>, with: &[&str], without: &[&str]) -> Result<()> {
        let mut numbers: Vec<u16> = row.keywords.iter().collect();
        for keyword in with.iter().filter_map(|text| Keyword::new(text)) {
            numbers.push(self.keyword_number(&keyword)?);
        }
        for keyword in without.iter().filter_map(|text| Keyword::new(text)) {
            let number = self.known_keyword(&keyword)?;
            numbers.retain(|each| Some(*each) != number);
        }
        numbers.sort_unstable();
        numbers.dedup();
        let at = self.mailbox(place.mailbox)?;
        let mut octets = Vec::new();
        Membership { modseq: self.modseq, ..*row }.encode(&numbers, &mut octets);
        self.txn.put(&key::membership(self.id, place.mailbox, place.uid.value()), &octets)?;
        self.count_change(at, place.uid, row, row.flags)
    }
    /// A copy does not wait to be submitted because the message does, nor was it.
    pub(in crate::mail) fn leave_submission(&mut self, keywords: &mut Vec<u16>) -> Result<()> {
        if !keywords.is_empty() {
            let marks = self.marks()?;
            keywords.retain(|number| !marks.is(*number));
        }
        Ok(())
    }
    /// Submissions of messages of a mailbox, before their flags change.
    pub(in crate::mail) fn submissions_of(&self, mailbox: MailboxId) -> Result<Vec<Outgoing>> {
        let mut all = outbox(&*self.txn, self.id)?;
        all.retain(|each| each.record.mailbox == mailbox);
        Ok(all)
    }
    /// A client changes the keywords of a message that is being submitted: while it is held, taking
    /// `$SubmitPending` away takes the submission back; nothing else changes the two.
    pub(in crate::mail) fn guard_submission(
        &mut self,
        uid: Uid,
        row: &Membership<'_>,
        keywords: &mut Vec<u16>,
        jobs: &[Outgoing],
    ) -> Result<()> {
        let its = |job: &&Outgoing| job.record.uid == uid && job.record.email == row.email;
        let Some(job) = jobs.iter().find(its) else { return Ok(()) };
        let marks = self.marks()?;
        let had = |mark: Option<u16>| mark.is_some_and(|number| row.keywords.contains(number));
        let has = |mark: Option<u16>| mark.is_some_and(|number| keywords.contains(&number));
        let is_same =
            had(marks.pending) == has(marks.pending) && had(marks.submitted) == has(marks.submitted);
        if is_same {
            return Ok(());
        }
        if job.record.state == OutboxState::Held && !has(marks.pending) {
            keywords.retain(|number| !marks.is(*number));
            return self.forget_outgoing(job.id, &job.record);
        }
        let text = "the message is being submitted";
        Err(MailError::new(ErrorKind::NoPermission, text).because(Cause::Cannot))
    }
}
