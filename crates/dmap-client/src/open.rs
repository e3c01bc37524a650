//! Opening a message and saying how far it is to be believed: every signature is verified, and what the
//! envelopes say must fit who wrote it, who signed it and who reads it (docs/DIME.md, signatures).
//!
//! Nothing that is not signed by whom it should be is given out. Must not: ask the server; whose keys are
//! whose was found out before.

use std::fmt;

use koi_dime::chunk::{Actor, ChunkType, Suite};
use koi_dime::message::{
    DestinationEnvelope, FormError, Message, MessageForm, OpenError, OriginEnvelope, OutlineError, Reader,
    plain,
};
use koi_dime::signet::Permissions;
use koi_dime::{Fingerprint, SecretOctets, VerifyingKey};
use koi_types::Address;

use crate::key::OwnKey;
use crate::signet::{SignetProblem, VerifiedUser};

/// Who speaks in a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The author has signed all of it, and so has the author's organisation.
    Signed { author: Address },
    /// This person wrote it.
    Own,
    /// Ordinary mail, as it came to this organisation: who wrote it is not proved.
    Ordinary { organisation: String },
}

/// What the person should know besides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// Suite 1: everybody who could open any chunk of it could open all.
    SuiteOne,
    /// The From field names somebody else than the author who signed.
    From(String),
    /// It was not submitted yet: only the author has signed.
    NotSubmitted,
}

/// A message that is believed as far as its verdict says.
#[derive(Clone, Debug)]
pub struct OpenedMessage {
    pub form: MessageForm,
    pub verdict: Verdict,
    pub notes: Vec<Note>,
    /// Lines `Name: value`: the common header, then all others. Of ordinary mail the header as it came.
    pub headers: SecretOctets,
    /// Of ordinary mail there is one, of type 48: all that follows the header, still encoded.
    pub parts: Vec<OpenedPart>,
}

/// A part: what is shown comes before what is attached.
#[derive(Clone, Debug)]
pub struct OpenedPart {
    pub kind: ChunkType,
    /// With its MIME header, if it is not ordinary mail.
    pub data: SecretOctets,
}

impl OpenedPart {
    /// Its MIME header and its content; ordinary mail has no header here.
    #[must_use]
    pub fn split(&self) -> (&[u8], &[u8]) {
        if self.kind == ChunkType::BODY {
            return (b"", &self.data);
        }
        let end = self.data.windows(4).position(|window| window == b"\r\n\r\n");
        let cut = end.and_then(|end| Some((self.data.get(..end + 2)?, self.data.get(end + 4..)?)));
        cut.or_else(|| self.data.strip_prefix(b"\r\n").map(|rest| (b"".as_slice(), rest)))
            .unwrap_or((b"", &self.data))
    }
    /// Whether it is to be shown, not kept as a file.
    #[must_use]
    pub const fn is_shown(&self) -> bool {
        self.kind.0 < ChunkType::ATTACHMENT_MULTI.0
    }
}

/// Why a message is not believed, or cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unbelievable {
    Malformed(OutlineError),
    Form(FormError),
    /// This chunk cannot be opened, or is not signed by whom it should be.
    Chunk {
        kind: ChunkType,
        error: OpenError,
    },
    /// An envelope has not its four lines.
    Envelope,
    /// The author's signet is not at hand.
    NoWitness,
    /// The signet of whom the envelope names is not believed.
    Signet(SignetProblem),
    /// Signed by another key than the envelope names, or for another author.
    Author,
    /// The envelope names another recipient, or another key of this one.
    Recipient,
    /// The envelope names another organisation than the author's.
    Origin,
}

