//! A needle made ready for its collation, and how it is found in text.
//!
//! With `i;unicode-casemap` a letter with a mark holds the letter itself: `e` is found in `é`. So a needle of
//! ASCII is looked for twice in text that is not: as it lies, and around the characters that are not ASCII
//! once more in what the collation makes of them.

use memchr::memmem;

use super::ascii::AsciiFinder;
use crate::collation::{Collation, casemap};

#[derive(Clone, Debug)]
pub(super) enum Finder {
    /// The empty string is in every text.
    Empty,
    Ascii(AsciiNeedle),
    /// By its key, which is in no text of ASCII.
    Keyed(Box<Keyed>),
    Octet(Box<memmem::Finder<'static>>),
}

/// A needle whose key is ASCII, and has no lower-case letter in it.
#[derive(Clone, Debug)]
pub(super) struct AsciiNeedle {
    finder: AsciiFinder,
    /// Nothing for `i;ascii-casemap`, which leaves other characters as they are.
    casemapped: Option<Box<memmem::Finder<'static>>>,
}

#[derive(Clone, Debug)]
pub(super) struct Keyed {
    collation: Collation,
    finder: memmem::Finder<'static>,
}

impl Finder {
    pub(super) fn new(text: &str, collation: Collation) -> Finder {
        let key = collation.key(text);
        let finder = || Box::new(memmem::Finder::new(&key).into_owned());
        if key.is_empty() {
            return Finder::Empty;
        }
        if collation == Collation::Octet {
            return Finder::Octet(finder());
        }
        if key.is_ascii() && !key.iter().any(u8::is_ascii_lowercase) {
            let casemapped = (collation == Collation::UnicodeCasemap).then(finder);
            return Finder::Ascii(AsciiNeedle { finder: AsciiFinder::new(&key), casemapped });
        }
        Finder::Keyed(Box::new(Keyed { collation, finder: *finder() }))
    }

    pub(super) fn in_str(&self, text: &str, folded: &mut Vec<u8>) -> bool {
        match self {
            Finder::Ascii(needle) => needle.in_str(text, folded),
            Finder::Keyed(keyed) if !text.is_ascii() => {
                folded.clear();
                keyed.collation.push_key(text, folded);
                keyed.finder.find(folded).is_some()
            }
            _ => self.in_ascii(text.as_bytes()),
        }
    }

    /// In octets that are ASCII, or that nobody looks at but as ASCII.
    pub(super) fn in_ascii(&self, octets: &[u8]) -> bool {
        match self {
            Finder::Empty => true,
            Finder::Ascii(needle) => needle.finder.is_in(octets),
            Finder::Keyed(_) => false,
            Finder::Octet(finder) => finder.find(octets).is_some(),
        }
    }

    /// Whether octets that are not ASCII, in a charset where those that are mean themselves, decide without
    /// being decoded: yes, no, or not at all.
    pub(super) fn in_undecoded(&self, octets: &[u8]) -> Option<bool> {
        let Finder::Ascii(needle) = self else { return None };
        let found = needle.finder.is_in(octets);
        (found || needle.casemapped.is_none()).then_some(found)
    }
}

impl AsciiNeedle {
    fn in_str(&self, text: &str, folded: &mut Vec<u8>) -> bool {
        if self.finder.is_in(text.as_bytes()) {
            return true;
        }
        let Some(finder) = self.casemapped.as_deref().filter(|_| !text.is_ascii()) else { return false };
        // A character has four octets at most, and makes one at least.
        let reach = finder.needle().len().saturating_mul(4);
        let mut windows = Windows { text, reach, done: 0 };
        windows.any(|window| {
            folded.clear();
            casemap(window, folded);
            finder.find(folded).is_some()
        })
    }
}

/// The pieces of a text around those of its characters of which a collation makes ASCII.
struct Windows<'a> {
    text: &'a str,
    reach: usize,
    done: usize,
}

impl<'a> Iterator for Windows<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.special(self.done)?;
        let start = self.text.floor_char_boundary(first.saturating_sub(self.reach)).max(self.done);
        let mut last = first;
        // One that another would touch is one with it.
        while let Some(next) = self.special(last + 1) {
            if next - last > self.reach * 2 {
                break;
            }
            last = next;
        }
        let end = self.text.ceil_char_boundary(last.saturating_add(self.reach).saturating_add(4));
        self.done = self.text.ceil_char_boundary(last + 1);
        self.text.get(start..end.min(self.text.len()))
    }
}

impl Windows<'_> {
    /// The first special character from `at` on.
    fn special(&self, at: usize) -> Option<usize> {
        let mut at = self.text.ceil_char_boundary(at);
        loop {
            let rest = self.text.as_bytes().get(at..)?;
            at += rest.iter().position(|octet| !octet.is_ascii())?;
            let c = self.text.get(at..)?.chars().next()?;
            if !stays_foreign(c) {
                return Some(at);
            }
            at += c.len_utf8();
        }
    }
}

/// Whether nothing a collation makes of the character is ASCII, by what is written with it: most of what is
/// not Latin. Others are looked at.
fn stays_foreign(c: char) -> bool {
    matches!(u32::from(c),
        0x0386..=0x1cff | 0x3041..=0x309a | 0x309d..=0x318f | 0x3400..=0xa6ff | 0xac00..=0xd7ff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_foreign_makes_no_ascii() {
        for c in ('\0'..=char::MAX).filter(|c| stays_foreign(*c)) {
            let key = Collation::UnicodeCasemap.key(c.encode_utf8(&mut [0; 4]));
            assert!(!key.iter().any(u8::is_ascii), "{:x}", u32::from(c));
        }
    }

    // spec: RFC 5051 §2
    #[test]
    fn finds_what_a_search_in_the_whole_key_finds() {
        let texts = ["", "x", "façade né ﬁ Ａ½ привет e\u{301}", "ééé", "aaaaaaaaaaaaaaaaaaaaaaaaéb", "Кé б"];
        let needles =
            ["e", "E", "ca", "ne\u{301}", "né", "n", "1", "A½", "a", "aeb", "ae", "ПРИ", "é", "fi", "x e"];
        for collation in Collation::ALL {
            for (text, needle) in texts.iter().flat_map(|text| needles.map(|needle| (text, needle))) {
                let expected = memmem::find(&collation.key(text), &collation.key(needle)).is_some();
                let finder = Finder::new(needle, collation);
                assert_eq!(
                    finder.in_str(text, &mut Vec::new()),
                    expected,
                    "{needle} in {text} {collation:?}"
                );
            }
        }
    }
}
