//! The part tree of a message (RFC 2046): where each part stands and what its MIME header says.
//! It holds positions and facts, never the octets of the bodies.

use crate::content::Content;
use crate::envelope::Envelope;
use crate::range::Range32;

/// The part tree; `root` is the message itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    pub root: Part,
}

/// One part: the message itself, a part of a multipart, or the message within a message part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The header with the blank line that ends it, if there is one.
    pub header: Range32,
    /// The body without the line end that belongs to a following delimiter (RFC 2046 §5.1.1).
    pub body: Range32,
    /// Line feeds in the body: what IMAP shows as its size in lines.
    pub body_lines: u32,
    pub content: Content,
    pub kind: PartKind,
}

/// What is within a part. It agrees with the content: a multipart type is always `Multipart`,
/// message/rfc822 and message/global are always `Message`, everything else is a `Leaf`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PartKind {
    #[default]
    Leaf,
    /// At least one part. RFC 9051 §9 `body-type-mpart` knows no multipart without one, so a multipart in
    /// which no part was found (or looked for, beyond the limits) has an empty text part at its end.
    Multipart(Vec<Part>),
    /// A message in an identity encoding. One in another encoding (or beyond the limits) is opaque: it has
    /// an empty envelope and an empty text part, see [`Embedded::is_opaque`].
    Message(Box<Embedded>),
}

/// The message within a message part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Embedded {
    pub envelope: Envelope,
    /// Header and body together are the body of the outer part.
    pub part: Part,
}

impl Embedded {
    /// Whether `outer`, which holds this message, was not looked into.
    pub fn is_opaque(&self, outer: &Part) -> bool {
        !outer.body.is_empty() && self.part.header.is_empty() && self.part.body.is_empty()
    }
}

impl Part {
    /// An empty text part at `at`, for a container in which nothing was found.
    pub(crate) fn empty_at(at: u32) -> Part {
        let nothing = Range32::new(at, at);
        Part { header: nothing, body: nothing, content: Content::text_plain(), ..Part::default() }
    }

    /// Header and body: everything between two delimiters.
    pub fn whole(&self) -> Range32 {
        Range32::new(self.header.start, self.body.end)
    }

    /// The parts directly within: those of a multipart, or the one of a message.
    pub fn children(&self) -> &[Part] {
        match &self.kind {
            PartKind::Leaf => &[],
            PartKind::Multipart(parts) => parts,
            PartKind::Message(embedded) => std::slice::from_ref(&embedded.part),
        }
    }
}
