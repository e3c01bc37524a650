//! What organisations check of a message: the author's when it is submitted, the recipient's when it comes
//! (docs/DIME.md, handing over).
//!
//! Each in two steps, because what is in the envelope says whose signet to ask for. Whether a message of
//! suite 1 is taken at all is asked before, of [`super::Outline::ephemeral`].

use super::envelope::{DestinationEnvelope, OriginEnvelope};
use super::form::{FormError, MessageForm};
use super::payload::Opened;
use super::read::{Message, OpenError, Reader};
use crate::agree::DecryptionKey;
use crate::chunk::{Actor, ChunkType};
use crate::signet::{OrgSignet, Permissions, UserSignet};

/// Why a message is not handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HandoverError {
    Form(FormError),
    /// Of another form than what is submitted, or delivered.
    Other(MessageForm),
    /// The author left no room for the signature of the organisation.
    NoRoom,
    Open(OpenError),
    /// The envelope is not the four lines it should be.
    Envelope,
    /// The envelope names another signet than this one.
    Signet,
}

impl std::fmt::Display for HandoverError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Form(error) => error.fmt(f),
            Self::Other(form) => write!(f, "a message of the form {form:?} is not handed over so"),
            Self::NoRoom => f.write_str("the message has no room for the organisation's signature"),
            Self::Open(error) => error.fmt(f),
            Self::Envelope => f.write_str("the envelope has not exactly its four lines"),
            Self::Signet => f.write_str("the envelope names another signet"),
        }
    }
}

impl std::error::Error for HandoverError {}

impl From<OpenError> for HandoverError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

/// A message that its author gives to his organisation.
#[derive(Debug)]
pub struct Submission<'a, 'm> {
    reader: Reader<'a, 'm>,
    envelope: OriginEnvelope,
    chunk: Opened,
}

impl<'a, 'm> Submission<'a, 'm> {
    /// `key` is the organisation's.
    pub fn open(message: &'m Message<'a>, key: &DecryptionKey) -> Result<Self, HandoverError> {
        expect_form(message, MessageForm::AuthorSigned)?;
        if message.places(ChunkType::ORIGIN_SIGNATURE).next().is_none() {
            return Err(HandoverError::NoRoom);
        }
        let reader = message.reader(Actor::Origin, key);
        let chunk = open(message, &reader, ChunkType::ORIGIN)?;
        let envelope = OriginEnvelope::parse(chunk.claimed()).map_err(|_| HandoverError::Envelope)?;
        Ok(Self { reader, envelope, chunk })
    }
    /// Not to be believed before [`Submission::verify`].
    #[must_use]
    pub const fn envelope(&self) -> &OriginEnvelope {
        &self.envelope
    }
    /// Whether the user of this signet has signed the envelope, the tree and all. That the signet is the
    /// current one of a user who may send from this address is the caller's to know.
    pub fn verify(self, author: &UserSignet) -> Result<OriginEnvelope, HandoverError> {
        if author.core_fingerprint() != self.envelope.author_signet {
            return Err(HandoverError::Signet);
        }
        self.chunk.verify(author.signing())?;
        for kind in [ChunkType::TREE_SIGNATURE, ChunkType::AUTHOR_SIGNATURE] {
            self.reader.verify(kind, author.signing())?;
        }
        Ok(self.envelope)
    }
}

/// A message that another organisation brings.
#[derive(Debug)]
pub struct Delivery<'a, 'm> {
    reader: Reader<'a, 'm>,
    envelope: DestinationEnvelope,
}

impl<'a, 'm> Delivery<'a, 'm> {
    /// `key` is the organisation's of the recipient.
    pub fn open(message: &'m Message<'a>, key: &DecryptionKey) -> Result<Self, HandoverError> {
        expect_form(message, MessageForm::OriginSigned)?;
        let reader = message.reader(Actor::Destination, key);
        let chunk = open(message, &reader, ChunkType::DESTINATION)?;
        let envelope = DestinationEnvelope::parse(chunk.claimed()).map_err(|_| HandoverError::Envelope)?;
        Ok(Self { reader, envelope })
    }
    /// Not to be believed before [`Delivery::verify`].
    #[must_use]
    pub const fn envelope(&self) -> &DestinationEnvelope {
        &self.envelope
    }
    /// Whether the author's organisation has signed all, with a key it lets sign messages. Who the author is
    /// stays hidden here. That the signet is the one of `envelope().origin` is the caller's to know.
    pub fn verify(self, origin: &OrgSignet) -> Result<DestinationEnvelope, HandoverError> {
        if origin.core_fingerprint() != self.envelope.origin_signet {
            return Err(HandoverError::Signet);
        }
        let keys = origin.keys_for(Permissions::MESSAGES);
        let is_signed = |key| self.reader.verify(ChunkType::ORIGIN_SIGNATURE, key);
        if keys.iter().any(|key| is_signed(key).is_ok()) {
            return Ok(self.envelope);
        }
        Err(is_signed(origin.primary()).err().map_or(HandoverError::Signet, HandoverError::Open))
    }
}

fn expect_form(message: &Message<'_>, wanted: MessageForm) -> Result<(), HandoverError> {
    let form = message.outline().form().map_err(HandoverError::Form)?;
    if form == wanted { Ok(()) } else { Err(HandoverError::Other(form)) }
}

fn open(message: &Message<'_>, reader: &Reader<'_, '_>, kind: ChunkType) -> Result<Opened, OpenError> {
    let place = message.places(kind).next().ok_or(OpenError::NoChunk)?;
    reader.open(place)
}
