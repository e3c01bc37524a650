//! A person's own keys: making them, getting them signed, opening their private parts (DMAP-00 §7.4).

use std::io::{Read, Write};
use std::sync::Arc;

use koi_dime::key::{Holder, KeyError, PrivateKeys};
use koi_dime::object::ObjectError;
use koi_dime::stacie::RealmLabel;
use koi_dime::{Fingerprint, Random, Secret, SigningRequest, UserSignet};
use koi_proto::dmap::command::{AddKey, Command, KeyPart, Secret as Word};
use koi_proto::dmap::id::KeyId;
use koi_proto::dmap::response::{Key, KeyItem, KeyState};
use koi_proto::dmap::{DateTime, Mode, Response};

use crate::account::Account;
use crate::error::{Error, Result};
use crate::signet::{VerifiedOrg, verify_user};
use crate::wallet::LocalKey;

/// What the server has of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyEntry {
    pub id: Fingerprint,
    pub state: Option<KeyState>,
    pub created: Option<DateTime>,
    pub expires: Option<DateTime>,
    pub messages: Option<u32>,
    /// As it was uploaded; its own signature is good, and its id is this.
    pub request: SigningRequest,
    /// Encrypted, or as a TRUSTFUL account's may be, in clear.
    pub(crate) private: Option<Vec<u8>>,
    /// Not verified yet but for its own signature.
    pub signet: Option<UserSignet>,
}

impl KeyEntry {
    /// Whether the server has the private part, in whichever form.
    #[must_use]
    pub const fn has_private_part(&self) -> bool {
        self.private.is_some()
    }
}

/// A key with its private part and the finished signet, which was verified.
#[derive(Debug)]
pub struct OwnKey {
    pub id: Fingerprint,
    pub keys: PrivateKeys,
    pub signet: UserSignet,
    pub organisation: VerifiedOrg,
}

/// A key that nobody else knows of yet. In PARANOID its private part is in the wallet now, which must be
/// stored before the key is uploaded.
#[derive(Debug)]
pub struct MadeKey {
    request: SigningRequest,
    private: Option<Vec<u8>>,
    expires: Option<DateTime>,
}

impl MadeKey {
    #[must_use]
    pub fn id(&self) -> Fingerprint {
        self.request.key_id()
    }
}

impl<S: Read + Write> Account<S> {
    /// All keys of the account, in the server's order.
    pub fn keys(&mut self) -> Result<Vec<KeyEntry>> {
        let answer = self.connection.run("LISTKEYS", &Command::ListKeys)?;
        let ids: Vec<Fingerprint> = answer.data.iter().filter_map(key_id).collect();
        ids.iter().map(|id| self.key_entry(id)).collect()
    }
    /// One of them.
    pub fn key_entry(&mut self, id: &Fingerprint) -> Result<KeyEntry> {
        let command = Command::GetKey { key: KeyId(id.0), part: KeyPart::Both };
        let answer = self.connection.run("GETKEY", &command)?;
        let said = answer.data.into_iter().find_map(|response| match response {
            Response::Key(key) if key.key.0 == id.0 => Some(key),
            _ => None,
        });
        entry(said.ok_or(Error::KeyChanged("the server does not show a key it has"))?)
    }
    /// The key others encrypt to now, with its private part.
    pub fn current_key(&mut self) -> Result<Arc<OwnKey>> {
        let entries = self.keys()?;
        match entries.iter().find(|entry| entry.state == Some(KeyState::Current)) {
            Some(entry) => self.unlocked(entry),
            None if entries.iter().any(|entry| entry.state == Some(KeyState::Pending)) => Err(Error::Pending),
            None => Err(Error::NoKey),
        }
    }
    /// A key with its private part and its finished signet.
    pub fn own_key(&mut self, id: &Fingerprint) -> Result<Arc<OwnKey>> {
        if let Some(known) = self.own_keys.iter().find(|key| key.id == *id) {
            return Ok(Arc::clone(known));
        }
        let entry = self.key_entry(id)?;
        self.unlocked(&entry)
    }

    /// Makes a key. The account's current key, whose private part must be to be had, signs it, so that others
    /// can follow from one to the other.
    pub fn make_key(&mut self, expires: Option<DateTime>, random: &mut dyn Random) -> Result<MadeKey> {
        let former = match self.current_key() {
            Ok(key) => Some(key),
            Err(Error::NoKey) => None,
            Err(error) => return Err(error),
        };
        let keys = PrivateKeys::generate(Holder::User, random)?;
        let former = former.as_ref().map(|key| &key.keys.signing);
        let request = SigningRequest::create(&keys.signing, &keys.decryption.public(), &[], former)
            .map_err(|error| Error::Signet(crate::signet::SignetProblem::User(error)))?;
        let realm = self.realm(&RealmLabel::mail(), random)?;
        let object = keys.encrypt(&realm.key, Secret::<16>::random(random)?.expose())?;
        let mut private = Some(object);
        if self.mode == Mode::Paranoid {
            let object = private.take().unwrap_or_default();
            self.wallet.keys.push(LocalKey { id: request.key_id(), object });
        }
        Ok(MadeKey { request, private, expires })
    }

