//! The parser: one pass over a message that finds its parts (RFC 2046 §5.1) and its facts.
//!
//! It never fails: what cannot be understood is text. It is linear: every octet is looked at a bounded
//! number of times, each delimiter candidate at most once per open multipart, of which there are at most
//! `PART_DEPTH_MAX`. Nothing is copied but the field values that become facts.

use std::sync::LazyLock;

use memchr::{memchr, memchr_iter, memmem};

use crate::content::{Content, ContentBuilder, DefaultType};
use crate::envelope::{Envelope, Faithful};
use crate::facts::{Facts, References};
use crate::header::Fields;
use crate::limits::{FACTS_OCTETS_MAX, HEADER_OCTETS_MAX, MESSAGE_OCTETS_MAX, PART_DEPTH_MAX, PARTS_MAX};
use crate::range::Range32;
use crate::structure::{Embedded, Part, PartKind, Structure};

/// A parsed message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub facts: Facts,
}

impl Message {
    /// The message as a part.
    pub fn root(&self) -> &Part {
        &self.facts.structure.root
    }
}

/// Parses `raw`, the octets of a message as they are stored. Line ends may be CRLF or LF.
pub fn parse(raw: &[u8]) -> Message {
    let raw = raw.get(..MESSAGE_OCTETS_MAX).unwrap_or(raw);
    let mut parser = Parser {
        raw,
        boundaries: Vec::new(),
        opened: None,
        parts: 0,
        facts_octets: 0,
        lines: LineCounter { at: 0, lines: 0 },
    };
    let mut about = About::message();
    about.references = Some(References::default());
    let (root, _) = parser.part(0, 0, DefaultType::Text, &mut about);
    let references = about.references.unwrap_or_default();
    let envelope = about.envelope.unwrap_or_default();
    Message { facts: Facts::new(envelope, Structure { root }, references) }
}

/// Whether octets that somebody calls a message are one (RFC 8621 §4.9 notParsable, §4.8 invalidEmail): they
/// begin with a field whose name is by RFC 5322 §2.2, or with the line that mailbox files put before
/// messages and a field behind it. Of everything else [`parse`] makes a text.
#[must_use]
pub fn is_message(raw: &[u8]) -> bool {
    let from_line = raw.strip_prefix(b">").unwrap_or(raw).starts_with(b"From ");
    let start = if from_line { memchr(b'\n', raw).map_or(raw.len(), |lf| lf + 1) } else { 0 };
    let first = Fields::starting_at(raw, start).next();
    first.is_some_and(|field| !field.name.is_empty() && field.name.iter().all(u8::is_ascii_graphic))
}

struct Parser<'a> {
    raw: &'a [u8],
    /// The boundaries of the open multiparts, outermost first.
    boundaries: Vec<Vec<u8>>,
    /// The last delimiter behind which a part begins.
    opened: Option<Opened>,
    parts: usize,
    facts_octets: usize,
    lines: LineCounter,
}

/// What is collected from a header besides its content.
#[derive(Default)]
struct About {
    envelope: Option<Envelope>,
    references: Option<References>,
}

impl About {
    fn message() -> About {
        About { envelope: Some(Envelope::default()), references: None }
    }
}

/// Where a part ended.
struct Stop {
    /// The end of its octets: before the line end that belongs to the delimiter.
    content_end: usize,
    /// Where the line after the delimiter begins.
    next: usize,
    delimiter: Option<Delimiter>,
}

/// A delimiter line before a part. Its line end belongs to it (RFC 2046 §5.1.1 encapsulation), and not to the
/// next delimiter of the same multipart as well. That of a close-delimiter, or of one that the multipart
/// around it cuts off, belongs to what follows.
struct Opened {
    level: usize,
    /// Where the line after it begins.
    next: usize,
}

#[derive(Clone, Copy)]
struct Delimiter {
    /// Whose it is: an index of `boundaries`.
    level: usize,
    /// RFC 2046 §5.1.1 close-delimiter.
    closing: bool,
}

impl Stop {
    fn closes(&self, level: usize) -> bool {
        self.delimiter.is_some_and(|delimiter| delimiter.level == level)
    }

