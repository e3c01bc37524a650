//! The envelope of a message in the sense of IMAP (RFC 9051 §7.5.2, RFC 3501 §7.4.2): raw octet strings
//! from its header, unfolded, nothing decoded. With it is kept of which fields JMAP's forms can be made from
//! here ([`Faithful`]).

use memchr::memmem;

use crate::address::{Address, parse_addresses};
use crate::header::{Field, unfold};
use crate::lexer::is_atom;

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
    /// Of a message within a message nothing is said.
    pub faithful: Faithful,
}

/// A field of which a form (RFC 8621 §4.1.2) may be made from the envelope: the subject as Text, the others
/// as Addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormField {
    Subject,
    From,
    To,
    Cc,
    Bcc,
    Sender,
    ReplyTo,
}

impl FormField {
    pub const ALL: [Self; 7] =
        [Self::Subject, Self::From, Self::To, Self::Cc, Self::Bcc, Self::Sender, Self::ReplyTo];
}

/// What an envelope has of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The message has no such field.
    Absent,
    /// Everything that its form is made of.
    Faithful,
    /// Less, or something else: the field is repeated, empty, or has quoted encoded words and the like.
    Otherwise,
}

/// What is [`Kept`] of each field, two bits each, and whether the whole header was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faithful(u16);

impl Faithful {
    const FAITHFUL: u16 = 1;
    const OTHERWISE: u16 = 2;
    const NOT_WHOLE: u16 = 1 << 14;
    /// Nothing is known.
    pub(crate) const UNKNOWN: Self = Self(Self::NOT_WHOLE);

    /// Whether no field was passed over, of any that an envelope has.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.0 & Self::NOT_WHOLE == 0
    }
    #[must_use]
    pub fn kept(self, field: FormField) -> Kept {
        match self.0 >> Self::shift(field) & 3 {
            _ if !self.is_whole() => Kept::Otherwise,
            0 => Kept::Absent,
            Self::FAITHFUL => Kept::Faithful,
            _ => Kept::Otherwise,
        }
    }
    fn set(&mut self, field: FormField, is_faithful: bool) {
        let state = if is_faithful { Self::FAITHFUL } else { Self::OTHERWISE };
        self.0 = self.0 & !(3 << Self::shift(field)) | state << Self::shift(field);
    }
    const fn shift(field: FormField) -> u16 {
        field as u16 * 2
    }
    pub(crate) const fn bits(self) -> u16 {
        self.0
    }
    /// `None` for what cannot have been written.
    pub(crate) fn of_bits(bits: u32) -> Option<Self> {
        let faithful = Self(u16::try_from(bits).ok()?);
        let is_state = |field: &FormField| faithful.0 >> Self::shift(*field) & 3 != 3;
        (faithful.0 >> 15 == 0 && FormField::ALL.iter().all(is_state)).then_some(faithful)
    }
}

impl Envelope {
    /// Takes in `field`, if it is one of ours. RFC 5322 §3.6 allows each once; of repeated strings the last
    /// one counts, repeated address lists are one list.
    pub(crate) fn field(&mut self, field: &Field<'_>) {
        let value = field.value;
        match EnvelopeField::of(field.name) {
            None => {}
            Some(EnvelopeField::Date) => self.date = Some(text(value)),
            Some(EnvelopeField::Subject) => {
                self.subject = Some(text(value));
                self.faithful.set(FormField::Subject, is_faithful_text(value));
            }
            Some(EnvelopeField::Addresses(field)) => self.addresses(field, value),
            Some(EnvelopeField::InReplyTo) => self.in_reply_to = Some(text(value)),
            Some(EnvelopeField::MessageId) => self.message_id = Some(text(value)),
        }
    }

    fn addresses(&mut self, field: FormField, value: &[u8]) {
        let list = match field {
            FormField::From => &mut self.from,
            FormField::To => &mut self.to,
            FormField::Cc => &mut self.cc,
            FormField::Bcc => &mut self.bcc,
            FormField::Sender => &mut self.sender,
            FormField::ReplyTo => &mut self.reply_to,
            FormField::Subject => return,
        };
        let is_first = self.faithful.kept(field) == Kept::Absent;
        parse_addresses(value, list);
        let is_faithful = is_first && !list.is_empty() && has_plain_words(value);
        self.faithful.set(field, is_faithful);
    }

    /// A field of those that are kept was passed over.
    pub(crate) fn has_missed_a_field(&mut self) {
        self.faithful.0 |= Faithful::NOT_WHOLE;
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
    Addresses(FormField),
    InReplyTo,
    MessageId,
}

impl EnvelopeField {
    fn of(name: &[u8]) -> Option<EnvelopeField> {
        let (wanted, field): (&[u8], EnvelopeField) = match (name.len(), name.first()?.to_ascii_lowercase()) {
            (2, b't') => (b"to", EnvelopeField::Addresses(FormField::To)),
            (2, b'c') => (b"cc", EnvelopeField::Addresses(FormField::Cc)),
            (3, b'b') => (b"bcc", EnvelopeField::Addresses(FormField::Bcc)),
            (4, b'd') => (b"date", EnvelopeField::Date),
            (4, b'f') => (b"from", EnvelopeField::Addresses(FormField::From)),
            (6, b's') => (b"sender", EnvelopeField::Addresses(FormField::Sender)),
            (7, b's') => (b"subject", EnvelopeField::Subject),
            (8, b'r') => (b"reply-to", EnvelopeField::Addresses(FormField::ReplyTo)),
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

/// Whether the form Text can be made of the value without the white space at its ends: RFC 8621 §4.1.2.2
/// takes away no more than blanks, and at the beginning only.
fn is_faithful_text(value: &[u8]) -> bool {
    let blanks = value.iter().take_while(|&&octet| octet == b' ').count();
    value.len() - blanks == value.trim_ascii().len()
}

/// Whether encoded words in the value, if there are any, are read the same with and without regard to quotes:
/// there are none, and each word is made of atoms.
fn has_plain_words(value: &[u8]) -> bool {
    if memmem::find(value, b"?=").is_none() {
        return true;
    }
    let is_plain = |at: usize| {
        let rest = value.get(at..).unwrap_or_default();
        let octets = rest.iter().take_while(|&&octet| is_atom(octet) || octet == b'.').count();
        rest.get(..octets).is_some_and(|word| word.ends_with(b"?="))
    };
    !value.contains(&b'"') && memmem::find_iter(value, b"=?").all(is_plain)
}
