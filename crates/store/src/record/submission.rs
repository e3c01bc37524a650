//! What a submission says (RFC 8621 §7): the value of an object of table s.

use koi_types::{BlobId, EmailId, ObjectId, ThreadId, Timestamp};

use super::identity::{put_text, take_text};
use super::{Fields, Record, put_varint};
use crate::body::BodyRef;

/// An address of the envelope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnvelopeAddress {
    pub email: Box<str>,
    /// Of MAIL or RCPT: names, with their values if they have one.
    pub parameters: Vec<EnvelopeParameter>,
}

/// A parameter of MAIL or RCPT (RFC 5321 §4.1.1.11).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnvelopeParameter {
    pub name: Box<str>,
    pub value: Option<Box<str>>,
}

/// Whether it can still be taken back. The numbers are what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum UndoStatus {
    Pending = 1,
    Final = 2,
    Canceled = 3,
}

/// Whether a recipient has it. The numbers are what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum DeliveredStatus {
    Queued = 1,
    Yes = 2,
    No = 3,
    Unknown = 4,
}

/// What became of it for one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryRecord {
    /// As SMTP would have said it: code, enhanced code, text.
    pub reply: Box<str>,
    pub delivered: DeliveredStatus,
}

/// A disposition notification (RFC 8098) that came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoticeRecord {
    pub email: EmailId,
    /// Whose it is, by the place among the recipients.
    pub recipient: u16,
    /// It says that the message was displayed.
    pub displayed: bool,
}

/// With the Message-ID, and what came back.
const VERSION_WITH_NOTICES: u8 = 2;

/// A submission. There is one delivery for each recipient, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubmissionRecord {
    pub identity: ObjectId,
    pub email: EmailId,
    pub thread: ThreadId,
    pub send_at: Timestamp,
    pub status: UndoStatus,
    pub mail_from: EnvelopeAddress,
    pub rcpt_to: Vec<EnvelopeAddress>,
    pub deliveries: Vec<DeliveryRecord>,
    /// Hash of the Message-ID of what was sent; nothing in those of before.
    pub message_id: Option<u64>,
    /// In the order in which they came.
    pub notices: Vec<NoticeRecord>,
}

impl SubmissionRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = Record::of_version(VERSION_WITH_NOTICES, 256);
        let record = record.octets(&self.identity.0).octets(&self.email.0).octets(&self.thread.0);
        let record = record.i64(self.send_at.0).u8(self.status as u8);
        let mut record = put_address(record, &self.mail_from);
        put_varint(&mut record.0, self.rcpt_to.len() as u64);
        for (address, delivery) in self.rcpt_to.iter().zip(&self.deliveries) {
            record = put_address(record, address);
            record = record.sized(delivery.reply.as_bytes()).u8(delivery.delivered as u8);
        }
        record = record.u8(u8::from(self.message_id.is_some())).u64(self.message_id.unwrap_or(0));
        put_varint(&mut record.0, self.notices.len() as u64);
        for NoticeRecord { email, recipient, displayed } in &self.notices {
            record = record.octets(&email.0).u16(*recipient).u8(u8::from(*displayed));
        }
        record.0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let newest = Fields::of_version(VERSION_WITH_NOTICES, record);
        let is_newest = newest.is_some();
        let mut f = newest.or_else(|| Fields::of(record))?;
        let (identity, email) = (ObjectId(f.array()?), EmailId(f.array()?));
        let (thread, send_at) = (ThreadId(f.array()?), Timestamp(f.i64()?));
        let status = match f.u8()? {
            1 => UndoStatus::Pending,
            2 => UndoStatus::Final,
            3 => UndoStatus::Canceled,
            _ => return None,
        };
        let mail_from = take_address(&mut f)?;
        let (mut rcpt_to, mut deliveries) = (Vec::new(), Vec::new());
        for _ in 0..f.varint()? {
            rcpt_to.push(take_address(&mut f)?);
            let reply = f.text()?.into();
            let delivered = match f.u8()? {
                1 => DeliveredStatus::Queued,
                2 => DeliveredStatus::Yes,
                3 => DeliveredStatus::No,
                4 => DeliveredStatus::Unknown,
                _ => return None,
            };
            deliveries.push(DeliveryRecord { reply, delivered });
        }
        let (mut message_id, mut notices) = (None, Vec::new());
        if is_newest {
            let is_known = f.u8()? != 0;
            message_id = Some(f.u64()?).filter(|_| is_known);
            for _ in 0..f.varint()? {
                let (email, recipient) = (EmailId(f.array()?), f.u16()?);
                notices.push(NoticeRecord { email, recipient, displayed: f.u8()? != 0 });
            }
        }
        f.end()?;
        Some(Self {
            identity,
            email,
            thread,
            send_at,
            status,
            mail_from,
            rcpt_to,
            deliveries,
            message_id,
            notices,
        })
    }
}

/// q: a submission that waits for its time: what is sent, wherever the email and the object are by then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingRecord {
    pub send_at: Timestamp,
    pub body: BodyRef,
    /// A [`SubmissionRecord`].
    pub submission: Box<[u8]>,
}

impl PendingRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = &self.body;
        let record = Record::new(72 + self.submission.len()).i64(self.send_at.0);
        let record = record.octets(&body.blob.0).u32(body.segment).u64(body.offset).u64(body.octets);
        record.sized(&self.submission).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let send_at = Timestamp(f.i64()?);
        let body =
            BodyRef { blob: BlobId(f.array()?), segment: f.u32()?, offset: f.u64()?, octets: f.u64()? };
        let submission = f.sized()?.into();
        f.end().map(|()| Self { send_at, body, submission })
    }
}

fn put_address(record: Record, address: &EnvelopeAddress) -> Record {
    let mut record = record.sized(address.email.as_bytes());
    put_varint(&mut record.0, address.parameters.len() as u64);
    for parameter in &address.parameters {
        record = put_text(record.sized(parameter.name.as_bytes()), parameter.value.as_deref());
    }
    record
}

fn take_address(f: &mut Fields<'_>) -> Option<EnvelopeAddress> {
    let email = f.text()?.into();
    let mut parameters = Vec::new();
    for _ in 0..f.varint()? {
        parameters.push(EnvelopeParameter { name: f.text()?.into(), value: take_text(f)? });
    }
    Some(EnvelopeAddress { email, parameters })
}
