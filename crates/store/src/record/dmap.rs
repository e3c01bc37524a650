//! d: what an account has for DMAP beside its messages: keys, shards of realms, signets of others, and what
//! is being submitted (DMAP-00 §7.4, §7.5, §7.6.7).
//!
//! Objects of D/MIME are opaque octets here. Must not: hold a private key that was not encrypted before.

use koi_types::{BlobId, EmailId, Keyword, MailboxId, ObjectId, SystemFlags, Timestamp, Uid, UidValidity};

use super::{Fields, Record, put_varint};
use crate::body::BodyRef;

/// What a key is to its owner. The numbers are what is stored; that it is past its time, the time says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum KeyState {
    /// Waits for the organisation to sign it.
    Pending = 1,
    /// Others encrypt for it.
    Current = 2,
    /// It was current.
    Previous = 3,
    /// It was current, and its owner has deleted it: what was public of it is left, for the chain of custody.
    Deleted = 4,
}

/// Who can open the private half of a key that lies here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum PrivateForm {
    /// Its owner alone, by the password.
    Owners = 1,
    /// The server too, by its organisation's key.
    Servers = 2,
}

/// The private half of a key, encrypted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrivateHalf {
    pub form: PrivateForm,
    pub octets: Box<[u8]>,
}

/// A key of the account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRecord {
    pub state: KeyState,
    /// Grows with every key of the account: which came first.
    pub order: u32,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// The signing request, as it was uploaded.
    pub request: Box<[u8]>,
    /// What the organisation made of it; empty while it has not.
    pub signet: Box<[u8]>,
    pub private: Option<PrivateHalf>,
}

impl KeyRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let octets = self.request.len() + self.signet.len() + 192;
        let record = Record::new(octets).u8(self.state as u8).u32(self.order).i64(self.created_at.0);
        let record = record.i64(self.expires_at.map_or(i64::MIN, |at| at.0));
        let record = record.sized(&self.request).sized(&self.signet);
        match &self.private {
            None => record.u8(0).0,
            Some(private) => record.u8(private.form as u8).sized(&private.octets).0,
        }
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let state = match f.u8()? {
            1 => KeyState::Pending,
            2 => KeyState::Current,
            3 => KeyState::Previous,
            4 => KeyState::Deleted,
            _ => return None,
        };
        let order = f.u32()?;
        let created_at = Timestamp(f.i64()?);
        let expires_at = Some(f.i64()?).filter(|at| *at != i64::MIN).map(Timestamp);
        let (request, signet) = (f.sized()?.into(), f.sized()?.into());
        let form = match f.u8()? {
            0 => None,
            1 => Some(PrivateForm::Owners),
            2 => Some(PrivateForm::Servers),
            _ => return None,
        };
        let private = match form {
            None => None,
            Some(form) => Some(PrivateHalf { form, octets: f.sized()?.into() }),
        };
        f.end().map(|()| Self { state, order, created_at, expires_at, request, signet, private })
    }
}

/// How many emails open by a key. A key that was stored before there were such rows has none.
#[must_use]
pub fn encode_key_emails(emails: u64) -> Vec<u8> {
    Record::new(8).u64(emails).0
}

/// Reads that.
#[must_use]
pub fn decode_key_emails(record: &[u8]) -> Option<u64> {
    let mut f = Fields::of(record)?;
    let emails = f.u64()?;
    f.end().map(|()| emails)
}

/// The server's share of a realm key; without the password it says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct RealmRecord {
    /// Made in the form that Lavabit had first: with the shard where the salt is now.
    pub is_legacy: bool,
    pub shard: [u8; 64],
}

impl std::fmt::Debug for RealmRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RealmRecord").field("is_legacy", &self.is_legacy).finish_non_exhaustive()
    }
}

impl RealmRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(65).u8(u8::from(self.is_legacy)).octets(&self.shard).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let is_legacy = match f.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let shard = f.array()?;
        f.end().map(|()| Self { is_legacy, shard })
    }
}

