//! M: one email: where its body is, and what was found out about it once, at delivery.

use koi_types::{BlobId, EmailId, MailboxId, ThreadId, Timestamp, Uid, ZoneOffset};

use super::{Fields, Record};
use crate::body::BodyRef;

/// When a message says it was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SentAt {
    pub at: Timestamp,
    pub zone: ZoneOffset,
}

/// A place in a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub mailbox: MailboxId,
    pub uid: Uid,
}

/// Version 1 did not know the first place: such an email has an `E` row for every place, and a `T` row also
/// when its thread is named after it.
const VERSION_WITH_FIRST: u8 = 2;
/// Version 2 did not know the ancestors.
const VERSION_WITH_ANCESTORS: u8 = 3;

/// One row, borrowed. Envelope and structure are records of `koi-message`, opaque here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailRecord<'r> {
    /// Where the email came in; it may have left there since. This place has no `E` row.
    pub first: Option<Place>,
    pub body: BodyRef,
    pub thread: ThreadId,
    pub received_at: Timestamp,
    pub sent_at: Option<SentAt>,
    /// Hash of the base subject; a thread has one (RFC 8621 §3).
    pub subject_hash: u64,
    /// Hashes of the Message-IDs it names, eight octets each: one `I` row belongs to each.
    pub thread_keys: ThreadKeys<'r>,
    /// Hashes of the Message-IDs of its ancestors, oldest first: its References, or without them the first
    /// of In-Reply-To (RFC 5256 §3). Nothing where the version is too old to know them.
    pub ancestors: Option<ThreadKeys<'r>>,
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
        let ancestors = self.ancestors.filter(|_| self.first.is_some());
        let hashes = self.thread_keys.0.len() + ancestors.map_or(0, |ancestors| ancestors.0.len());
        let octets = 128 + hashes + self.envelope.len() + self.structure.len();
        let version = if ancestors.is_some() { VERSION_WITH_ANCESTORS } else { VERSION_WITH_FIRST };
        let record = match self.first {
            Some(first) => Record::of_version(version, octets).u32(first.mailbox.0).u32(first.uid.value()),
            None => Record::new(octets),
        };
        let record = record.octets(&body.blob.0).u32(body.segment).u64(body.offset).u64(body.octets);
        let record = record.octets(&self.thread.0).i64(self.received_at.0).i64(sent.at.0).i16(sent.zone.0);
        let mut record = record.u64(self.subject_hash).sized(self.thread_keys.0);
        if let Some(ancestors) = ancestors {
            record = record.sized(ancestors.0);
        }
        record.sized(self.envelope).sized(self.structure).0
    }
    #[must_use]
    pub fn decode(record: &'r [u8]) -> Option<Self> {
        let Front { first, knows_ancestors, fields: mut f } = Front::of(record)?;
        let body =
            BodyRef { blob: BlobId(f.array()?), segment: f.u32()?, offset: f.u64()?, octets: f.u64()? };
        let thread = ThreadId(f.array()?);
        let received_at = Timestamp(f.i64()?);
        let at = f.i64()?;
        let zone = ZoneOffset(f.i16()?);
        let email = Self {
            first,
            body,
            thread,
            received_at,
            sent_at: (at != i64::MIN).then_some(SentAt { at: Timestamp(at), zone }),
            subject_hash: f.u64()?,
            thread_keys: ThreadKeys(f.sized()?),
            ancestors: if knows_ancestors { Some(ThreadKeys(f.sized()?)) } else { None },
            envelope: f.sized()?,
            structure: f.sized()?,
        };
        f.end().map(|()| email)
    }
    /// The first place alone: nothing when the record cannot be read that far, or does not know it.
    #[must_use]
    pub fn first_place(record: &[u8]) -> Option<Place> {
        Front::of(record)?.first
    }
    /// Whether a `T` row says that the email is in its thread. The one a thread is named after needs none.
    #[must_use]
    pub fn has_thread_row(&self, id: EmailId) -> bool {
        self.first.is_none() || self.thread.0 != id.0
    }
}

/// Up to where the versions begin to differ, and the rest.
struct Front<'r> {
    first: Option<Place>,
    knows_ancestors: bool,
    fields: Fields<'r>,
}

impl<'r> Front<'r> {
    fn of(record: &'r [u8]) -> Option<Self> {
        if let Some(fields) = Fields::of(record) {
            return Some(Self { first: None, knows_ancestors: false, fields });
        }
        let newest = Fields::of_version(VERSION_WITH_ANCESTORS, record);
        let knows_ancestors = newest.is_some();
        let mut fields = newest.or_else(|| Fields::of_version(VERSION_WITH_FIRST, record))?;
        let first = Place { mailbox: MailboxId(fields.u32()?), uid: Uid::new(fields.u32()?)? };
        Some(Self { first: Some(first), knows_ancestors, fields })
    }
}
