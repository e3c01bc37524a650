//! How much a server may know of the mail of an account (DMAP-00 §7.1.1, docs/DMAP.md).
//!
//! One mode per account. The rules that follow from it are enforced in one place, by the store and the
//! mailbox service; what is here is the table they are read from.

use crate::keyword::{Keyword, SystemFlags};

/// The keywords that DMAP spells as flags.
pub const FORWARDED: &str = "$Forwarded";
pub const SUBMITTED: &str = "$Submitted";
pub const SUBMIT_PENDING: &str = "$SubmitPending";

/// The modes, from the one in which the server knows most. The numbers are what is stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum Mode {
    /// The server keeps mail in clear, and keys that it can use.
    #[default]
    Trustful = 0,
    /// The server keeps encrypted mail, and private keys only encrypted by their owner.
    Cautious = 1,
    /// The server keeps encrypted mail and no private keys.
    Paranoid = 2,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Trustful, Self::Cautious, Self::Paranoid];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trustful => "TRUSTFUL",
            Self::Cautious => "CAUTIOUS",
            Self::Paranoid => "PARANOID",
        }
    }
    /// Reads what `word` says, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.word().eq_ignore_ascii_case(text))
    }
    /// The number that is stored.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.number() == number)
    }
    /// Whether messages may be kept that everybody can read who reads the disk.
    #[must_use]
    pub const fn keeps_clear_mail(self) -> bool {
        matches!(self, Self::Trustful)
    }
    /// Which system flags the server keeps; the others are for the client's META.
    #[must_use]
    pub const fn system_flags(self) -> SystemFlags {
        match self {
            Self::Trustful | Self::Cautious => SystemFlags::ALL,
            Self::Paranoid => SystemFlags::DELETED.union(SystemFlags::DRAFT),
        }
    }
    /// Whether the server keeps this keyword.
    #[must_use]
    pub fn keeps_keyword(self, keyword: &Keyword) -> bool {
        let text = keyword.as_str();
        match self {
            Self::Trustful | Self::Cautious => true,
            Self::Paranoid => {
                text.eq_ignore_ascii_case(SUBMITTED) || text.eq_ignore_ascii_case(SUBMIT_PENDING)
            }
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(&mode.word().to_lowercase()), Some(mode));
            assert_eq!(Mode::from_number(mode.number()), Some(mode));
        }
        assert_eq!(Mode::parse("TRUSTING"), None);
        assert_eq!(Mode::from_number(3), None);
        assert!(Mode::Trustful < Mode::Cautious && Mode::Cautious < Mode::Paranoid);
    }

    // spec: DMAP-00 §3.3.2
    #[test]
    fn what_a_paranoid_account_keeps_of_flags() {
        let keyword = |text| Keyword::new(text).unwrap();
        for mode in [Mode::Trustful, Mode::Cautious] {
            assert_eq!(mode.system_flags(), SystemFlags::ALL);
            assert!(mode.keeps_keyword(&keyword("$Work")));
        }
        let kept = Mode::Paranoid.system_flags();
        assert!(kept.contains(SystemFlags::DELETED.union(SystemFlags::DRAFT)));
        assert!(!kept.contains(SystemFlags::SEEN));
        assert!(Mode::Paranoid.keeps_keyword(&keyword("$submitpending")));
        assert!(!Mode::Paranoid.keeps_keyword(&keyword(FORWARDED)));
    }
}
