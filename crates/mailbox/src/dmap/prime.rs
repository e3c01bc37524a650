//! APPEND of encrypted messages: their frame is read while they arrive, nothing of them is opened
//! (DMAP-00 §7.3.10).

use std::sync::Arc;

use koi_dime::message::Scanner;
use koi_dime::{Magic, Outline, Suite};
use koi_store::mail::dmap::keys;
use koi_store::mail::{Appended, NewEmail};
use koi_types::{Cause, ErrorKind, Flags, KeyId, MailError, MailboxId, Result, Timestamp, ZoneOffset};

use super::placeholder;
use super::seal::{Sealed, rows, suite_number};
use crate::account::Account;
use crate::incoming::Stage;
use crate::outcome::Pending;

/// Whether octets begin like an encrypted message; two are enough to know.
#[must_use]
pub fn is_prime(octets: &[u8]) -> bool {
    let number = octets.first_chunk::<2>().map(|octets| u16::from_be_bytes(*octets));
    let magic = number.and_then(Magic::new);
    magic.is_some_and(|magic| magic.is_message() || magic == Magic::Tracing)
}

/// Octets of an encrypted message while they arrive.
pub struct PrimeStage {
    stage: Stage,
    scanner: Scanner,
    takes_suite_one: bool,
}

/// An encrypted message that has arrived, of a form that is taken.
#[derive(Clone, Debug)]
pub struct Prime(Arc<Sealed>);

/// One to be appended.
#[derive(Clone, Debug)]
pub struct NewPrimeMessage {
    pub prime: Prime,
    /// By which key it opens, where that is known; otherwise the one that is current.
    pub key: Option<KeyId>,
    /// The domain it came from, where that is known.
    pub peer: Option<Box<str>>,
    pub flags: Flags,
    /// INTERNALDATE.
    pub received_at: Timestamp,
    pub received_zone: ZoneOffset,
    /// Empty: none.
    pub meta: Option<Arc<[u8]>>,
}

impl Prime {
    /// SIZE.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.0.octets()
    }
}

impl PrimeStage {
    /// For what was in a store before, where a tracing object may stand before it.
    #[must_use]
    pub fn stored(self) -> Self {
        Self { stage: self.stage.stored(), ..self }
    }
    /// The next octets. `InvalidInput` with [`Cause::BadMessage`] as soon as the frame is broken, `TooLarge`
    /// past the limit. After an error drop it.
    pub fn write(&mut self, octets: &[u8]) -> Result<()> {
        self.scanner.feed(octets).map_err(bad)?;
        self.stage.write(octets)
    }
    /// Octets so far.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.stage.octets()
    }
    /// The message is complete: makes a large one durable.
    pub fn finish(self) -> Result<Prime> {
        let outline = self.scanner.finish().map_err(bad)?;
        check(&outline, self.takes_suite_one)?;
        let body = self.stage.finish_octets()?;
        Ok(Prime(Arc::new(Sealed {
            body,
            magic: outline.magic().number(),
            suite: suite_number(outline.ephemeral().suite),
            key: None,
            peer: None,
            chunks: rows(&outline),
        })))
    }
}

/// Form and suite.
pub(super) fn check(outline: &Outline, takes_suite_one: bool) -> Result<()> {
    outline.form().map_err(bad)?;
    if outline.ephemeral().suite == Suite::One && !takes_suite_one {
        return Err(bad("a message of suite 1 can be read by organisations"));
    }
    Ok(())
}

pub(super) fn bad(error: impl std::fmt::Display) -> MailError {
    MailError::new(ErrorKind::InvalidInput, error.to_string()).because(Cause::BadMessage)
}

impl Account {
    /// Takes in the octets of an encrypted message.
    #[must_use]
    pub fn stage_prime(&self) -> PrimeStage {
        let options = &self.inner.options;
        PrimeStage {
            stage: Stage::new(Arc::clone(&self.inner.kv), options.message_octets_max),
            scanner: Scanner::new(),
            takes_suite_one: options.dmap.as_ref().is_some_and(|dmap| dmap.takes_suite_one),
        }
    }
    /// Appends one. Where nothing is said it opens by the key that is current now, as far as the server can
    /// know; by one that the account does not have, nobody knows how.
    pub fn append_prime(&self, mailbox: MailboxId, new: NewPrimeMessage) -> Pending<Appended> {
        let shown = match self.owner_only().and_then(|()| placeholder()) {
            Ok(shown) => shown,
            Err(error) => return Pending::failed(error),
        };
        let email = self.inner.new_email_id();
        self.change(move |account| {
            let message = NewEmail {
                email,
                body: &shown.body,
                octets: shown.octets,
                facts: &shown.facts,
                flags: new.flags.system,
                keywords: &new.flags.keywords,
                received_at: new.received_at,
                received_zone: new.received_zone,
            };
            let key = match new.key {
                Some(id) => Some(id),
                None => account.current_key()?,
            };
            let peer = new.peer.as_deref();
            let prime = koi_store::mail::NewPrime { key, peer, ..new.prime.0.as_new() };
            account.append_dmap(mailbox, &message, Some(&prime), new.meta.as_deref())
        })
    }
}

/// What an id is of, where nothing says which key a message is for.
pub(super) fn key_of(
    read: &(impl koi_store::kv::Read + ?Sized),
    account: koi_types::AccountId,
    fingerprint: &koi_dime::Fingerprint,
) -> Result<Option<KeyId>> {
    let all = keys::keys(read, account)?;
    let its = all.into_iter().find(|key| {
        let signet = koi_dime::UserSignet::parse(&key.record.signet);
        signet.is_ok_and(|signet| signet.core_fingerprint() == *fingerprint)
    });
    Ok(its.map(|key| key.id))
}
