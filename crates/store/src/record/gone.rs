//! g: messages that went with a deleted mailbox, written when its rows are reclaimed, so that what became of
//! their emails can be told for as long as the change log reaches back to the deletion.

use koi_types::{EmailId, ThreadId, Uid};

use super::{Fields, Record, put_varint};

/// Messages in one row.
pub const GONE_PER_ROW: usize = 512;

/// One message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GoneMessage {
    pub uid: Uid,
    /// It was `\\Deleted`.
    pub hidden: bool,
    pub email: EmailId,
    pub thread: ThreadId,
}

/// Encodes a row.
#[must_use]
pub fn encode_gone(messages: &[GoneMessage]) -> Vec<u8> {
    let mut record = Record::new(8 + messages.len() * 37);
    put_varint(&mut record.0, messages.len() as u64);
    for message in messages {
        record = record.u32(message.uid.value()).u8(u8::from(message.hidden));
        record = record.octets(&message.email.0).octets(&message.thread.0);
    }
    record.0
}

/// Reads a row.
#[must_use]
pub fn decode_gone(record: &[u8]) -> Option<Vec<GoneMessage>> {
    let mut f = Fields::of(record)?;
    let mut messages = Vec::new();
    for _ in 0..f.varint()? {
        let uid = Uid::new(f.u32()?)?;
        let hidden = match f.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        messages.push(GoneMessage { uid, hidden, email: EmailId(f.array()?), thread: ThreadId(f.array()?) });
    }
    f.end().map(|()| messages)
}
