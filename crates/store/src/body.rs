//! Bodies: octets stored once for all who refer to them inside one scope (a domain), found by their BLAKE3.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use koi_types::BlobId;

/// Bodies are shared only inside a scope: one per domain, so that deduplication tells nobody else anything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Scope(pub u32);

/// Where a body lies: a logical address that never changes, also when its segment is packed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BodyRef {
    pub blob: BlobId,
    pub segment: u32,
    /// Of the body record in the segment.
    pub offset: u64,
    /// Octets of the body itself.
    pub octets: u64,
}

/// A body a transaction may store. Hashing is done by whoever received the octets, never by the writer.
#[derive(Clone, Debug)]
pub enum NewBody {
    /// Goes into the journal group of its commit; at most `limits::BODY_INLINE_OCTETS_MAX`.
    Inline { blob: BlobId, octets: Arc<[u8]> },
    /// Already durable in a body segment, at an address nobody refers to yet.
    Staged(StagedBody),
}

/// A large body that is durable but not yet referred to. While a clone of it lives, its octets stay.
#[derive(Clone)]
pub struct StagedBody {
    body: BodyRef,
    _hold: Arc<dyn Any + Send + Sync>,
}

impl StagedBody {
    /// `hold` keeps the compactor of the engine away from the octets until it is dropped.
    pub(crate) fn new(body: BodyRef, hold: Arc<dyn Any + Send + Sync>) -> Self {
        Self { body, _hold: hold }
    }
    /// Where the octets lie.
    #[must_use]
    pub fn body(&self) -> BodyRef {
        self.body
    }
}

impl fmt::Debug for StagedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StagedBody").field(&self.body).finish()
    }
}

impl NewBody {
    /// Hashes the octets.
    #[must_use]
    pub fn inline(octets: Arc<[u8]>) -> Self {
        Self::Inline { blob: BlobId(*blake3::hash(&octets).as_bytes()), octets }
    }
    #[must_use]
    pub fn blob(&self) -> BlobId {
        match self {
            Self::Inline { blob, .. } => *blob,
            Self::Staged(staged) => staged.body.blob,
        }
    }
    /// Octets of the body.
    #[must_use]
    pub fn octets(&self) -> u64 {
        match self {
            Self::Inline { octets, .. } => octets.len() as u64,
            Self::Staged(staged) => staged.body.octets,
        }
    }
}
