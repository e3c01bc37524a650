//! Mailbox names: UTF-8 in Net-Unicode (NFC), `/` between levels (RFC 9051 §5.1), and roles (RFC 6154 §2, RFC
//! 8621 §2).

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use crate::limits;

/// The full name of a mailbox. `INBOX` is always written in upper case (RFC 9051 §5.1). Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MailboxName(Arc<str>);

/// Between the levels of a name.
pub const SEPARATOR: char = '/';

impl MailboxName {
    /// Normalises and checks: at most `MAILBOX_NAME_OCTETS_MAX` octets and `MAILBOX_DEPTH_MAX` levels, no
    /// control characters, no empty level. The error says what is wrong in words that may be shown to the
    /// user.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        if text.len() > limits::MAILBOX_NAME_OCTETS_MAX {
            return Err("mailbox name is too long");
        }
        let name = normalized(text);
        if name.len() > limits::MAILBOX_NAME_OCTETS_MAX {
            return Err("mailbox name is too long");
        }
        let forbidden = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if name.chars().any(forbidden) {
            return Err("mailbox name has a control character");
        }
        if name.split(SEPARATOR).any(str::is_empty) {
            return Err("mailbox name has an empty level");
        }
        if name.split(SEPARATOR).count() > limits::MAILBOX_DEPTH_MAX {
            return Err("mailbox name has too many levels");
        }
        Ok(Self(canonical_inbox(name).into()))
    }
    #[must_use]
    pub fn inbox() -> Self {
        Self("INBOX".into())
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        &*self.0 == "INBOX"
    }
    /// The name one level up, if there is one.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once(SEPARATOR).map(|(parent, _)| Self(parent.into()))
    }
    /// Whether this name lies below `other` at any depth.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.strip_prefix(&*other.0).is_some_and(|rest| rest.starts_with(SEPARATOR))
    }
    /// This name with the leading `from` replaced by `to` (RENAME of a parent, RFC 9051 §6.3.6).
    #[must_use]
    pub fn moved(&self, from: &Self, to: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(&*from.0)?;
        (rest.is_empty() || rest.starts_with(SEPARATOR)).then(|| Self(format!("{}{rest}", to.0).into()))
    }
}

/// Unicode Normalization Form C, as names are kept (RFC 5198 §3). What is looked for in names is brought to
/// it too.
#[must_use]
pub fn normalized(text: &str) -> String {
    text.nfc().collect()
}

/// `inbox` in any case as the whole name or the first level is the one INBOX.
fn canonical_inbox(name: String) -> String {
    let first = name.split(SEPARATOR).next().unwrap_or_default();
    if first.eq_ignore_ascii_case("INBOX") {
        format!("INBOX{}", name.get(5..).unwrap_or_default())
    } else {
        name
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Special use of a mailbox (RFC 6154 §2); JMAP calls it role (RFC 8621 §2). The number is what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Role {
    Archive = 1,
    Drafts = 2,
    Flagged = 3,
    Junk = 4,
    Sent = 5,
    Trash = 6,
    All = 7,
    Important = 8,
}

impl Role {
    pub const ALL: [Self; 8] = [
        Self::Archive,
        Self::Drafts,
        Self::Flagged,
        Self::Junk,
        Self::Sent,
        Self::Trash,
        Self::All,
        Self::Important,
    ];

    /// The mailbox attribute of RFC 6154 §2 and RFC 8457 §3.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Flagged => "\\Flagged",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
            Self::All => "\\All",
            Self::Important => "\\Important",
        }
    }
    #[must_use]
    pub fn from_attribute(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.attribute().eq_ignore_ascii_case(text))
    }
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|r| *r as u8 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inbox_is_one_and_levels_are_checked() {
        assert!(MailboxName::new("iNbOx").unwrap().is_inbox());
        assert_eq!(MailboxName::new("inbox/a").unwrap().as_str(), "INBOX/a");
        assert_eq!(MailboxName::new("Inboxes").unwrap().as_str(), "Inboxes");
        for bad in ["", "/a", "a/", "a//b", "a\nb", "a\u{85}b"] {
            assert!(MailboxName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_are_composed() {
        assert_eq!(MailboxName::new("A\u{308}").unwrap().as_str(), "Ä");
    }

    #[test]
    fn renaming_a_parent_moves_what_is_below() {
        let name = |t| MailboxName::new(t).unwrap();
        assert_eq!(name("a/b/c").moved(&name("a/b"), &name("x")), Some(name("x/c")));
        assert_eq!(name("a/bc").moved(&name("a/b"), &name("x")), None);
        assert!(name("a/b").is_below(&name("a")) && !name("ab").is_below(&name("a")));
    }
}
