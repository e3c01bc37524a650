//! What a client keeps on its own side between logins: what it has seen of the server, so that a change is
//! noticed, and in PARANOID the keys that the server must not have.
//!
//! ```text
//! koi-dmap-wallet 1
//! pin <user name as hashed> <bonus> <salt>
//! mode <mode> <user name as hashed>
//! pending <user name> <bonus> <salt>               a password change whose end was not seen
//! pending-shard <label> <serial> <shard>
//! shard <label> <serial> <shard>
//! key <key id> <private key, encrypted under the realm `mail`>
//! organisation <domain> <primary key>
//! ```
//! Octets are base64url. Nothing in it opens mail without the password.

use std::fmt::Write as _;

use koi_dime::Secret;
use koi_dime::key::ENCRYPTED_KEY_OCTETS;
use koi_dime::stacie::{RealmLabel, Salt, Shard};
use koi_dime::{Fingerprint, VerifyingKey};
use koi_proto::dmap::Mode;
use koi_proto::dmap::id::{base64url_decode, base64url_encode};

use crate::login::Pin;

/// Octets of a wallet as text.
pub const WALLET_OCTETS_MAX: usize = 1024 * 1024;
const TITLE: &str = "koi-dmap-wallet 1";

/// One account's.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Wallet {
    pub pin: Option<Pin>,
    /// How much the server may know, as it was at the last login.
    pub mode: Option<Mode>,
    pub pending: Option<Pending>,
    pub shards: Vec<LocalShard>,
    pub keys: Vec<LocalKey>,
    pub organisations: Vec<PinnedOrg>,
}

/// What holds if a password change, whose end this client has not seen, has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    pub pin: Pin,
    pub shards: Vec<LocalShard>,
}

/// The shard of a realm that is not on the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalShard {
    pub label: RealmLabel,
    pub serial: u16,
    pub shard: Shard,
}

/// A private key, encrypted under the realm `mail` (object 1976).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalKey {
    pub id: Fingerprint,
    pub object: Vec<u8>,
}

/// The primary key of an organisation, as it was first seen or as the person said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PinnedOrg {
    pub domain: String,
    pub primary: VerifyingKey,
}

/// A line that is none of a wallet; counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadWallet {
    pub line: usize,
}

impl std::fmt::Display for BadWallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the profile's wallet is damaged in line {}", self.line)
    }
}

impl std::error::Error for BadWallet {}

impl Wallet {
    /// Reads what [`Wallet::text`] writes.
    pub fn parse(text: &str) -> Result<Self, BadWallet> {
        if text.len() > WALLET_OCTETS_MAX {
            return Err(BadWallet { line: 1 });
        }
        let mut lines = text.lines().enumerate();
        if lines.next().map(|(_, line)| line) != Some(TITLE) {
            return Err(BadWallet { line: 1 });
        }
        let mut wallet = Self::default();
        for (at, line) in lines {
            wallet.take(line).ok_or(BadWallet { line: at + 1 })?;
        }
        Ok(wallet)
    }

    /// To be stored where only its owner reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{TITLE}\n");
        let mut pin = |name: &str, pin: &Pin| {
            let Pin { username, bonus, salt } = pin;
            let _ = writeln!(out, "{name} {username} {bonus} {}", base64url_encode(&salt.0));
        };
        self.pin.iter().for_each(|own| pin("pin", own));
        self.pending.iter().for_each(|pending| pin("pending", &pending.pin));
        if let Some((mode, pin)) = self.mode.zip(self.pin.as_ref()) {
            let _ = writeln!(out, "mode {} {}", mode.name(), pin.username);
        }
        let pending = self.pending.iter().flat_map(|pending| &pending.shards);
        let shards = pending.map(|shard| ("pending-shard", shard));
        for (name, shard) in shards.chain(self.shards.iter().map(|shard| ("shard", shard))) {
            let LocalShard { label, serial, shard } = shard;
            let shard = base64url_encode(shard.0.expose());
            let _ = writeln!(out, "{name} {} {serial} {shard}", label.as_str());
        }
        for LocalKey { id, object } in &self.keys {
            let _ = writeln!(out, "key {id} {}", base64url_encode(object));
        }
        for PinnedOrg { domain, primary } in &self.organisations {
            let _ = writeln!(out, "organisation {domain} {}", base64url_encode(primary.octets()));
        }
        out
    }

    /// The pinned key of an organisation.
    #[must_use]
    pub fn organisation(&self, domain: &str) -> Option<&VerifyingKey> {
        let found = self.organisations.iter().find(|pinned| pinned.domain.eq_ignore_ascii_case(domain));
        found.map(|pinned| &pinned.primary)
    }
    /// Pins the key of an organisation instead of one there was.
    pub fn pin_organisation(&mut self, domain: &str, primary: &VerifyingKey) {
        self.organisations.retain(|pinned| !pinned.domain.eq_ignore_ascii_case(domain));
        self.organisations.push(PinnedOrg { domain: domain.to_lowercase(), primary: *primary });
    }
    /// The private key kept here.
    #[must_use]
    pub fn key(&self, id: &Fingerprint) -> Option<&LocalKey> {
        self.keys.iter().find(|key| key.id == *id)
    }

    /// After a login: whether a password change that was under way has happened is known now.
    pub(crate) fn settle(&mut self, pin: &Pin) {
        let is_done = |pending: &Pending| pending.pin == *pin;
        if let Some(pending) = self.pending.take().filter(is_done) {
            self.shards = pending.shards;
        }
        self.pin = Some(pin.clone());
    }

    fn take(&mut self, line: &str) -> Option<()> {
        // A user name may have spaces in it.
        match line.split_once(' ')? {
            ("pin", rest) if self.pin.is_none() => self.pin = Some(pin(rest)?),
            ("pending", rest) if self.pending.is_none() => {
                self.pending = Some(Pending { pin: pin(rest)?, shards: Vec::new() });
            }
            ("mode", rest) if self.mode.is_none() => self.mode = Some(Mode::parse(rest.split_once(' ')?.0)?),
            _ => return self.take_words(line),
        }
        Some(())
    }
    fn take_words(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let (name, one, two, three) = (words.next()?, words.next()?, words.next()?, words.next());
        if words.next().is_some() {
            return None;
        }
        match (name, three) {
            ("pending-shard", Some(octets)) => self.pending.as_mut()?.shards.push(shard(one, two, octets)?),
            ("shard", Some(octets)) => self.shards.push(shard(one, two, octets)?),
            ("key", None) => {
                let object = decoded(two).filter(|object| object.len() == ENCRYPTED_KEY_OCTETS)?;
                self.keys.push(LocalKey { id: Fingerprint::parse(one)?, object });
            }
            ("organisation", None) => {
                let primary = VerifyingKey::from_slice(&decoded(two)?)?;
                self.organisations.push(PinnedOrg { domain: one.to_owned(), primary });
            }
            _ => return None,
        }
        Some(())
    }
}

fn pin(line: &str) -> Option<Pin> {
    let mut words = line.rsplitn(3, ' ');
    let (salt, bonus, username) = (words.next()?, words.next()?, words.next()?);
    let salt = Salt(decoded(salt)?.try_into().ok()?);
    Some(Pin { username: username.to_owned(), salt, bonus: bonus.parse().ok()? })
}

fn shard(label: &str, serial: &str, octets: &str) -> Option<LocalShard> {
    let shard = Shard(Secret::from_slice(&decoded(octets)?)?);
    Some(LocalShard { label: RealmLabel::new(label)?, serial: serial.parse().ok()?, shard })
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    base64url_decode(text.as_bytes()).ok()
}
