//! M: one email: where its body is, and what was found out about it once, at delivery.

use koi_types::{BlobId, ThreadId, Timestamp, ZoneOffset};

use super::{Fields, Record};
use crate::body::BodyRef;

/// When a message says it was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SentAt {
    pub at: Timestamp,
    pub zone: ZoneOffset,
}

/// One row, borrowed. Envelope and structure are records of `koi-message`, opaque here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailRecord<'r> {
    pub body: BodyRef,
    pub thread: ThreadId,
    pub received_at: Timestamp,
    pub sent_at: Option<SentAt>,
    /// Hash of the base subject; a thread has one (RFC 8621 §3).
    pub subject_hash: u64,
    /// Hashes of the Message-IDs it names, eight octets each: one `I` row belongs to each.
    pub thread_keys: ThreadKeys<'r>,
    pub envelope: &'r [u8],
    pub structure: &'r [u8],
}

/// Hashes of Message-IDs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ThreadKeys<'r>(&'r [u8]);

impl<'r> ThreadKeys<'r> {
    /// Eight octets each; what is left over is not looked at.
    #[must_use]
    pub const fn new(octets: &'r [u8]) -> Self {
        Self(octets)
    }
    pub fn iter(self) -> impl Iterator<Item = u64> + 'r {
        self.0.as_chunks::<8>().0.iter().map(|octets| u64::from_le_bytes(*octets))
    }
}

impl<'r> EmailRecord<'r> {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let sent = self.sent_at.unwrap_or(SentAt { at: Timestamp(i64::MIN), zone: ZoneOffset(0) });
        let body = &self.body;
        let record = Record::new(120 + self.thread_keys.0.len() + self.envelope.len() + self.structure.len());
        let record = record.octets(&body.blob.0).u32(body.segment).u64(body.offset).u64(body.octets);
        let record = record.octets(&self.thread.0).i64(self.received_at.0).i64(sent.at.0).i16(sent.zone.0);
        let record = record.u64(self.subject_hash).sized(self.thread_keys.0);
        record.sized(self.envelope).sized(self.structure).0
    }
    #[must_use]
    pub fn decode(record: &'r [u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let body =
            BodyRef { blob: BlobId(f.array()?), segment: f.u32()?, offset: f.u64()?, octets: f.u64()? };
        let thread = ThreadId(f.array()?);
        let received_at = Timestamp(f.i64()?);
        let at = f.i64()?;
        let zone = ZoneOffset(f.i16()?);
        let email = Self {
            body,
            thread,
            received_at,
            sent_at: (at != i64::MIN).then_some(SentAt { at: Timestamp(at), zone }),
            subject_hash: f.u64()?,
            thread_keys: ThreadKeys(f.sized()?),
            envelope: f.sized()?,
            structure: f.sized()?,
        };
        f.end().map(|()| email)
    }
}
