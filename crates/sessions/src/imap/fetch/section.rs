//! `BODY[section]<partial>` and the RFC822 items: which octets of a message they are
//! (RFC 9051 §6.4.5.1, RFC 3501 §6.4.5).

use std::ops::Range;

use koi_mailbox::{EmailRow, Snapshot};
use koi_message::header::header_fields;
use koi_message::{Structure, locate};
use koi_proto::imap::command::{BodySection, FetchItem, Partial, Section, SectionText};
use koi_proto::imap::response::FetchLine;
use koi_types::Result;

/// What a section consists of.
pub(crate) enum Octets {
    /// There is no such part: NIL (RFC 9051 §7.5.2, `nstring`).
    None,
    /// A piece of the message as it is stored.
    Body(Range<u64>),
    /// Put together: selected header fields.
    Made(Vec<u8>),
}

/// The item as it is answered, up to its octets.
pub(super) fn announce(item: &FetchItem, octets: u64, line: &mut FetchLine, out: &mut Vec<u8>) {
    match item {
        FetchItem::Rfc822 => line.rfc822(octets, out),
        FetchItem::Rfc822Header => line.rfc822_header(octets, out),
        FetchItem::Rfc822Text => line.rfc822_text(octets, out),
        FetchItem::Section(s) => line.section(&s.section, s.partial.map(|p| p.first), octets, out),
        _ => {}
    }
}

/// The item whose part there is not.
pub(super) fn announce_nil(item: &FetchItem, line: &mut FetchLine, out: &mut Vec<u8>) {
    if let FetchItem::Section(s) = item {
        line.section_nil(&s.section, s.partial.map(|p| p.first), out);
    }
}

/// Whether more than the size of the message must be known.
pub(super) fn needs_structure(item: &FetchItem) -> bool {
    match item {
        FetchItem::Rfc822 => false,
        FetchItem::Section(BodySection { section, .. }) => {
            !section.part.is_empty() || section.text != SectionText::Whole
        }
        _ => true,
    }
}

pub(super) fn partial(item: &FetchItem) -> Option<Partial> {
    match item {
        FetchItem::Section(section) => section.partial,
        _ => None,
    }
}

pub(super) fn octets(
    item: &FetchItem,
    structure: &Structure,
    email: &EmailRow<'_>,
    snapshot: &Snapshot<'_>,
) -> Result<Octets> {
    let (path, wanted): (&[u32], _) = match item {
        FetchItem::Rfc822Header => (&[], koi_message::Section::Header),
        FetchItem::Rfc822Text => (&[], koi_message::Section::Text),
        FetchItem::Section(BodySection { section, .. }) => (&section.part, plain(section)),
        _ => (&[], koi_message::Section::Full),
    };
    let Some(range) = locate(structure, path, &wanted) else { return Ok(Octets::None) };
    let range = u64::from(range.start)..u64::from(range.end);
    let FetchItem::Section(BodySection { section, .. }) = item else { return Ok(Octets::Body(range)) };
    let (names, not) = match &section.text {
        SectionText::HeaderFields(names) => (names, false),
        SectionText::HeaderFieldsNot(names) => (names, true),
        _ => return Ok(Octets::Body(range)),
    };
    let mut header = Vec::new();
    snapshot.read_body(&email.body, range, &mut header)?;
    let names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    Ok(Octets::Made(header_fields(&header, &names, not)))
}

/// Where to look; which fields are taken out of a header is decided afterwards.
fn plain(section: &Section) -> koi_message::Section<'static> {
    match section.text {
        SectionText::Whole => koi_message::Section::Full,
        SectionText::Text => koi_message::Section::Text,
        SectionText::Mime => koi_message::Section::Mime,
        SectionText::Header | SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_) => {
            koi_message::Section::Header
        }
    }
}

/// RFC 9051 §6.4.5: a partial that begins behind the end is the empty string, one that ends behind it is cut.
pub(super) fn cut(octets: Octets, partial: Option<Partial>) -> Octets {
    let Some(partial) = partial else { return octets };
    let window = |length: u64| {
        let from = partial.first.min(length);
        from..length.min(partial.first.saturating_add(partial.count))
    };
    match octets {
        Octets::None => Octets::None,
        Octets::Body(range) => {
            let window = window(range.end - range.start);
            Octets::Body(range.start + window.start..range.start + window.end)
        }
        Octets::Made(made) => {
            let window = window(made.len() as u64);
            let (from, to) = (window.start as usize, window.end as usize);
            Octets::Made(made.get(from..to).unwrap_or_default().to_vec())
        }
    }
}
