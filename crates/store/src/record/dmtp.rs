//! d 4: messages on their way to other organisations; d 6: those that came from them; O of account 0: those
//! organisations, as they are known (docs/DMAP.md, other organisations).
//!
//! Objects of D/MIME are opaque octets here.

use koi_types::{BlobId, ObjectId, Timestamp};

use super::{Fields, Record};
use crate::body::BodyRef;

/// A message that was submitted, checked and signed, until the other organisation has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueuedRecord {
    /// The domain.
    pub destination: Box<str>,
    /// The core fingerprint of the destination's signet that the message names.
    pub signet: [u8; 64],
    pub queued_at: Timestamp,
    /// Not before then; the row of what is due says the same.
    pub next_at: Timestamp,
    pub attempts: u32,
    /// What may come back when it cannot be delivered: 1 envelopes and headers, 2 also what is displayed.
    pub bounces: u8,
    /// Why the last attempt did not succeed; empty before the first.
    pub said: Box<str>,
    /// The message as it is sent, held by this row.
    pub body: BodyRef,
}

impl QueuedRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = &self.body;
        let record = Record::new(192 + self.destination.len() + self.said.len());
        let record = record.octets(&self.signet).i64(self.queued_at.0).i64(self.next_at.0);
        let record = record.u32(self.attempts).u8(self.bounces);
        let record = record.octets(&body.blob.0).u32(body.segment).u64(body.offset).u64(body.octets);
        record.sized(self.destination.as_bytes()).sized(self.said.as_bytes()).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let signet = f.array()?;
        let (queued_at, next_at) = (Timestamp(f.i64()?), Timestamp(f.i64()?));
        let (attempts, bounces) = (f.u32()?, f.u8()?);
        let body =
            BodyRef { blob: BlobId(f.array()?), segment: f.u32()?, offset: f.u64()?, octets: f.u64()? };
        let (destination, said) = (f.text()?.into(), f.text()?.into());
        let row = Self { destination, signet, queued_at, next_at, attempts, bounces, said, body };
        f.end().map(|()| row)
    }
}

/// A message that another organisation has brought and that was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TakenRecord {
    pub at: Timestamp,
    /// What the delivery is known by.
    pub transaction: ObjectId,
}

impl TakenRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(32).i64(self.at.0).octets(&self.transaction.0).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let row = Self { at: Timestamp(f.i64()?), transaction: ObjectId(f.array()?) };
        f.end().map(|()| row)
    }
}

/// Another organisation, as it was last seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrganisationRecord {
    /// When it was looked up first, and when last.
    pub known_since: Timestamp,
    pub learned_at: Timestamp,
    /// Until then nobody is asked again.
    pub fresh_until: Timestamp,
    /// The DNS had signed the management record.
    pub is_validated: bool,
    /// It had at some time.
    pub was_validated: bool,
    /// Somebody here has looked it up, written to it or heard from it: it is not forgotten for another. Rows
    /// of version 1 did not know, and are kept.
    pub is_kept: bool,
    /// The management record.
    pub record: Box<str>,
    pub signet: Box<[u8]>,
}

impl OrganisationRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = Record::of_version(2, 64 + self.record.len() + self.signet.len());
        let record = record.i64(self.known_since.0).i64(self.learned_at.0).i64(self.fresh_until.0);
        let validated = match (self.is_validated, self.was_validated) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 0,
        };
        let record = record.u8(validated).u8(u8::from(self.is_kept));
        record.sized(self.record.as_bytes()).sized(&self.signet).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let (mut f, knows_who) = match Fields::of_version(2, record) {
            Some(f) => (f, true),
            None => (Fields::of(record)?, false),
        };
        let (known_since, learned_at) = (Timestamp(f.i64()?), Timestamp(f.i64()?));
        let fresh_until = Timestamp(f.i64()?);
        let (is_validated, was_validated) = match f.u8()? {
            0 => (false, false),
            1 => (true, true),
            2 => (false, true),
            _ => return None,
        };
        let is_kept = match knows_who.then(|| f.u8()) {
            None | Some(Some(1)) => true,
            Some(Some(0)) => false,
            _ => return None,
        };
        let (record, signet) = (f.text()?.into(), f.sized()?.into());
        f.end().map(|()| Self {
            known_since,
            learned_at,
            fresh_until,
            is_validated,
            was_validated,
            is_kept,
            record,
            signet,
        })
    }
    /// When one that is not kept was looked up last, without reading all of it.
    #[must_use]
    pub fn stranger_since(record: &[u8]) -> Option<Timestamp> {
        let mut f = Fields::of_version(2, record)?;
        let (_known_since, learned_at, _fresh_until) = (f.i64()?, f.i64()?, f.i64()?);
        let (_validated, is_kept) = (f.u8()?, f.u8()?);
        (is_kept == 0).then_some(Timestamp(learned_at))
    }
}
