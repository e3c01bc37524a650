//! Makes messages, chunk by chunk; always of suite 2.

use super::MESSAGE_HEADER_OCTETS;
use super::key_slot::{Agreement, CHUNK_KEY_OCTETS, Place, split};
use super::outline::Ephemeral;
use super::payload::{self, CHUNK_DATA_OCTETS_MAX, SealWith};
use super::read::Message;
use super::signature::masked;
use crate::agree::{DecryptionKey, EncryptionKey};
use crate::chunk::{Actor, ChunkType, SLOT_OCTETS, Suite};
use crate::cipher::SHARD_OCTETS;
use crate::hash::sha512;
use crate::object::{Magic, header};
use crate::random::{NoRandomness, Random};
use crate::secret::Secret;
use crate::sign::{SIGNATURE_OCTETS, SigningKey};

/// For whom a message is: the encryption keys of their current signets.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Readers {
    pub author: Option<EncryptionKey>,
    pub origin: Option<EncryptionKey>,
    pub destination: Option<EncryptionKey>,
    pub recipient: Option<EncryptionKey>,
}

impl Readers {
    const fn of(&self, actor: Actor) -> Option<&EncryptionKey> {
        match actor {
            Actor::Author => self.author.as_ref(),
            Actor::Origin => self.origin.as_ref(),
            Actor::Destination => self.destination.as_ref(),
            Actor::Recipient => self.recipient.as_ref(),
        }
    }
}

/// Why a message was not made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteError {
    Random(NoRandomness),
    /// No data, which a chunk cannot hold.
    Empty(ChunkType),
    /// A type that holds no encrypted data, or no signature.
    Kind(ChunkType),
    /// More octets than a message can count.
    TooLarge,
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Random(error) => error.fmt(f),
            Self::Empty(kind) => write!(f, "there is no data for the chunk of type {kind}"),
            Self::Kind(kind) => write!(f, "a chunk of type {kind} is not written so"),
            Self::TooLarge => f.write_str("the message is too large"),
        }
    }
}

impl std::error::Error for WriteError {}

impl From<NoRandomness> for WriteError {
    fn from(error: NoRandomness) -> Self {
        Self::Random(error)
    }
}

/// Who signs the chunks.
enum Signer<'a> {
    Author(&'a SigningKey),
    /// Made for this message; its public half stands in it.
    Ephemeral(SigningKey),
}

/// A message that is being made. The ephemeral private key is gone when it is finished.
pub struct Writer<'a> {
    random: &'a mut dyn Random,
    signer: Signer<'a>,
    agreements: Vec<Agreement>,
    chunks: Vec<u8>,
    hashes: Vec<u8>,
    index: u32,
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({} chunks)", self.index)
    }
}

impl<'a> Writer<'a> {
    /// A message that its author signs.
    pub fn authored(
        readers: &Readers,
        author: &'a SigningKey,
        random: &'a mut dyn Random,
    ) -> Result<Self, WriteError> {
        Self::begin(readers, Signer::Author(author), random)
    }

    /// A message that has no author with a signet: a key made for it signs.
    pub fn naked(readers: &Readers, random: &'a mut dyn Random) -> Result<Self, WriteError> {
        let signing = SigningKey::generate(random)?;
        Self::begin(readers, Signer::Ephemeral(signing), random)
    }

    fn begin(readers: &Readers, signer: Signer<'a>, random: &'a mut dyn Random) -> Result<Self, WriteError> {
        let key = DecryptionKey::generate(random)?;
        let public = key.public();
        let signing = match &signer {
            Signer::Author(_) => None,
            Signer::Ephemeral(key) => Some(key.public()),
        };
        let agree = |actor| {
            let reader = readers.of(actor)?;
            Some(Agreement::new(actor, key.agree(reader), &public))
        };
        let agreements = Actor::ALL.into_iter().filter_map(agree).collect();
        let ephemeral = Ephemeral { signing, encryption: public, suite: Suite::Two };
        let mut writer =
            Self { random, signer, agreements, chunks: Vec::new(), hashes: Vec::new(), index: 0 };
        writer.add(&ephemeral.chunk())?;
        Ok(writer)
    }

    /// Adds data, in as many chunks as it needs, to be read by those who have slots in such chunks.
    pub fn data(&mut self, kind: ChunkType, data: &[u8]) -> Result<(), WriteError> {
        if !kind.is_encrypted() || kind.slots().is_none() {
            return Err(WriteError::Kind(kind));
        }
        if data.is_empty() {
            return Err(WriteError::Empty(kind));
        }
        let mut pieces = data.chunks(CHUNK_DATA_OCTETS_MAX).peekable();
        while let Some(piece) = pieces.next() {
            self.piece(kind, piece, pieces.peek().is_some())?;
        }
        Ok(())
    }

