//! Text as terms, for an index that answers substrings.
//!
//! Characters are of four classes: those of words, those of scripts that are written without spaces (Han,
//! Kana, Thai and others), other characters that are not ASCII, and everything else of ASCII, which
//! separates. A term is a whole run of word characters, or overlapping windows of a long one; a pair of
//! neighbours of a script without spaces, or one character that stands alone; each other character.
//!
//! The class of a character does not depend on its neighbours. So a run within a needle lies within a run of
//! every text that contains the needle, and each piece that [`needle_pieces`] makes of it lies within some
//! term of that text.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::collation::Collation;

/// Characters of a word that is a term as a whole; longer ones are cut into windows of this length.
const WINDOW_CHARS: usize = 32;
/// From the beginning of a window to the next.
const WINDOW_STEP: usize = 16;
/// Every substring of so many characters of a long word lies within one window.
const COVERED_CHARS: usize = WINDOW_CHARS - WINDOW_STEP + 1;
/// Octets of the longest term.
pub const TERM_OCTETS_MAX: usize = WINDOW_CHARS * 4;
/// Pieces of one needle; those that come after them are left to the verification.
const PIECES_MAX: usize = 8;

/// The rules of this file and of `passage`; to be raised when what they make of a text changes.
const RULES: u8 = 1;

/// A number of the rules by which text becomes terms: of this file and of the tables of Unicode below it.
/// Terms made by other rules say nothing about pieces made by these.
#[must_use]
pub const fn term_rules() -> u64 {
    let (letters, marks) = (char::UNICODE_VERSION, unicode_normalization::UNICODE_VERSION);
    u64::from_be_bytes([RULES, letters.0, letters.1, letters.2, marks.0, marks.1, marks.2, 0])
}

/// What a term is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TermKind {
    /// A word, or a window of a long one.
    Word,
    /// One or two characters of a script that is written without spaces.
    Dense,
    /// Another character that is not ASCII.
    Symbol,
}

/// One term as `i;unicode-casemap` compares it, but with ASCII in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Term<'t> {
    pub octets: &'t [u8],
    pub kind: TermKind,
}

/// Visits the terms of `text`, which is as in [`Passage`](super::Passage).
pub fn visit_terms(text: &[u8], mut visit: impl FnMut(Term<'_>)) {
    let mut buffer = Vec::new();
    visit_runs(text, &mut |run, kind| match kind {
        TermKind::Word => windows(run, WINDOW_CHARS, WINDOW_STEP, &mut buffer, |octets| {
            visit(Term { octets, kind });
        }),
        TermKind::Dense => windows(run, 2, 1, &mut buffer, |octets| visit(Term { octets, kind })),
        TermKind::Symbol => windows(run, 1, 1, &mut buffer, |octets| visit(Term { octets, kind })),
    });
}

/// What must be in a text that contains `needle`: each piece lies within one of its terms. Empty when nothing
/// can be said. Longest first.
#[must_use]
pub fn needle_pieces(needle: &str) -> Vec<Box<[u8]>> {
    let folded = Collation::UnicodeCasemap.key(needle);
    let mut pieces: Vec<Box<[u8]>> = Vec::new();
    let mut buffer = Vec::new();
    visit_runs(&folded, &mut |run, kind| {
        let (length, step) = match kind {
            TermKind::Word => (COVERED_CHARS, COVERED_CHARS),
            TermKind::Dense => (2, 1),
            TermKind::Symbol => (1, 1),
        };
        windows(run, length, step, &mut buffer, |octets| {
            if !pieces.iter().any(|piece| **piece == *octets) {
                pieces.push(octets.into());
            }
        });
    });
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    pieces.truncate(PIECES_MAX);
    pieces
}

/// The word of a term as people write it: marks on their letters, in lower case.
#[must_use]
pub fn word_of_term(term: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(term).ok()?;
    Some(match text.is_ascii() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.nfc().flat_map(char::to_lowercase).collect()),
    })
}