    fn opens_part(&self, level: usize) -> bool {
        self.delimiter.is_some_and(|delimiter| delimiter.level == level && !delimiter.closing)
    }
}

impl Parser<'_> {
    /// Parses the part that begins at `start`.
    fn part(&mut self, start: usize, depth: usize, default: DefaultType, about: &mut About) -> (Part, Stop) {
        self.parts += 1;
        let mut builder = ContentBuilder::default();
        let (body_start, stopped) = self.header(start, &mut builder, about);
        let content = builder.finish(default);
        let lines_before = self.lines.until(self.raw, body_start);
        let deeper = depth + 1 < PART_DEPTH_MAX && self.parts < PARTS_MAX;
        let (mut kind, stop) = match stopped {
            Some(stop) => (PartKind::Leaf, stop),
            None => self.body(body_start, depth, deeper, &content),
        };
        let end = stop.content_end;
        fill_in(&mut kind, &content, end);
        let body_lines = self.lines.until(self.raw, end).saturating_sub(lines_before);
        let body = Range32::new(body_start.min(end) as u32, end as u32);
        let header = Range32::new(start.min(end) as u32, body.start);
        (Part { header, body, body_lines, content, kind }, stop)
    }

    /// Reads the header at `start`; returns where the body begins, and the stop if a delimiter ends the
    /// header.
    fn header(
        &mut self,
        start: usize,
        builder: &mut ContentBuilder,
        about: &mut About,
    ) -> (usize, Option<Stop>) {
        let mut fields = Fields::starting_at(self.raw, start);
        loop {
            let at = fields.pos();
            if let Some(stop) = self.delimiter_at(at) {
                return (at, Some(stop));
            }
            let Some(field) = fields.next() else { break };
            if !wanted(field.name) {
                continue;
            }
            let near = fields.pos() - start <= HEADER_OCTETS_MAX;
            if !near || self.facts_octets + field.value.len() > FACTS_OCTETS_MAX {
                about.envelope.iter_mut().for_each(Envelope::has_missed_a_field);
            } else {
                self.facts_octets += field.value.len();
                builder.field(&field);
                if let Some(envelope) = &mut about.envelope {
                    envelope.field(&field);
                }
                if let Some(references) = &mut about.references {
                    references.field(&field);
                }
            }
        }
        if let Some(envelope) = &mut about.envelope {
            envelope.finish();
        }
        (fields.pos() + fields.blank_line_octets(), None)
    }

    /// Reads the body at `start`, looking into it if `deeper`.
    fn body(&mut self, start: usize, depth: usize, deeper: bool, content: &Content) -> (PartKind, Stop) {
        if deeper && content.is_type(b"multipart") {
            let boundary = content.param(b"boundary").unwrap_or_default().trim_ascii_end();
            if !boundary.is_empty() {
                let digest = content.subtype.eq_ignore_ascii_case(b"digest");
                let default = if digest { DefaultType::Message } else { DefaultType::Text };
                let (parts, stop) = self.multipart(start, depth, boundary.to_vec(), default);
                return (PartKind::Multipart(parts), stop);
            }
        }
        if deeper && content.is_message() && content.transfer_encoding().is_identity() {
            let mut about = About::message();
            let (part, stop) = self.part(start, depth + 1, DefaultType::Text, &mut about);
            let mut envelope = about.envelope.unwrap_or_default();
            // Nobody asks, and it is not stored.
            envelope.faithful = Faithful::default();
            return (PartKind::Message(Box::new(Embedded { envelope, part })), stop);
        }
        (PartKind::Leaf, self.scan(start))
    }

    /// Reads preamble, parts and epilogue (RFC 2046 §5.1.1).
    fn multipart(
        &mut self,
        start: usize,
        depth: usize,
        boundary: Vec<u8>,
        default: DefaultType,
    ) -> (Vec<Part>, Stop) {
        let level = self.boundaries.len();
        self.boundaries.push(boundary);
        let mut parts = Vec::new();
        let mut stop = self.scan(start);
        while stop.opens_part(level) && self.parts < PARTS_MAX {
            let (part, next) = self.part(stop.next, depth + 1, default, &mut About::default());
            parts.push(part);
            stop = next;
        }
        self.boundaries.truncate(level);
        if stop.closes(level) {
            stop = self.scan(stop.next);
        }
        (parts, stop)
    }

    /// Looks for the next delimiter of an open multipart in the lines from `start` on.
    fn scan(&mut self, start: usize) -> Stop {
        if let Some(stop) = self.delimiter_at(start) {
            return stop;
        }
        let mut at = start;
        while !self.boundaries.is_empty() {
            let Some(found) = DASHES.find(self.raw.get(at..).unwrap_or_default()) else { break };
            at += found + 1;
            if let Some(stop) = self.delimiter_at(at) {
                return stop;
            }
        }
        let end = self.raw.len();
        Stop { content_end: end, next: end, delimiter: None }
    }

    /// The delimiter that is the line at `at`, if it is one.
    fn delimiter_at(&mut self, at: usize) -> Option<Stop> {
        if self.boundaries.is_empty() {
            return None;
        }
        let rest = self.raw.get(at..)?.strip_prefix(b"--")?;
        let delimiter = self.match_boundary(rest)?;
        let floor = self.opened.as_ref().filter(|opened| opened.level == delimiter.level);
        let floor = floor.map_or(0, |opened| opened.next);
        let before = self.raw.get(floor..at).unwrap_or_default();
        let line_end = if before.ends_with(b"\r\n") { 2 } else { usize::from(before.ends_with(b"\n")) };
        let next = memchr(b'\n', rest).map_or(self.raw.len(), |lf| at + 2 + lf + 1);
        if !delimiter.closing {
            self.opened = Some(Opened { level: delimiter.level, next });
        }
        Some(Stop { content_end: at - line_end, next, delimiter: Some(delimiter) })
    }

    /// RFC 2046 §5.1.1: it is sufficient that the boundary begins the line. Of several the longest counts,
    /// of equal ones the innermost.
    fn match_boundary(&self, rest: &[u8]) -> Option<Delimiter> {
        let matching = self.boundaries.iter().enumerate().filter(|(_, boundary)| rest.starts_with(boundary));
        let (level, boundary) = matching.max_by_key(|(_, boundary)| boundary.len())?;
        let closing = rest.get(boundary.len()..).is_some_and(|after| after.starts_with(b"--"));
        Some(Delimiter { level, closing })
    }
}

