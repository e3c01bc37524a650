//! SEARCH in a message (RFC 9051 §6.4.4, RFC 5255 §4.2): an exact substring by a collation, in decoded
//! headers and text parts.
//!
//! Text that stands for itself is searched where it lies; only what is encoded is decoded, into a
//! [`Scratch`] that the caller keeps, so that the common message costs one pass and no allocation.
//!
//! What is searched: TEXT, all headers (with the names of their fields, MIME headers of parts too) and all
//! text parts; BODY, the text parts, and of messages within the message the headers too. Preamble, epilogue
//! and parts that are not text are not searched. HTML is searched as it stands.

use std::ops::ControlFlow;

use memchr::{memchr_iter, memchr2, memmem};

use crate::address::{Address, parse_addresses};
use crate::charset;
use crate::collation::Collation;
use crate::encoded_word;
use crate::header::{Field, Fields, unfold};
use crate::record::Corrupt;
use crate::structure::Structure;
use crate::transfer;

mod ascii;
mod finder;
mod parts;
mod passage;
mod term;

pub use passage::{Passage, visit_field, visit_passages};
pub use term::{TERM_OCTETS_MAX, Term, TermKind, needle_pieces, term_rules, visit_terms, word_of_term};

use finder::Finder;
use parts::{Kind, SearchPart};

/// Octets of a scratch buffer that are kept from one message to the next.
const SCRATCH_OCTETS_KEPT: usize = 1 << 20;

/// What is looked for. Make it once for all messages.
#[derive(Clone, Debug)]
pub struct Needle {
    finder: Finder,
    /// Whether it holds white space, so that it can match over the fold of a header field.
    spaced: bool,
}

/// Visits what is looked for as [`visit_terms`] takes it.
pub fn visit_needle(needle: &str, visit: impl FnOnce(&[u8])) {
    visit(&Collation::UnicodeCasemap.key(needle));
}

/// Buffers for decoding, reused from message to message.
#[derive(Debug, Default)]
pub struct Scratch {
    octets: Vec<u8>,
    text: String,
    folded: Vec<u8>,
}

impl Scratch {
    fn trim(&mut self) {
        self.octets.clear();
        self.octets.shrink_to(SCRATCH_OCTETS_KEPT);
        self.text.clear();
        self.text.shrink_to(SCRATCH_OCTETS_KEPT);
        self.folded.clear();
        self.folded.shrink_to(SCRATCH_OCTETS_KEPT);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Text,
    Body,
}

impl Needle {
    /// Compared by `i;unicode-casemap`.
    pub fn new(text: &str) -> Needle {
        Needle::by(text, Collation::UnicodeCasemap)
    }

    /// Compared by `collation`.
    pub fn by(text: &str, collation: Collation) -> Needle {
        Needle { finder: Finder::new(text, collation), spaced: text.contains(char::is_whitespace) }
    }

    /// SEARCH TEXT: in the header or the body of the message `raw`.
    pub fn in_text(&self, raw: &[u8], structure: &Structure, scratch: &mut Scratch) -> bool {
        let found = parts::visit(&structure.root, &mut |part| self.in_part(raw, &part, Scope::Text, scratch));
        scratch.trim();
        found.is_break()
    }

    /// SEARCH BODY: in the body of the message `raw`.
    pub fn in_body(&self, raw: &[u8], structure: &Structure, scratch: &mut Scratch) -> bool {
        let found = parts::visit(&structure.root, &mut |part| self.in_part(raw, &part, Scope::Body, scratch));
        scratch.trim();
        found.is_break()
    }

    /// Like [`Needle::in_text`], on the record that [`Structure::encode`] wrote, without decoding it.
    pub fn in_text_by_record(
        &self,
        raw: &[u8],
        record: &[u8],
        scratch: &mut Scratch,
    ) -> Result<bool, Corrupt> {
        let found = parts::visit_record(record, &mut |part| self.in_part(raw, &part, Scope::Text, scratch))?;
        scratch.trim();
        Ok(found.is_break())
    }

    /// Like [`Needle::in_body`], on the record that [`Structure::encode`] wrote, without decoding it.
    pub fn in_body_by_record(
        &self,
        raw: &[u8],
        record: &[u8],
        scratch: &mut Scratch,
    ) -> Result<bool, Corrupt> {
        let found = parts::visit_record(record, &mut |part| self.in_part(raw, &part, Scope::Body, scratch))?;
        scratch.trim();
        Ok(found.is_break())
    }

    /// SEARCH HEADER (and FROM, TO, CC, BCC, SUBJECT): in the decoded value of a field named `name` of the
    /// header whose octets are given; in any field, names included, without a name.
    ///
    /// RFC 9051 §6.4.4: the empty string matches if there is such a field.
    pub fn in_header(&self, header: &[u8], name: Option<&[u8]>, scratch: &mut Scratch) -> bool {
        let Some(name) = name else {
            return self.in_whole_header(header, scratch).is_break();
        };
        let addresses = is_address_field(name);
        let mut fields = Fields::new(header).filter(|field| field.is(name));
        fields.any(|field| {
            let shown = if addresses { envelope_text(field.value) } else { None };
            self.in_value(field.value, scratch) || shown.is_some_and(|shown| self.in_value(&shown, scratch))
        })
    }

