//! What a message is for: which chunks it has, in which order (docs/DIME.md, forms of messages).

use super::outline::Outline;
use crate::chunk::ChunkType;
use crate::object::Magic;

/// What a message is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MessageForm {
    /// Ordinary mail that a server encrypted when it came (1908).
    Naked,
    /// Only its author reads it (1861).
    Draft,
    /// Ready to be submitted, or submitted (1847).
    AuthorSigned,
    /// With the signature of the author's organisation: what another organisation takes (1847).
    OriginSigned,
    /// The author's copy (1851).
    Sent,
    /// Says that something was not delivered (1931).
    Bounce,
    Forward,
    Abuse,
}

/// Why a message has no form: the first chunk that should not be there, or what is missing before the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormError {
    Unexpected(ChunkType),
    /// Something else had to come here, this first.
    Missing(ChunkType),
    /// An ephemeral signing key where the author signs, or none where nobody else does.
    Signer,
}

impl std::fmt::Display for FormError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unexpected(kind) => {
                write!(f, "a chunk of type {kind} may not be in such a message, or here")
            }
            Self::Missing(kind) => write!(f, "a chunk of type {kind} is missing"),
            Self::Signer => f.write_str("the ephemeral signing key is there, or missing, against the form"),
        }
    }
}

impl std::error::Error for FormError {}

/// So many chunks of these types.
struct Step {
    kinds: &'static [u8],
    is_needed: bool,
    may_repeat: bool,
}

const fn one(kinds: &'static [u8]) -> Step {
    Step { kinds, is_needed: true, may_repeat: false }
}
const fn optional(kinds: &'static [u8]) -> Step {
    Step { kinds, is_needed: false, may_repeat: false }
}
const fn any(kinds: &'static [u8]) -> Step {
    Step { kinds, is_needed: false, may_repeat: true }
}
const fn some(kinds: &'static [u8]) -> Step {
    Step { kinds, is_needed: true, may_repeat: true }
}

const DISPLAY: &[u8] = &[65, 66, 67];
const ATTACHMENTS: &[u8] = &[129, 130, 131];
const NAKED: &[Step] =
    &[one(&[1]), any(&[32]), any(&[33]), any(&[48]), one(&[224]), one(&[225]), one(&[255])];
const DRAFT: &[Step] =
    &[one(&[1]), any(&[32]), any(&[33]), any(&[65, 66, 67, 129, 130, 131]), one(&[224]), one(&[225])];
const AUTHORED: &[Step] = &[
    one(&[1]),
    one(&[2]),
    one(&[3]),
    some(&[32]),
    any(&[33]),
    any(DISPLAY),
    any(ATTACHMENTS),
    one(&[224]),
    one(&[225]),
    optional(&[248]),
    optional(&[249]),
    optional(&[254]),
    optional(&[255]),
];

impl Outline {
    /// The form, if all is there, in order, and nothing else.
    pub fn form(&self) -> Result<MessageForm, FormError> {
        match self.magic() {
            Magic::NakedMessage => self.naked().map(|()| MessageForm::Naked),
            Magic::DraftMessage => self.authored(DRAFT).map(|()| MessageForm::Draft),
            Magic::SentMessage => self.authored(AUTHORED).map(|()| MessageForm::Sent),
            Magic::BounceMessage => self.either().map(|()| MessageForm::Bounce),
            Magic::ForwardMessage => self.either().map(|()| MessageForm::Forward),
            Magic::AbuseMessage => self.either().map(|()| MessageForm::Abuse),
            _ => self.authored(AUTHORED).map(|()| {
                if self.is_origin_signed() { MessageForm::OriginSigned } else { MessageForm::AuthorSigned }
            }),
        }
    }

    fn naked(&self) -> Result<(), FormError> {
        self.follows(NAKED)?;
        self.ephemeral().signing.map(|_| ()).ok_or(FormError::Signer)
    }
    fn authored(&self, steps: &[Step]) -> Result<(), FormError> {
        self.follows(steps)?;
        if self.ephemeral().signing.is_none() { Ok(()) } else { Err(FormError::Signer) }
    }
    /// Nothing public says what is in such a message: it is like mail of ours or of a user.
    fn either(&self) -> Result<(), FormError> {
        if self.ephemeral().signing.is_some() { self.naked() } else { self.authored(AUTHORED) }
    }

    fn follows(&self, steps: &[Step]) -> Result<(), FormError> {
        let mut kinds = self.chunks().iter().map(|fact| fact.kind).peekable();
        for step in steps {
            let mut count = 0;
            while (step.may_repeat || count == 0)
                && kinds.next_if(|kind| step.kinds.contains(&kind.0)).is_some()
            {
                count += 1;
            }
            if step.is_needed && count == 0 {
                let first = step.kinds.first().copied().unwrap_or_default();
                return Err(FormError::Missing(ChunkType(first)));
            }
        }
        kinds.next().map_or(Ok(()), |kind| Err(FormError::Unexpected(kind)))
    }
}
