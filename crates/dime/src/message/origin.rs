//! The author's organisation signs, where the author has left room for it.

use super::MESSAGE_HEADER_OCTETS;
use super::form::{FormError, MessageForm};
use super::outline::OutlineError;
use super::read::{Message, OpenError};
use super::signature::masked;
use crate::agree::DecryptionKey;
use crate::chunk::{Actor, ChunkType};
use crate::sign::{SIGNATURE_OCTETS, SigningKey};

/// Which parts of a message may come back when it cannot be delivered.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Bounces {
    /// Envelopes and headers.
    pub meta: bool,
    /// Also what is displayed.
    pub display: bool,
}

/// Why the organisation has not signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OriginError {
    Outline(OutlineError),
    Form(FormError),
    /// The message is no author's, or has a signature of an organisation already.
    NotAuthorSigned,
    /// The author left no room (chunk 254).
    NoRoom,
    Open(OpenError),
}

impl std::fmt::Display for OriginError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Outline(error) => error.fmt(f),
            Self::Form(error) => error.fmt(f),
            Self::NotAuthorSigned => {
                f.write_str("only a message its author signed, and nobody else, is submitted")
            }
            Self::NoRoom => f.write_str("the message has no chunk 254 for the organisation to sign in"),
            Self::Open(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OriginError {}

/// The message as it goes to another organisation: without tracing, and with the signatures of its author's
/// organisation where there is room for them and `bounces` asks for them. The keys are the organisation's.
///
/// What the author has signed is not looked at here.
pub fn sign_as_origin(
    octets: &[u8],
    decryption: &DecryptionKey,
    signing: &SigningKey,
    bounces: Bounces,
) -> Result<Vec<u8>, OriginError> {
    let message = Message::parse(octets).map_err(OriginError::Outline)?;
    let form = message.outline().form().map_err(OriginError::Form)?;
    if form != MessageForm::AuthorSigned {
        return Err(OriginError::NotAuthorSigned);
    }
    let start = usize::try_from(message.outline().body_start()).unwrap_or_default();
    let mut signed = octets.get(start - MESSAGE_HEADER_OCTETS..).unwrap_or_default().to_vec();
    let wanted = [
        (ChunkType::META_BOUNCE, bounces.meta),
        (ChunkType::DISPLAY_BOUNCE, bounces.display),
        (ChunkType::ORIGIN_SIGNATURE, true),
    ];
    for (kind, _) in wanted.into_iter().filter(|(_, is_wanted)| *is_wanted) {
        let is_needed = kind == ChunkType::ORIGIN_SIGNATURE;
        if !fill(&mut signed, kind, decryption, signing)? && is_needed {
            return Err(OriginError::NoRoom);
        }
    }
    Ok(signed)
}

/// Whether there was room, which is then filled.
fn fill(
    octets: &mut [u8],
    kind: ChunkType,
    decryption: &DecryptionKey,
    signing: &SigningKey,
) -> Result<bool, OriginError> {
    let message = Message::parse(octets).map_err(OriginError::Outline)?;
    let Some(index) = message.places(kind).next() else { return Ok(false) };
    let reader = message.reader(Actor::Origin, decryption);
    let (key, _) = reader.signature_key(index).map_err(OriginError::Open)?;
    let signed = message.signed(index).ok_or(OriginError::NoRoom)?;
    let signature = masked(&signing.sign(signed.as_ref()).0, &key);
    let start = message.outline().chunks().get(index).map(|fact| fact.start);
    let start = start.and_then(|start| usize::try_from(start).ok()).ok_or(OriginError::NoRoom)?;
    let room = octets.get_mut(start + 1..=start + SIGNATURE_OCTETS).ok_or(OriginError::NoRoom)?;
    room.copy_from_slice(&signature.0);
    Ok(true)
}