impl fmt::Display for Unbelievable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "it is no message: {error}"),
            Self::Form(error) => write!(f, "it has not the parts it should have: {error}"),
            Self::Chunk { kind, error } => write!(f, "{}: {error}", name_of(*kind)),
            Self::Envelope => f.write_str("an envelope has not exactly its four lines"),
            Self::NoWitness => f.write_str("the author's signet is not to be had, so nobody has signed it"),
            Self::Signet(problem) => problem.fmt(f),
            Self::Author => f.write_str("the envelope names another author than the one who signed"),
            Self::Recipient => f.write_str("it was written to somebody else, or to another key"),
            Self::Origin => f.write_str("the envelope names another organisation than the author's"),
        }
    }
}

impl std::error::Error for Unbelievable {}

/// Whose signatures count.
#[derive(Clone, Copy, Debug)]
pub enum Witness<'a> {
    /// The author, as the envelope claims: see [`claimed_author`].
    Author(&'a VerifiedUser),
    /// This person, or this person's organisation.
    Own,
}

/// Who claims to have written a message that came: the address and signet to be looked up. `None` for what
/// has no other author than this person or this organisation.
pub fn claimed_author(octets: &[u8], own: &OwnKey) -> Result<Option<OriginEnvelope>, Unbelievable> {
    let message = Message::parse(octets).map_err(Unbelievable::Malformed)?;
    if message.outline().ephemeral().signing.is_some() {
        return Ok(None);
    }
    let form = message.outline().form().map_err(Unbelievable::Form)?;
    if matches!(form, MessageForm::Draft | MessageForm::Sent | MessageForm::AuthorSigned) {
        return Ok(None);
    }
    let reader = message.reader(Actor::Recipient, &own.keys.decryption);
    let envelope = View { message: &message, reader, signer: None }.origin_envelope()?;
    Ok((envelope.author_signet != own.signet.core_fingerprint()).then_some(envelope))
}

/// Opens a message for `address`, whose key is `own`.
pub fn open(
    octets: &[u8],
    address: &Address,
    own: &OwnKey,
    witness: Witness<'_>,
) -> Result<OpenedMessage, Unbelievable> {
    let message = Message::parse(octets).map_err(Unbelievable::Malformed)?;
    let form = message.outline().form().map_err(Unbelievable::Form)?;
    let mut opened = match message.outline().ephemeral().signing {
        Some(ephemeral) => naked(&message, form, own, &ephemeral)?,
        None => authored(&message, form, address, own, witness)?,
    };
    if message.outline().ephemeral().suite == Suite::One {
        opened.notes.push(Note::SuiteOne);
    }
    Ok(opened)
}

fn naked(
    message: &Message<'_>,
    form: MessageForm,
    own: &OwnKey,
    ephemeral: &VerifyingKey,
) -> Result<OpenedMessage, Unbelievable> {
    let reader = message.reader(Actor::Recipient, &own.keys.decryption);
    let failed = |kind| move |error| Unbelievable::Chunk { kind, error };
    // All its signatures, those of the organisation among them.
    plain(&reader, own.organisation.signet.primary()).map_err(failed(ChunkType::DESTINATION_SIGNATURE))?;
    let read = |kind| reader.read(kind, ephemeral).map_err(failed(kind));
    let headers = joined(read(ChunkType::OTHER_HEADERS)?);
    let body = joined(read(ChunkType::BODY)?);
    let parts = if body.is_empty() { vec![] } else { vec![OpenedPart { kind: ChunkType::BODY, data: body }] };
    let verdict = Verdict::Ordinary { organisation: own.organisation.domain.clone() };
    Ok(OpenedMessage { form, verdict, notes: Vec::new(), headers, parts })
}

