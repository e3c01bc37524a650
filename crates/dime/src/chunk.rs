//! Chunks: which types there are, for whom each is encrypted, and how long each is (docs/DIME.md, chunks).
//!
//! ```text
//! 1         type || length(3) || fields
//! 2 to 223  type || length(3) || vector shard(16) || tag shard(16) || ciphertext || slots(32 each)
//! 224 on    type || masked signature(64) || slots(32 each)
//! ```
//! The length counts shards and ciphertext, not the slots.

use crate::sign::SIGNATURE_OCTETS;

/// Octets of one key slot.
pub const SLOT_OCTETS: usize = 32;
/// The number of a chunk's type, and its length, as far as it has one.
pub const CHUNK_HEADER_OCTETS: usize = 4;

/// Who may have a share in a message. The value is the bit that stands for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Actor {
    Author = 1,
    /// The author's organisation.
    Origin = 2,
    /// The recipient's organisation.
    Destination = 4,
    Recipient = 8,
}

impl Actor {
    /// In the order of slots.
    pub const ALL: [Self; 4] = [Self::Author, Self::Origin, Self::Destination, Self::Recipient];

    #[must_use]
    pub const fn bit(self) -> u8 {
        self as u8
    }
}

/// The number that says what a chunk is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChunkType(pub u8);

impl ChunkType {
    /// In BODYSTRUCTURE and BODY[0.n]: the tracing objects before the message. No chunk has this type.
    pub const TRACING: Self = Self(0);
    pub const EPHEMERAL: Self = Self(1);
    pub const ORIGIN: Self = Self(2);
    pub const DESTINATION: Self = Self(3);
    pub const COMMON_HEADERS: Self = Self(32);
    pub const OTHER_HEADERS: Self = Self(33);
    pub const BODY: Self = Self(48);
    pub const DISPLAY_MULTI: Self = Self(65);
    pub const DISPLAY_ALTERNATIVE: Self = Self(66);
    pub const DISPLAY: Self = Self(67);
    pub const ATTACHMENT_MULTI: Self = Self(129);
    pub const ATTACHMENT_ALTERNATIVE: Self = Self(130);
    pub const ATTACHMENT: Self = Self(131);
    pub const TREE_SIGNATURE: Self = Self(224);
    pub const AUTHOR_SIGNATURE: Self = Self(225);
    pub const META_BOUNCE: Self = Self(248);
    pub const DISPLAY_BOUNCE: Self = Self(249);
    pub const ORIGIN_SIGNATURE: Self = Self(254);
    pub const DESTINATION_SIGNATURE: Self = Self(255);

    /// Who has slots, in their order; `None` for types nobody knows: how long such a chunk is cannot be said.
    #[must_use]
    pub const fn slots(self) -> Option<&'static [Actor]> {
        use Actor::{Author, Destination, Origin, Recipient};
        Some(match self {
            Self::EPHEMERAL => &[],
            Self::ORIGIN | Self::TREE_SIGNATURE | Self::AUTHOR_SIGNATURE => &[Author, Origin, Recipient],
            Self::DESTINATION => &[Author, Destination, Recipient],
            Self::COMMON_HEADERS | Self::OTHER_HEADERS | Self::BODY => &[Author, Recipient],
            Self::DISPLAY_MULTI | Self::DISPLAY_ALTERNATIVE | Self::DISPLAY => &[Author, Recipient],
            Self::ATTACHMENT_MULTI | Self::ATTACHMENT_ALTERNATIVE | Self::ATTACHMENT => &[Author, Recipient],
            Self::META_BOUNCE | Self::DISPLAY_BOUNCE | Self::ORIGIN_SIGNATURE => {
                &[Author, Origin, Destination, Recipient]
            }
            Self::DESTINATION_SIGNATURE => &[Destination, Recipient],
            _ => return None,
        })
    }
    #[must_use]
    pub const fn is_signature(self) -> bool {
        self.0 >= Self::TREE_SIGNATURE.0
    }
    /// Whether it holds data that is encrypted.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        self.0 > Self::EPHEMERAL.0 && !self.is_signature()
    }
    /// Octets of all slots.
    pub(crate) fn slots_octets(self) -> Option<usize> {
        self.slots().map(|actors| actors.len() * SLOT_OCTETS)
    }
    /// Octets of a whole signature chunk.
    pub(crate) fn signature_octets(self) -> Option<usize> {
        self.slots_octets().map(|slots| 1 + SIGNATURE_OCTETS + slots)
    }
}

impl std::fmt::Display for ChunkType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How keys reach their readers, and what is authenticated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Suite {
    /// magma's. Whoever opens one chunk of a message can open all: it is read, never made.
    One,
    /// A key for each slot, and type, length and place of a chunk are authenticated.
    Two,
}
