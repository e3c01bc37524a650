//! A message on its way in: its octets while they arrive, then what is stored beside them.
//!
//! Everything expensive (hashing, MIME, encoding of records) happens here, in the thread of whoever received
//! the message, so that the store's writer only puts rows. Small messages stay in memory; larger ones go to a
//! body segment as they arrive, and come back once, whole, to be parsed: what one slow sender holds in memory
//! is bounded by `BODY_INLINE_OCTETS_MAX`, what all together hold by the number of threads that run steps
//! times `message_octets_max`.

use std::ops::Deref;
use std::sync::Arc;

use koi_chat::{Chat, ContactFields, Signs};
use koi_message::mdn::{DispositionType, parse_mdn};
use koi_message::{DateTime, Facts, Fields, thread};
use koi_store::body::NewBody;
use koi_store::kv::{Kv, StageBody};
use koi_store::mail;
use koi_store::record::email::SentAt;
use koi_types::{
    Address, AddressHash, Contact, Day, ErrorKind, MailError, Result, Timestamp, ZoneOffset, limits,
};
use parking_lot::Mutex;

use crate::contact;
use crate::dmap::seal::{Budget, Forms, Reserved};

/// Message-IDs by which one message is looked for in threads, its own included.
const THREAD_KEYS_MAX: usize = 12;

/// A message that has arrived completely: may be appended and delivered any number of times.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub(crate) body: NewBody,
    pub(crate) octets: u32,
    pub(crate) facts: mail::EmailFacts,
    /// Hash of its Message-ID.
    pub(crate) message_id: Option<u64>,
    /// It is a chat message.
    pub(crate) chat: Option<Chat>,
    /// The first address of its From field, ASCII letters in lower case; nothing when there is none that can
    /// be used.
    pub(crate) from: Option<Box<str>>,
    /// Hashes of all addresses of its From field, to be looked up among the blocked ones.
    pub(crate) senders: Arc<[AddressHash]>,
    /// It tells that another message was seen (RFC 8098): nobody is told of it.
    pub(crate) is_disposition_notification: bool,
    /// What it tells then, if it says of which message.
    pub(crate) disposition: Option<Arc<Disposition>>,
    /// Some of those who get it keep encrypted mail only: `body` must not be written, and may be larger than
    /// what is kept in memory otherwise.
    pub(crate) confidential: Option<Arc<Reserved>>,
    /// What it is for those it is delivered to.
    pub(crate) forms: Arc<Mutex<Forms>>,
}

/// What a disposition notification says (RFC 8098 §3).
#[derive(Clone, Debug)]
pub(crate) struct Disposition {
    /// Hash of the Message-ID of the message it is about.
    pub(crate) original: u64,
    /// Whose mailbox that came to: as the sender wrote it, and as it was in the end.
    pub(crate) recipients: Vec<Address>,
    /// It was displayed.
    pub(crate) displayed: bool,
}

impl Disposition {
    fn of(octets: &[u8]) -> Option<Self> {
        let mdn = parse_mdn(octets)?;
        let original = thread::message_id(mdn.original_message_id.as_deref()?.as_bytes())?;
        // RFC 8098 §3.2.4: its type stands before the address.
        let address =
            |field: &Option<String>| Address::from_path(field.as_deref()?.split_once(';')?.1.trim());
        let recipients = [&mdn.original_recipient, &mdn.final_recipient].into_iter().filter_map(address);
        Some(Self {
            original: mail::short_hash(&original),
            recipients: recipients.collect(),
            displayed: mdn.disposition.kind == DispositionType::Displayed,
        })
    }
}

impl Incoming {
    /// RFC822.SIZE.
    #[must_use]
    pub const fn octets(&self) -> u32 {
        self.octets
    }
    /// What of it stays in memory until it is stored: the body of a small one, and what was found out.
    #[must_use]
    pub fn held_octets(&self) -> usize {
        let body = match &self.body {
            NewBody::Staged(_) => 0,
            _ => self.octets as usize,
        };
        body + self.facts.envelope.len() + self.facts.structure.len()
    }
    /// Parses a message that is in memory; for tools and tests. It may not be larger than a journal group
    /// takes.
    pub fn of(octets: &[u8]) -> Result<Self> {
        if octets.len() > limits::BODY_INLINE_OCTETS_MAX {
            return Err(MailError::new(ErrorKind::TooLarge, "a message of this size has to be staged"));
        }
        Self::parsed(NewBody::inline(Arc::from(octets)), octets)
    }
    fn parsed(body: NewBody, octets: &[u8]) -> Result<Self> {
        let too_large = |_| MailError::new(ErrorKind::TooLarge, "message is too large");
        let facts = koi_message::parse(octets).facts;
        let about = About::of(octets);
        let size = u32::try_from(octets.len()).map_err(too_large)?;
        let message_id = facts.thread_ids.message_id.as_ref().map(|id| mail::short_hash(id));
        let contact = about.contact.map(Arc::new);
        let is_notification = facts.structure.root.content.is_disposition_notification();
        Ok(Self {
            body,
            octets: size,
            message_id,
            chat: about.chat,
            from: from(&facts),
            senders: contact::sender_hashes(&facts.envelope),
            is_disposition_notification: is_notification,
            disposition: is_notification.then(|| Disposition::of(octets).map(Arc::new)).flatten(),
            confidential: None,
            forms: Arc::default(),
            facts: mail::EmailFacts { contact, ..email_facts(&facts) },
        })
    }
}

