//! What an author writes: a draft for himself, or a message ready to be submitted.

use super::envelope::{DestinationEnvelope, OriginEnvelope};
use super::write::{Readers, WriteError, Writer};
use crate::chunk::ChunkType;
use crate::object::Magic;
use crate::random::Random;
use crate::sign::SigningKey;

/// What is in a message, before it is encrypted.
#[derive(Clone, Copy, Debug)]
pub struct AuthorParts<'a> {
    /// Lines `Name: value` CRLF, in the order Date, Subject, From, Sender, Reply-To, To, Cc, Bcc,
    /// In-Reply-To, Message-Id.
    pub common_headers: &'a [u8],
    /// All other fields; empty: none.
    pub other_headers: &'a [u8],
    /// What is displayed comes before what is attached.
    pub parts: &'a [Part<'a>],
}

/// A MIME part: its header, an empty line, its decoded content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part<'a> {
    pub kind: PartKind,
    pub data: &'a [u8],
}

/// Whether a part is shown or kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartKind {
    Display,
    Attachment,
}

impl AuthorParts<'_> {
    /// A message ready to be submitted (1847), with room for the signatures of the author's organisation.
    /// One recipient each: several recipients are several messages.
    pub fn message(
        &self,
        origin: &OriginEnvelope,
        destination: &DestinationEnvelope,
        readers: &Readers,
        author: &SigningKey,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, WriteError> {
        let mut writer = Writer::authored(readers, author, random)?;
        writer.data(ChunkType::ORIGIN, origin.text().as_bytes())?;
        writer.data(ChunkType::DESTINATION, destination.text().as_bytes())?;
        self.write(&mut writer)?;
        for kind in [ChunkType::META_BOUNCE, ChunkType::DISPLAY_BOUNCE, ChunkType::ORIGIN_SIGNATURE] {
            writer.room(kind)?;
        }
        writer.finish(Magic::Message)
    }

    /// A draft (1861), which only its author reads.
    pub fn draft(
        &self,
        readers: &Readers,
        author: &SigningKey,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, WriteError> {
        let own = Readers { author: readers.author, ..Readers::default() };
        let mut writer = Writer::authored(&own, author, random)?;
        self.write(&mut writer)?;
        writer.finish(Magic::DraftMessage)
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), WriteError> {
        writer.data(ChunkType::COMMON_HEADERS, self.common_headers)?;
        if !self.other_headers.is_empty() {
            writer.data(ChunkType::OTHER_HEADERS, self.other_headers)?;
        }
        for (kind, chunk) in
            [(PartKind::Display, ChunkType::DISPLAY), (PartKind::Attachment, ChunkType::ATTACHMENT)]
        {
            for part in self.parts.iter().filter(|part| part.kind == kind) {
                writer.data(chunk, part.data)?;
            }
        }
        writer.sign()
    }
}
