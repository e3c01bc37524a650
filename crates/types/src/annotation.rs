//! Names of annotations and what they belong to (RFC 5464 §3.2, RFC 5464 §4.2.2).
//!
//! A name keeps the case it was written in and compares without regard to ASCII case.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::{MailboxId, limits};

/// What an annotation belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Target {
    /// The server as this account sees it (RFC 5464 §3.2.1.1).
    Server,
    /// RFC 5464 §3.2.1.2
    Mailbox(MailboxId),
}

/// `/private/comment`, `/shared/vendor/x/y`: the name of an entry, or of a level above some.
#[derive(Clone, Debug)]
pub struct EntryName(Box<str>);

/// Why a text is no name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadEntryName {
    /// Well-formed, but longer than `ANNOTATION_NAME_OCTETS_MAX`.
    TooLong,
    /// In words that may be shown to the user.
    Malformed(&'static str),
}

/// How far below a name (RFC 5464 §4.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Depth {
    /// The name itself.
    #[default]
    Zero,
    /// And the names one level below it.
    One,
    /// And all names below it.
    Infinity,
}

const PRIVATE: &str = "/private";
const SHARED: &str = "/shared";
const VENDOR: &str = "/vendor";

impl EntryName {
    /// Checks the form RFC 5464 §3.2 asks for; whether a value can be there, [`EntryName::can_hold`] says.
    pub fn new(text: &str) -> Result<Self, BadEntryName> {
        let malformed = |why| Err(BadEntryName::Malformed(why));
        if !text.starts_with('/') {
            return malformed("entry name does not begin with /");
        }
        if text.ends_with('/') {
            return malformed("entry name ends with /");
        }
        if text.contains("//") {
            return malformed("entry name has // in it");
        }
        if text.bytes().any(|b| matches!(b, b'*' | b'%')) {
            return malformed("entry name has * or % in it");
        }
        // RFC 5464 §3.2: no octets from 0x00 to 0x19, nothing but ASCII.
        if text.bytes().any(|b| b <= 0x19 || !b.is_ascii()) {
            return malformed("entry name has a character that is not allowed");
        }
        if without_first(text, PRIVATE).or_else(|| without_first(text, SHARED)).is_none() {
            return malformed("entry name begins neither with /private nor with /shared");
        }
        if text.len() > limits::ANNOTATION_NAME_OCTETS_MAX {
            return Err(BadEntryName::TooLong);
        }
        Ok(Self(text.into()))
    }
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The same for all ways to write the name: in lower case.
    #[must_use]
    pub fn key(&self) -> Cow<'_, str> {
        match self.0.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(self.0.to_ascii_lowercase()),
            false => Cow::Borrowed(&self.0),
        }
    }
    /// Whether one user alone sees it; else it is shared (RFC 5464 §3.3).
    #[must_use]
    pub fn is_private(&self) -> bool {
        without_first(&self.0, PRIVATE).is_some()
    }
    /// Whether an entry can have this name: two components, four below a vendor (RFC 5464 §3.2).
    #[must_use]
    pub fn can_hold(&self) -> bool {
        let below = without_first(&self.0, PRIVATE).or_else(|| without_first(&self.0, SHARED));
        let below = below.unwrap_or_default();
        let levels = below.split('/').skip(1).count();
        levels >= if without_first(below, VENDOR).is_some() { 3 } else { 1 }
    }
    /// What stands behind `above/`, when it is that name or lies below it: nothing for the name itself.
    #[must_use]
    pub fn below(&self, above: &str) -> Option<&str> {
        without_first(&self.0, above).map(|rest| rest.strip_prefix('/').unwrap_or_default())
    }
    /// Whether asking for `above` to this depth finds the name.
    #[must_use]
    pub fn is_within(&self, above: &Self, depth: Depth) -> bool {
        self.below(&above.0).is_some_and(|rest| match depth {
            Depth::Zero => rest.is_empty(),
            Depth::One => !rest.contains('/'),
            Depth::Infinity => true,
        })
    }
}

/// What follows `first`, whole components of a name in any case; nothing, or a text that begins with `/`.
fn without_first<'t>(text: &'t str, first: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(first.len())?;
    (head.eq_ignore_ascii_case(first) && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

impl PartialEq for EntryName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for EntryName {}
impl PartialOrd for EntryName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for EntryName {
    fn cmp(&self, other: &Self) -> Ordering {
        let lower = |octet: u8| octet.to_ascii_lowercase();
        self.0.bytes().map(lower).cmp(other.0.bytes().map(lower))
    }
}
impl Hash for EntryName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}
impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> EntryName {
        EntryName::new(text).unwrap()
    }

    // spec: RFC 5464 §3.2
    #[test]
    fn names_have_a_form() {
        for good in ["/private", "/SHARED/x", "/private/a b", "/private/\x1a", "/shared/vendor/x/y/z"] {
            assert!(EntryName::new(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "/",
            "private/x",
            "/privately/x",
            "/other/x",
            "/private/",
            "/private//x",
            "/private/*",
            "/private/a%",
            "/private/\x19",
            "/private/\0",
            "/private/ä",
            "\\/private/x",
        ];
        for bad in bad {
            assert!(matches!(EntryName::new(bad), Err(BadEntryName::Malformed(_))), "{bad:?}");
        }
        let longest = format!("/private/{}", "x".repeat(limits::ANNOTATION_NAME_OCTETS_MAX - 9));
        assert!(EntryName::new(&longest).is_ok());
        assert_eq!(EntryName::new(&format!("{longest}x")), Err(BadEntryName::TooLong));
    }

    // spec: RFC 5464 §3.2
    #[test]
    fn a_vendor_has_its_own_level() {
        for (text, holds) in [
            ("/private", false),
            ("/private/comment", true),
            ("/private/vendor", false),
            ("/shared/Vendor/x", false),
            ("/shared/vendor/x/y", true),
            ("/private/vendors", true),
        ] {
            assert_eq!(name(text).can_hold(), holds, "{text}");
        }
    }

    // spec: RFC 5464 §3.2; RFC 5464 §4.2.2
    #[test]
    fn case_does_not_matter_and_depth_counts_levels() {
        assert_eq!(name("/Private/Comment"), name("/private/comment"));
        assert!(name("/private/B") > name("/private/a"));
        assert_eq!(name("/Shared/X").key(), "/shared/x");
        assert!(name("/PRIVATE/x").is_private() && !name("/shared/x").is_private());
        let above = name("/private/A");
        for (text, zero, one, all) in [
            ("/private/a", true, true, true),
            ("/private/a/b", false, true, true),
            ("/private/a/b/c", false, false, true),
            ("/private/ab", false, false, false),
            ("/private", false, false, false),
        ] {
            let within = |depth| name(text).is_within(&above, depth);
            assert_eq!((within(Depth::Zero), within(Depth::One), within(Depth::Infinity)), (zero, one, all));
        }
    }
}
