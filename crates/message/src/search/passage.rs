//! All text of a message that SEARCH looks at, passage by passage, for whoever makes an index of it.
//!
//! What [`Needle`](super::Needle) finds by TEXT, BODY or in a field of the header lies in one of the
//! passages: the same decoding, the same folding. Only folds of header fields may stand as they are, because
//! the words on both sides are the same; so an index of words misses nothing that a search finds.

use std::ops::ControlFlow;

use super::parts::{self, Kind, SearchPart};
use super::{Scratch, envelope_text, is_address_field, is_plain, push_field};
use crate::charset;
use crate::collation::casemap;
use crate::encoded_word;
use crate::header::Fields;
use crate::record::Corrupt;
use crate::transfer;

/// A piece of text. A needle never matches across two of them.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'t> {
    /// UTF-8, as `i;unicode-casemap` compares it where it is not all ASCII; ASCII letters may be of either
    /// case.
    pub text: &'t [u8],
    /// Whether it is of a header.
    pub is_header: bool,
    /// Whether it is of the message itself, not of a message or part within it.
    pub is_root: bool,
}

type Visit<'v> = dyn FnMut(Passage<'_>) -> ControlFlow<()> + 'v;

/// Visits all text of the message `raw` until the visitor breaks; `record` is what `Structure::encode` wrote.
pub fn visit_passages(
    raw: &[u8],
    record: &[u8],
    scratch: &mut Scratch,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>, Corrupt> {
    let flow = parts::visit_record(record, &mut |part| {
        header(part.header.of(raw), part.is_root, scratch, visit)?;
        if part.is_root {
            root_fields(raw, part.header.of(raw).len(), scratch, visit)?;
        }
        match part.kind {
            Kind::Text => body(part.body.of(raw), &part, scratch, visit),
            Kind::Other => ControlFlow::Continue(()),
        }
    });
    scratch.trim();
    flow
}

/// Visits the values of the fields of that name in the header of a message, `header` or what begins with it.
pub fn visit_field(
    header: &[u8],
    name: &[u8],
    scratch: &mut Scratch,
    visit: &mut Visit<'_>,
) -> ControlFlow<()> {
    let Scratch { text, folded, .. } = scratch;
    for field in Fields::new(header).filter(|field| field.is(name)) {
        text.clear();
        encoded_word::decode_text_into(field.value.trim_ascii(), text);
        visit_str(text, folded, true, true, visit)?;
    }
    ControlFlow::Continue(())
}

fn header(header: &[u8], is_root: bool, scratch: &mut Scratch, visit: &mut Visit<'_>) -> ControlFlow<()> {
    if is_plain(header) {
        return visit(Passage { text: header, is_header: true, is_root });
    }
    scratch.text.clear();
    for field in Fields::new(header) {
        push_field(&field, &mut scratch.text);
    }
    let Scratch { text, folded, .. } = scratch;
    visit_str(text, folded, true, is_root, visit)
}

/// What a search in single fields looks at besides: names without quoting, and fields beyond what the
/// parser took for the header.
fn root_fields(
    raw: &[u8],
    header_octets: usize,
    scratch: &mut Scratch,
    visit: &mut Visit<'_>,
) -> ControlFlow<()> {
    let Scratch { text, folded, .. } = scratch;
    for field in Fields::new(raw) {
        text.clear();
        if is_address_field(field.name)
            && let Some(shown) = envelope_text(field.value)
        {
            encoded_word::decode_text_into(shown.trim_ascii(), text);
        }
        if field.range.end as usize > header_octets {
            text.push('\n');
            push_field(&field, text);
        }
        if !text.is_empty() {
            visit_str(text, folded, true, true, visit)?;
        }
    }
    ControlFlow::Continue(())
}

fn body(body: &[u8], part: &SearchPart<'_>, scratch: &mut Scratch, visit: &mut Visit<'_>) -> ControlFlow<()> {
    let Scratch { octets, text, folded } = scratch;
    let octets = if part.stands_for_itself(body) {
        body
    } else {
        octets.clear();
        transfer::decode(part.encoding, body, octets);
        octets
    };
    if octets.is_ascii() && charset::is_ascii_compatible(part.charset) {
        return visit(Passage { text: octets, is_header: false, is_root: part.is_root });
    }
    if let Some(valid) = charset::as_utf8(part.charset, octets) {
        return visit_str(valid, folded, false, part.is_root, visit);
    }
    text.clear();
    charset::decode_or_guess(part.charset, octets, text);
    visit_str(text, folded, false, part.is_root, visit)
}

fn visit_str(
    text: &str,
    folded: &mut Vec<u8>,
    is_header: bool,
    is_root: bool,
    visit: &mut Visit<'_>,
) -> ControlFlow<()> {
    if text.is_ascii() {
        return visit(Passage { text: text.as_bytes(), is_header, is_root });
    }
    folded.clear();
    casemap(text, folded);
    visit(Passage { text: folded, is_header, is_root })
}
