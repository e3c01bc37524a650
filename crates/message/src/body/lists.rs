//! The flat lists of RFC 8621 §4.1.4, by the algorithm that stands there, and whether there is anything to
//! download.
//!
//! In one thing the script there is silent: text for which neither list is open any more, as HTML behind
//! plain text in one branch of an alternative. It is an attachment, as the definition of `attachments` says
//! of all that is in neither list.

use super::BodyPart;
use crate::structure::{Part, PartKind, Structure};

/// What is displayed and what is offered. A part may be in several lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyLists<'t, 's> {
    pub text: Vec<&'t BodyPart<'s>>,
    pub html: Vec<&'t BodyPart<'s>>,
    pub attachments: Vec<&'t BodyPart<'s>>,
}

impl<'t, 's> BodyLists<'t, 's> {
    #[must_use]
    pub fn of(structure: &'t BodyPart<'s>) -> BodyLists<'t, 's> {
        let mut lists = BodyLists::default();
        let whole = Within { multipart: Multipart::Other, in_alternative: false, text: true, html: true };
        lists.sort(std::slice::from_ref(structure), whole);
        lists
    }

    /// The parts of one multipart. `within.text` and `within.html` say whether what is displayed goes to
    /// these lists; in the standard's script a list that is null gets nothing.
    fn sort(&mut self, parts: &'t [BodyPart<'s>], within: Within) {
        let (mut text, mut html) = (within.text, within.html);
        let (text_before, html_before) = (self.text.len(), self.html.len());
        for (at, part) in parts.iter().enumerate() {
            let kind = Kind::of(part.part);
            if part.is_multipart() {
                let multipart = Multipart::of(part.part);
                let in_alternative = within.in_alternative || multipart == Multipart::Alternative;
                self.sort(&part.sub_parts, Within { multipart, in_alternative, text, html });
                continue;
            }
            if !is_inline(part.part, kind, at, within.multipart) {
                self.attachments.push(part);
                continue;
            }
            if within.multipart == Multipart::Alternative {
                match kind {
                    Kind::Plain if text => self.text.push(part),
                    Kind::Html if html => self.html.push(part),
                    _ => self.attachments.push(part),
                }
                continue;
            }
            if within.in_alternative {
                html &= kind != Kind::Plain;
                text &= kind != Kind::Html;
            }
            self.display(part, kind, text, html);
        }
        if within.multipart == Multipart::Alternative && text && html {
            self.fill_in(text_before, html_before);
        }
    }

    fn display(&mut self, part: &'t BodyPart<'s>, kind: Kind, text: bool, html: bool) {
        if text {
            self.text.push(part);
        }
        if html {
            self.html.push(part);
        }
        if !(text || html) || (kind == Kind::Media && !(text && html)) {
            self.attachments.push(part);
        }
    }

    /// Of an alternative that has but one of the two, the one stands for the other.
    fn fill_in(&mut self, text_before: usize, html_before: usize) {
        let (text_now, html_now) = (self.text.len(), self.html.len());
        if text_now == text_before && html_now != html_before {
            self.text.extend_from_slice(self.html.get(html_before..).unwrap_or_default());
        }
        if html_now == html_before && text_now != text_before {
            self.html.extend_from_slice(self.text.get(text_before..text_now).unwrap_or_default());
        }
    }
}

/// RFC 8621 §4.1.4 hasAttachment: whether a client would offer something to download. That is any part of
/// `attachments` whose disposition is not inline, but for what is processed and not offered: pictures that
/// the HTML of the same multipart/related shows (those with a Content-ID), and signatures.
///
/// It needs no octets of the message, so that it can be asked of every message of a search.
#[must_use]
pub fn has_attachment(structure: &Structure) -> bool {
    let tree = BodyPart::of(structure);
    let lists = BodyLists::of(&tree);
    let mut offered = lists.attachments.iter().filter(|found| !has_disposition(found.part, b"inline"));
    offered.any(|found| {
        let embedded = Kind::of(found.part) == Kind::Media && in_related(structure, &found.path);
        !(embedded || is_signature(found.part))
    })
}

/// Whether the part at `path` is shown by the first part of its multipart/related (RFC 2387 §3, RFC 2392).
fn in_related(structure: &Structure, path: &[u32]) -> bool {
    let Some((&last, above)) = path.split_last() else { return false };
    let mut parent = &structure.root;
    for &number in above {
        let Some(child) = child(parent, number) else { return false };
        parent = child;
    }
    let has_id = child(parent, last).is_some_and(|part| part.content.id.is_some() && !is_attached(part));
    parent.content.is(b"multipart", b"related") && last > 1 && has_id
}

fn child(part: &Part, number: u32) -> Option<&Part> {
    part.children().get(usize::try_from(number.checked_sub(1)?).ok()?)
}

fn has_disposition(part: &Part, kind: &[u8]) -> bool {
    let disposition = part.content.disposition.as_ref();
    disposition.is_some_and(|found| found.kind.eq_ignore_ascii_case(kind))
}

fn is_attached(part: &Part) -> bool {
    has_disposition(part, b"attachment")
}

/// The second part of a multipart/signed, of OpenPGP or S/MIME: clients look at it, people do not.
fn is_signature(part: &Part) -> bool {
    let is = |subtype: &[u8]| part.content.is(b"application", subtype);
    is(b"pgp-signature") || is(b"pkcs7-signature") || is(b"x-pkcs7-signature")
}

/// Where parts stand.
#[derive(Clone, Copy)]
struct Within {
    multipart: Multipart,
    in_alternative: bool,
    text: bool,
    html: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Multipart {
    Alternative,
    Related,
    /// Mixed, and every other.
    Other,
}

impl Multipart {
    fn of(part: &Part) -> Multipart {
        let subtype = &part.content.subtype;
        if subtype.eq_ignore_ascii_case(b"alternative") {
            return Multipart::Alternative;
        }
        if subtype.eq_ignore_ascii_case(b"related") { Multipart::Related } else { Multipart::Other }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Html,
    /// Pictures, sound, video.
    Media,
    Other,
}

impl Kind {
    fn of(part: &Part) -> Kind {
        let content = &part.content;
        let is_media = || [&b"image"[..], b"audio", b"video"].iter().any(|media| content.is_type(media));
        match part.kind {
            PartKind::Leaf if content.is(b"text", b"plain") => Kind::Plain,
            PartKind::Leaf if content.is(b"text", b"html") => Kind::Html,
            PartKind::Leaf if is_media() => Kind::Media,
            _ => Kind::Other,
        }
    }
}

/// Whether the part is of the body rather than an attachment. Of a related only the first is; a text with a
/// name is only when it is the first.
fn is_inline(part: &Part, kind: Kind, at: usize, multipart: Multipart) -> bool {
    let is_named = || part.name().is_some_and(|name| !name.is_empty());
    let later = || multipart != Multipart::Related && (kind == Kind::Media || !is_named());
    kind != Kind::Other && !is_attached(part) && (at == 0 || later())
}