fn authored(
    message: &Message<'_>,
    form: MessageForm,
    address: &Address,
    own: &OwnKey,
    witness: Witness<'_>,
) -> Result<OpenedMessage, Unbelievable> {
    let is_own = matches!(witness, Witness::Own);
    let came = matches!(form, MessageForm::OriginSigned | MessageForm::Bounce | MessageForm::Forward)
        || form == MessageForm::Abuse;
    let actor = if came { Actor::Recipient } else { Actor::Author };
    let signer = match witness {
        Witness::Author(author) => author.signet.signing(),
        Witness::Own => own.signet.signing(),
    };
    let reader = message.reader(actor, &own.keys.decryption);
    let view = View { message, reader, signer: Some(signer) };
    for kind in [ChunkType::TREE_SIGNATURE, ChunkType::AUTHOR_SIGNATURE] {
        view.verify(kind, signer)?;
    }
    if form != MessageForm::Draft {
        view.check_envelopes(address, own, witness, came)?;
    }
    if came {
        view.check_origin_signature(own, witness)?;
    }
    let mut headers = view.read(ChunkType::COMMON_HEADERS)?;
    headers.extend(view.read(ChunkType::OTHER_HEADERS)?);
    let headers = joined(headers);
    let mut parts = Vec::new();
    for kind in [65, 66, 67, 129, 130, 131].map(ChunkType) {
        parts.extend(view.read(kind)?.into_iter().map(|data| OpenedPart { kind, data }));
    }
    let author = match witness {
        Witness::Author(author) => author.address.clone(),
        Witness::Own => address.account_key(),
    };
    let notes = notes(form, &headers, &author);
    let verdict = if is_own { Verdict::Own } else { Verdict::Signed { author } };
    Ok(OpenedMessage { form, verdict, notes, headers, parts })
}

fn notes(form: MessageForm, headers: &[u8], author: &Address) -> Vec<Note> {
    let mut notes = Vec::new();
    if form == MessageForm::AuthorSigned {
        notes.push(Note::NotSubmitted);
    }
    let from = field(headers, "From").unwrap_or_default();
    let inner = from.rsplit_once('<').map_or(from.as_str(), |(_, inner)| inner.trim_end_matches('>'));
    let named = Address::from_path(inner.trim()).map(|named| named.account_key());
    if named.as_ref() != Some(&author.account_key()) {
        notes.push(Note::From(from));
    }
    notes
}

/// The first field of a name, on one line.
#[must_use]
pub fn field(headers: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(headers);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((found, value)) = line.split_once(':') else { continue };
        if !found.trim_end().eq_ignore_ascii_case(name) {
            continue;
        }
        let mut whole = value.trim().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
            whole.push(' ');
            whole.push_str(more.trim());
        }
        return Some(whole);
    }
    None
}

/// A message in the eyes of one reader who believes one signer.
struct View<'a, 'm> {
    message: &'m Message<'a>,
    reader: Reader<'a, 'm>,
    /// None before it is known who it is.
    signer: Option<&'m VerifyingKey>,
}

impl View<'_, '_> {
    fn read(&self, kind: ChunkType) -> Result<Vec<SecretOctets>, Unbelievable> {
        let signer = self.signer.ok_or(Unbelievable::NoWitness)?;
        self.reader.read(kind, signer).map_err(|error| Unbelievable::Chunk { kind, error })
    }
    fn verify(&self, kind: ChunkType, signer: &VerifyingKey) -> Result<(), Unbelievable> {
        self.reader.verify(kind, signer).map_err(|error| Unbelievable::Chunk { kind, error })
    }
    /// The data of the one chunk of this type, signed if the signer is known.
    fn one(&self, kind: ChunkType) -> Result<Vec<u8>, Unbelievable> {
        let failed = |error| Unbelievable::Chunk { kind, error };
        let place = self.message.places(kind).next().ok_or(failed(OpenError::NoChunk))?;
        let opened = self.reader.open(place).map_err(failed)?;
        match self.signer {
            Some(signer) => Ok(opened.verify(signer).map_err(failed)?.data().to_vec()),
            None => Ok(opened.claimed().to_vec()),
        }
    }
    fn origin_envelope(&self) -> Result<OriginEnvelope, Unbelievable> {
        OriginEnvelope::parse(&self.one(ChunkType::ORIGIN)?).map_err(|_| Unbelievable::Envelope)
    }
    fn destination_envelope(&self) -> Result<DestinationEnvelope, Unbelievable> {
        DestinationEnvelope::parse(&self.one(ChunkType::DESTINATION)?).map_err(|_| Unbelievable::Envelope)
    }