/// What chat clients mean by a header, found in one pass over its fields.
struct About {
    chat: Option<Chat>,
    contact: Option<Contact>,
}

impl About {
    fn of(octets: &[u8]) -> Self {
        let header = octets.get(..koi_chat::limits::HEADER_OCTETS_MAX).unwrap_or(octets);
        let (mut signs, mut contact) = (Signs::default(), ContactFields::default());
        for field in Fields::new(header) {
            signs.field(&field);
            contact.field(&field);
        }
        Self { chat: signs.chat(), contact: contact.contact() }
    }
}

/// Who wrote it, in the form in which addresses are compared here: `local@domain`, ASCII letters in lower
/// case, everything else as it is.
fn from(facts: &Facts) -> Option<Box<str>> {
    let given = |part: &Option<Vec<u8>>| part.clone().filter(|octets| !octets.is_empty());
    let parts = |address: &koi_message::Address| Some([given(&address.mailbox)?, given(&address.host)?]);
    let text = facts.envelope.from.iter().find_map(parts)?.join(&b'@');
    let text = String::from_utf8(text).ok().filter(|text| text.len() <= limits::ADDRESS_OCTETS_MAX)?;
    Some(text.to_ascii_lowercase().into())
}

fn email_facts(facts: &Facts) -> mail::EmailFacts {
    let mut envelope = Vec::new();
    facts.envelope.encode(&mut envelope);
    let mut structure = Vec::new();
    facts.structure.encode(&mut structure);
    let ids = &facts.thread_ids;
    let named = ids.message_id.iter().chain(ids.in_reply_to.iter()).chain(ids.references.iter().rev());
    let mut thread_keys: Vec<u64> = Vec::new();
    for id in named {
        let hash = mail::short_hash(id);
        if thread_keys.len() < THREAD_KEYS_MAX && !thread_keys.contains(&hash) {
            thread_keys.push(hash);
        }
    }
    mail::EmailFacts {
        envelope: envelope.into(),
        structure: structure.into(),
        sent_at: facts.sent_at.map(sent_at),
        sent_day: facts.sent_at.and_then(|date| i32::try_from(date.written_day()).ok()).map(Day),
        thread_keys: thread_keys.into(),
        ancestors: ids.ancestors().iter().map(|id| mail::short_hash(id)).collect(),
        subject_hash: mail::short_hash(facts.base_subject.text.to_lowercase().as_bytes()),
        contact: None,
    }
}

fn sent_at(date: DateTime) -> SentAt {
    SentAt { at: Timestamp::from_secs(date.unix_s), zone: ZoneOffset(date.zone_min) }
}

/// Octets of a message while they arrive.
pub struct Stage {
    kv: Arc<dyn Kv>,
    /// All of a small message; nothing once it went to a body segment.
    held: Vec<u8>,
    large: Option<Box<dyn StageBody>>,
    /// Above so many it goes to a body segment.
    held_max: usize,
    octets: u64,
    /// Of them, those that whoever brings the message is answerable for: not the lines that are ours.
    counted: u64,
    /// Of those.
    octets_max: u64,
    /// Nothing of it may be written: all of it stays in memory.
    confidential: Option<Reserved>,
    /// Why nothing is taken.
    refused: Option<MailError>,
}

