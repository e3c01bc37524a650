//! What can be seen of a message without a key: where its chunks are, of which types, and the public
//! ephemeral keys. Read from octets as they come; nothing of a chunk is kept but what is public.

use super::{CHUNKS_MAX, MESSAGE_HEADER_OCTETS, TRACING_MAX};
use crate::agree::EncryptionKey;
use crate::chunk::{CHUNK_HEADER_OCTETS, ChunkType, Suite};
use crate::field::Fields;
use crate::object::{LengthOctets, Magic};
use crate::octets::Cursor;
use crate::sign::{SIGNATURE_OCTETS, VerifyingKey};

/// Octets of the fields of an ephemeral chunk: signing key, encryption key, suite.
const EPHEMERAL_OCTETS_MAX: usize = 34 + 35 + 3;
/// Vector shard and tag shard.
const SHARDS_OCTETS: usize = 32;
/// Octets of the smallest plaintext of a chunk.
const PLAINTEXT_OCTETS_MIN: usize = 256;
/// The field that says the suite, and what it says.
const SUITE_FIELD: u8 = 128;
const SUITE_TWO: &[u8] = &[2];

/// One chunk, or one tracing object (type 0), as it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkFact {
    pub kind: ChunkType,
    /// From the first octet stored.
    pub start: u64,
    /// All of it, with header and slots.
    pub octets: u64,
}

/// The public keys of the one who made the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ephemeral {
    /// When there is no author whose signature counts: naked messages.
    pub signing: Option<VerifyingKey>,
    pub encryption: EncryptionKey,
    pub suite: Suite,
}

/// The outline of one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outline {
    magic: Magic,
    facts: Vec<ChunkFact>,
    tracing: usize,
    ephemeral: Ephemeral,
    is_origin_signed: bool,
    octets: u64,
}

/// Why octets are no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutlineError {
    /// They end before the message does, or go on after it.
    Length,
    /// A magic number that is none of a message's.
    Magic(u16),
    /// A chunk of a type nobody knows, at this place.
    Type(ChunkType),
    /// The first chunk is not ephemeral, or another one is.
    Ephemeral,
    /// Its keys are none, or it has more than keys and a suite.
    Keys,
    /// A suite nobody knows.
    Suite,
    /// A chunk whose length cannot be that of encrypted data.
    ChunkLength(ChunkType),
    /// More than [`CHUNKS_MAX`] chunks or [`TRACING_MAX`] tracing objects.
    TooMany,
}

impl std::fmt::Display for OutlineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length => f.write_str("the message's length is not that of what is there"),
            Self::Magic(number) => write!(f, "no message has the magic number {number}"),
            Self::Type(kind) => write!(f, "chunk type {kind} is not known"),
            Self::Ephemeral => f.write_str("a message begins with its one ephemeral chunk"),
            Self::Keys => f.write_str("the ephemeral chunk does not hold good keys"),
            Self::Suite => f.write_str("the message is of a suite that is not known"),
            Self::ChunkLength(kind) => write!(f, "a chunk of type {kind} cannot have this length"),
            Self::TooMany => f.write_str("the message has too many chunks"),
        }
    }
}

impl std::error::Error for OutlineError {}

impl Outline {
    /// Of a message that is there as a whole.
    pub fn of(octets: &[u8]) -> Result<Self, OutlineError> {
        let mut scanner = Scanner::new();
        scanner.feed(octets)?;
        scanner.finish()
    }
    #[must_use]
    pub const fn magic(&self) -> Magic {
        self.magic
    }
    #[must_use]
    pub const fn ephemeral(&self) -> &Ephemeral {
        &self.ephemeral
    }
    /// All octets, with tracing: SIZE of DMAP.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }
    /// Tracing objects and chunks in stored order: BODYSTRUCTURE of DMAP.
    #[must_use]
    pub fn facts(&self) -> &[ChunkFact] {
        &self.facts
    }
    /// Only the chunks.
    #[must_use]
    pub fn chunks(&self) -> &[ChunkFact] {
        self.facts.get(self.tracing..).unwrap_or_default()
    }
    /// BODY[t.n] of DMAP, `n` from 1: the n-th chunk of type t. Tracing objects (type 0) are counted from the
    /// one nearest to the message, which is the oldest.
    #[must_use]
    pub fn section(&self, kind: ChunkType, number: u32) -> Option<&ChunkFact> {
        let before = usize::try_from(number.checked_sub(1)?).ok()?;
        let mut all = self.facts.iter().filter(|fact| fact.kind == kind);
        if kind == ChunkType::TRACING { all.rev().nth(before) } else { all.nth(before) }
    }
    /// Where the header of the message ends and chunks begin.
    pub(super) fn body_start(&self) -> u64 {
        self.chunks().first().map_or(self.octets, |fact| fact.start)
    }
    /// Whether a chunk 254 is there and holds a signature, not only room for one.
    #[must_use]
    pub const fn is_origin_signed(&self) -> bool {
        self.is_origin_signed
    }
}

