//! What a login may be used for: the scopes of app passwords.

/// One way in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Access {
    /// Reading and filing mail by IMAP.
    Imap,
    /// Sending mail by SMTP.
    Submission,
    /// All of it by JMAP.
    Jmap,
    /// Reading and filing mail by DMAP, where the account is trustful.
    Dmap,
}

impl Access {
    pub const ALL: [Self; 4] = [Self::Imap, Self::Submission, Self::Jmap, Self::Dmap];

    /// As an administrator writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Submission => "submission",
            Self::Jmap => "jmap",
            Self::Dmap => "dmap",
        }
    }
    /// Reads a name without regard to case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name().eq_ignore_ascii_case(name))
    }
    /// As it is stored: never changes its meaning.
    const fn bit(self) -> u32 {
        match self {
            Self::Imap => 1,
            Self::Submission => 2,
            Self::Jmap => 4,
            Self::Dmap => 8,
        }
    }
}

/// Not a way in: what is stored is a bearer token, which is no password.
const TOKEN: u32 = 1 << 31;

/// Several ways in. Bits that this build does not know are kept and allow nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct AccessSet(u32);

impl AccessSet {
    /// Every way there is, those of the future too.
    pub const ALL: Self = Self(u32::MAX);
    pub const NONE: Self = Self(0);

    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
    #[must_use]
    pub const fn with(self, access: Access) -> Self {
        Self(self.0 | access.bit())
    }
    #[must_use]
    pub const fn allows(self, access: Access) -> bool {
        self.0 & access.bit() != 0
    }
    /// The same for a bearer token.
    #[must_use]
    pub const fn of_token(self) -> Self {
        Self(self.0 | TOKEN)
    }
    /// Whether this is of a bearer token.
    #[must_use]
    pub const fn is_of_token(self) -> bool {
        self.0 & TOKEN != 0
    }
    /// Those this build knows.
    pub fn iter(self) -> impl Iterator<Item = Access> {
        Access::ALL.into_iter().filter(move |a| self.allows(*a))
    }
}

impl FromIterator<Access> for AccessSet {
    fn from_iter<I: IntoIterator<Item = Access>>(all: I) -> Self {
        all.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bits_come_back() {
        for access in Access::ALL {
            assert_eq!(Access::parse(&access.name().to_uppercase()), Some(access));
            let one = AccessSet::NONE.with(access);
            assert!(AccessSet::from_bits(one.bits()).allows(access));
            assert_eq!(one.iter().collect::<Vec<_>>(), [access]);
            assert!(AccessSet::ALL.allows(access) && !AccessSet::NONE.allows(access));
        }
        assert_eq!(Access::ALL.into_iter().collect::<AccessSet>().bits(), 15, "never changes");
        let token = AccessSet::NONE.with(Access::Jmap).of_token();
        assert!(token.is_of_token() && token.bits() == 0x8000_0004 && token.allows(Access::Jmap));
        assert!(!Access::ALL.into_iter().collect::<AccessSet>().is_of_token());
        assert_eq!(Access::parse("pop3"), None);
    }
}