    /// Uploads a key and verifies what the organisation has made of it.
    pub fn upload_key(&mut self, made: MadeKey) -> Result<Arc<OwnKey>> {
        let id = made.id();
        let add = AddKey {
            key: KeyId(id.0),
            request: made.request.object(),
            private: made.private.map(Word),
            expires: made.expires,
        };
        self.connection.run("ADDKEY", &Command::AddKey(Box::new(add)))?;
        let entry = self.key_entry(&id)?;
        if entry.request != made.request {
            return Err(Error::KeyChanged("the server shows another public part than was uploaded"));
        }
        self.unlocked(&entry)
    }

    /// Keeps the private part of a key on this side too, so that it outlives a change to PARANOID.
    pub fn keep_key(&mut self, id: &Fingerprint, random: &mut dyn Random) -> Result<()> {
        let own = self.own_key(id)?;
        let label = RealmLabel::mail();
        let realm = self.realm(&label, random)?;
        let is_kept =
            self.wallet.shards.iter().any(|kept| kept.label == label && kept.serial == realm.serial);
        if !is_kept {
            let shard = realm.key.shard_for(&self.master_key, &label, &self.pin.salt);
            self.wallet.shards.push(crate::wallet::LocalShard { label, serial: realm.serial, shard });
        }
        if self.wallet.key(id).is_none() {
            let object = own.keys.encrypt(&realm.key, Secret::<16>::random(random)?.expose())?;
            self.wallet.keys.push(LocalKey { id: *id, object });
        }
        Ok(())
    }

    /// Removes a key from the server, which refuses while it is used.
    pub fn delete_key(&mut self, id: &Fingerprint) -> Result<()> {
        self.connection.run("DELETEKEY", &Command::DeleteKey { key: KeyId(id.0) })?;
        self.own_keys.retain(|key| key.id != *id);
        Ok(())
    }

    fn unlocked(&mut self, entry: &KeyEntry) -> Result<Arc<OwnKey>> {
        if let Some(known) = self.own_keys.iter().find(|key| key.id == entry.id) {
            return Ok(Arc::clone(known));
        }
        let signet = entry.signet.as_ref().ok_or(Error::Pending)?;
        if signet.request().as_ref() != Ok(&entry.request) {
            return Err(Error::KeyChanged("the organisation has signed other keys than were uploaded"));
        }
        let organisation = self.own_organisation()?;
        let signet = verify_user(&self.address, &signet.object(), &organisation)?.signet;
        let keys = self.private_part(entry)?;
        let is_its_own = keys.signing.public() == *entry.request.signing()
            && keys.decryption.public() == *entry.request.encryption();
        if !is_its_own {
            return Err(Error::KeyChanged("the private part belongs to another key"));
        }
        let own = Arc::new(OwnKey { id: entry.id, keys, signet, organisation });
        self.own_keys.push(Arc::clone(&own));
        Ok(own)
    }

    /// That of the account's own domain.
    pub fn own_organisation(&mut self) -> Result<VerifiedOrg> {
        let domain = self.address.domain().to_owned();
        self.organisation(&domain)
    }

    fn private_part(&mut self, entry: &KeyEntry) -> Result<PrivateKeys> {
        let kept = self.wallet.key(&entry.id).map(|key| key.object.clone());
        let object = kept.or_else(|| entry.private.clone());
        let object = object.ok_or_else(|| Error::NoPrivatePart(entry.id.to_string()))?;
        match PrivateKeys::parse(Holder::User, &object) {
            Err(KeyError::Object(ObjectError::Other(_))) => self.decrypted(&object),
            // Whoever shows it has it: this may be a key that the server has made up.
            Ok(_) if self.mode != Mode::Trustful => {
                Err(Error::KeyChanged("the server shows a private key in clear, which it must not have"))
            }
            in_clear => Ok(in_clear?),
        }
    }
    /// The object does not say which key of the realm it needs.
    fn decrypted(&mut self, object: &[u8]) -> Result<PrivateKeys> {
        let mut last = Error::NoRealm(RealmLabel::mail().as_str().to_owned());
        for realm in self.realms(&RealmLabel::mail())?.iter().rev() {
            match PrivateKeys::decrypt(Holder::User, object, &realm.key) {
                Ok(keys) => return Ok(keys),
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }
}

fn key_id(response: &Response) -> Option<Fingerprint> {
    match response {
        Response::Key(key) => Some(Fingerprint(key.key.0)),
        _ => None,
    }
}

fn entry(said: Key) -> Result<KeyEntry> {
    let id = Fingerprint(said.key.0);
    let (mut request, mut private, mut signet) = (None, None, None);
    let (mut state, mut created, mut expires, mut messages) = (None, None, None, None);
    for item in said.items {
        match item {
            KeyItem::Public(octets) => request = octets,
            KeyItem::Private(octets) => private = octets,
            KeyItem::Signet(octets) => signet = octets,
            KeyItem::Status(said) => state = Some(said),
            KeyItem::Created(said) => created = Some(said),
            KeyItem::Expires(said) => expires = said,
            KeyItem::Messages(said) => messages = Some(said),
        }
    }
    let malformed = |_| Error::KeyChanged("the server shows a key whose public part is malformed");
    let request = SigningRequest::parse(&request.unwrap_or_default()).map_err(malformed)?;
    if request.key_id() != id {
        return Err(Error::KeyChanged("the server shows a key under another id"));
    }
    let signet = signet.map(|object| UserSignet::parse(&object).map_err(malformed)).transpose()?;
    Ok(KeyEntry { id, state, created, expires, messages, request, private, signet })
}
