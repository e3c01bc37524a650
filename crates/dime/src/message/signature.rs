//! Signature chunks: `type || signature XOR SHA-512(key) || slots`, and what each kind of them is over
//! (docs/DIME.md, signatures).

use super::key_slot::{CHUNK_KEY_OCTETS, split};
use super::read::Message;
use crate::chunk::ChunkType;
use crate::hash::sha512;
use crate::octets::xor_into;
use crate::secret::Secret;
use crate::sign::{SIGNATURE_OCTETS, Signature};

/// Signature to masked octets, or back.
pub(super) fn masked(signature: &[u8; SIGNATURE_OCTETS], key: &Secret<CHUNK_KEY_OCTETS>) -> Signature {
    let mut octets = *signature;
    xor_into(&mut octets, split(key).expose());
    Signature(octets)
}

/// What a signature is over.
pub(super) enum Signed<'a> {
    /// As it stands in the message.
    Part(&'a [u8]),
    Made(Vec<u8>),
}

impl AsRef<[u8]> for Signed<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Part(octets) => octets,
            Self::Made(octets) => octets,
        }
    }
}

impl<'a> Message<'a> {
    /// What the signature chunk at this place is over; `None` if there is none.
    pub(super) fn signed(&self, index: usize) -> Option<Signed<'a>> {
        let fact = self.outline().chunks().get(index)?;
        match fact.kind {
            // The hashes of all chunks before it.
            ChunkType::TREE_SIGNATURE => Some(Signed::Made(self.tree(index))),
            // Ephemeral keys, envelopes and headers; in the second case also what is displayed.
            ChunkType::META_BOUNCE => Some(Signed::Made(self.below(ChunkType::BODY.0))),
            ChunkType::DISPLAY_BOUNCE => Some(Signed::Made(self.below(ChunkType::ATTACHMENT_MULTI.0))),
            kind if kind.is_signature() => self.before(fact.start).map(Signed::Part),
            _ => None,
        }
    }

    /// SHA-512 of each chunk before the tree signature, which DMAP calls CHUNKHASH, one after the other.
    fn tree(&self, index: usize) -> Vec<u8> {
        (0..index).filter_map(|index| self.chunk(index)).flat_map(|chunk| sha512(&[chunk])).collect()
    }

    fn below(&self, kind: u8) -> Vec<u8> {
        let facts = self.outline().chunks().iter().enumerate().filter(|(_, fact)| fact.kind.0 < kind);
        facts.filter_map(|(index, _)| self.chunk(index)).collect::<Vec<_>>().concat()
    }
}