impl Stage {
    pub(crate) fn new(kv: Arc<dyn Kv>, octets_max: u64) -> Self {
        Self {
            kv,
            held: Vec::new(),
            large: None,
            held_max: limits::BODY_INLINE_OCTETS_MAX,
            octets: 0,
            counted: 0,
            octets_max,
            confidential: None,
            refused: None,
        }
    }
    /// For mail of which nothing may be written before it is encrypted.
    pub(crate) fn confidential(self, budget: Arc<Budget>) -> Self {
        Self { confidential: Some(Reserved::nothing(budget)), ..self }
    }
    /// One that takes nothing, because of this.
    pub(crate) fn refusing(self, error: MailError) -> Self {
        Self { refused: Some(error), ..self }
    }
    /// The same, but no more than so many octets of it stay in memory.
    #[must_use]
    pub fn holding(self, octets_max: usize) -> Self {
        Self { held_max: octets_max.min(limits::BODY_INLINE_OCTETS_MAX), ..self }
    }
    /// For what was in a store before, in which lines lie that a server added.
    #[must_use]
    pub fn stored(self) -> Self {
        Self { octets_max: self.octets_max.saturating_add(limits::ADDED_OCTETS_MAX), ..self }
    }
    /// Octets so far, ours with them.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }
    /// The next octets. `TooLarge` past the limit; `Unavailable` when the disk is full. After an error drop
    /// it.
    pub fn write(&mut self, octets: &[u8]) -> Result<()> {
        self.write_for(octets, octets.len())
    }
    /// Lines that the server adds. RFC 1870 §4: what is declared and limited is the message as it is sent.
    pub fn write_own(&mut self, octets: &[u8]) -> Result<()> {
        self.write_for(octets, 0)
    }
    /// The next octets, which stand for `sent` that came: lines were added to them or taken away.
    pub fn write_for(&mut self, octets: &[u8], sent: usize) -> Result<()> {
        if let Some(error) = &self.refused {
            return Err(error.clone());
        }
        self.octets = self.octets.saturating_add(octets.len() as u64);
        self.counted = self.counted.saturating_add(sent as u64);
        if self.counted > self.octets_max {
            let text = format!("message is larger than {} octets", self.octets_max);
            return Err(MailError::new(ErrorKind::TooLarge, text));
        }
        if let Some(reserved) = &mut self.confidential {
            reserved.add(octets.len())?;
            self.held.extend_from_slice(octets);
            return Ok(());
        }
        if let Some(large) = &mut self.large {
            return large.write(octets);
        }
        if self.octets <= self.held_max as u64 {
            self.held.extend_from_slice(octets);
            return Ok(());
        }
        let mut large = self.kv.stage_body()?;
        large.write(&std::mem::take(&mut self.held))?;
        large.write(octets)?;
        self.large = Some(large);
        Ok(())
    }
    /// The message is complete: makes a large one durable, and finds out what is stored beside it.
    pub fn finish(mut self) -> Result<Incoming> {
        let confidential = self.confidential.take().map(Arc::new);
        let whole = self.whole()?;
        Ok(Incoming { confidential, ..Incoming::parsed(whole.body, &whole.octets)? })
    }
    /// The same for a message with NUL: what has it is stored in base64. `InvalidInput` when NUL is not in
    /// the body of a part; `TooLarge` when it does not fit any more.
    pub fn finish_binary(self) -> Result<Incoming> {
        let (kv, octets_max, held_max) = (Arc::clone(&self.kv), self.octets_max, self.held_max);
        let Some(octets) = koi_message::without_nul(&self.whole()?.octets) else {
            let text = "NUL is allowed in the body of a part only";
            return Err(MailError::new(ErrorKind::InvalidInput, text));
        };
        let mut stage = Self::new(kv, octets_max).holding(held_max);
        stage.write(&octets)?;
        stage.finish()
    }
    /// The octets are no message: makes many of them durable, and looks at none.
    pub(crate) fn finish_octets(self) -> Result<NewBody> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        match self.large {
            None => Ok(NewBody::inline(self.held.into())),
            Some(large) => large.finish(),
        }
    }
    pub(crate) fn whole(self) -> Result<Whole> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let Some(large) = self.large else {
            let octets: Arc<[u8]> = self.held.into();
            return Ok(Whole { body: NewBody::inline(Arc::clone(&octets)), octets: Octets::Held(octets) });
        };
        let body = large.finish()?;
        let NewBody::Staged(staged) = &body else {
            return Err(MailError::new(ErrorKind::Internal, "a staged body that is not staged"));
        };
        let mut octets = Vec::new();
        self.kv.view()?.read_body(&staged.body(), 0..self.octets, &mut octets)?;
        Ok(Whole { body, octets: Octets::Read(octets) })
    }
}

/// A message that has arrived, and all of its octets.
pub(crate) struct Whole {
    pub(crate) body: NewBody,
    pub(crate) octets: Octets,
}

/// A large message is not copied once more only to be shared.
pub(crate) enum Octets {
    Held(Arc<[u8]>),
    Read(Vec<u8>),
}

impl Deref for Octets {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Held(octets) => octets,
            Self::Read(octets) => octets,
        }
    }
}
