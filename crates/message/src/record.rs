//! The stored records of structure and envelope: compact, versioned, made so that FETCH never parses.
//!
//! Layout of version 1, numbers as LEB128, octet strings with their length before them: `version`, then the
//! part or the envelope. An envelope of version 2 has the number of its [`Faithful`] before it. Every record
//! must be read to its last octet. Changing anything here needs a new version and a fixture of the old one.

use crate::address::Address;
use crate::content::{Content, Disposition, Param};
use crate::envelope::{Envelope, Faithful};
use crate::limits::PART_DEPTH_MAX;
use crate::range::Range32;
use crate::structure::{Embedded, Part, PartKind, Structure};

mod read;
mod view;
mod walk;
mod write;

use read::Reader;
pub use view::{AddressView, Addresses, EnvelopeView};
pub(crate) use walk::{RecordPart, walk_record};
use write::{put_number, put_octets, put_optional};

const VERSION: u8 = 1;
const ENVELOPE_VERSION: u8 = 2;

const KIND_LEAF: u8 = 0;
const KIND_MULTIPART: u8 = 1;
const KIND_MESSAGE: u8 = 2;

/// A record that cannot be what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// Octet of the record at which it was noticed.
    pub at: usize,
    pub what: &'static str,
}

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "corrupt message record at octet {}: {}", self.at, self.what)
    }
}

impl std::error::Error for Corrupt {}

impl Structure {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        put_part(&self.root, 0, out);
    }

    pub fn decode(record: &[u8]) -> Result<Structure, Corrupt> {
        let mut reader = Reader::new(record);
        reader.version(VERSION)?;
        let root = part(&mut reader, 0, 0)?;
        reader.finish()?;
        Ok(Structure { root })
    }
}

impl Envelope {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(ENVELOPE_VERSION);
        put_number(u32::from(self.faithful.bits()), out);
        put_envelope(self, out);
    }

    pub fn decode(record: &[u8]) -> Result<Envelope, Corrupt> {
        let mut reader = Reader::new(record);
        let faithful = envelope_front(&mut reader)?;
        let envelope = envelope(&mut reader)?;
        reader.finish()?;
        Ok(Envelope { faithful, ..envelope })
    }
}

/// What stands before an envelope.
fn envelope_front(reader: &mut Reader<'_>) -> Result<Faithful, Corrupt> {
    match reader.octet()? {
        VERSION => Ok(Faithful::UNKNOWN),
        ENVELOPE_VERSION => {
            let bits = reader.number()?;
            Faithful::of_bits(bits).ok_or(reader.corrupt("unknown forms of an envelope"))
        }
        _ => Err(reader.corrupt("unknown record version")),
    }
}

/// Positions are written as distances from `base`, the start of what is around the part.
fn put_part(part: &Part, base: u32, out: &mut Vec<u8>) {
    out.push(match part.kind {
        PartKind::Leaf => KIND_LEAF,
        PartKind::Multipart(_) => KIND_MULTIPART,
        PartKind::Message(_) => KIND_MESSAGE,
    });
    put_number(part.header.start.saturating_sub(base), out);
    put_number(part.header.len(), out);
    put_number(part.body.len(), out);
    put_number(part.body_lines, out);
    put_content(&part.content, out);
    match &part.kind {
        PartKind::Leaf => {}
        PartKind::Multipart(parts) => {
            put_number(parts.len() as u32, out);
            for child in parts {
                put_part(child, part.header.start, out);
            }
        }
        PartKind::Message(embedded) => {
            put_envelope(&embedded.envelope, out);
            put_part(&embedded.part, part.header.start, out);
        }
    }
}

fn put_content(content: &Content, out: &mut Vec<u8>) {
    put_octets(&content.media_type, out);
    put_octets(&content.subtype, out);
    put_params(&content.params, out);
    put_optional(content.encoding.as_deref(), out);
    let has_more = content.id.is_some()
        || content.description.is_some()
        || content.md5.is_some()
        || content.disposition.is_some()
        || content.location.is_some()
        || !content.language.is_empty();
    out.push(u8::from(has_more));
    if !has_more {
        return;
    }
    put_optional(content.id.as_deref(), out);
    put_optional(content.description.as_deref(), out);
    put_optional(content.md5.as_deref(), out);
    put_optional(content.location.as_deref(), out);
    put_number(content.language.len() as u32, out);
    for tag in &content.language {
        put_octets(tag, out);
    }
    out.push(u8::from(content.disposition.is_some()));
    if let Some(disposition) = &content.disposition {
        put_octets(&disposition.kind, out);
        put_params(&disposition.params, out);
    }
}

fn put_params(params: &[Param], out: &mut Vec<u8>) {
    put_number(params.len() as u32, out);
    for param in params {
        put_octets(&param.name, out);
        put_octets(&param.value, out);
    }
}

const SENDER_IS_FROM: u8 = 1;
const REPLY_TO_IS_FROM: u8 = 2;