/// Makes an [`Outline`] of octets that come in any pieces. It holds less than a hundred of them at a time.
#[derive(Debug, Default)]
pub struct Scanner {
    held: Vec<u8>,
    /// Octets to pass over.
    skip: u64,
    at: u64,
    magic: Option<Magic>,
    /// Where the message ends, once its header was read.
    end: Option<u64>,
    facts: Vec<ChunkFact>,
    tracing: usize,
    ephemeral: Option<Ephemeral>,
    is_origin_signed: bool,
}

/// What the octets held are enough for.
enum Found {
    /// Nothing before there are so many.
    Need(usize),
    /// Something of so many octets in all, of which the held ones are the first.
    Whole(u64),
}

impl Scanner {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next octets. After an error the message is none, whatever follows.
    pub fn feed(&mut self, mut octets: &[u8]) -> Result<(), OutlineError> {
        loop {
            if self.skip > 0 {
                let skipped = octets.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
                octets = octets.get(skipped..).unwrap_or_default();
                self.pass(skipped);
                if self.skip > 0 {
                    return Ok(());
                }
            }
            if self.end.is_some_and(|end| self.at >= end) {
                return if octets.is_empty() { Ok(()) } else { Err(OutlineError::Length) };
            }
            match self.look()? {
                Found::Need(_) if octets.is_empty() => return Ok(()),
                Found::Need(count) => {
                    let wanted = count.saturating_sub(self.held.len()).min(octets.len());
                    let (taken, rest) = octets.split_at_checked(wanted).unwrap_or((octets, b""));
                    self.held.extend_from_slice(taken);
                    octets = rest;
                }
                Found::Whole(count) => {
                    let held = self.held.len();
                    self.held.clear();
                    self.skip = count;
                    self.pass(held);
                }
            }
        }
    }

    /// The outline, if the message was all there.
    pub fn finish(self) -> Result<Outline, OutlineError> {
        let is_whole = self.held.is_empty() && self.skip == 0 && self.end == Some(self.at);
        let (true, Some(magic)) = (is_whole, self.magic) else { return Err(OutlineError::Length) };
        let ephemeral = self.ephemeral.ok_or(OutlineError::Ephemeral)?;
        Ok(Outline {
            magic,
            facts: self.facts,
            tracing: self.tracing,
            ephemeral,
            is_origin_signed: self.is_origin_signed,
            octets: self.at,
        })
    }

    fn pass(&mut self, count: usize) {
        let count = count as u64;
        self.skip = self.skip.saturating_sub(count);
        self.at = self.at.saturating_add(count);
    }

    fn look(&mut self) -> Result<Found, OutlineError> {
        if self.end.is_none() { self.object() } else { self.chunk() }
    }

    /// A tracing object, or the header of the message.
    fn object(&mut self) -> Result<Found, OutlineError> {
        let mut cursor = Cursor::new(&self.held);
        let Some(number) = cursor.be16() else { return Ok(Found::Need(2)) };
        let magic = Magic::new(number).filter(|magic| magic.is_message() || *magic == Magic::Tracing);
        let magic = magic.ok_or(OutlineError::Magic(number))?;
        if magic == Magic::Tracing {
            let Some(length) = cursor.be16() else {
                return Ok(Found::Need(LengthOctets::Two.header_octets()));
            };
            let octets = 4 + u64::from(length);
            if self.tracing >= TRACING_MAX {
                return Err(OutlineError::TooMany);
            }
            self.tracing += 1;
            self.facts.push(ChunkFact { kind: ChunkType::TRACING, start: self.at, octets });
            return Ok(Found::Whole(octets));
        }
        let Some(length) = cursor.be32() else { return Ok(Found::Need(MESSAGE_HEADER_OCTETS)) };
        let header = MESSAGE_HEADER_OCTETS as u64;
        self.magic = Some(magic);
        self.end = Some(self.at + header + u64::from(length));
        Ok(Found::Whole(header))
    }

