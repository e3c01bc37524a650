//! Reading a message: fetched whole, opened with the key it was written to, verified under the author's
//! signet.

use std::io::{Read, Write};
use std::sync::Arc;

use koi_dime::Fingerprint;
use koi_dime::Random;
use koi_dime::meta::{Meta, MetaType, Trust};
use koi_proto::dmap::command::{Command, FetchItem, FlagAction, MetaChange, Partial, Store, StoreValue};
use koi_proto::dmap::{Mode, SequenceSet};
use koi_types::{Flags, NumSet, SystemFlags, Uid};

use crate::account::Account;
use crate::error::{Error, Result};
use crate::key::OwnKey;
use crate::mailbox::{body, whole};
use crate::meta::SealedMeta;
use crate::open::{OpenedMessage, Unbelievable, Witness, claimed_author, is_for_another_key, open};
use crate::signet::VerifiedUser;

/// Octets fetched at a time.
const SLICE_OCTETS: u32 = 4 * 1024 * 1024;
/// Octets of one message.
const MESSAGE_OCTETS_MAX: usize = 512 * 1024 * 1024;

/// A message as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    pub uid: Uid,
    pub flags: Vec<String>,
    /// The key it was written to, as the server says.
    pub key: Option<Fingerprint>,
    pub octets: Vec<u8>,
    pub(crate) meta: Option<SealedMeta>,
}

/// A message, and whether it is believed.
#[derive(Debug)]
pub struct Reading {
    pub fetched: Fetched,
    pub outcome: std::result::Result<OpenedMessage, Unbelievable>,
    /// Who signed, where somebody else did.
    pub author: Option<VerifiedUser>,
    /// What this person has noted of the author's key.
    pub trust: Trust,
}

/// What one key makes of a message.
struct Opening {
    outcome: std::result::Result<OpenedMessage, Unbelievable>,
    author: Option<VerifiedUser>,
}

impl<S: Read + Write> Account<S> {
    /// Fetches a message of the open mailbox. Nothing is marked as read.
    pub fn fetch(&mut self, uid: Uid) -> Result<Fetched> {
        let first = vec![FetchItem::Uid, FetchItem::Flags, FetchItem::KeyId, FetchItem::Meta, slice(0)];
        let facts = self.fetch_one(uid, first)?;
        let mut octets = body(&facts.bodies, None).ok_or(Error::NoMessage)?.to_vec();
        let mut last = octets.len();
        while last == SLICE_OCTETS as usize && octets.len() < MESSAGE_OCTETS_MAX {
            let items = vec![FetchItem::Uid, slice(octets.len() as u64)];
            let facts = self.fetch_one(uid, items)?;
            let more = body(&facts.bodies, None).ok_or(Error::NoMessage)?;
            octets.extend_from_slice(more);
            last = more.len();
        }
        Ok(Fetched { uid, flags: facts.flags, key: facts.key, octets, meta: facts.meta })
    }

    /// Fetches and opens a message of the open mailbox.
    pub fn read(&mut self, uid: Uid) -> Result<Reading> {
        let fetched = self.fetch(uid)?;
        let mut opening = Opening { outcome: Err(Unbelievable::NoWitness), author: None };
        for own in self.keys_for(&fetched)? {
            opening = self.opened(&fetched.octets, &own)?;
            if !opening.outcome.as_ref().is_err_and(is_for_another_key) {
                break;
            }
        }
        let Opening { outcome, author } = opening;
        let trust = match &author {
            Some(user) => self.trust_in(user)?,
            None => Trust::None,
        };
        Ok(Reading { fetched, outcome, author, trust })
    }

    /// Notes that a message was read: by the flag where the server may know it, else in its META block.
    pub fn mark_read(&mut self, fetched: &Fetched, random: &mut dyn Random) -> Result<()> {
        if fetched.flags.iter().any(|flag| flag == "\\Seen") {
            return Ok(());
        }
        if self.mode == Mode::Trustful {
            let flags = Flags::system(SystemFlags::SEEN);
            return self.store(fetched.uid, StoreValue::Flags { action: FlagAction::Add, flags });
        }
        let mut meta = match &fetched.meta {
            Some(sealed) => self.read_meta(sealed, &fetched.octets, None)?,
            None => Meta::default(),
        };
        let mut flags: Vec<String> = meta.flags().map(str::to_owned).collect();
        if flags.iter().any(|flag| flag == "\\Seen") {
            return Ok(());
        }
        flags.push("\\Seen".to_owned());
        let too_large = |_| Error::Meta("a META block would be too large");
        meta.set(MetaType::FLAGS, flags.join(" ").as_bytes()).map_err(too_large)?;
        let sealed = self.write_meta(&meta, &fetched.octets, random)?;
        self.store(fetched.uid, StoreValue::Meta(MetaChange::Set(sealed.0)))
    }

    /// UID STORE, silently.
    pub(crate) fn store(&mut self, uid: Uid, value: StoreValue) -> Result<()> {
        let mut numbers = NumSet::default();
        numbers.insert(uid.value());
        let set = SequenceSet::of(&numbers);
        let store = Store { by_uid: true, set, unchanged_since: None, silent: true, value };
        self.connection.run("STORE", &Command::Store(store)).map(|_| ())
    }

    /// The key the server names; without one all, the current one first.
    fn keys_for(&mut self, fetched: &Fetched) -> Result<Vec<Arc<OwnKey>>> {
        if let Some(id) = &fetched.key {
            return Ok(vec![self.own_key(id)?]);
        }
        let mut keys = vec![self.current_key()?];
        for entry in self.keys()? {
            if entry.id != keys.first().map_or(entry.id, |key| key.id)
                && let Ok(key) = self.own_key(&entry.id)
            {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    fn opened(&mut self, octets: &[u8], own: &OwnKey) -> Result<Opening> {
        let nobody = |outcome| Ok(Opening { outcome, author: None });
        let address = self.address.clone();
        let claimed = match claimed_author(octets, own) {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return nobody(open(octets, &address, own, Witness::Own)),
            Err(error) => return nobody(Err(error)),
        };
        match self.signet_with(&claimed.author, &claimed.author_signet) {
            Ok(author) => {
                let outcome = open(octets, &address, own, Witness::Author(&author));
                Ok(Opening { outcome, author: Some(author) })
            }
            Err(Error::Signet(problem)) => nobody(Err(Unbelievable::Signet(problem))),
            Err(error) => Err(error),
        }
    }
}

fn slice(first: u64) -> FetchItem {
    whole(Some(Partial { first, octets: SLICE_OCTETS }))
}