    pub(super) fn piece(&mut self, kind: ChunkType, data: &[u8], continues: bool) -> Result<(), WriteError> {
        let place = self.place(kind);
        let key = Secret::<CHUNK_KEY_OCTETS>::random(self.random)?;
        let mut vector_shard = [0; SHARD_OCTETS];
        self.random.fill(&mut vector_shard)?;
        let with = SealWith { place, key: &split(&key), vector_shard: &vector_shard, signer: self.signer() };
        let mut chunk = payload::seal(&with, data, continues).ok_or(WriteError::TooLarge)?;
        self.slots(place, &key, &mut chunk);
        self.add(&chunk)
    }

    /// Adds the tree signature and the author's over all before.
    pub fn sign(&mut self) -> Result<(), WriteError> {
        let tree = self.signer().sign(&self.hashes);
        self.signature(ChunkType::TREE_SIGNATURE, &tree.0)?;
        let full = self.signer().sign(&self.chunks);
        self.signature(ChunkType::AUTHOR_SIGNATURE, &full.0)
    }

    /// Adds another's signature over all before.
    pub fn sign_as(&mut self, kind: ChunkType, signer: &SigningKey) -> Result<(), WriteError> {
        let signature = signer.sign(&self.chunks);
        self.signature(kind, &signature.0)
    }

    /// Adds room for a signature of the author's organisation: it cannot make slots for others, because it
    /// has not the ephemeral key.
    pub fn room(&mut self, kind: ChunkType) -> Result<(), WriteError> {
        let place = self.place(kind);
        let key = Secret::<CHUNK_KEY_OCTETS>::random(self.random)?;
        self.signature_chunk(place, &key, &[0; SIGNATURE_OCTETS])
    }

    fn signature(&mut self, kind: ChunkType, octets: &[u8; SIGNATURE_OCTETS]) -> Result<(), WriteError> {
        let place = self.place(kind);
        let key = Secret::<CHUNK_KEY_OCTETS>::random(self.random)?;
        self.signature_chunk(place, &key, &masked(octets, &key).0)
    }

    fn signature_chunk(
        &mut self,
        place: Place,
        key: &Secret<CHUNK_KEY_OCTETS>,
        octets: &[u8; SIGNATURE_OCTETS],
    ) -> Result<(), WriteError> {
        if !place.kind.is_signature() {
            return Err(WriteError::Kind(place.kind));
        }
        let mut chunk = vec![place.kind.0];
        chunk.extend_from_slice(octets);
        self.slots(place, key, &mut chunk);
        self.add(&chunk)
    }

    /// The message. Its chunks stay as they are whichever kind it is.
    pub fn finish(self, magic: Magic) -> Result<Vec<u8>, WriteError> {
        let header = header(magic, self.chunks.len()).filter(|header| header.len() == MESSAGE_HEADER_OCTETS);
        Ok([header.ok_or(WriteError::TooLarge)?, self.chunks].concat())
    }

    fn signer(&self) -> &SigningKey {
        match &self.signer {
            Signer::Author(key) => key,
            Signer::Ephemeral(key) => key,
        }
    }
    const fn place(&self, kind: ChunkType) -> Place {
        Place { suite: Suite::Two, kind, index: self.index }
    }
    /// A slot for each actor that such a chunk has one for; of zeros for those who do not read.
    fn slots(&self, place: Place, key: &Secret<CHUNK_KEY_OCTETS>, chunk: &mut Vec<u8>) {
        for actor in place.kind.slots().unwrap_or_default() {
            match self.agreements.iter().find(|agreement| agreement.actor == *actor) {
                Some(agreement) => chunk.extend_from_slice(agreement.masked(place, key.expose()).expose()),
                None => chunk.extend_from_slice(&[0; SLOT_OCTETS]),
            }
        }
    }
    fn add(&mut self, chunk: &[u8]) -> Result<(), WriteError> {
        let whole = self.chunks.len() + chunk.len();
        if self.index as usize >= super::CHUNKS_MAX || u32::try_from(whole).is_err() {
            return Err(WriteError::TooLarge);
        }
        self.hashes.extend_from_slice(&sha512(&[chunk]));
        self.chunks.extend_from_slice(chunk);
        self.index += 1;
        Ok(())
    }
}

/// The same message as another kind: signatures do not cover the header. `None` when it is no message, or the
/// number none of a message's.
#[must_use]
pub fn retitled(octets: &[u8], magic: Magic) -> Option<Vec<u8>> {
    let message = Message::parse(octets).ok().filter(|_| magic.is_message())?;
    let end = usize::try_from(message.outline().body_start()).ok()?;
    let start = end.checked_sub(MESSAGE_HEADER_OCTETS)?;
    let (before, rest) = octets.split_at_checked(start)?;
    Some([before, &magic.number().to_be_bytes(), rest.get(2..)?].concat())
}