/// A signet of somebody else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RingRecord {
    pub fetched_at: Timestamp,
    pub object: Box<[u8]>,
    /// The client's own; empty: none.
    pub meta: Box<[u8]>,
}

impl RingRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = Record::new(16 + self.object.len() + self.meta.len()).i64(self.fetched_at.0);
        record.sized(&self.object).sized(&self.meta).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let fetched_at = Timestamp(f.i64()?);
        let (object, meta) = (f.sized()?.into(), f.sized()?.into());
        f.end().map(|()| Self { fetched_at, object, meta })
    }
}

/// How far a submission has come. The numbers are what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum OutboxState {
    /// To be checked and sent now.
    Claimed = 1,
    /// To be claimed when its time has come.
    Held = 2,
    /// Not written any more: what is on its way to another server has a row of its own (`dmtp`).
    Queued = 3,
}

/// A message that is being submitted: all that is needed to go on after a crash, whatever becomes of the
/// message meanwhile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboxRecord {
    pub state: OutboxState,
    /// Where the message was, and whether it is still that mailbox.
    pub mailbox: MailboxId,
    pub uid: Uid,
    pub uidvalidity: UidValidity,
    pub email: EmailId,
    /// When it was claimed; while it is held, when it is to be.
    pub at: Timestamp,
    /// What may come back when it cannot be delivered: 1 envelopes and headers, 2 also what is displayed.
    pub bounces: u8,
    /// Where a copy is filed once it is sent, with its flags.
    pub save_to: Option<MailboxId>,
    pub flags: SystemFlags,
    pub keywords: Vec<Keyword>,
    /// The message as its author signed it, held by this row.
    pub body: BodyRef,
}

impl OutboxRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = &self.body;
        let record = Record::new(160).u8(self.state as u8).u32(self.mailbox.0).u32(self.uid.value());
        let record = record.u32(self.uidvalidity.value()).octets(&self.email.0).i64(self.at.0);
        let record = record.u8(self.bounces).u32(self.save_to.map_or(0, |mailbox| mailbox.0));
        let record = record.u8(self.flags.0);
        let record = record.octets(&body.blob.0).u32(body.segment).u64(body.offset).u64(body.octets);
        let mut octets = record.0;
        put_varint(&mut octets, self.keywords.len() as u64);
        let keywords = self.keywords.iter();
        keywords.fold(Record(octets), |record, keyword| record.sized(keyword.as_str().as_bytes())).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let state = match f.u8()? {
            1 => OutboxState::Claimed,
            2 => OutboxState::Held,
            3 => OutboxState::Queued,
            _ => return None,
        };
        let (mailbox, uid) = (MailboxId(f.u32()?), Uid::new(f.u32()?)?);
        let (uidvalidity, email) = (UidValidity::new(f.u32()?)?, EmailId(f.array()?));
        let (at, bounces) = (Timestamp(f.i64()?), f.u8()?);
        let save_to = Some(f.u32()?).filter(|mailbox| *mailbox != 0).map(MailboxId);
        let flags = SystemFlags(f.u8()?);
        let body =
            BodyRef { blob: BlobId(f.array()?), segment: f.u32()?, offset: f.u64()?, octets: f.u64()? };
        let mut keywords = Vec::new();
        for _ in 0..f.varint()? {
            keywords.push(Keyword::new(f.text()?)?);
        }
        let row =
            Self { state, mailbox, uid, uidvalidity, email, at, bounces, save_to, flags, keywords, body };
        f.end().map(|()| row)
    }
}

/// A META block, of a message or a mailbox: opaque, after the version.
#[must_use]
pub fn encode_meta(meta: &[u8]) -> Vec<u8> {
    Record::new(meta.len()).octets(meta).0
}

/// Reads a META block.
#[must_use]
pub fn decode_meta(record: &[u8]) -> Option<&[u8]> {
    Some(Fields::of(record)?.rest())
}

/// One that is being submitted, with its id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    pub id: ObjectId,
    pub record: OutboxRecord,
}
