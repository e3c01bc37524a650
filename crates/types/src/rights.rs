//! Access rights on a mailbox, and to whom they may be given (RFC 4314 §2 and §2.1).

use std::fmt;

use crate::AccountId;

/// A set of the standard rights. The bits are what is stored: they never change their meaning.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Rights(u16);

/// To whom an entry of an access control list applies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Who {
    /// Every user of the owner's domain.
    Anyone,
    User(AccountId),
}

/// The identifier of an entry (RFC 4314 §2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identifier {
    pub who: Who,
    /// Its rights are taken away, whatever other entries give.
    pub negative: bool,
}

/// One entry of an access control list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AclEntry {
    pub identifier: Identifier,
    pub rights: Rights,
}

/// One right and its letter.
struct Named {
    letter: char,
    right: Rights,
}

impl Rights {
    pub const NONE: Self = Self(0);
    /// `l`: the mailbox is seen in lists.
    pub const LOOKUP: Self = Self(1);
    /// `r`: it is opened and read.
    pub const READ: Self = Self(1 << 1);
    /// `s`: `\Seen` is kept.
    pub const SEEN: Self = Self(1 << 2);
    /// `w`: flags but `\Seen` and `\Deleted` are changed.
    pub const WRITE: Self = Self(1 << 3);
    /// `i`: messages are put into it.
    pub const INSERT: Self = Self(1 << 4);
    /// `p`: mail is sent to its address; kept and told, as no mailbox here has an address of its own.
    pub const POST: Self = Self(1 << 5);
    /// `k`: mailboxes are made below it.
    pub const CREATE: Self = Self(1 << 6);
    /// `x`: it is deleted or renamed.
    pub const DELETE: Self = Self(1 << 7);
    /// `t`: `\Deleted` is changed.
    pub const DELETE_MESSAGES: Self = Self(1 << 8);
    /// `e`: messages are expunged.
    pub const EXPUNGE: Self = Self(1 << 9);
    /// `a`: rights are given and taken.
    pub const ADMINISTER: Self = Self(1 << 10);
    pub const ALL: Self = Self((1 << 11) - 1);
    /// `c` of older clients, which is `k` and `x` here (RFC 4314 §2.1.1).
    pub const OBSOLETE_CREATE: Self = Self(Self::CREATE.0 | Self::DELETE.0);
    /// `d` of older clients, which is `t` and `e` here (RFC 4314 §2.1.1).
    pub const OBSOLETE_DELETE: Self = Self(Self::DELETE_MESSAGES.0 | Self::EXPUNGE.0);

    /// The rights one by one, in the order in which they are told.
    pub fn each() -> impl Iterator<Item = Self> {
        LETTERS.iter().map(|named| named.right)
    }
    /// Reads letters; the error is the first that is no right. `c` and `d` stand for their members (RFC 4314
    /// §2.1.1).
    pub fn parse(letters: &str) -> Result<Self, char> {
        letters.chars().try_fold(Self::NONE, |rights, letter| {
            let known = LETTERS.iter().chain(&OBSOLETE).find(|named| named.letter == letter);
            known.map(|named| rights.union(named.right)).ok_or(letter)
        })
    }
    /// Bits that this build does not know allow nothing.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL.0)
    }
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }
    /// Whether all of `others` are among these.
    #[must_use]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }
    /// Whether one of `others` is among these.
    #[must_use]
    pub const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
    #[must_use]
    pub const fn union(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

const LETTERS: [Named; 11] = [
    Named { letter: 'l', right: Rights::LOOKUP },
    Named { letter: 'r', right: Rights::READ },
    Named { letter: 's', right: Rights::SEEN },
    Named { letter: 'w', right: Rights::WRITE },
    Named { letter: 'i', right: Rights::INSERT },
    Named { letter: 'p', right: Rights::POST },
    Named { letter: 'k', right: Rights::CREATE },
    Named { letter: 'x', right: Rights::DELETE },
    Named { letter: 't', right: Rights::DELETE_MESSAGES },
    Named { letter: 'e', right: Rights::EXPUNGE },
    Named { letter: 'a', right: Rights::ADMINISTER },
];

/// Told behind the others whenever one of their members is there (RFC 4314 §2.1.1).
const OBSOLETE: [Named; 2] = [
    Named { letter: 'c', right: Rights::OBSOLETE_CREATE },
    Named { letter: 'd', right: Rights::OBSOLETE_DELETE },
];

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        LETTERS
            .iter()
            .chain(&OBSOLETE)
            .filter(|named| self.has_any(named.right))
            .try_for_each(|named| fmt::Write::write_char(f, named.letter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 4314 §2.1; RFC 4314 §2.1.1
    #[test]
    fn letters_there_and_back() {
        assert_eq!(Rights::ALL.to_string(), "lrswipkxteacd");
        assert_eq!(Rights::parse("lrswipkxtea"), Ok(Rights::ALL));
        assert_eq!(Rights::parse("lrswipcda"), Ok(Rights::ALL));
        assert_eq!(Rights::parse("cda").unwrap().to_string(), "kxteacd");
        assert_eq!(Rights::parse("e").unwrap().to_string(), "ed");
        assert_eq!(Rights::parse("k").unwrap().to_string(), "kc");
        assert_eq!(Rights::parse(""), Ok(Rights::NONE));
        for bad in ["lrQ", "lrq", "0", " "] {
            assert_eq!(Rights::parse(bad), Err(bad.chars().last().unwrap()));
        }
        assert_eq!(Rights::from_bits(u16::MAX), Rights::ALL);
        assert!(Rights::each().fold(Rights::NONE, Rights::union) == Rights::ALL);
    }
}
