//! The first words of a message, for lists of messages (RFC 8970 §3).
//!
//! Of the part that a reader would see first only the beginning is looked at, so that the cost does not
//! depend on the size of the message. It is a guess at what matters to people, and may become a better one.

use crate::charset;
use crate::content::TransferEncoding;
use crate::range::Range32;
use crate::structure::{Part, PartKind, Structure};
use crate::transfer;

pub(crate) mod html;

/// Characters of a preview (RFC 8970 §3.3: 200 are recommended, 256 the most).
pub const PREVIEW_CHARS_MAX: usize = 200;
/// Octets of a part that are looked at first.
const LOOK_OCTETS: u32 = 16 * 1024;
/// Octets that are looked at when those did not give enough: HTML often begins with long style sheets.
const LOOK_FURTHER_OCTETS: u32 = 256 * 1024;

/// The part that is previewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviewPart<'s> {
    body: Range32,
    encoding: TransferEncoding,
    charset: &'s [u8],
    html: bool,
}

impl<'s> PreviewPart<'s> {
    /// The first text that is shown as such: not an attachment, nothing encrypted. `None` when there is none.
    pub fn of(structure: &'s Structure) -> Option<PreviewPart<'s>> {
        first(&structure.root, true)
    }
    /// Which octets of the message are needed: of a long part only the beginning. `further` when those first
    /// asked for gave too little; nothing when there are no more.
    pub fn octets(&self, further: bool) -> Option<Range32> {
        let Range32 { start, end } = self.body;
        let until = |octets: u32| Range32::new(start, end.min(start.saturating_add(octets)));
        let first = until(LOOK_OCTETS);
        match further {
            false => Some(first),
            true => Some(until(LOOK_FURTHER_OCTETS)).filter(|more| *more != first),
        }
    }
    /// The preview, from these octets of the message. Empty when nothing in them is for people.
    pub fn text(&self, octets: &[u8]) -> String {
        let mut decoded = Vec::new();
        transfer::decode(self.encoding, octets, &mut decoded);
        let mut text = String::new();
        charset::decode_or_guess(self.charset, &decoded, &mut text);
        let mut preview = Preview::default();
        match self.html {
            true => html::visible(&text, &mut |piece| preview.push(piece)),
            false => plain(&text, &mut preview),
        }
        preview.finish()
    }
}

fn first(part: &Part, is_root: bool) -> Option<PreviewPart<'_>> {
    let content = &part.content;
    let attached = content.disposition.as_ref().is_some_and(|d| d.kind.eq_ignore_ascii_case(b"attachment"));
    if attached && !is_root {
        return None;
    }
    match &part.kind {
        PartKind::Leaf => leaf(part),
        PartKind::Multipart(_) if content.subtype.eq_ignore_ascii_case(b"encrypted") => None,
        // RFC 2046 §5.1.4: all say the same; plain text says it with the least effort.
        PartKind::Multipart(parts) if content.subtype.eq_ignore_ascii_case(b"alternative") => {
            let mut found = parts.iter().filter_map(|part| first(part, false));
            let any = found.next()?;
            Some(if any.html { found.find(|part| !part.html).unwrap_or(any) } else { any })
        }
        PartKind::Multipart(parts) => parts.iter().find_map(|part| first(part, false)),
        PartKind::Message(embedded) => first(&embedded.part, false),
    }
}

fn leaf(part: &Part) -> Option<PreviewPart<'_>> {
    let content = &part.content;
    let is = |subtype: &[u8]| content.is(b"text", subtype);
    let html = is(b"html") || is(b"enriched");
    if part.body.is_empty() || !(html || is(b"plain") || is(b"markdown")) {
        return None;
    }
    let charset = content.param(b"charset").unwrap_or_default();
    Some(PreviewPart { body: part.body, encoding: content.transfer_encoding(), charset, html })
}

/// What others have written before, and what stands below every message, is left out, unless nothing else is
/// there.
fn plain(text: &str, preview: &mut Preview) {
    let mut lines = text.lines();
    if text.trim_start().starts_with("-----BEGIN PGP MESSAGE-----") {
        return;
    }
    let own = |line: &&str| !line.starts_with('>');
    // RFC 3676 §4.3
    for line in lines.by_ref().take_while(|line| line.trim_end_matches('\r') != "-- ").filter(own) {
        if !preview.push(line) {
            return;
        }
        preview.push(" ");
    }
    if preview.is_empty() {
        let _ =
            text.lines().all(|line| preview.push(line.trim_start_matches(['>', ' '])) && preview.push(" "));
    }
}

/// Text on its way into a preview: white space is one blank, what is not seen is left out.
#[derive(Default)]
struct Preview {
    text: String,
    chars: usize,
    /// White space was seen behind the text so far.
    space: bool,
}

impl Preview {
    fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
    /// `false` when it is full.
    fn push(&mut self, text: &str) -> bool {
        for c in text.chars() {
            if c.is_whitespace() {
                self.space = true;
                continue;
            }
            if is_invisible(c) {
                continue;
            }
            let blank = self.space && !self.text.is_empty();
            if self.chars + usize::from(blank) >= PREVIEW_CHARS_MAX {
                return false;
            }
            if blank {
                self.text.push(' ');
            }
            self.text.push(c);
            self.chars += 1 + usize::from(blank);
            self.space = false;
        }
        true
    }
    fn finish(self) -> String {
        self.text
    }
}

/// Control characters, and what senders fill previews of others with: joiners, soft hyphens, marks of
/// direction.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFC}')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
        || matches!(c, '\u{E0000}'..='\u{E0FFF}' | '\u{FDD0}'..='\u{FDEF}')
}

#[cfg(test)]
mod tests;
