//! What somebody can read who has the data folder and the server's own keys, and nothing else: every key that
//! is there is tried on everything (docs/DMAP.md, "a stolen folder").
//!
//! Nothing is verified: a thief does not care who signed. Must not: use what only a client has.

use std::sync::Arc;

use koi_dime::chunk::Actor;
use koi_dime::key::{Holder, PrivateKeys};
use koi_dime::message::Message;
use koi_dime::{ChunkType, DecryptionKey, Organisation};
use koi_store::mail::dmap::{keys, prime};
use koi_types::{EmailId, KeyId, Result};

use super::organisation::key_at_rest;
use crate::snapshot::Snapshot;

const ACTORS: [Actor; 4] = [Actor::Author, Actor::Origin, Actor::Destination, Actor::Recipient];

/// A key of an account.
#[derive(Debug)]
pub struct DisclosedKey {
    pub id: KeyId,
    /// Something of the private half is stored, in some form.
    pub is_stored: bool,
    /// The private half, if it opens.
    pub private: Option<PrivateKeys>,
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Disclosed {
    /// It lies there in clear.
    Clear(Vec<u8>),
    Encrypted(DisclosedParts),
}

/// What opens of an encrypted message.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct DisclosedParts {
    /// Headers, bodies and attached files, and how many of them open.
    pub parts: usize,
    pub opened_parts: usize,
    /// What is in those that open.
    pub opened: Vec<u8>,
    /// The envelopes for the organisations: by whom and for whom it is.
    pub envelopes: Vec<u8>,
}

impl Snapshot<'_> {
    /// The keys of the account, with what opens of their private halves by what the server has.
    pub fn disclosed_keys(&self) -> Result<Vec<DisclosedKey>> {
        self.owner_looks()?;
        let mut all = Vec::new();
        for key in keys::keys(&*self.view, self.account)? {
            let stored = keys::stored_key(&*self.view, self.account, &key.id)?;
            let half = stored.and_then(|record| record.private);
            let private = half.as_ref().and_then(|half| {
                let in_clear = PrivateKeys::parse(Holder::User, &half.octets).ok();
                in_clear.or_else(|| self.opened_half(&key.id, &half.octets))
            });
            all.push(DisclosedKey { id: key.id, is_stored: half.is_some(), private });
        }
        Ok(all)
    }
    /// A message, with every key that is there; nothing when it is gone.
    pub fn disclosed(&self, email: EmailId, own: &[DisclosedKey]) -> Result<Option<Disclosed>> {
        self.owner_looks()?;
        let Some(record) = prime::prime(&*self.view, self.account, email)? else {
            let Some(row) = self.email(email)? else { return Ok(None) };
            let mut octets = Vec::new();
            self.read_body(&row.body, 0..row.body.octets, &mut octets)?;
            return Ok(Some(Disclosed::Clear(octets)));
        };
        let mut octets = Vec::new();
        self.read_body(&record.body, 0..record.body.octets, &mut octets)?;
        let organisations = self.organisations().iter().map(|one| one.decryption());
        let users = own.iter().filter_map(|key| Some(&key.private.as_ref()?.decryption));
        Ok(Some(Disclosed::Encrypted(opened(&octets, &organisations.chain(users).collect::<Vec<_>>()))))
    }
    fn organisations(&self) -> &[Arc<Organisation>] {
        self.options.dmap.as_ref().map_or(&[], |dmap| &dmap.organisations)
    }
    fn opened_half(&self, id: &KeyId, half: &[u8]) -> Option<PrivateKeys> {
        let opened =
            |one: &Arc<Organisation>| PrivateKeys::decrypt(Holder::User, half, &key_at_rest(one, id)).ok();
        self.organisations().iter().find_map(opened)
    }
}

/// Every key as every actor.
fn opened(octets: &[u8], keys: &[&DecryptionKey]) -> DisclosedParts {
    let mut disclosed = DisclosedParts::default();
    let Ok(message) = Message::parse(octets) else { return disclosed };
    let mut readers = Vec::new();
    for key in keys {
        readers.extend(ACTORS.map(|actor| message.reader(actor, key)));
    }
    for (index, fact) in message.outline().chunks().iter().enumerate() {
        let is_envelope = matches!(fact.kind, ChunkType::ORIGIN | ChunkType::DESTINATION);
        if !fact.kind.is_encrypted() {
            continue;
        }
        let found = readers.iter().find_map(|reader| reader.open(index).ok());
        if is_envelope {
            found.iter().for_each(|found| disclosed.envelopes.extend_from_slice(found.claimed()));
            continue;
        }
        disclosed.parts += 1;
        if let Some(found) = found {
            disclosed.opened_parts += 1;
            disclosed.opened.extend_from_slice(found.claimed());
        }
    }
    disclosed
}
