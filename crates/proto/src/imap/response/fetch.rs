//! FETCH responses (RFC 9051 §7.5.2, RFC 3501 §7.4.2, RFC 7162 §3.1.4.2, RFC 3516 §4.3, RFC 8514 §4.2).

use koi_types::{EmailId, ModSeq, SeqNum, SystemFlags, ThreadId, Uid};

use super::body::{BodyForm, BodyRef, push_body};
use super::envelope::{AddressRef, EnvelopeRef, push_envelope};
use super::number::push_number;
use super::string::{push_astring, push_string, push_utf8};
use crate::imap::command::{Section, SectionText};
use crate::imap::date::{DateTime, push_date_time};

/// One `* n FETCH (…)` being written. It does not hold the output, so that a message may be sent in pieces
/// with other work in between; nothing else may be written before `end`.
///
/// ```abnf
/// message-data = nz-number SP ("EXPUNGE" / ("FETCH" SP msg-att))                       ; RFC 9051 §9
/// msg-att      = "(" (msg-att-dynamic / msg-att-static)
///                 *(SP (msg-att-dynamic / msg-att-static)) ")"
/// ```
#[derive(Debug)]
#[must_use = "a FETCH response needs its end"]
pub struct FetchLine {
    empty: bool,
}

impl FetchLine {
    pub fn begin(seq: SeqNum, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(b"* ");
        push_number(u64::from(seq.value()), out);
        out.extend_from_slice(b" FETCH (");
        Self { empty: true }
    }
    /// `* uid UIDFETCH (…)`, for who has enabled UIDONLY.
    ///
    /// ```abnf
    /// message-data =/ uidfetch-resp                                                    ; RFC 9586 §4
    /// uidfetch-resp = uniqueid SP "UIDFETCH" SP msg-att
    /// ```
    pub fn begin_uid(uid: Uid, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(b"* ");
        push_number(u64::from(uid.value()), out);
        out.extend_from_slice(b" UIDFETCH (");
        Self { empty: true }
    }
    /// At least one item must have been written.
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b")\r\n");
    }
    fn item(&mut self, name: &[u8], out: &mut Vec<u8>) {
        if !self.empty {
            out.push(b' ');
        }
        self.empty = false;
        out.extend_from_slice(name);
    }
    pub fn uid(&mut self, uid: Uid, out: &mut Vec<u8>) {
        self.item(b"UID ", out);
        push_number(u64::from(uid.value()), out);
    }
    /// Keywords after the system flags; `\Recent` may be among them (RFC 3501 §2.3.2).
    pub fn flags<'k>(
        &mut self,
        system: SystemFlags,
        keywords: impl IntoIterator<Item = &'k str>,
        out: &mut Vec<u8>,
    ) {
        self.item(b"FLAGS ", out);
        push_flags(system, keywords, out);
    }
    pub fn internal_date(&mut self, date: DateTime, out: &mut Vec<u8>) {
        self.item(b"INTERNALDATE ", out);
        push_date_time(date, out);
    }
    pub fn rfc822_size(&mut self, octets: u64, out: &mut Vec<u8>) {
        self.item(b"RFC822.SIZE ", out);
        push_number(octets, out);
    }
    /// RFC 7162 §3.1.4.2
    pub fn mod_seq(&mut self, mod_seq: ModSeq, out: &mut Vec<u8>) {
        self.item(b"MODSEQ (", out);
        push_number(mod_seq.value(), out);
        out.push(b')');
    }
    /// RFC 8474 §5.3
    pub fn email_id(&mut self, email: EmailId, out: &mut Vec<u8>) {
        self.item(b"EMAILID ", out);
        out.extend_from_slice(format!("({email})").as_bytes());
    }
    /// RFC 8474 §5.3
    pub fn thread_id(&mut self, thread: ThreadId, out: &mut Vec<u8>) {
        self.item(b"THREADID ", out);
        out.extend_from_slice(format!("({thread})").as_bytes());
    }
    pub fn envelope<'a, L>(&mut self, envelope: EnvelopeRef<'a, L>, out: &mut Vec<u8>)
    where
        L: IntoIterator<Item = AddressRef<'a>>,
    {
        self.item(b"ENVELOPE ", out);
        push_envelope(envelope, out);
    }
    /// An ENVELOPE that `push_envelope` wrote earlier.
    pub fn envelope_encoded(&mut self, envelope: &[u8], out: &mut Vec<u8>) {
        self.item(b"ENVELOPE ", out);
        out.extend_from_slice(envelope);
    }
    pub fn body(&mut self, body: &BodyRef<'_>, out: &mut Vec<u8>) {
        self.item(b"BODY ", out);
        push_body(body, BodyForm::Short, out);
    }
    pub fn body_structure(&mut self, body: &BodyRef<'_>, out: &mut Vec<u8>) {
        self.item(b"BODYSTRUCTURE ", out);
        push_body(body, BodyForm::Extended, out);
    }
    /// `BODY[section]<first>` up to the announcement of its literal: exactly `octets` octets must follow, as
    /// they are. `first` is that of the partial asked for.
    pub fn section(&mut self, section: &Section, first: Option<u64>, octets: u64, out: &mut Vec<u8>) {
        self.section_name(section, first, out);
        push_literal_header(octets, out);
    }
    /// `BODY[section] NIL`: the message has no such part.
    pub fn section_nil(&mut self, section: &Section, first: Option<u64>, out: &mut Vec<u8>) {
        self.section_name(section, first, out);
        out.extend_from_slice(b"NIL");
    }
    /// RFC822 (RFC 3501 §7.4.2) up to the announcement of its literal, as `section`.
    pub fn rfc822(&mut self, octets: u64, out: &mut Vec<u8>) {
        self.item(b"RFC822 ", out);
        push_literal_header(octets, out);
    }
    /// RFC822.HEADER (RFC 3501 §7.4.2), as `rfc822`.
    pub fn rfc822_header(&mut self, octets: u64, out: &mut Vec<u8>) {
        self.item(b"RFC822.HEADER ", out);
        push_literal_header(octets, out);
    }
    /// RFC822.TEXT (RFC 3501 §7.4.2), as `rfc822`.
    pub fn rfc822_text(&mut self, octets: u64, out: &mut Vec<u8>) {
        self.item(b"RFC822.TEXT ", out);
        push_literal_header(octets, out);
    }
    /// RFC 8970 §3.2: quoted where the client reads UTF-8 in quoted strings, else perhaps a literal.
    pub fn preview(&mut self, text: &str, utf8: bool, out: &mut Vec<u8>) {
        self.item(b"PREVIEW ", out);
        match utf8 {
            true => push_utf8(text, out),
            false => push_string(text.as_bytes(), out),
        }
    }
    /// RFC 8514 §4.2
    pub fn save_date(&mut self, date: DateTime, out: &mut Vec<u8>) {
        self.item(b"SAVEDATE ", out);
        push_date_time(date, out);
    }
    /// `BINARY[part]<first>` up to the announcement of its literal, as `section`; with `nul` it may hold NUL,
    /// and is a literal8 (RFC 3516 §4.3).
    ///
    /// ```abnf
    /// msg-att-static =/ "BINARY" section-binary SP (nstring / literal8) /
    ///                   "BINARY.SIZE" section-binary SP number             ; RFC 9051 §9
    /// ```
    pub fn binary(&mut self, part: &[u32], first: Option<u64>, octets: u64, nul: bool, out: &mut Vec<u8>) {
        self.item(b"BINARY[", out);
        push_part_end(part, first, out);
        out.extend_from_slice(if nul { b"~" } else { b"" });
        push_literal_header(octets, out);
    }
    /// `BINARY[part] NIL`: the message has no such part.
    pub fn binary_nil(&mut self, part: &[u32], first: Option<u64>, out: &mut Vec<u8>) {
        self.item(b"BINARY[", out);
        push_part_end(part, first, out);
        out.extend_from_slice(b"NIL");
    }
    pub fn binary_size(&mut self, part: &[u32], octets: u64, out: &mut Vec<u8>) {
        self.item(b"BINARY.SIZE[", out);
        push_part_end(part, None, out);
        push_number(octets, out);
    }
    /// ```abnf
    /// msg-att-static =/ "BODY" section ["<" number ">"] SP nstring   ; RFC 9051 §9
    /// ```
    fn section_name(&mut self, section: &Section, first: Option<u64>, out: &mut Vec<u8>) {
        self.item(b"BODY[", out);
        push_section(section, out);
        push_section_end(first, out);
    }
}