    /// In one raw field value, unfolded and decoded.
    pub fn in_value(&self, value: &[u8], scratch: &mut Scratch) -> bool {
        if is_plain(value) && !self.crosses_folds(value) {
            return self.finder.in_ascii(value.trim_ascii());
        }
        scratch.text.clear();
        encoded_word::decode_text_into(value.trim_ascii(), &mut scratch.text);
        let Scratch { text, folded, .. } = scratch;
        self.finder.in_str(text, folded)
    }

    fn in_part(
        &self,
        raw: &[u8],
        part: &SearchPart<'_>,
        scope: Scope,
        scratch: &mut Scratch,
    ) -> ControlFlow<()> {
        let with_header = match scope {
            Scope::Text => true,
            Scope::Body => part.is_message && !part.is_root,
        };
        if with_header {
            self.in_whole_header(part.header.of(raw), scratch)?;
        }
        if part.kind != Kind::Text {
            return ControlFlow::Continue(());
        }
        let body = part.body.of(raw);
        if part.stands_for_itself(body) {
            return self.in_charset_text(body, part.charset, &mut scratch.text, &mut scratch.folded);
        }
        scratch.octets.clear();
        transfer::decode(part.encoding, body, &mut scratch.octets);
        let Scratch { octets, text, folded } = scratch;
        self.in_charset_text(octets, part.charset, text, folded)
    }

    /// In a header with its field names: as one text of lines, unfolded and decoded.
    fn in_whole_header(&self, header: &[u8], scratch: &mut Scratch) -> ControlFlow<()> {
        if is_plain(header) {
            let raw = self.finder.in_ascii(header);
            if raw || !self.crosses_folds(header) {
                return found(raw);
            }
            scratch.octets.clear();
            unfold_all(header, &mut scratch.octets);
            return found(self.finder.in_ascii(&scratch.octets));
        }
        scratch.text.clear();
        for field in Fields::new(header) {
            push_field(&field, &mut scratch.text);
        }
        let Scratch { text, folded, .. } = scratch;
        found(self.finder.in_str(text, folded))
    }

    /// In decoded octets of the charset named `label`.
    fn in_charset_text(
        &self,
        octets: &[u8],
        label: &[u8],
        text: &mut String,
        folded: &mut Vec<u8>,
    ) -> ControlFlow<()> {
        let plain = octets.is_ascii() && charset::is_ascii_compatible(label);
        if plain || matches!(self.finder, Finder::Empty) {
            return found(self.finder.in_ascii(octets));
        }
        if charset::has_plain_ascii(label)
            && let Some(decided) = self.finder.in_undecoded(octets)
        {
            return found(decided);
        }
        if let Some(valid) = charset::as_utf8(label, octets) {
            return found(self.finder.in_str(valid, folded));
        }
        text.clear();
        charset::decode_or_guess(label, octets, text);
        found(self.finder.in_str(text, folded))
    }

    /// Whether unfolding `header` could make a match that its raw octets do not show.
    fn crosses_folds(&self, header: &[u8]) -> bool {
        self.spaced && (memmem::find(header, b"\n ").is_some() || memmem::find(header, b"\n\t").is_some())
    }
}

fn found(yes: bool) -> ControlFlow<()> {
    if yes { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Whether a header holds nothing to decode.
fn is_plain(header: &[u8]) -> bool {
    header.is_ascii() && memmem::find(header, b"=?").is_none()
}

/// The lines of a header with folds taken out.
fn unfold_all(header: &[u8], out: &mut Vec<u8>) {
    let mut done = 0;
    for lf in memchr_iter(b'\n', header) {
        if matches!(header.get(lf + 1), Some(b' ' | b'\t')) {
            let line = header.get(done..lf).unwrap_or_default();
            out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            done = lf + 1;
        }
    }
    out.extend_from_slice(header.get(done..).unwrap_or_default());
}

fn push_field(field: &Field<'_>, text: &mut String) {
    charset::decode_guessing(field.name, text);
    text.push_str(": ");
    encoded_word::decode_text_into(field.value.trim_ascii(), text);
    text.push_str("\r\n");
}

/// RFC 9051 §6.4.4: FROM and its kin mean the envelope, where names are without quoting and addresses without
/// blanks and comments. Nothing when that is no other text than the value.
fn envelope_text(value: &[u8]) -> Option<Vec<u8>> {
    let blank = |at: Option<usize>| at.and_then(|at| value.get(at)).is_some_and(|&octet| octet <= b' ');
    let mut ats = memchr_iter(b'@', value);
    let differs = memchr2(b'\\', b'(', value).is_some()
        || ats.any(|at| blank(at.checked_sub(1)) || blank(at.checked_add(1)));
    differs.then(|| {
        let mut unfolded = Vec::with_capacity(value.len());
        unfold(value, &mut unfolded);
        let mut addresses = Vec::new();
        parse_addresses(&unfolded, &mut addresses);
        let mut text = Vec::with_capacity(value.len());
        for Address { name, mailbox, host, .. } in &addresses {
            let [name, mailbox, host] = [name, mailbox, host].map(|part| part.as_deref().unwrap_or_default());
            let parts: [&[u8]; 6] = [name, b" <", mailbox, b"@", host, b">, "];
            parts.into_iter().for_each(|part| text.extend_from_slice(part));
        }
        text
    })
}

fn is_address_field(name: &[u8]) -> bool {
    let names: [&[u8]; 6] = [b"from", b"to", b"cc", b"bcc", b"sender", b"reply-to"];
    names.iter().any(|field| name.eq_ignore_ascii_case(field))
}

#[cfg(test)]
mod tests;
