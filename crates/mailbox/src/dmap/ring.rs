//! The signet ring: signets of others that an account keeps (DMAP-00 §7.5).

use koi_dime::{Fingerprint, OrgSignet, UserSignet};
use koi_store::mail::dmap::ring::{self, StoredSignet};
use koi_store::record::dmap::RingRecord;
use koi_types::{Cause, ErrorKind, MailError, Result, Timestamp, limits};

use super::organisation::bad_signet;
use crate::account::Account;
use crate::outcome::Pending;
use crate::snapshot::Snapshot;

/// A signet that a client brings.
#[derive(Clone, Debug)]
pub struct NewSignet {
    /// `user@domain`, or `domain` of an organisation.
    pub address: Box<str>,
    pub object: Vec<u8>,
    /// The client's own block.
    pub meta: Option<Vec<u8>>,
    /// The client has verified it in a way of its own: then it need not follow the one that is known.
    pub is_verified: bool,
}

/// A signet of the ring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignetRow {
    pub address: Box<str>,
    /// Of its cryptographic part.
    pub fingerprint: Fingerprint,
    pub object: Vec<u8>,
    pub meta: Option<Vec<u8>>,
    pub fetched_at: Timestamp,
}

/// A signet of the ring without its octets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignetName {
    pub address: Box<str>,
    pub fingerprint: Fingerprint,
    pub fetched_at: Timestamp,
}

/// What of a signet the ring looks at.
struct Parsed {
    fingerprint: Fingerprint,
    identifier: Option<Box<str>>,
    user: Option<UserSignet>,
}

impl Account {
    /// Adds a signet: [`Cause::SignetInvalid`] when it is malformed, of somebody else, or does not follow the
    /// one of this address that is known; `AlreadyExists` for the very same.
    pub fn add_signet(&self, new: &NewSignet) -> Result<Pending<()>> {
        self.owner_only()?;
        let parsed = parsed(new)?;
        let address = ring_address(&new.address)?;
        if parsed.identifier.as_ref().is_some_and(|name| !name.eq_ignore_ascii_case(&address)) {
            return Err(invalid("the signet is that of another address"));
        }
        let view = self.inner.kv.view()?;
        let known = ring::newest_signet(&*view, self.id, &address)?;
        drop(view);
        if let Some(known) = &known {
            follows(&parsed, known, new.is_verified)?;
        }
        let (fingerprint, is_verified) = (parsed.fingerprint.0, new.is_verified);
        let record = RingRecord {
            fetched_at: self.inner.env.now(),
            object: new.object.clone().into(),
            meta: new.meta.clone().unwrap_or_default().into(),
        };
        Ok(self.change(move |account| {
            // Another session may have brought one meanwhile: what was looked at is looked at again.
            let now = account.newest_signet(&address)?;
            if let Some(now) = now.filter(|now| Some(now) != known.as_ref()) {
                follows(&parsed, &now, is_verified)?;
            }
            account.add_signet(&address, &fingerprint, &record)
        }))
    }
    /// Takes signets of an address away: one, or all. Answers how many.
    pub fn delete_signet(&self, address: &str, fingerprint: Option<Fingerprint>) -> Pending<u32> {
        let address = self.owner_only().and_then(|()| ring_address(address));
        match address {
            Ok(address) => self.change(move |account| {
                account.delete_signets(&address, fingerprint.as_ref().map(|fingerprint| &fingerprint.0))
            }),
            Err(error) => Pending::failed(error),
        }
    }
}

impl Snapshot<'_> {
    /// All signets of the ring, by address, the newest first.
    pub fn signets(&self) -> Result<Vec<SignetName>> {
        self.owner_looks()?;
        let names = ring::signet_names(&*self.view, self.account)?.into_iter();
        Ok(names
            .map(|name| SignetName {
                address: name.address,
                fingerprint: Fingerprint(name.fingerprint),
                fetched_at: name.fetched_at,
            })
            .collect())
    }
    /// A signet of an address: this one, or the newest.
    pub fn signet(&self, address: &str, fingerprint: Option<&Fingerprint>) -> Result<Option<SignetRow>> {
        self.owner_looks()?;
        let address = ring_address(address)?;
        let all = ring::signets_of(&*self.view, self.account, &address)?.into_iter();
        let mut wanted = all.filter(|signet| fingerprint.is_none_or(|wanted| wanted.0 == signet.fingerprint));
        Ok(wanted.next().map(row))
    }
}

fn row(stored: StoredSignet) -> SignetRow {
    SignetRow {
        address: stored.address,
        fingerprint: Fingerprint(stored.fingerprint),
        object: stored.record.object.into(),
        meta: Some(Vec::from(stored.record.meta)).filter(|meta| !meta.is_empty()),
        fetched_at: stored.record.fetched_at,
    }
}

/// ASCII letters in lower case: as signets are looked for.
fn ring_address(address: &str) -> Result<Box<str>> {
    let is_one = !address.is_empty()
        && address.len() <= limits::ADDRESS_OCTETS_MAX
        && !address.chars().any(|c| c.is_control() || c.is_whitespace() && c != ' ');
    let bad = || MailError::new(ErrorKind::InvalidInput, "not an address");
    is_one.then(|| address.to_ascii_lowercase().into()).ok_or_else(bad)
}

fn parsed(new: &NewSignet) -> Result<Parsed> {
    let meta_octets = new.meta.as_ref().map_or(0, Vec::len);
    if new.object.len() > limits::DMAP_SIGNET_OCTETS_MAX || meta_octets > limits::DMAP_META_OCTETS_MAX {
        return Err(MailError::new(ErrorKind::TooLarge, "the signet or its META block is too large"));
    }
    let invalid = |error| bad_signet(error, Cause::SignetInvalid);
    if new.address.contains('@') {
        let signet = UserSignet::parse(&new.object).map_err(invalid)?;
        let (fingerprint, identifier) = (signet.core_fingerprint(), signet.identifier().map(Into::into));
        return Ok(Parsed { fingerprint, identifier, user: Some(signet) });
    }
    let signet = OrgSignet::parse(&new.object).map_err(invalid)?;
    let (fingerprint, identifier) = (signet.core_fingerprint(), signet.identifier().map(Into::into));
    Ok(Parsed { fingerprint, identifier, user: None })
}

/// The new one is signed by the key of the one before, unless the client says that it knows better, or is the
/// very same.
fn follows(new: &Parsed, known: &StoredSignet, is_verified: bool) -> Result<()> {
    if is_verified || known.fingerprint == new.fingerprint.0 {
        return Ok(());
    }
    let known = UserSignet::parse(&known.record.object).ok();
    let follows = new.user.as_ref().zip(known).is_some_and(|(new, known)| {
        // The same keys, signed again by the organisation, follow too.
        new.key_id() == known.key_id() || new.follows(known.signing()).is_ok()
    });
    if follows { Ok(()) } else { Err(invalid("the signet does not follow the one that is known")) }
}

fn invalid(text: &str) -> MailError {
    MailError::new(ErrorKind::InvalidInput, text).because(Cause::SignetInvalid)
}
