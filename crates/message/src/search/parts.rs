//! What SEARCH needs to know of each part, from a structure or straight from its record.

use std::ops::ControlFlow;

use memchr::memchr;

use crate::content::TransferEncoding;
use crate::range::Range32;
use crate::record::{Corrupt, RecordPart, walk_record};
use crate::structure::{Part, PartKind};

/// One part in the order of the message.
pub(super) struct SearchPart<'a> {
    pub(super) header: Range32,
    pub(super) body: Range32,
    pub(super) kind: Kind,
    pub(super) encoding: TransferEncoding,
    /// The charset parameter; empty if there is none.
    pub(super) charset: &'a [u8],
    /// Whether its header is that of a message.
    pub(super) is_message: bool,
    pub(super) is_root: bool,
}

impl SearchPart<'_> {
    /// Whether there is nothing to decode in `body`.
    pub(super) fn stands_for_itself(&self, body: &[u8]) -> bool {
        self.encoding.is_identity()
            || self.encoding == TransferEncoding::QuotedPrintable && memchr(b'=', body).is_none()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A leaf to be searched.
    Text,
    /// A leaf of another type, or a part that holds parts.
    Other,
}

/// Calls `found` for `root`, a message, and all parts within it until it breaks.
pub(super) fn visit(
    root: &Part,
    found: &mut dyn FnMut(SearchPart<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    visit_below(root, true, true, found)
}

fn visit_below(
    part: &Part,
    is_message: bool,
    is_root: bool,
    found: &mut dyn FnMut(SearchPart<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let content = &part.content;
    let leaf = part.kind == PartKind::Leaf;
    found(SearchPart {
        header: part.header,
        body: part.body,
        kind: kind(leaf, &content.media_type),
        encoding: content.transfer_encoding(),
        charset: content.param(b"charset").unwrap_or_default(),
        is_message,
        is_root,
    })?;
    let within_message = matches!(part.kind, PartKind::Message(_));
    part.children().iter().try_for_each(|child| visit_below(child, within_message, false, found))
}

/// Like [`visit`] on the record of a structure.
pub(super) fn visit_record(
    record: &[u8],
    found: &mut dyn FnMut(SearchPart<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Corrupt> {
    walk_record(record, &mut |part: RecordPart<'_>| {
        found(SearchPart {
            header: part.header,
            body: part.body,
            kind: kind(part.is_leaf, part.media_type),
            encoding: part.encoding.map_or(TransferEncoding::SevenBit, TransferEncoding::from_token),
            charset: part.charset,
            is_message: part.is_message,
            is_root: part.is_root,
        })
    })
}

/// Text, and the leaves of type message, such as delivery reports, which are text too.
fn kind(leaf: bool, media_type: &[u8]) -> Kind {
    let text = media_type.eq_ignore_ascii_case(b"text") || media_type.eq_ignore_ascii_case(b"message");
    if leaf && text { Kind::Text } else { Kind::Other }
}