fn push_part_end(part: &[u32], first: Option<u64>, out: &mut Vec<u8>) {
    push_part(part, out);
    push_section_end(first, out);
}

fn push_section_end(first: Option<u64>, out: &mut Vec<u8>) {
    out.push(b']');
    if let Some(first) = first {
        out.push(b'<');
        push_number(first, out);
        out.push(b'>');
    }
    out.push(b' ');
}

/// ```abnf
/// flag-list = "(" [flag *(SP flag)] ")"   ; RFC 9051 §9
/// ```
pub(super) fn push_flags<'k>(
    system: SystemFlags,
    keywords: impl IntoIterator<Item = &'k str>,
    out: &mut Vec<u8>,
) {
    let begin = out.len();
    let system = SystemFlags::NAMES.iter().filter(|(_, flag)| system.contains(*flag)).map(|(name, _)| *name);
    out.push(b'(');
    for name in system {
        push_flag(name, begin, out);
    }
    for name in keywords {
        push_flag(name, begin, out);
    }
    out.push(b')');
}

fn push_flag(name: &str, begin: usize, out: &mut Vec<u8>) {
    if out.len() > begin + 1 {
        out.push(b' ');
    }
    out.extend_from_slice(name.as_bytes());
}

fn push_literal_header(octets: u64, out: &mut Vec<u8>) {
    out.push(b'{');
    push_number(octets, out);
    out.extend_from_slice(b"}\r\n");
}

fn push_part(part: &[u32], out: &mut Vec<u8>) {
    for (at, number) in part.iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        push_number(u64::from(*number), out);
    }
}

fn push_section(section: &Section, out: &mut Vec<u8>) {
    push_part(&section.part, out);
    if !section.part.is_empty() && section.text != SectionText::Whole {
        out.push(b'.');
    }
    match &section.text {
        SectionText::Whole => {}
        SectionText::Header => out.extend_from_slice(b"HEADER"),
        SectionText::HeaderFields(names) => push_header_list(b"HEADER.FIELDS ", names, out),
        SectionText::HeaderFieldsNot(names) => push_header_list(b"HEADER.FIELDS.NOT ", names, out),
        SectionText::Text => out.extend_from_slice(b"TEXT"),
        SectionText::Mime => out.extend_from_slice(b"MIME"),
    }
}

fn push_header_list(what: &[u8], names: &[Box<str>], out: &mut Vec<u8>) {
    out.extend_from_slice(what);
    for (at, name) in names.iter().enumerate() {
        out.push(if at == 0 { b'(' } else { b' ' });
        push_astring(name.as_bytes(), out);
    }
    out.push(b')');
}
