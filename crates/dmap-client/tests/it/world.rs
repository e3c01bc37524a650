//! What the peer remembers between connections: accounts, their keys and mail, and the organisation.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use koi_dime::key::{Holder, PrivateKeys};
use koi_dime::message::{Bounces, Message};
use koi_dime::stacie::{Inputs, Nonce, Password, Salt, VerificationToken};
use koi_dime::{
    DecryptionKey, Fingerprint, Magic, NoRandomness, Organisation, Random, Secret, SigningKey,
    SigningRequest, UserSignet,
};
use koi_dmap_client::{Account, Connection, Credentials, Error, Mode, Wallet};
use koi_proto::dmap::command::NewShard;
use koi_types::{Address, Flags};

use crate::peer::Peer;

/// Octets that are the same each time, never twice.
pub(crate) struct Counted(pub(crate) u64);

impl Random for Counted {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        for octet in octets {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *octet = (self.0 >> 33) as u8;
        }
        Ok(())
    }
}

pub(crate) struct Stored {
    pub(crate) uid: u32,
    pub(crate) flags: Flags,
    pub(crate) octets: Vec<u8>,
    pub(crate) meta: Option<Vec<u8>>,
    pub(crate) key: Option<[u8; 64]>,
}

pub(crate) struct StoredKey {
    pub(crate) id: [u8; 64],
    pub(crate) request: Vec<u8>,
    pub(crate) private: Option<Vec<u8>>,
    pub(crate) signet: UserSignet,
}

pub(crate) struct Holding {
    pub(crate) mode: Mode,
    pub(crate) salt: Salt,
    pub(crate) bonus: u32,
    pub(crate) token: VerificationToken,
    /// By label and serial number.
    pub(crate) realms: BTreeMap<(String, u16), [u8; 64]>,
    /// The newest last.
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) ring: BTreeMap<String, (Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) mailboxes: BTreeMap<String, Vec<Stored>>,
    pub(crate) meta: BTreeMap<String, Vec<u8>>,
    pub(crate) next_uid: u32,
}

/// What is done to what the server says; each test has its own.
pub(crate) type Lie = Box<dyn Fn(&mut koi_proto::dmap::Response)>;

pub(crate) struct World {
    pub(crate) organisation: Organisation,
    pub(crate) holdings: BTreeMap<String, Holding>,
    pub(crate) random: Counted,
    /// Commands as they came, without literals.
    pub(crate) heard: Vec<String>,
    /// All octets that ever came.
    pub(crate) octets: Vec<u8>,
    pub(crate) lie: Option<Lie>,
    /// Given as nonces before random ones.
    pub(crate) nonces: Vec<Nonce>,
    /// There is no room for copies of what is sent.
    pub(crate) is_full: bool,
    /// Nothing can be marked or removed.
    pub(crate) is_read_only: bool,
}

pub(crate) type Shared = Rc<RefCell<World>>;

/// The first halves of SHA-512 of `dmap-org-sign` and `dmap-org-enc` (docs/DIME.md, vectors).
pub(crate) const ORG_SIGN: &str = "6a18b6309fc80a49c010c259cef68080d2ed8260505ea340e59dd5b284eb58c4";
pub(crate) const ORG_ENC: &str = "1f3f4550fcbadaf18bfa289ebe6e5cfab4ab5bd95795fe5db10b45772fd0acab";

pub(crate) fn hex<const N: usize>(text: &str) -> [u8; N] {
    let digits: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let pairs =
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    pairs.collect::<Vec<u8>>().try_into().unwrap()
}

pub(crate) fn keys(holder: Holder, sign: &str, enc: &str) -> PrivateKeys {
    let signing = SigningKey::new(&Secret::new(&hex(sign)));
    PrivateKeys { holder, signing, decryption: DecryptionKey::new(&Secret::new(&hex(enc))).unwrap() }
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// Long, so that its derivation takes eight rounds and the bonus.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) fn password(text: &str) -> Password {
    Password::new(text.as_bytes()).unwrap()
}

pub(crate) fn world() -> Shared {
    let keys = keys(Holder::Organisation, ORG_SIGN, ORG_ENC);
    Rc::new(RefCell::new(World {
        organisation: Organisation::new("example.tld", keys, &[]).unwrap(),
        holdings: BTreeMap::new(),
        random: Counted(99),
        heard: Vec::new(),
        octets: Vec::new(),
        lie: None,
        nonces: Vec::new(),
        is_full: false,
        is_read_only: false,
    }))
}

/// An account whose password the server has never seen: made with what a client would send.
pub(crate) fn add(world: &Shared, user: &str, mode: Mode, text: &str, bonus: u32) {
    let mut world = world.borrow_mut();
    let salt = Salt(*Secret::random(&mut world.random).unwrap().expose());
    let derived = Inputs { username: user, password: &password(text), salt: &salt, bonus }.derive();
    let mailboxes = ["INBOX", "Drafts", "Sent"].map(|name| (name.to_owned(), Vec::new()));
    let holding = Holding {
        mode,
        salt,
        bonus,
        token: derived.verification_token,
        realms: BTreeMap::new(),
        keys: Vec::new(),
        ring: BTreeMap::new(),
        mailboxes: mailboxes.into(),
        meta: BTreeMap::new(),
        next_uid: 7,
    };
    world.holdings.insert(user.to_owned(), holding);
}

/// With few rounds.
pub(crate) fn world_with(users: &[(&str, Mode)]) -> Shared {
    let world = world();
    users.iter().for_each(|(user, mode)| add(&world, user, *mode, PASSWORD, 0));
    world
}

