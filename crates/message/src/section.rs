//! Sections of a message as IMAP addresses them (RFC 9051 §6.4.5.1), found on the stored structure.

use std::borrow::Cow;

use crate::header::header_fields;
use crate::range::Range32;
use crate::structure::{Part, PartKind, Structure};

/// What is wanted of the part that a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section<'a> {
    /// `BODY[]` or `BODY[1.2]`: the message, or the body of the part.
    Full,
    /// `HEADER`: of the message, or of the message within a message part.
    Header,
    /// `TEXT`: the body of the message, or of the message within a message part.
    Text,
    /// `MIME`: the header of the part; only with a path.
    Mime,
    HeaderFields(&'a [&'a [u8]]),
    HeaderFieldsNot(&'a [&'a [u8]]),
}

/// Where a section is in the message; for a subset of a header, where that header is.
///
/// None if the path leads nowhere or the section does not exist there; IMAP answers NIL or an empty string
/// then.
pub fn locate(structure: &Structure, path: &[u32], section: &Section<'_>) -> Option<Range32> {
    let root = &structure.root;
    if path.is_empty() {
        return match section {
            Section::Full => Some(root.whole()),
            Section::Text => Some(root.body),
            Section::Mime => None,
            _ => Some(root.header),
        };
    }
    let part = find_part(structure, path)?;
    match section {
        Section::Full => return Some(part.body),
        Section::Mime => return Some(part.header),
        _ => {}
    }
    // RFC 9051 §6.4.5.1: with a path these are for MESSAGE/RFC822 and MESSAGE/GLOBAL only.
    let PartKind::Message(embedded) = &part.kind else { return None };
    match section {
        Section::Text => Some(embedded.part.body),
        _ => Some(embedded.part.header),
    }
}

/// The octets of a section. Borrowed from `raw` unless fields were selected.
pub fn section_octets<'a>(
    raw: &'a [u8],
    structure: &Structure,
    path: &[u32],
    section: &Section<'_>,
) -> Option<Cow<'a, [u8]>> {
    let octets = locate(structure, path, section)?.of(raw);
    Some(match section {
        Section::HeaderFields(names) => Cow::Owned(header_fields(octets, names, false)),
        Section::HeaderFieldsNot(names) => Cow::Owned(header_fields(octets, names, true)),
        _ => Cow::Borrowed(octets),
    })
}

/// The part a path of part numbers leads to.
///
/// RFC 9051 §6.4.5.1: every message has at least one part; that of a message that is no multipart is number
/// 1.
pub fn find_part<'a>(structure: &'a Structure, path: &[u32]) -> Option<&'a Part> {
    let mut part = &structure.root;
    // Whether `part` stands for a whole message rather than for a body part.
    let mut is_message = true;
    for &number in path {
        if !is_message && let PartKind::Message(embedded) = &part.kind {
            part = &embedded.part;
            is_message = true;
        }
        part = match &part.kind {
            PartKind::Multipart(parts) => parts.get(usize::try_from(number.checked_sub(1)?).ok()?)?,
            _ if is_message && number == 1 => part,
            _ => return None,
        };
        is_message = false;
    }
    Some(part)
}
