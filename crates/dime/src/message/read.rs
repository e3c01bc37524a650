//! A message with its octets, and what one of its readers can open.

use zeroize::Zeroizing;

use super::form::FormError;
use super::key_slot::{Agreement, CHUNK_KEY_OCTETS, Place, split};
use super::outline::{ChunkFact, Ephemeral, Outline, OutlineError};
use super::payload::{self, ChunkData, Opened};
use super::signature::masked;
use crate::agree::DecryptionKey;
use crate::chunk::{Actor, CHUNK_HEADER_OCTETS, ChunkType, SLOT_OCTETS};
use crate::hash::{HASH_OCTETS, sha512};
use crate::secret::{Secret, SecretOctets};
use crate::sign::{SIGNATURE_OCTETS, Signature, VerifyingKey};

/// A message whose frame is good.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    octets: &'a [u8],
    outline: Outline,
}

/// Why a chunk was not opened, or is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError {
    /// There is no such chunk.
    NoChunk,
    /// The chunk is not encrypted, or is no signature.
    Kind(ChunkType),
    /// It is not for this actor.
    NoSlot,
    /// Another key, or somebody changed the chunk, its type or its place.
    Forged,
    /// Decrypted, but its lengths or its padding are wrong.
    Plaintext,
    /// It was made in a way nobody has described.
    Flags(u8),
    /// Not signed by whom it should be.
    Signature,
    /// Data that goes on in a next chunk, but there is none of the same type.
    CutOff,
    /// The message does not have the chunks it should.
    Form(FormError),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoChunk => f.write_str("there is no such chunk"),
            Self::Kind(kind) => write!(f, "a chunk of type {kind} cannot be opened so"),
            Self::NoSlot => f.write_str("the chunk is not for this reader"),
            Self::Forged => f.write_str("the chunk is for another key, or was changed"),
            Self::Plaintext => f.write_str("the decrypted chunk is malformed"),
            Self::Flags(flags) => write!(f, "the chunk has flags {flags} that are not known"),
            Self::Signature => f.write_str("the chunk is not signed by whom it should be"),
            Self::CutOff => f.write_str("the chunk goes on, but the next one is of another type"),
            Self::Form(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

impl<'a> Message<'a> {
    pub fn parse(octets: &'a [u8]) -> Result<Self, OutlineError> {
        Ok(Self { octets, outline: Outline::of(octets)? })
    }
    #[must_use]
    pub const fn outline(&self) -> &Outline {
        &self.outline
    }
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }
    /// All octets of a chunk; 0 is the ephemeral one.
    #[must_use]
    pub fn chunk(&self, index: usize) -> Option<&'a [u8]> {
        self.part(self.outline.chunks().get(index)?)
    }
    /// BODY[t.n] of DMAP.
    #[must_use]
    pub fn section(&self, kind: ChunkType, number: u32) -> Option<&'a [u8]> {
        self.part(self.outline.section(kind, number)?)
    }
    /// SHA-512 of each chunk before the first signature: CHUNKHASH of DMAP.
    #[must_use]
    pub fn chunk_hashes(&self) -> Vec<[u8; HASH_OCTETS]> {
        let facts = self.outline.chunks().iter().take_while(|fact| !fact.kind.is_signature());
        facts.filter_map(|fact| self.part(fact)).map(|chunk| sha512(&[chunk])).collect()
    }
    /// Opens what is for this actor, whose key must be that of the signet the message was made for.
    #[must_use]
    pub fn reader(&self, actor: Actor, key: &DecryptionKey) -> Reader<'a, '_> {
        let ephemeral = &self.outline.ephemeral().encryption;
        Reader { message: self, agreement: Agreement::new(actor, key.agree(ephemeral), ephemeral) }
    }

    fn part(&self, fact: &ChunkFact) -> Option<&'a [u8]> {
        let start = usize::try_from(fact.start).ok()?;
        self.octets.get(start..start.checked_add(usize::try_from(fact.octets).ok()?)?)
    }
    /// What stands after the header of the message and before a place in it.
    pub(super) fn before(&self, end: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(self.outline.body_start()).ok()?;
        self.octets.get(start..usize::try_from(end).ok()?)
    }
    pub(super) fn place(&self, index: usize) -> Option<Place> {
        let kind = self.outline.chunks().get(index)?.kind;
        let suite = self.outline.ephemeral().suite;
        Some(Place { suite, kind, index: u32::try_from(index).ok()? })
    }
    /// Places of all chunks of a type.
    pub fn places(&self, kind: ChunkType) -> impl Iterator<Item = usize> {
        let all = self.outline.chunks().iter().enumerate();
        all.filter(move |(_, fact)| fact.kind == kind).map(|(index, _)| index)
    }
}

/// One actor's view of a message.
#[derive(Debug)]
pub struct Reader<'a, 'm> {
    message: &'m Message<'a>,
    agreement: Agreement,
}

impl Reader<'_, '_> {
    /// Decrypts the chunk at this place (0 is the ephemeral one).
    pub fn open(&self, index: usize) -> Result<Opened, OpenError> {
        let chunk = self.message.chunk(index).ok_or(OpenError::NoChunk)?;
        let place = self.message.place(index).ok_or(OpenError::NoChunk)?;
        open(&self.agreement, place, chunk)
    }

