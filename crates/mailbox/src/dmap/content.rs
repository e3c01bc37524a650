//! What DMAP shows of an email: the encrypted message it stands for, or ordinary mail as a naked message,
//! made when it is asked for and the same each time (DMAP-00 §3.4, docs/DMAP.md).

use std::ops::Range;
use std::sync::Arc;

use koi_dime::message::{ChunkFact, naked_octets};
use koi_dime::{ChunkType, Magic, Message, Organisation, Outline, Suite};
use koi_message::Structure;
use koi_store::body::BodyRef;
use koi_store::mail::directory;
use koi_store::mail::dmap::{keys, prime};
use koi_store::record::prime::PrimeRecord;
use koi_types::{Cause, EmailId, ErrorKind, KeyId, MailError, Result};

use super::keys::signet_of;
use super::organisation::{view_random, wrapped};
use crate::row::{EmailRow, MessageRow};
use crate::snapshot::Snapshot;

/// An email as DMAP shows it.
#[derive(Clone, Debug)]
pub struct Content {
    magic: Magic,
    suite: Suite,
    chunks: Vec<ChunkFact>,
    key_id: Option<KeyId>,
    peer: Option<Box<str>>,
    whole: ContentOctets,
}

/// The octets of one, all of them. A copy costs nothing.
#[derive(Clone, Debug)]
pub struct ContentOctets(Source);

#[derive(Clone, Debug)]
enum Source {
    Stored(BodyRef),
    /// Made now: no longer than a message may be.
    Made(Arc<Vec<u8>>),
}

impl ContentOctets {
    #[must_use]
    pub fn count(&self) -> u64 {
        match &self.0 {
            Source::Stored(body) => body.octets,
            Source::Made(octets) => octets.len() as u64,
        }
    }
}

/// What SEARCH looks at, without a look at the message itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContentFacts {
    pub key_id: Option<KeyId>,
    pub peer: Option<Box<str>>,
    /// In stored order; tracing objects are of type 0.
    pub kinds: Vec<ChunkType>,
}

/// What the naked form of ordinary mail has, as far as nobody looks into it.
const NAKED: [ChunkType; 7] = [
    ChunkType::EPHEMERAL,
    ChunkType::COMMON_HEADERS,
    ChunkType::OTHER_HEADERS,
    ChunkType::BODY,
    ChunkType::TREE_SIGNATURE,
    ChunkType::AUTHOR_SIGNATURE,
    ChunkType::DESTINATION_SIGNATURE,
];

impl Content {
    #[must_use]
    pub const fn magic(&self) -> Magic {
        self.magic
    }
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }
    /// SIZE.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.whole.count()
    }
    /// What BODY[] has, and pieces of it.
    #[must_use]
    pub const fn whole(&self) -> &ContentOctets {
        &self.whole
    }
    /// What it takes in memory while it is kept.
    #[must_use]
    pub fn memory_octets(&self) -> usize {
        let made = match &self.whole.0 {
            Source::Stored(_) => 0,
            Source::Made(octets) => octets.capacity(),
        };
        size_of::<Self>() + self.chunks.capacity() * size_of::<ChunkFact>() + made
    }
    /// BODYSTRUCTURE: tracing objects and chunks in stored order.
    #[must_use]
    pub fn chunks(&self) -> &[ChunkFact] {
        &self.chunks
    }
    /// BODY[t.n]: the n-th chunk of type t; tracing objects are counted from the oldest, which is next to the
    /// message.
    #[must_use]
    pub fn section(&self, kind: ChunkType, number: u32) -> Option<ChunkFact> {
        let before = usize::try_from(number.checked_sub(1)?).ok()?;
        let mut all = self.chunks.iter().filter(|fact| fact.kind == kind);
        let found = if kind == ChunkType::TRACING { all.rev().nth(before) } else { all.nth(before) };
        found.copied()
    }
    /// By which of the account's keys it opens, where that is known.
    #[must_use]
    pub const fn key_id(&self) -> Option<KeyId> {
        self.key_id
    }
    /// The domain it came from, where the server had to know it.
    #[must_use]
    pub fn peer(&self) -> Option<&str> {
        self.peer.as_deref()
    }
}

