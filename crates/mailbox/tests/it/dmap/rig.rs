//! An organisation, users with keys, and messages they write.

use std::sync::{Arc, Mutex};

use koi_dime::key::Holder;
use koi_dime::message::{AuthorParts, DestinationEnvelope, OriginEnvelope, Part, PartKind, Readers};
use koi_dime::stacie::RealmKey;
use koi_dime::{
    DecryptionKey, NoRandomness, PrivateKeys, Random, Secret, SigningKey, SigningRequest, UserSignet,
};
use koi_mailbox::dmap::{ModeChange, NewKey, NewPrimeMessage, Prime};
use koi_mailbox::{Account, DmapOptions, Options, Organisation, PasswordRecord, StacieRecord};
use koi_store::kv::{Kv, StageBody, Ticket, Txn, TxnFn, View};
use koi_store::memory::MemoryKv;
use koi_types::{Address, Flags, KeyId, MailboxId, Mode, Result, Timestamp, Uid, ZoneOffset};

use crate::rig::{Deaf, Rig, START, flags};

pub(crate) const DOMAIN: &str = "example.org";

/// Octets that are the same each time, never twice.
pub(crate) struct Counted(pub(crate) u64);

impl Random for Counted {
    fn fill(&mut self, octets: &mut [u8]) -> std::result::Result<(), NoRandomness> {
        for octet in octets {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *octet = (self.0 >> 33) as u8;
        }
        Ok(())
    }
}

pub(crate) fn private(holder: Holder, seed: u64) -> PrivateKeys {
    let mut random = Counted(seed);
    let mut secret = || Secret::<32>::filled(|octets| random.fill(octets).unwrap());
    let signing = SigningKey::new(&secret());
    PrivateKeys { holder, signing, decryption: DecryptionKey::new(&secret()).unwrap() }
}

pub(crate) fn dmap_options() -> DmapOptions {
    let keys = private(Holder::Organisation, 1);
    let organisation = Organisation::new(DOMAIN, keys, &[]).unwrap();
    DmapOptions { organisations: vec![Arc::new(organisation)], ..DmapOptions::default() }
}

pub(crate) fn options() -> Options {
    Options { dmap: Some(dmap_options()), ..Options::default() }
}

pub(crate) fn dmap_rig() -> Rig {
    Rig::with(options())
}

/// A user with the keys behind the signet.
pub(crate) struct User {
    pub(crate) account: Account,
    pub(crate) keys: PrivateKeys,
    pub(crate) key_id: KeyId,
}

/// A verifier that nobody logs in by.
pub(crate) fn stacie() -> StacieRecord {
    StacieRecord { bonus: 0, salt: [1; 128], token: [2; 64], serial: 1 }
}

pub(crate) fn address_of(local: &str) -> Address {
    Address::new(local, DOMAIN).unwrap()
}

/// An account whose password was set while the server saw it.
pub(crate) fn trustful(rig: &Rig, local: &str) -> Account {
    let account = rig.account(local);
    let password = PasswordRecord { stacie: Some(stacie()), ..PasswordRecord::from("verifier") };
    rig.service.directory().set_password(account.id(), &password).unwrap();
    account
}

/// A key that only its owner opens, and its mode.
pub(crate) fn user(rig: &Rig, local: &str, mode: Mode, seed: u64) -> User {
    let account = trustful(rig, local);
    let keys = private(Holder::User, seed);
    let request = request(&keys, None);
    let key_id = KeyId(request.key_id().0);
    let half = (mode != Mode::Paranoid).then(|| encrypted(&keys));
    let new = NewKey { id: key_id, request: request.object(), private: half, expires_at: None };
    account.add_key(&new).unwrap().wait().unwrap();
    account.set_mode(&ModeChange::to(mode)).wait().unwrap();
    User { account, keys, key_id }
}

pub(crate) fn request(keys: &PrivateKeys, former: Option<&SigningKey>) -> SigningRequest {
    SigningRequest::create(&keys.signing, &keys.decryption.public(), &[], former).unwrap()
}

pub(crate) fn encrypted(keys: &PrivateKeys) -> Vec<u8> {
    keys.encrypt(&RealmKey(Secret::new(&[9; 64])), &[3; 16]).unwrap()
}

pub(crate) fn signet(account: &Account) -> UserSignet {
    UserSignet::parse(&account.snapshot().unwrap().current_key().unwrap().unwrap().signet).unwrap()
}

pub(crate) const SECRET_TEXT: &str = "Attack at dawn, and tell nobody";