fn put_envelope(envelope: &Envelope, out: &mut Vec<u8>) {
    let sender_is_from = envelope.sender == envelope.from;
    let reply_to_is_from = envelope.reply_to == envelope.from;
    let from_flag = if sender_is_from { SENDER_IS_FROM } else { 0 };
    let reply_flag = if reply_to_is_from { REPLY_TO_IS_FROM } else { 0 };
    out.push(from_flag | reply_flag);
    put_optional(envelope.date.as_deref(), out);
    put_optional(envelope.subject.as_deref(), out);
    put_addresses(&envelope.from, out);
    if !sender_is_from {
        put_addresses(&envelope.sender, out);
    }
    if !reply_to_is_from {
        put_addresses(&envelope.reply_to, out);
    }
    put_addresses(&envelope.to, out);
    put_addresses(&envelope.cc, out);
    put_addresses(&envelope.bcc, out);
    put_optional(envelope.in_reply_to.as_deref(), out);
    put_optional(envelope.message_id.as_deref(), out);
}

fn put_addresses(addresses: &[Address], out: &mut Vec<u8>) {
    put_number(addresses.len() as u32, out);
    for address in addresses {
        put_optional(address.name.as_deref(), out);
        put_optional(address.route.as_deref(), out);
        put_optional(address.mailbox.as_deref(), out);
        put_optional(address.host.as_deref(), out);
    }
}

fn part(reader: &mut Reader<'_>, base: u32, depth: usize) -> Result<Part, Corrupt> {
    if depth > PART_DEPTH_MAX {
        return Err(reader.corrupt("parts nested too deep"));
    }
    let kind = reader.octet()?;
    let start = reader.position(base)?;
    let header = Range32::new(start, reader.position(start)?);
    let body = Range32::new(header.end, reader.position(header.end)?);
    let body_lines = reader.number()?;
    let content = content(reader)?;
    let kind = match kind {
        KIND_LEAF => PartKind::Leaf,
        KIND_MULTIPART => {
            let count = reader.count(PART_OCTETS_MIN)?;
            let parts: Result<Vec<Part>, Corrupt> =
                (0..count).map(|_| self::part(reader, start, depth + 1)).collect();
            PartKind::Multipart(parts?)
        }
        KIND_MESSAGE => {
            let envelope = envelope(reader)?;
            let part = self::part(reader, start, depth + 1)?;
            PartKind::Message(Box::new(Embedded { envelope, part }))
        }
        _ => return Err(reader.corrupt("unknown kind of part")),
    };
    Ok(Part { header, body, body_lines, content, kind })
}

/// Octets of the smallest part: every count is checked against what is left.
const PART_OCTETS_MIN: usize = 10;

fn content(reader: &mut Reader<'_>) -> Result<Content, Corrupt> {
    let mut content = Content {
        media_type: reader.octets()?.to_vec(),
        subtype: reader.octets()?.to_vec(),
        params: params(reader)?,
        encoding: reader.optional()?,
        ..Content::default()
    };
    if !reader.flag()? {
        return Ok(content);
    }
    content.id = reader.optional()?;
    content.description = reader.optional()?;
    content.md5 = reader.optional()?;
    content.location = reader.optional()?;
    for _ in 0..reader.count(1)? {
        content.language.push(reader.octets()?.to_vec());
    }
    if reader.flag()? {
        content.disposition = Some(Disposition { kind: reader.octets()?.to_vec(), params: params(reader)? });
    }
    Ok(content)
}

fn params(reader: &mut Reader<'_>) -> Result<Vec<Param>, Corrupt> {
    let count = reader.count(2)?;
    let param = |_| Ok(Param { name: reader.octets()?.to_vec(), value: reader.octets()?.to_vec() });
    (0..count).map(param).collect()
}

fn envelope(reader: &mut Reader<'_>) -> Result<Envelope, Corrupt> {
    let same = reader.octet()?;
    if same > SENDER_IS_FROM | REPLY_TO_IS_FROM {
        return Err(reader.corrupt("unknown envelope flag"));
    }
    let date = reader.optional()?;
    let subject = reader.optional()?;
    let from = addresses(reader)?;
    let sender = if same & SENDER_IS_FROM != 0 { from.clone() } else { addresses(reader)? };
    let reply_to = if same & REPLY_TO_IS_FROM != 0 { from.clone() } else { addresses(reader)? };
    Ok(Envelope {
        date,
        subject,
        from,
        sender,
        reply_to,
        to: addresses(reader)?,
        cc: addresses(reader)?,
        bcc: addresses(reader)?,
        in_reply_to: reader.optional()?,
        message_id: reader.optional()?,
        faithful: Faithful::default(),
    })
}

fn addresses(reader: &mut Reader<'_>) -> Result<Vec<Address>, Corrupt> {
    let count = reader.count(4)?;
    let address = |_| {
        Ok(Address {
            name: reader.optional()?,
            route: reader.optional()?,
            mailbox: reader.optional()?,
            host: reader.optional()?,
        })
    };
    (0..count).map(address).collect()
}