impl Snapshot<'_> {
    /// SIZE of a message: costs nothing for an encrypted one; of ordinary mail the header is read.
    pub fn dmap_octets(&self, row: &MessageRow<'_>) -> Result<u64> {
        if row.prime_octets > 0 {
            return Ok(u64::from(row.prime_octets));
        }
        let missing = || MailError::new(ErrorKind::Corrupt, "a message cannot be read").context("no email");
        let email = self.email(row.email)?.ok_or_else(missing)?;
        let header = Structure::decode(email.structure()).map_or(0, |found| found.root.header.end);
        // With the empty line behind it.
        let mut start = Vec::new();
        self.read_body(&email.body, 0..u64::from(header).saturating_add(2), &mut start)?;
        if let Some(octets) = naked_octets(&start, email.body.octets) {
            return Ok(octets);
        }
        start.clear();
        self.read_body(&email.body, 0..email.body.octets, &mut start)?;
        Ok(naked_octets(&start, email.body.octets).unwrap_or(email.body.octets))
    }
    /// What DMAP shows of an email; nothing when it is gone. [`Cause::NoSignet`] for ordinary mail in an
    /// account that has no key to encrypt for.
    pub fn dmap_content(&self, email: EmailId) -> Result<Option<Content>> {
        if self.is_hidden(email)? {
            return Ok(None);
        }
        if let Some(record) = prime::prime(&*self.view, self.account, email)? {
            return stored(record).map(Some);
        }
        let Some(row) = self.email(email)? else { return Ok(None) };
        self.made(&row).map(Some)
    }
    /// Nothing but the octets of an encrypted message, which costs less than all that is known of it; nothing
    /// for ordinary mail, and when it is gone.
    pub fn dmap_whole(&self, email: EmailId) -> Result<Option<ContentOctets>> {
        if self.is_hidden(email)? {
            return Ok(None);
        }
        let body = prime::prime_body(&*self.view, self.account, email)?;
        Ok(body.map(|body| ContentOctets(Source::Stored(body))))
    }
    fn is_hidden(&self, email: EmailId) -> Result<bool> {
        Ok(self.guest.is_some() && !self.is_shown(email)?)
    }
    /// What SEARCH may know of an email without looking at it; nothing when it is gone.
    pub fn dmap_facts(&self, email: EmailId) -> Result<Option<ContentFacts>> {
        if let Some(record) = prime::prime(&*self.view, self.account, email)? {
            let kinds = record.chunks.iter().map(|chunk| ChunkType(chunk.kind)).collect();
            return Ok(Some(ContentFacts { key_id: record.key, peer: record.peer, kinds }));
        }
        let Some(_) = self.email(email)? else { return Ok(None) };
        let key_id = keys::current(&*self.view, self.account)?.map(|key| key.id);
        Ok(Some(ContentFacts { key_id, peer: None, kinds: NAKED.to_vec() }))
    }
    /// Appends octets of it; a range past the end is cut.
    pub fn read_content(&self, whole: &ContentOctets, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        match &whole.0 {
            Source::Stored(body) => self.read_body(body, range, out),
            Source::Made(octets) => {
                let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(octets.len());
                out.extend_from_slice(octets.get(at(range.start)..at(range.end)).unwrap_or_default());
                Ok(())
            }
        }
    }
    /// CHUNKHASH: SHA-512 of each chunk before the signatures, in order.
    pub fn chunk_hashes(&self, content: &Content) -> Result<Vec<[u8; 64]>> {
        let mut octets = Vec::new();
        self.read_content(&content.whole, 0..content.octets(), &mut octets)?;
        let message = Message::parse(&octets).map_err(unreadable)?;
        Ok(message.chunk_hashes())
    }
    /// Ordinary mail as the naked message it would have been, had it been encrypted when it came.
    fn made(&self, row: &EmailRow<'_>) -> Result<Content> {
        let no_signet = || {
            let text = "the account has no key that mail could be encrypted for";
            MailError::new(ErrorKind::Unavailable, text).because(Cause::NoSignet)
        };
        let organisation = self.organisation()?.ok_or_else(no_signet)?;
        let current = keys::current(&*self.view, self.account)?.ok_or_else(no_signet)?;
        let mut mail = Vec::new();
        self.read_body(&row.body, 0..row.body.octets, &mut mail)?;
        let mut random = view_random(&organisation, row.id, &current.id);
        let naked = wrapped(&organisation, &mail, &signet_of(&current)?, &mut random)?;
        let outline = Outline::of(&naked).map_err(unreadable)?;
        Ok(Content {
            magic: outline.magic(),
            suite: outline.ephemeral().suite,
            chunks: outline.facts().to_vec(),
            key_id: Some(current.id),
            peer: None,
            whole: ContentOctets(Source::Made(Arc::new(naked))),
        })
    }
    /// That of the account's domain.
    pub(super) fn organisation(&self) -> Result<Option<Arc<Organisation>>> {
        let Some(dmap) = &self.options.dmap else { return Ok(None) };
        let Some(record) = directory::directory_record(&*self.view, self.account)? else { return Ok(None) };
        let domain = record.address.domain();
        Ok(dmap.organisations.iter().find(|one| one.domain().eq_ignore_ascii_case(domain)).cloned())
    }
}

fn stored(record: PrimeRecord) -> Result<Content> {
    let unknown = || MailError::new(ErrorKind::Corrupt, "a message cannot be read").context("magic or suite");
    let magic = Magic::new(record.magic).ok_or_else(unknown)?;
    let suite = match record.suite {
        1 => Suite::One,
        2 => Suite::Two,
        _ => return Err(unknown()),
    };
    let fact = |chunk: koi_store::record::prime::ChunkRow| ChunkFact {
        kind: ChunkType(chunk.kind),
        start: chunk.start,
        octets: chunk.octets,
    };
    Ok(Content {
        magic,
        suite,
        chunks: record.chunks.into_iter().map(fact).collect(),
        key_id: record.key,
        peer: record.peer,
        whole: ContentOctets(Source::Stored(record.body)),
    })
}

fn unreadable(error: impl std::fmt::Display) -> MailError {
    MailError::new(ErrorKind::Corrupt, "a message cannot be read").context(error)
}
