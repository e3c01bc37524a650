//! How texts are compared: the collations of RFC 4790 §9 and RFC 5051 §2 that offer equality, ordering and
//! substring, as IMAP needs them for SEARCH, SORT and THREAD (RFC 5255 §4.2).
//!
//! Each is a mapping to octets; then two texts are equal, in order, or one within the other as their octets
//! are. Texts come in as UTF-8: what was not text in its charset has been guessed by then (see `charset`).
//! Must not: depend on a language or on where the server runs.

use unicode_normalization::char::decompose_compatible;

/// A collation by its registered name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Collation {
    /// RFC 5051 §2: title case, then fully decomposed.
    #[default]
    UnicodeCasemap,
    /// RFC 4790 §9.2.1: ASCII letters in upper case.
    AsciiCasemap,
    /// RFC 4790 §9.3.1: as it is.
    Octet,
}

impl Collation {
    /// The most widely useful first (RFC 4790 §3.2).
    pub const ALL: [Self; 3] = [Self::UnicodeCasemap, Self::AsciiCasemap, Self::Octet];

    /// As in the registry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnicodeCasemap => "i;unicode-casemap",
            Self::AsciiCasemap => "i;ascii-casemap",
            Self::Octet => "i;octet",
        }
    }
    /// Appends the octets by which `text` is compared.
    pub fn push_key(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::UnicodeCasemap => casemap(text, out),
            Self::AsciiCasemap => out.extend(text.bytes().map(|octet| octet.to_ascii_uppercase())),
            Self::Octet => out.extend_from_slice(text.as_bytes()),
        }
    }
    /// What [`Collation::push_key`] appends.
    #[must_use]
    pub fn key(self, text: &str) -> Vec<u8> {
        let mut key = Vec::with_capacity(text.len());
        self.push_key(text, &mut key);
        key
    }
}

/// RFC 5051 §2: each character in title case, then decomposed as far as it goes, in UTF-8. Marks keep the
/// order in which they were written.
pub fn casemap(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|octet| !octet.is_ascii()).unwrap_or(rest.len());
        let (plain, after) = rest.split_at_checked(ascii).unwrap_or((rest, ""));
        out.extend(plain.bytes().map(|octet| octet.to_ascii_uppercase()));
        let mut chars = after.chars();
        while let Some(c) = chars.next() {
            push_casemapped(c, out);
            if chars.as_str().as_bytes().first().is_none_or(u8::is_ascii) {
                break;
            }
        }
        rest = chars.as_str();
    }
}

fn push_casemapped(c: char, out: &mut Vec<u8>) {
    decompose_compatible(titlecase(c), |part| {
        out.extend_from_slice(part.encode_utf8(&mut [0; 4]).as_bytes());
    });
}

/// The simple title case mapping: one character to one character. It is that to upper case, which the
/// standard library knows, but for the characters named here.
fn titlecase(c: char) -> char {
    let moved = |by: u32| char::from_u32(u32::from(c) + by).unwrap_or(c);
    match c {
        c if c.is_ascii() => c.to_ascii_uppercase(),
        // The digraphs, whose first letter alone is a capital.
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        // Georgian has capitals, but no title case.
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => c,
        // Greek with iota below: the standard library makes two characters of it.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => moved(8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => moved(9),
        c => single(c.to_uppercase()).unwrap_or(c),
    }
}

fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::Collation;

    fn key(collation: Collation, text: &str) -> String {
        String::from_utf8(collation.key(text)).unwrap()
    }

    // spec: RFC 5051 §2
    #[test]
    fn unicode_casemap_is_title_case_decomposed() {
        let table = [
            ("Straße 1", "STRAßE 1"),
            ("\u{1c4}", "Dz\u{30c}"),
            ("\u{1c6}", "Dz\u{30c}"),
            ("é", "E\u{301}"),
            // A ligature has no title case: it is decomposed as it is.
            ("\u{fb01}n", "fiN"),
            ("Ａ", "A"),
            ("ς", "Σ"),
            ("\u{1f80}", "Α\u{313}\u{345}"),
            ("\u{1fb3}", "Α\u{345}"),
            ("\u{10d0}", "\u{10d0}"),
            ("가", "\u{1100}\u{1161}"),
            ("q\u{307}\u{323}", "Q\u{307}\u{323}"),
            ("½", "1\u{2044}2"),
        ];
        for (text, expected) in table {
            assert_eq!(key(Collation::UnicodeCasemap, text), expected, "{text}");
        }
    }

    // spec: RFC 4790 §9.2.1; RFC 4790 §9.3.1
    #[test]
    fn ascii_casemap_changes_ascii_letters_and_octet_nothing() {
        assert_eq!(key(Collation::AsciiCasemap, "aZ é{"), "AZ é{");
        assert_eq!(key(Collation::Octet, "aZ é{"), "aZ é{");
        // Between the cases lie [ \ ] ^ _ `: letters come before them.
        assert!(Collation::AsciiCasemap.key("a") < Collation::AsciiCasemap.key("_"));
        assert!(Collation::Octet.key("a") > Collation::Octet.key("_"));
        assert!(Collation::Octet.key("") < Collation::Octet.key("\0"));
    }
}
