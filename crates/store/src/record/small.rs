//! The small records: G (grace), I (thread keys), K (keywords), P (names), W (recent), X (reclaim).

use koi_types::{EmailId, Keyword, MailboxId, ModSeq, ThreadId, Timestamp, Uid};

use super::{Fields, Record};

/// G: which mailbox an email left last, and at which modseq, so that it can go when everybody has seen that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GraceRecord {
    pub mailbox: MailboxId,
    pub modseq: ModSeq,
}

impl GraceRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(12).u32(self.mailbox.0).u64(self.modseq.value()).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let grace = Self { mailbox: MailboxId(f.u32()?), modseq: ModSeq::new(f.u64()?)? };
        f.end().map(|()| grace)
    }
}

/// I: the thread of an email that names a Message-ID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ThreadKeyRecord {
    pub thread: ThreadId,
    pub subject_hash: u64,
}

/// Of the email a thread is named after: the thread is not written.
const VERSION_OF_FIRST: u8 = 2;

impl ThreadKeyRecord {
    /// `email` is the one in the key.
    #[must_use]
    pub fn encode(&self, email: EmailId) -> Vec<u8> {
        match self.thread.0 == email.0 {
            true => Record::of_version(VERSION_OF_FIRST, 8).u64(self.subject_hash).0,
            false => Record::new(24).octets(&self.thread.0).u64(self.subject_hash).0,
        }
    }
    /// `email` is the one in the key.
    #[must_use]
    pub fn decode(record: &[u8], email: EmailId) -> Option<Self> {
        let (thread, mut f) = match Fields::of(record) {
            Some(mut f) => (ThreadId(f.array()?), f),
            None => (ThreadId(email.0), Fields::of_version(VERSION_OF_FIRST, record)?),
        };
        let key = Self { thread, subject_hash: f.u64()? };
        f.end().map(|()| key)
    }
}

/// K.
#[must_use]
pub fn encode_keyword(keyword: &Keyword) -> Vec<u8> {
    Record::new(keyword.as_str().len()).octets(keyword.as_str().as_bytes()).0
}

/// Reads a K record.
#[must_use]
pub fn decode_keyword(record: &[u8]) -> Option<Keyword> {
    Keyword::new(std::str::from_utf8(Fields::of(record)?.rest()).ok()?)
}

/// W: messages with a smaller UID were `\Recent` in some session.
#[must_use]
pub fn encode_recent(from: Uid) -> Vec<u8> {
    Record::new(4).u32(from.value()).0
}

/// Reads a W record.
#[must_use]
pub fn decode_recent(record: &[u8]) -> Option<Uid> {
    let mut f = Fields::of(record)?;
    let from = Uid::new(f.u32()?)?;
    f.end().map(|()| from)
}

/// P.
#[must_use]
pub fn encode_mailbox_id(mailbox: MailboxId) -> Vec<u8> {
    Record::new(4).u32(mailbox.0).0
}

/// Reads a P record.
#[must_use]
pub fn decode_mailbox_id(record: &[u8]) -> Option<MailboxId> {
    let mut f = Fields::of(record)?;
    let mailbox = MailboxId(f.u32()?);
    f.end().map(|()| mailbox)
}

/// X: a deleted mailbox, when and at which modseq.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReclaimRecord {
    pub deleted_at: Timestamp,
    pub modseq: ModSeq,
}

impl ReclaimRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(16).i64(self.deleted_at.0).u64(self.modseq.value()).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let reclaim = Self { deleted_at: Timestamp(f.i64()?), modseq: ModSeq::new(f.u64()?)? };
        f.end().map(|()| reclaim)
    }
}
