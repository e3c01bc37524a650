//! Keywords of an Email (RFC 8621 §4.1.1): those that are system flags in IMAP, and the rest.

use std::borrow::Cow;
use std::fmt;

use koi_types::{Keyword, SystemFlags};

use super::json::{Slot, ToJson};

/// A keyword as JMAP names it; always printed in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EmailKeyword {
    Draft,
    Seen,
    Flagged,
    Answered,
    Other(Keyword),
}

/// Reserved so that it is not taken for `\Recent` (RFC 8621 §10.4.5).
const RESERVED: &str = "$recent";

impl EmailKeyword {
    pub const SYSTEM: [Self; 4] = [Self::Draft, Self::Seen, Self::Flagged, Self::Answered];

    /// Case is disregarded. `None` when the text cannot be a keyword.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case(RESERVED) {
            return None;
        }
        let system = Self::SYSTEM.into_iter().find(|keyword| text.eq_ignore_ascii_case(&keyword.name()));
        system.or_else(|| Keyword::new(text).map(Self::Other))
    }

    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Draft => "$draft".into(),
            Self::Seen => "$seen".into(),
            Self::Flagged => "$flagged".into(),
            Self::Answered => "$answered".into(),
            Self::Other(keyword) if keyword.as_str().bytes().any(|b| b.is_ascii_uppercase()) => {
                keyword.as_str().to_ascii_lowercase().into()
            }
            Self::Other(keyword) => keyword.as_str().into(),
        }
    }

    /// The flag of IMAP that it is.
    #[must_use]
    pub const fn system_flag(&self) -> Option<SystemFlags> {
        match self {
            Self::Draft => Some(SystemFlags::DRAFT),
            Self::Seen => Some(SystemFlags::SEEN),
            Self::Flagged => Some(SystemFlags::FLAGGED),
            Self::Answered => Some(SystemFlags::ANSWERED),
            Self::Other(_) => None,
        }
    }
}

impl fmt::Display for EmailKeyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl ToJson for EmailKeyword {
    fn write(&self, slot: Slot<'_>) {
        slot.string(&self.name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec: RFC 8621 §4.1.1; RFC 8621 §10.4.1; RFC 8621 §10.4.2; RFC 8621 §10.4.3; RFC 8621 §10.4.4;
    /// RFC 8621 §10.4.5
    #[test]
    fn keywords_are_shown_in_lower_case() {
        let known = [
            ("$draft", Some(SystemFlags::DRAFT)),
            ("$SEEN", Some(SystemFlags::SEEN)),
            ("$Flagged", Some(SystemFlags::FLAGGED)),
            ("$answered", Some(SystemFlags::ANSWERED)),
            ("$MDNSent", None),
            ("project-x", None),
            ("$deleted", None),
        ];
        for (text, flag) in known {
            let keyword = EmailKeyword::parse(text).unwrap();
            assert_eq!(keyword.to_string(), text.to_ascii_lowercase());
            assert_eq!(keyword.system_flag(), flag);
            assert_eq!(EmailKeyword::parse(&keyword.name()), Some(keyword));
        }
        for bad in ["", "a b", "a(", "a)", "{", "x]", "%", "*", "\"", "\\seen", "é", "$recent", "$Recent"] {
            assert_eq!(EmailKeyword::parse(bad), None, "{bad}");
        }
    }
}
