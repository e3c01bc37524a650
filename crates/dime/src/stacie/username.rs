//! The name of a user as it is hashed: all clients and the server must mean the same octets, so the server
//! says them in its challenge, and this is how it makes them (after RFC 8265 §3.3, UsernameCaseMapped).

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Octets of a name, before and after.
pub const USERNAME_OCTETS_MAX: usize = 255;

/// `local@domain`: lower case, NFC, full and half width forms as ordinary characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Username(String);

/// Why a text is no name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadUsername {
    Empty,
    /// More than [`USERNAME_OCTETS_MAX`].
    TooLong,
    /// Not exactly one `@` with something on either side.
    NotAnAddress,
    /// A space at an end, a control character, or one with a compatible form (RFC 8264 §9.17).
    Character,
    /// A domain must come in its ASCII form (RFC 5890 §2.3.2.1, A-labels).
    Domain,
}

impl std::fmt::Display for BadUsername {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("the user name is empty"),
            Self::TooLong => write!(f, "the user name has more than {USERNAME_OCTETS_MAX} octets"),
            Self::NotAnAddress => f.write_str("the user name is not local@domain"),
            Self::Character => f.write_str("the user name has a character that names may not have"),
            Self::Domain => f.write_str("the user name's domain is not in its ASCII form"),
        }
    }
}

impl std::error::Error for BadUsername {}

impl Username {
    pub fn new(text: &str) -> Result<Self, BadUsername> {
        if text.is_empty() {
            return Err(BadUsername::Empty);
        }
        if text.len() > USERNAME_OCTETS_MAX {
            return Err(BadUsername::TooLong);
        }
        let name: String = text.chars().map(wide_as_usual).flat_map(char::to_lowercase).nfc().collect();
        if name.len() > USERNAME_OCTETS_MAX {
            return Err(BadUsername::TooLong);
        }
        let (local, domain) = name.split_once('@').ok_or(BadUsername::NotAnAddress)?;
        if local.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(BadUsername::NotAnAddress);
        }
        if !domain.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.')) {
            return Err(BadUsername::Domain);
        }
        // RFC 8265 §3.1: a name is of several parts with spaces between.
        let is_name = local.chars().all(|c| c == ' ' || is_for_names(c)) && local.trim_matches(' ') == local;
        if is_name { Ok(Self(name)) } else { Err(BadUsername::Character) }
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 8265 §3.3.2, rule 1: only wide and narrow forms are decomposed.
fn wide_as_usual(c: char) -> char {
    if !matches!(c, '\u{ff01}'..='\u{ffee}' | '\u{3000}') {
        return c;
    }
    let mut usual = std::iter::once(c).nfkc();
    usual.next().filter(|_| usual.next().is_none()).unwrap_or(c)
}

/// Letters, digits and their marks, and what ASCII shows (RFC 8264 §4.2.1), by the tables at hand.
fn is_for_names(c: char) -> bool {
    let is_shown = matches!(c, '!'..='~') || c.is_alphanumeric() || is_combining_mark(c);
    let has_no_other_form = std::iter::once(c).nfkc().eq(std::iter::once(c));
    // What NFC composes out (a few marks and CJK compatibility ideographs) cannot come here.
    is_shown && has_no_other_form
}