/// A message from one to the other, ready to be submitted.
pub(crate) fn authored(rig: &Rig, from: &User, to: &Account, seed: u64) -> Vec<u8> {
    let organisation = rig.service.organisation(DOMAIN).unwrap();
    let (author, recipient) = (signet(&from.account), signet(to));
    let organisation = organisation.signet();
    let origin = OriginEnvelope {
        author: Address::parse(author.identifier().unwrap()).unwrap(),
        author_signet: author.core_fingerprint(),
        destination: DOMAIN.into(),
        destination_signet: organisation.core_fingerprint(),
    };
    let destination = DestinationEnvelope {
        recipient: Address::parse(recipient.identifier().unwrap()).unwrap(),
        recipient_signet: recipient.core_fingerprint(),
        origin: DOMAIN.into(),
        origin_signet: organisation.core_fingerprint(),
    };
    let readers = Readers {
        author: Some(*author.encryption()),
        origin: Some(*organisation.encryption()),
        destination: Some(*organisation.encryption()),
        recipient: Some(*recipient.encryption()),
    };
    let text = format!("Content-Type: text/plain\r\n\r\n{SECRET_TEXT}");
    let parts = AuthorParts {
        common_headers: b"Subject: Secret\r\n",
        other_headers: b"X-A: b\r\n",
        parts: &[Part { kind: PartKind::Display, data: text.as_bytes() }],
    };
    parts.message(&origin, &destination, &readers, &from.keys.signing, &mut Counted(seed)).unwrap()
}

pub(crate) fn prime(account: &Account, octets: &[u8]) -> Prime {
    let mut stage = account.stage_prime();
    octets.chunks(97).for_each(|piece| stage.write(piece).unwrap());
    stage.finish().unwrap()
}

pub(crate) fn new_prime(account: &Account, octets: &[u8], names: &[&str]) -> NewPrimeMessage {
    NewPrimeMessage {
        key: None,
        peer: None,
        prime: prime(account, octets),
        flags: flags(names),
        received_at: START,
        received_zone: ZoneOffset(60),
        meta: None,
    }
}

pub(crate) fn append(account: &Account, mailbox: MailboxId, octets: &[u8], names: &[&str]) -> Uid {
    account.append_prime(mailbox, new_prime(account, octets, names)).wait().unwrap().uid
}

/// All octets of what DMAP shows of a message.
pub(crate) fn shown(account: &Account, mailbox: MailboxId, uid: Uid) -> Vec<u8> {
    let snapshot = account.snapshot().unwrap();
    let email = snapshot.message(mailbox, uid, |row| row.email).unwrap().unwrap();
    let octets = snapshot.message(mailbox, uid, |row| snapshot.dmap_octets(row).unwrap()).unwrap().unwrap();
    let content = snapshot.dmap_content(email).unwrap().unwrap();
    assert_eq!(content.octets(), octets, "SIZE and BODY[] agree");
    let mut all = Vec::new();
    snapshot.read_content(content.whole(), 0..u64::MAX, &mut all).unwrap();
    assert_eq!(all.len() as u64, octets);
    all
}

/// What other protocols show of a message.
pub(crate) fn plainly(account: &Account, mailbox: MailboxId, uid: Uid) -> String {
    let snapshot = account.snapshot().unwrap();
    let email = snapshot.message(mailbox, uid, |row| row.email).unwrap().unwrap();
    let body = snapshot.email(email).unwrap().unwrap().body;
    let mut octets = Vec::new();
    snapshot.read_body(&body, 0..u64::MAX, &mut octets).unwrap();
    String::from_utf8(octets).unwrap()
}

pub(crate) fn keywords(account: &Account, mailbox: MailboxId, uid: Uid) -> Flags {
    let snapshot = account.snapshot().unwrap();
    let table = snapshot.keywords();
    let read = |row: &koi_mailbox::MessageRow<'_>| {
        let mut flags = Flags::system(row.flags);
        row.keywords.iter().filter_map(|n| table.keyword(n)).for_each(|k| flags.insert(k.clone()));
        flags
    };
    snapshot.message(mailbox, uid, read).unwrap().unwrap()
}

pub(crate) fn cause(error: &koi_types::MailError) -> Option<koi_types::Cause> {
    error.cause
}

pub(crate) fn now(rig: &Rig) -> Timestamp {
    rig.service_now()
}

/// An engine in which somebody else's transaction comes first.
pub(crate) struct Meanwhile(MemoryKv, Mutex<Option<Box<TxnFn>>>);

impl Meanwhile {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(MemoryKv::new(Arc::new(Deaf)), Mutex::default()))
    }
    /// Runs before the next transaction.
    pub(crate) fn meanwhile(&self, run: impl FnMut(&mut dyn Txn) -> Result<()> + Send + 'static) {
        *self.1.lock().unwrap() = Some(Box::new(run));
    }
}

impl Kv for Meanwhile {
    fn view(&self) -> Result<Box<dyn View + '_>> {
        self.0.view()
    }
    fn submit(&self, run: Box<TxnFn>) -> Ticket {
        let before = self.1.lock().unwrap().take();
        before.map_or(Ok(()), |before| self.0.submit_and_wait(before)).unwrap();
        self.0.submit(run)
    }
    fn submit_and_wait(&self, run: Box<TxnFn>) -> Result<()> {
        self.0.submit_and_wait(run)
    }
    fn stage_body(&self) -> Result<Box<dyn StageBody>> {
        self.0.stage_body()
    }
}