    fn chunk(&mut self) -> Result<Found, OutlineError> {
        let Some(&number) = self.held.first() else { return Ok(Found::Need(1)) };
        let kind = ChunkType(number);
        let slots = kind.slots_octets().ok_or(OutlineError::Type(kind))?;
        if (kind == ChunkType::EPHEMERAL) == self.ephemeral.is_some() {
            return Err(OutlineError::Ephemeral);
        }
        let octets = if kind.is_signature() {
            if kind == ChunkType::ORIGIN_SIGNATURE {
                let Some(masked) = self.held.get(1..=SIGNATURE_OCTETS) else {
                    return Ok(Found::Need(1 + SIGNATURE_OCTETS));
                };
                self.is_origin_signed = masked.iter().any(|&octet| octet != 0);
            }
            kind.signature_octets().unwrap_or_default()
        } else {
            let mut cursor = Cursor::new(self.held.get(1..).unwrap_or_default());
            let Some(length) = cursor.be24().and_then(|length| usize::try_from(length).ok()) else {
                return Ok(Found::Need(CHUNK_HEADER_OCTETS));
            };
            if kind == ChunkType::EPHEMERAL {
                if length > EPHEMERAL_OCTETS_MAX {
                    return Err(OutlineError::Keys);
                }
                let Some(fields) = cursor.take(length) else {
                    return Ok(Found::Need(CHUNK_HEADER_OCTETS + length));
                };
                self.ephemeral = Some(ephemeral(fields)?);
            } else if !is_ciphertext(length) {
                return Err(OutlineError::ChunkLength(kind));
            }
            CHUNK_HEADER_OCTETS + length + slots
        };
        self.add(kind, octets as u64)
    }

    fn add(&mut self, kind: ChunkType, octets: u64) -> Result<Found, OutlineError> {
        if self.facts.len() >= CHUNKS_MAX {
            return Err(OutlineError::TooMany);
        }
        if self.end.is_none_or(|end| end - self.at < octets) {
            return Err(OutlineError::Length);
        }
        self.facts.push(ChunkFact { kind, start: self.at, octets });
        Ok(Found::Whole(octets))
    }
}

/// Shards, and a ciphertext that can be a padded plaintext.
const fn is_ciphertext(length: usize) -> bool {
    length >= SHARDS_OCTETS + PLAINTEXT_OCTETS_MIN && length.is_multiple_of(16)
}

/// `[1] 2 [128]`.
fn ephemeral(octets: &[u8]) -> Result<Ephemeral, OutlineError> {
    let mut fields = Fields::new(octets).peekable();
    let mut next = |id: u8| {
        let found = fields.next_if(|field| field.is_ok_and(|field| field.id == id));
        found.and_then(Result::ok).map(|field| field.data)
    };
    let signing = next(1).map(|data| VerifyingKey::from_slice(data).ok_or(OutlineError::Keys)).transpose()?;
    let encryption = next(2).and_then(EncryptionKey::from_slice).ok_or(OutlineError::Keys)?;
    let suite = match next(SUITE_FIELD) {
        None => Suite::One,
        Some(SUITE_TWO) => Suite::Two,
        Some(_) => return Err(OutlineError::Suite),
    };
    if fields.next().is_some() {
        Err(OutlineError::Keys)
    } else {
        Ok(Ephemeral { signing, encryption, suite })
    }
}

impl Ephemeral {
    /// Reads the whole chunk.
    #[must_use]
    pub fn parse(chunk: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(chunk);
        let is_first = cursor.u8() == Some(ChunkType::EPHEMERAL.0);
        let length = cursor.be24().and_then(|length| usize::try_from(length).ok());
        let is_whole = is_first && length == Some(cursor.rest().len());
        ephemeral(cursor.rest()).ok().filter(|_| is_whole)
    }
    /// The whole chunk.
    pub(super) fn chunk(&self) -> Vec<u8> {
        let mut fields = Vec::with_capacity(EPHEMERAL_OCTETS_MAX);
        if let Some(signing) = &self.signing {
            fields.extend([1, 32]);
            fields.extend_from_slice(signing.octets());
        }
        fields.extend([2, 33]);
        fields.extend_from_slice(&self.encryption.octets());
        if self.suite == Suite::Two {
            fields.extend([SUITE_FIELD, 1, 2]);
        }
        let length = u8::try_from(fields.len()).unwrap_or_default();
        [[ChunkType::EPHEMERAL.0, 0, 0, length].as_slice(), &fields].concat()
    }
}
