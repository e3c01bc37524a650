//! The envelope of a message in the sense of IMAP (RFC 9051 §7.5.2, RFC 3501 §7.4.2): raw octet strings
//! from its header, unfolded, nothing decoded.

use crate::address::{Address, parse_addresses};
use crate::header::{Field, unfold};

/// Each string is absent if the field is. RFC 9051 §7.5.2: `sender` and `reply_to` are those of `from` if
/// the field is absent or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    pub date: Option<Vec<u8>>,
    pub subject: Option<Vec<u8>>,
    pub from: Vec<Address>,
    pub sender: Vec<Address>,
    pub reply_to: Vec<Address>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub bcc: Vec<Address>,
    pub in_reply_to: Option<Vec<u8>>,
    pub message_id: Option<Vec<u8>>,
}

impl Envelope {
    /// Takes in `field`, if it is one of ours. RFC 5322 §3.6 allows each once; of repeated strings the last
    /// one counts, repeated address lists are one list.
    pub(crate) fn field(&mut self, field: &Field<'_>) {
        let value = field.value;
        match EnvelopeField::of(field.name) {
            None => {}
            Some(EnvelopeField::Date) => self.date = Some(text(value)),
            Some(EnvelopeField::Subject) => self.subject = Some(text(value)),
            Some(EnvelopeField::From) => parse_addresses(value, &mut self.from),
            Some(EnvelopeField::Sender) => parse_addresses(value, &mut self.sender),
            Some(EnvelopeField::ReplyTo) => parse_addresses(value, &mut self.reply_to),
            Some(EnvelopeField::To) => parse_addresses(value, &mut self.to),
            Some(EnvelopeField::Cc) => parse_addresses(value, &mut self.cc),
            Some(EnvelopeField::Bcc) => parse_addresses(value, &mut self.bcc),
            Some(EnvelopeField::InReplyTo) => self.in_reply_to = Some(text(value)),
            Some(EnvelopeField::MessageId) => self.message_id = Some(text(value)),
        }
    }

    /// Fills in what depends on other fields.
    pub(crate) fn finish(&mut self) {
        if self.sender.is_empty() {
            self.sender.clone_from(&self.from);
        }
        if self.reply_to.is_empty() {
            self.reply_to.clone_from(&self.from);
        }
    }
}

#[derive(Clone, Copy)]
enum EnvelopeField {
    Date,
    Subject,
    From,
    Sender,
    ReplyTo,
    To,
    Cc,
    Bcc,
    InReplyTo,
    MessageId,
}

impl EnvelopeField {
    fn of(name: &[u8]) -> Option<EnvelopeField> {
        let (wanted, field): (&[u8], EnvelopeField) = match (name.len(), name.first()?.to_ascii_lowercase()) {
            (2, b't') => (b"to", EnvelopeField::To),
            (2, b'c') => (b"cc", EnvelopeField::Cc),
            (3, b'b') => (b"bcc", EnvelopeField::Bcc),
            (4, b'd') => (b"date", EnvelopeField::Date),
            (4, b'f') => (b"from", EnvelopeField::From),
            (6, b's') => (b"sender", EnvelopeField::Sender),
            (7, b's') => (b"subject", EnvelopeField::Subject),
            (8, b'r') => (b"reply-to", EnvelopeField::ReplyTo),
            (10, b'm') => (b"message-id", EnvelopeField::MessageId),
            (11, b'i') => (b"in-reply-to", EnvelopeField::InReplyTo),
            _ => return None,
        };
        name.eq_ignore_ascii_case(wanted).then_some(field)
    }
}

fn text(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    unfold(value, &mut out);
    out
}