/// Of each octet: 0 for what separates, itself in lower case for ASCII in words, `MIXED` for what is not
/// ASCII.
const CLASSES: [u8; 256] = classes();
const MIXED: u8 = 0xff;

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut at = 0;
    while at < 256 {
        let octet = at as u8;
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
        {
            classes[at] = match octet {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => octet.to_ascii_lowercase(),
                0x80..=0xff => MIXED,
                _ => 0,
            };
        }
        at += 1;
    }
    classes
}

fn class(octet: u8) -> u8 {
    CLASSES.get(usize::from(octet)).copied().unwrap_or(0)
}

/// Visits maximal runs of characters of one kind, in lower case.
fn visit_runs(text: &[u8], visit: &mut impl FnMut(&[u8], TermKind)) {
    let mut lower = Vec::with_capacity(64);
    let mut rest = text.iter();
    loop {
        // Up to the next octet that does not separate.
        let Some(first) = rest.by_ref().map(|&octet| class(octet)).find(|&class| class != 0) else { return };
        lower.clear();
        lower.push(first);
        let start = text.len() - rest.len() - 1;
        let mut mixed = first == MIXED;
        for &octet in rest.by_ref() {
            let class = class(octet);
            if class == 0 {
                break;
            }
            mixed |= class == MIXED;
            lower.push(class);
        }
        if mixed {
            let run = text.get(start..start + lower.len()).unwrap_or_default();
            visit_mixed(run, &mut lower, visit);
        } else {
            visit(&lower, TermKind::Word);
        }
    }
}

/// The same for octets among which there is no ASCII that separates, but others.
fn visit_mixed(octets: &[u8], run: &mut Vec<u8>, visit: &mut impl FnMut(&[u8], TermKind)) {
    run.clear();
    let mut last = None;
    // What is not UTF-8 separates. There is none in a passage.
    for chunk in octets.utf8_chunks() {
        for c in chunk.valid().chars() {
            let kind = kind_of(c);
            if let Some(last) = last.filter(|last| *last != kind) {
                visit(run, last);
                run.clear();
            }
            last = Some(kind);
            run.extend_from_slice(c.to_ascii_lowercase().encode_utf8(&mut [0; 4]).as_bytes());
        }
        if let Some(kind) = last.take() {
            visit(run, kind);
            run.clear();
        }
    }
}

fn kind_of(c: char) -> TermKind {
    match u32::from(c) {
        // Thai, Lao; Myanmar; Khmer; radicals, Kana, Bopomofo; Han and Yi; their compatibility forms;
        // halfwidth Katakana; Han beyond the first plane.
        0x0e01..=0x0e4e
        | 0x0e80..=0x0ecd
        | 0x1000..=0x109f
        | 0x1780..=0x17d3
        | 0x2e80..=0x2fdf
        | 0x3005..=0x3007
        | 0x3021..=0x3029
        | 0x3031..=0x312f
        | 0x3190..=0x31ff
        | 0x3400..=0x4dbf
        | 0x4e00..=0xa4cf
        | 0xf900..=0xfaff
        | 0xff66..=0xff9f
        | 0x20000..=0x3ffff => TermKind::Dense,
        // Marks belong to the letters they stand on.
        0x0300..=0x036f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe20..=0xfe2f => {
            TermKind::Word
        }
        _ if c.is_alphanumeric() => TermKind::Word,
        _ => TermKind::Symbol,
    }
}

/// Windows of `length` characters, one every `step`, the last at the end of the run; the run itself when it
/// is not longer. `starts` is a buffer.
fn windows(run: &[u8], length: usize, step: usize, starts: &mut Vec<usize>, mut visit: impl FnMut(&[u8])) {
    if run.len() <= length {
        return visit(run);
    }
    starts.clear();
    // The first octet of every character.
    starts.extend(run.iter().enumerate().filter(|(_, octet)| **octet & 0xc0 != 0x80).map(|(at, _)| at));
    let chars = starts.len();
    let at = |number: usize| starts.get(number).copied().unwrap_or(run.len());
    let mut first = 0;
    while first + length < chars {
        visit(run.get(at(first)..at(first + length)).unwrap_or_default());
        first += step;
    }
    let last = chars.saturating_sub(length);
    visit(run.get(at(last)..).unwrap_or_default());
}

#[cfg(test)]
mod tests;