    /// Of the message.
    pub(super) const fn outline(&self) -> &Outline {
        &self.message.outline
    }
    /// Octets of the message.
    pub(super) const fn octets(&self) -> usize {
        self.message.octets.len()
    }

    /// The data of all chunks of a type, each verified, those that go on in the next joined with it.
    pub fn read(&self, kind: ChunkType, author: &VerifyingKey) -> Result<Vec<SecretOctets>, OpenError> {
        let mut all = Vec::new();
        let mut pieces: Vec<ChunkData> = Vec::new();
        let mut last = None;
        for index in self.message.places(kind) {
            let is_adjacent = last.is_none_or(|last: usize| last + 1 == index);
            if !pieces.is_empty() && !is_adjacent {
                return Err(OpenError::CutOff);
            }
            last = Some(index);
            let chunk = self.open(index)?.verify(author)?;
            let continues = chunk.continues();
            pieces.push(chunk);
            if !continues {
                all.push(joined(&pieces));
                pieces.clear();
            }
        }
        if pieces.is_empty() { Ok(all) } else { Err(OpenError::CutOff) }
    }

    /// Whether the one chunk of this type is `signer`'s signature over what it should be.
    pub fn verify(&self, kind: ChunkType, signer: &VerifyingKey) -> Result<(), OpenError> {
        let mut places = self.message.places(kind);
        let (Some(index), None) = (places.next(), places.next()) else { return Err(OpenError::NoChunk) };
        let (key, chunk) = self.signature_key(index)?;
        let masked_octets = chunk.get(1..=SIGNATURE_OCTETS).and_then(|octets| octets.try_into().ok());
        let signature: Signature = masked(masked_octets.ok_or(OpenError::NoChunk)?, &key);
        let signed = self.message.signed(index).ok_or(OpenError::NoChunk)?;
        if signer.verifies(signed.as_ref(), &signature) { Ok(()) } else { Err(OpenError::Signature) }
    }

    /// The key of a signature chunk, and the chunk.
    pub(super) fn signature_key(&self, index: usize) -> Result<(Secret<CHUNK_KEY_OCTETS>, &[u8]), OpenError> {
        let chunk = self.message.chunk(index).ok_or(OpenError::NoChunk)?;
        let place = self.message.place(index).ok_or(OpenError::NoChunk)?;
        if !place.kind.is_signature() {
            return Err(OpenError::Kind(place.kind));
        }
        Ok((chunk_key(&self.agreement, place, chunk)?, chunk))
    }
}

/// Opens a chunk that was fetched without the rest of its message, as BODY[t.n] of DMAP gives it, for
/// instance to list subjects. `ephemeral` is the first chunk, BODY[1.1]; `index` the place of this one, the
/// ephemeral one 0. What the message's signatures say is not known then.
pub fn open_alone(
    ephemeral: &[u8],
    chunk: &[u8],
    index: u32,
    actor: Actor,
    key: &DecryptionKey,
) -> Result<Opened, OpenError> {
    let ephemeral = Ephemeral::parse(ephemeral).ok_or(OpenError::NoChunk)?;
    let kind = ChunkType(*chunk.first().ok_or(OpenError::NoChunk)?);
    let agreement = Agreement::new(actor, key.agree(&ephemeral.encryption), &ephemeral.encryption);
    open(&agreement, Place { suite: ephemeral.suite, kind, index }, chunk)
}

fn open(agreement: &Agreement, place: Place, chunk: &[u8]) -> Result<Opened, OpenError> {
    if !place.kind.is_encrypted() {
        return Err(OpenError::Kind(place.kind));
    }
    let key = chunk_key(agreement, place, chunk)?;
    let end = chunk.len().saturating_sub(place.kind.slots_octets().unwrap_or_default());
    payload::open(place, &split(&key), chunk.get(CHUNK_HEADER_OCTETS..end).unwrap_or_default())
}

/// The key of a chunk, from the slot of the one who agreed.
fn chunk_key(
    agreement: &Agreement,
    place: Place,
    chunk: &[u8],
) -> Result<Secret<CHUNK_KEY_OCTETS>, OpenError> {
    let actors = place.kind.slots().unwrap_or_default();
    let before = actors.iter().position(|actor| *actor == agreement.actor);
    let from_end = actors.len() - before.ok_or(OpenError::NoSlot)?;
    let start = chunk.len().checked_sub(from_end * SLOT_OCTETS).ok_or(OpenError::NoSlot)?;
    let slot: &[u8; SLOT_OCTETS] = chunk
        .get(start..start + SLOT_OCTETS)
        .and_then(|slot| slot.try_into().ok())
        .filter(|slot: &&[u8; SLOT_OCTETS]| **slot != [0; SLOT_OCTETS])
        .ok_or(OpenError::NoSlot)?;
    Ok(agreement.masked(place, slot))
}

fn joined(pieces: &[ChunkData]) -> SecretOctets {
    let whole = pieces.iter().map(|piece| piece.data().len()).sum();
    let mut data = Zeroizing::new(Vec::with_capacity(whole));
    pieces.iter().for_each(|piece| data.extend_from_slice(piece.data()));
    data
}