static DASHES: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\n--"));

/// Whether a field can become a fact: a cheap look at its first octet and length.
fn wanted(name: &[u8]) -> bool {
    let len = name.len();
    match name.first() {
        Some(b'C' | b'c') => len == 2 || len > 8,
        Some(b'F' | b'f' | b'D' | b'd') => len == 4,
        Some(b'S' | b's') => len == 6 || len == 7,
        Some(b'R' | b'r') => len == 8 || len == 10,
        Some(b'M' | b'm') => len == 10,
        Some(b'I' | b'i') => len == 11,
        Some(b'T' | b't') => len == 2,
        Some(b'B' | b'b') => len == 3,
        _ => false,
    }
}

/// Makes the kind agree with the content where nothing was found or looked for.
fn fill_in(kind: &mut PartKind, content: &Content, end: usize) {
    let nothing = || Part::empty_at(end as u32);
    match kind {
        PartKind::Multipart(parts) if parts.is_empty() => parts.push(nothing()),
        PartKind::Leaf if content.is_type(b"multipart") => *kind = PartKind::Multipart(vec![nothing()]),
        PartKind::Leaf if content.is_message() => {
            *kind = PartKind::Message(Box::new(Embedded { envelope: Envelope::default(), part: nothing() }));
        }
        _ => {}
    }
}

/// Counts line feeds up to positions that hardly ever go back.
struct LineCounter {
    at: usize,
    lines: u32,
}

impl LineCounter {
    /// Line feeds before `at`.
    fn until(&mut self, raw: &[u8], at: usize) -> u32 {
        let count = |range: std::ops::Range<usize>| {
            memchr_iter(b'\n', raw.get(range).unwrap_or_default()).count() as u32
        };
        if at < self.at {
            // Only the line end that turned out to belong to a delimiter lies between.
            return self.lines.saturating_sub(count(at..self.at));
        }
        self.lines += count(self.at..at);
        self.at = at;
        self.lines
    }
}
