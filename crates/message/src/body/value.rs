//! The text of a part as a string (RFC 8621 §4.1.4 EmailBodyValue), whole or its beginning (RFC 8621 §4.2
//! maxBodyValueBytes).
//!
//! RFC 8621 §9.1: what is guessed is the charset, and only where the part names none, names one that is not
//! known, or says US-ASCII and is not: then it is UTF-8 if it can be, else Windows-1252 (see `charset`).

use memchr::memchr;

use crate::charset::{self, Extent};
use crate::content::TransferEncoding;
use crate::structure::Part;
use crate::transfer::Decoder;

/// Octets of a body that are decoded first when only the beginning is wanted; then twice as many, and so on.
const FIRST_LOOK_OCTETS: usize = 4 * 1024;
/// A beginning that was decoded must be so much longer than what is wanted of it: what it ends with may be
/// half of something.
const SPARE_OCTETS: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyValue {
    /// Line ends are LF.
    pub value: String,
    /// Something was malformed, or charset or transfer encoding are not known.
    pub is_encoding_problem: bool,
    pub is_truncated: bool,
}

/// The text of `part` of the message `raw`, at most `octets_max` octets of it; 0 for all. It ends with a
/// whole character, and in HTML not within a tag.
#[must_use]
pub fn body_value(part: &Part, raw: &[u8], octets_max: usize) -> BodyValue {
    let body = part.body.of(raw);
    let label = part.charset().unwrap_or_default();
    let unknown = part.content.transfer_encoding() == TransferEncoding::Unknown;
    if octets_max > 0
        && let Some(beginning) = beginning(part, body, &label, octets_max)
    {
        return truncate(beginning, unknown, part, octets_max);
    }
    let mut text = Text::default();
    text.problem =
        charset::decode_telling(label.as_bytes(), &part.octets(raw), Extent::Whole, &mut text.text);
    truncate(text, unknown, part, octets_max)
}

#[derive(Default)]
struct Text {
    text: String,
    problem: bool,
}

/// The beginning of the text, longer than `octets_max`, without decoding the rest; `None` if there is no
/// rest.
fn beginning(part: &Part, body: &[u8], label: &str, octets_max: usize) -> Option<Text> {
    let wanted = octets_max.saturating_add(SPARE_OCTETS);
    let mut look = wanted.max(FIRST_LOOK_OCTETS);
    loop {
        let piece = body.get(..look)?;
        let mut decoder = Decoder::new(part.known_encoding())?;
        let mut decoded = Vec::new();
        decoder.push(piece, &mut decoded);
        let mut found = Text::default();
        found.problem =
            charset::decode_telling(label.as_bytes(), &decoded, Extent::Beginning, &mut found.text);
        found.text = with_lf(found.text);
        if found.text.len() > wanted {
            return Some(found);
        }
        look = look.saturating_mul(2);
    }
}

fn truncate(found: Text, unknown_encoding: bool, part: &Part, octets_max: usize) -> BodyValue {
    let mut value = with_lf(found.text);
    let is_truncated = octets_max > 0 && value.len() > octets_max;
    if is_truncated {
        value.truncate(value.floor_char_boundary(octets_max));
        if part.content.is(b"text", b"html") {
            value.truncate(outside_of_tag(&value));
        }
    }
    BodyValue { value, is_encoding_problem: found.problem || unknown_encoding, is_truncated }
}

/// Several CR before an LF are one line end too, as everywhere in this crate.
fn with_lf(text: String) -> String {
    if !text.contains("\r\n") {
        return text;
    }
    let mut value = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(line) => value.extend([line.trim_end_matches('\r'), "\n"]),
            None => value.push_str(line),
        }
    }
    value
}

/// The length of `html` without the tag, comment or character reference it ends within.
fn outside_of_tag(html: &str) -> usize {
    let octets = html.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr(b'<', octets.get(at..).unwrap_or_default()) {
        let start = at + found;
        let inside = octets.get(start + 1..).unwrap_or_default();
        let is_tag = inside
            .first()
            .is_none_or(|next| next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?'));
        if !is_tag {
            at = start + 1;
            continue;
        }
        match tag_octets(inside) {
            Some(length) => at = start + 1 + length,
            None => return start,
        }
    }
    reference_start(html)
}

/// Octets of a tag behind its `<`, with its `>`; `None` if it does not end.
fn tag_octets(inside: &[u8]) -> Option<usize> {
    if let Some(comment) = inside.strip_prefix(b"!--") {
        return memchr::memmem::find(comment, b"-->").map(|at| 3 + at + 3);
    }
    let mut quote = None;
    for (at, &octet) in inside.iter().enumerate() {
        match quote {
            None if octet == b'>' => return Some(at + 1),
            None if matches!(octet, b'"' | b'\'') => quote = Some(octet),
            Some(open) if open == octet => quote = None,
            _ => {}
        }
    }
    None
}

/// Where a character reference that is not closed begins at the end of `html`; its length without one.
fn reference_start(html: &str) -> usize {
    const REFERENCE_OCTETS_MAX: usize = 32;
    let tail_start = html.floor_char_boundary(html.len().saturating_sub(REFERENCE_OCTETS_MAX));
    let tail = html.get(tail_start..).unwrap_or_default();
    let Some(at) = tail.rfind('&') else { return html.len() };
    let name = tail.get(at + 1..).unwrap_or_default();
    let is_open = name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'#');
    if is_open { tail_start + at } else { html.len() }
}
