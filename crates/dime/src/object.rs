//! PRIME objects: a magic number, a length, and what it counts (docs/DIME.md, objects).
//!
//! Keys and signets have three octets of length, encrypted keys and messages four.

use crate::octets::Cursor;

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u16)]
pub enum Magic {
    SigningRequest = 1215,
    OrgSignet = 1776,
    UserSignet = 1789,
    Tracing = 1837,
    /// Number only; nothing is known of tickets.
    Ticket = 1841,
    Message = 1847,
    SentMessage = 1851,
    DraftMessage = 1861,
    NakedMessage = 1908,
    BounceMessage = 1931,
    EncryptedOrgKey = 1947,
    ForwardMessage = 1948,
    OrgKey = 1952,
    EncryptedUserKey = 1976,
    AbuseMessage = 2001,
    UserKey = 2013,
}

/// How many octets say the length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LengthOctets {
    Two,
    Three,
    Four,
}

impl LengthOctets {
    /// Magic number and length together.
    #[must_use]
    pub const fn header_octets(self) -> usize {
        match self {
            Self::Two => 4,
            Self::Three => 5,
            Self::Four => 6,
        }
    }
}

impl Magic {
    const ALL: [Self; 16] = [
        Self::SigningRequest,
        Self::OrgSignet,
        Self::UserSignet,
        Self::Tracing,
        Self::Ticket,
        Self::Message,
        Self::SentMessage,
        Self::DraftMessage,
        Self::NakedMessage,
        Self::BounceMessage,
        Self::EncryptedOrgKey,
        Self::ForwardMessage,
        Self::OrgKey,
        Self::EncryptedUserKey,
        Self::AbuseMessage,
        Self::UserKey,
    ];

    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|magic| magic.number() == number)
    }
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
    #[must_use]
    pub const fn length_octets(self) -> LengthOctets {
        match self {
            Self::SigningRequest | Self::OrgSignet | Self::UserSignet | Self::OrgKey | Self::UserKey => {
                LengthOctets::Three
            }
            Self::Tracing => LengthOctets::Two,
            _ => LengthOctets::Four,
        }
    }
    /// Whether chunks follow the header.
    #[must_use]
    pub const fn is_message(self) -> bool {
        matches!(
            self,
            Self::Message
                | Self::SentMessage
                | Self::DraftMessage
                | Self::NakedMessage
                | Self::BounceMessage
                | Self::ForwardMessage
                | Self::AbuseMessage
        )
    }
}

/// Why octets are no object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectError {
    /// The header is cut.
    TooShort,
    /// A magic number nobody knows.
    Magic(u16),
    /// A known object, but not the one wanted.
    Other(Magic),
    /// The length does not count what follows.
    Length,
}

impl std::fmt::Display for ObjectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooShort => f.write_str("an object's header is cut"),
            Self::Magic(number) => write!(f, "no object has the magic number {number}"),
            Self::Other(magic) => write!(f, "an object {} where another is wanted", magic.number()),
            Self::Length => f.write_str("an object's length is not that of what follows"),
        }
    }
}

impl std::error::Error for ObjectError {}

/// The payload of the object `wanted`, which is all of `octets`.
pub(crate) fn payload(wanted: Magic, octets: &[u8]) -> Result<&[u8], ObjectError> {
    let mut cursor = Cursor::new(octets);
    let number = cursor.be16().ok_or(ObjectError::TooShort)?;
    let magic = Magic::new(number).ok_or(ObjectError::Magic(number))?;
    if magic != wanted {
        return Err(ObjectError::Other(magic));
    }
    let length = match magic.length_octets() {
        LengthOctets::Two => cursor.be16().map(u32::from),
        LengthOctets::Three => cursor.be24(),
        LengthOctets::Four => cursor.be32(),
    };
    let length = length.ok_or(ObjectError::TooShort)?;
    let is_whole = usize::try_from(length).is_ok_and(|length| length == cursor.rest().len());
    if is_whole { Ok(cursor.rest()) } else { Err(ObjectError::Length) }
}

/// The header of an object whose payload has so many octets; `None` when the length does not fit.
pub(crate) fn header(magic: Magic, length: usize) -> Option<Vec<u8>> {
    let length = u32::try_from(length).ok()?.to_be_bytes();
    let octets = magic.length_octets().header_octets() - 2;
    let (above, counted) = length.split_at_checked(length.len() - octets)?;
    let fits = above.iter().all(|&octet| octet == 0);
    fits.then(|| [magic.number().to_be_bytes().as_slice(), counted].concat())
}
