//! Flags and keywords of a message (RFC 9051 §2.3.2, RFC 8621 §4.1.1).
//!
//! A keyword keeps the case it was first written in and compares without regard to ASCII case.

use std::cmp::Ordering;
use std::fmt;

use crate::limits;

/// The five system flags that are stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SystemFlags(pub u8);

impl SystemFlags {
    pub const NONE: Self = Self(0);
    pub const SEEN: Self = Self(1);
    pub const ANSWERED: Self = Self(2);
    pub const FLAGGED: Self = Self(4);
    pub const DELETED: Self = Self(8);
    pub const DRAFT: Self = Self(16);
    pub const ALL: Self = Self(31);

    /// Name on the IMAP wire and flag, in the order of RFC 9051 §2.3.2.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("\\Answered", Self::ANSWERED),
        ("\\Flagged", Self::FLAGGED),
        ("\\Deleted", Self::DELETED),
        ("\\Seen", Self::SEEN),
        ("\\Draft", Self::DRAFT),
    ];

    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
    /// Reads `\Seen` and the like, without regard to case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, f)| *f)
    }
}

impl fmt::Debug for SystemFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Self::NAMES.iter().filter(|(_, x)| self.contains(*x)).map(|(n, _)| n)).finish()
    }
}

/// A keyword such as `$Forwarded`: an IMAP atom of at most `keyword_octets_max` octets.
#[derive(Clone, Debug)]
pub struct Keyword(Box<str>);

impl Keyword {
    /// `None` when the text is empty, too long, not an atom, or a flag (begins with `\`).
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let valid = !text.is_empty()
            && text.len() <= limits::KEYWORD_OCTETS_MAX
            && text.bytes().all(|b| (0x21..0x7f).contains(&b) && !b"(){%*\"\\]".contains(&b));
        valid.then(|| Self(text.into()))
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Keyword {}
impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> Ordering {
        let lower = |k: &Self| k.0.to_ascii_lowercase();
        lower(self).cmp(&lower(other))
    }
}
impl std::hash::Hash for Keyword {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}
impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All flags of one message: system flags and keywords, sorted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    pub system: SystemFlags,
    pub keywords: Vec<Keyword>,
}

impl Flags {
    #[must_use]
    pub fn system(system: SystemFlags) -> Self {
        Self { system, keywords: Vec::new() }
    }
    /// Adds a keyword, once.
    pub fn insert(&mut self, keyword: Keyword) {
        if let Err(at) = self.keywords.binary_search(&keyword) {
            self.keywords.insert(at, keyword);
        }
    }
    #[must_use]
    pub fn has(&self, keyword: &Keyword) -> bool {
        self.keywords.binary_search(keyword).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_ignore_case_and_refuse_what_is_no_atom() {
        assert_eq!(Keyword::new("$Chat"), Keyword::new("$chat"));
        for bad in ["", "\\Seen", "a b", "a(b", "ä", "a]"] {
            assert_eq!(Keyword::new(bad), None, "{bad}");
        }
        let mut flags = Flags::default();
        flags.insert(Keyword::new("b").unwrap());
        flags.insert(Keyword::new("A").unwrap());
        flags.insert(Keyword::new("B").unwrap());
        assert_eq!(flags.keywords.len(), 2);
        assert_eq!(flags.keywords[0].as_str(), "A");
    }
}