    /// Each envelope says what the other and the signatures say.
    fn check_envelopes(
        &self,
        address: &Address,
        own: &OwnKey,
        witness: Witness<'_>,
        came: bool,
    ) -> Result<(), Unbelievable> {
        let (origin, destination) = (self.origin_envelope()?, self.destination_envelope()?);
        let (author, signet, organisation) = match witness {
            Witness::Author(author) => {
                (&author.address, &author.signet, author.organisation.signet.core_fingerprint())
            }
            Witness::Own => (address, &own.signet, own.organisation.signet.core_fingerprint()),
        };
        let is_author = same(&origin.author, author) && origin.author_signet == signet.core_fingerprint();
        if !is_author {
            return Err(Unbelievable::Author);
        }
        if !destination.origin.eq_ignore_ascii_case(author.domain())
            || destination.origin_signet != organisation
        {
            return Err(Unbelievable::Origin);
        }
        let is_recipient = same(&destination.recipient, address)
            && destination.recipient_signet == own.signet.core_fingerprint()
            && origin.destination.eq_ignore_ascii_case(address.domain());
        if came && !is_recipient { Err(Unbelievable::Recipient) } else { Ok(()) }
    }

    fn check_origin_signature(&self, own: &OwnKey, witness: Witness<'_>) -> Result<(), Unbelievable> {
        let organisation = match witness {
            Witness::Author(author) => &author.organisation.signet,
            Witness::Own => &own.organisation.signet,
        };
        let keys = organisation.keys_for(Permissions::MESSAGES);
        let mut last = Err(Unbelievable::Origin);
        for key in &keys {
            last = self.verify(ChunkType::ORIGIN_SIGNATURE, key);
            if last.is_ok() {
                break;
            }
        }
        last
    }
}

fn same(one: &Address, other: &Address) -> bool {
    one.account_key() == other.account_key()
}

fn joined(pieces: Vec<SecretOctets>) -> SecretOctets {
    let whole = pieces.iter().map(|piece| piece.len()).sum();
    let mut data = SecretOctets::new(Vec::with_capacity(whole));
    pieces.iter().for_each(|piece| data.extend_from_slice(piece));
    data
}

/// Which part of a message a chunk is, for people.
fn name_of(kind: ChunkType) -> String {
    let name = match kind {
        ChunkType::ORIGIN => "the author's envelope",
        ChunkType::DESTINATION => "the recipient's envelope",
        ChunkType::COMMON_HEADERS | ChunkType::OTHER_HEADERS => "the header",
        ChunkType::BODY => "the body",
        ChunkType::TREE_SIGNATURE => "the author's signature over the parts",
        ChunkType::AUTHOR_SIGNATURE => "the author's signature",
        ChunkType::ORIGIN_SIGNATURE => "the signature of the author's organisation",
        ChunkType::DESTINATION_SIGNATURE => "the signatures of mail that was encrypted when it came",
        kind if kind.0 < ChunkType::ATTACHMENT_MULTI.0 => "the text",
        _ => "an attachment",
    };
    format!("{name} (chunk type {kind})")
}

/// Which key a message needs, as far as can be seen before it is opened: those of the account in turn.
pub(crate) fn is_for_another_key(error: &Unbelievable) -> bool {
    matches!(
        error,
        Unbelievable::Chunk { error: OpenError::Forged | OpenError::NoSlot | OpenError::Signature, .. }
    )
}

/// For tests and screens: the first characters of a fingerprint.
#[must_use]
pub fn short(fingerprint: &Fingerprint) -> String {
    fingerprint.to_string().chars().take(16).collect()
}
