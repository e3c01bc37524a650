//! How the key of a chunk reaches its readers: XORed with a key that the maker of the message and one reader
//! have in common (docs/DIME.md, slots).

use crate::agree::{EncryptionKey, POINT_OCTETS};
use crate::chunk::{Actor, ChunkType, SLOT_OCTETS, Suite};
use crate::hash::{hkdf, sha512_secret};
use crate::octets::xor_into;
use crate::secret::Secret;

/// Octets of the random key of a chunk.
pub(super) const CHUNK_KEY_OCTETS: usize = 32;

/// Where a chunk stands: what its keys are bound to in suite 2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) suite: Suite,
    pub(super) kind: ChunkType,
    /// From 0, the ephemeral chunk.
    pub(super) index: u32,
}

/// What one actor and the maker of the message agreed on.
#[derive(Clone, Debug)]
pub(super) struct Agreement {
    pub(super) actor: Actor,
    pub(super) shared: Secret<32>,
    pub(super) ephemeral: [u8; POINT_OCTETS],
}

impl Agreement {
    pub(super) fn new(actor: Actor, shared: Secret<32>, ephemeral: &EncryptionKey) -> Self {
        Self { actor, shared, ephemeral: ephemeral.octets() }
    }

    /// The key that masks the slot of the actor in this chunk. In suite 1 it is the same in all chunks.
    pub(super) fn slot_key(&self, place: Place) -> Secret<SLOT_OCTETS> {
        match place.suite {
            Suite::One => self.shared.clone(),
            Suite::Two => {
                let (bit, kind) = ([self.actor.bit()], [place.kind.0]);
                let info: [&[u8]; 4] = [b"DIME suite 2 keyslot", &bit, &kind, &place.index.to_be_bytes()];
                hkdf(&self.ephemeral, self.shared.expose(), &info)
            }
        }
    }

    /// Slot to key or key to slot.
    pub(super) fn masked(&self, place: Place, octets: &[u8; SLOT_OCTETS]) -> Secret<CHUNK_KEY_OCTETS> {
        let mut key = self.slot_key(place);
        xor_into(key.expose_mut(), octets);
        key
    }
}

/// What is made of the key of a chunk: vector, tag and cipher key, or the mask of a signature.
pub(super) fn split(key: &Secret<CHUNK_KEY_OCTETS>) -> Secret<64> {
    sha512_secret(&[key.expose()])
}