pub(crate) fn login_as(
    world: &Shared,
    user: &str,
    text: &str,
    wallet: Wallet,
) -> Result<Account<Peer>, Error> {
    let (address, password) = (address(user), password(text));
    let credentials =
        Credentials { address: &address, password: &password, channel: None, accept_new_salt: false };
    Connection::open(Peer::new(world))?.login(&credentials, wallet)
}

pub(crate) fn login(world: &Shared, user: &str) -> Account<Peer> {
    login_as(world, user, PASSWORD, Wallet::default()).unwrap()
}

impl World {
    pub(crate) fn nonce(&mut self) -> Nonce {
        match self.nonces.pop() {
            Some(nonce) => nonce,
            None => Nonce(*Secret::random(&mut self.random).unwrap().expose()),
        }
    }
    /// ADDKEY; what the code of a refusal is.
    pub(crate) fn add_key(
        &mut self,
        user: &str,
        id: [u8; 64],
        request: &[u8],
        private: Option<Vec<u8>>,
    ) -> Result<(), &'static str> {
        let parsed = SigningRequest::parse(request).map_err(|_| "BADSSR")?;
        if parsed.key_id().0 != id {
            return Err("KEYMISMATCH");
        }
        let holding = self.holdings.get_mut(user).unwrap();
        if private.is_some() && holding.mode == Mode::Paranoid {
            return Err("KEYPOLICY");
        }
        let former = holding.keys.last().map(|key| *key.signet.signing());
        let signet =
            self.organisation.issue(&parsed, &address(user), former.as_ref()).map_err(|_| "BADSSR")?;
        holding.keys.push(StoredKey { id, request: request.to_vec(), private, signet });
        Ok(())
    }
    /// The signet of somebody here: the current one, or the one with this fingerprint.
    pub(crate) fn signets(&self, user: &str) -> Vec<UserSignet> {
        let found = self.holdings.get(user);
        found.map_or_else(Vec::new, |h| h.keys.iter().rev().map(|key| key.signet.clone()).collect())
    }
    pub(crate) fn passwd(
        &mut self,
        user: &str,
        key: &[u8],
        next: (Salt, u32, VerificationToken),
        shards: &[NewShard],
    ) -> bool {
        let holding = self.holdings.get_mut(user).unwrap();
        let key = koi_dime::stacie::PasswordKey(Secret::from_slice(key).unwrap());
        let named = |new: &NewShard| (new.label.as_str().to_owned(), new.serial.unwrap_or(0));
        let mut realms: Vec<_> = shards.iter().map(named).collect();
        realms.sort();
        if key.verification_token(user, &holding.salt) != holding.token
            || realms != holding.realms.keys().cloned().collect::<Vec<_>>()
        {
            return false;
        }
        (holding.salt, holding.bonus, holding.token) = next;
        holding.realms.extend(shards.iter().map(|new| (named(new), new.shard)));
        true
    }
    /// Puts a message into a mailbox.
    pub(crate) fn put(&mut self, user: &str, mailbox: &str, octets: Vec<u8>, flags: Flags) -> u32 {
        let holding = self.holdings.get_mut(user).unwrap();
        let uid = holding.next_uid;
        holding.next_uid += 1;
        let key = holding.keys.last().map(|key| key.id);
        let stored = Stored { uid, flags, octets, meta: None, key };
        holding.mailboxes.get_mut(mailbox).unwrap().push(stored);
        uid
    }
    /// What SUBMIT does with a message: verified, signed, delivered here.
    pub(crate) fn submit(&mut self, user: &str, octets: &[u8]) -> Result<(), &'static str> {
        let message = Message::parse(octets).map_err(|_| "BADMESSAGE")?;
        let submission = self.organisation.submission(&message).map_err(|_| "BADMESSAGE")?;
        let current = self.signets(user).into_iter().next().ok_or("NOTCURRENT")?;
        if submission.envelope().author_signet != current.core_fingerprint() {
            return Err("NOTCURRENT");
        }
        let envelope = submission.verify(&current).map_err(|_| "BADSIGNATURE")?;
        assert_eq!(envelope.author.to_string(), user);
        let signed =
            self.organisation.sign_submitted(octets, Bounces::default()).map_err(|_| "BADMESSAGE")?;
        let message = Message::parse(&signed).unwrap();
        let delivery = self.organisation.delivery(&message).map_err(|_| "BADMESSAGE")?;
        let envelope = delivery.verify(self.organisation.signet()).map_err(|_| "BADSIGNATURE")?;
        let recipient = envelope.recipient.to_string();
        assert_eq!(self.signets(&recipient)[0].core_fingerprint(), envelope.recipient_signet);
        self.put(&recipient, "INBOX", signed, Flags::default());
        Ok(())
    }
    /// Ordinary mail that comes for somebody.
    pub(crate) fn deliver(&mut self, user: &str, mail: &[u8]) -> u32 {
        let recipient = *self.signets(user)[0].encryption();
        let Self { organisation, random, .. } = self;
        let octets = organisation.wrap(mail, recipient, Magic::NakedMessage, random).unwrap();
        self.put(user, "INBOX", octets, Flags::default())
    }
    /// Whether these octets came over any connection, or lie in any record.
    pub(crate) fn knows(&self, secret: &[u8]) -> bool {
        let has = |octets: &[u8]| octets.windows(secret.len()).any(|window| window == secret);
        let stored = self.holdings.values().flat_map(|holding| {
            let messages = holding.mailboxes.values().flatten().map(|message| message.octets.as_slice());
            let metas = holding.mailboxes.values().flatten().filter_map(|message| message.meta.as_deref());
            let keys = holding.keys.iter().filter_map(|key| key.private.as_deref());
            messages.chain(metas).chain(keys)
        });
        has(&self.octets) || stored.into_iter().any(has)
    }
    pub(crate) fn fingerprint_of(&self, user: &str) -> Fingerprint {
        self.signets(user)[0].core_fingerprint()
    }
}
