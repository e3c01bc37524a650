//! The organisation of the world, and what clients of DMAP would compute: keys, signing requests, messages,
//! tokens. Everything is the same each time.

use std::sync::Arc;

use koi_dime::message::{AuthorParts, DestinationEnvelope, OriginEnvelope, Part, PartKind, Readers};
use koi_dime::stacie::exchange::{Challenge, ServerProof, proof_message};
use koi_dime::stacie::{Derived, Inputs, Password, RealmKey, Salt};
use koi_dime::{
    DecryptionKey, Fingerprint, Holder, NoRandomness, PrivateKeys, Random, Secret, SigningKey,
    SigningRequest, UserSignet,
};
use koi_mailbox::dmap::{ModeChange, NewKey};
use koi_mailbox::{DmapOptions, Organisation, PasswordRecord, StacieRecord};
use koi_proto::dmap::id::base64url_encode;
use koi_types::{Address, KeyId, Mode};

use super::{DOMAIN, World, address};

/// The password of those who log in by STACIE: long, so that it takes few rounds.
pub const LONG_PASSWORD: &str = "correct horse battery staple";

/// What it is salted with.
const SALT: [u8; 128] = [5; 128];

/// A user's key, as its owner has it.
pub struct UserKey {
    pub id: KeyId,
    /// The signing request.
    pub request: Vec<u8>,
    /// Its private half, encrypted by its owner.
    pub private: Vec<u8>,
    /// The same in clear.
    pub clear: Vec<u8>,
}

/// What a client answers in STACIE, and what the server must answer to that.
pub struct StacieAnswer {
    pub proof: Vec<u8>,
    pub server_proof: Vec<u8>,
}

/// Octets that are the same each time.
pub(super) struct Counted(pub(super) u64);

impl Random for Counted {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        for octet in octets {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *octet = (self.0 >> 33) as u8;
        }
        Ok(())
    }
}

/// A seed of a name.
pub(super) fn seed(name: &str) -> u64 {
    name.bytes().fold(17, |seed, octet| seed * 257 % 1_000_003 + u64::from(octet))
}

pub(super) fn keys_of(holder: Holder, name: &str) -> PrivateKeys {
    let mut random = Counted(seed(name));
    let mut secret = || Secret::<32>::filled(|octets| random.fill(octets).unwrap());
    let signing = SigningKey::new(&secret());
    PrivateKeys { holder, signing, decryption: DecryptionKey::new(&secret()).unwrap() }
}

pub(super) fn options() -> DmapOptions {
    let keys = keys_of(Holder::Organisation, "organisation");
    let organisation = Arc::new(Organisation::new(DOMAIN, keys, &[]).unwrap());
    DmapOptions { organisations: vec![organisation], stacie_bonus: 0, ..DmapOptions::default() }
}

/// A key by its name; with the name of another it follows that one.
#[must_use]
pub fn user_key(name: &str, former: Option<&str>) -> UserKey {
    let keys = keys_of(Holder::User, name);
    let former = former.map(|former| keys_of(Holder::User, former).signing);
    let request =
        SigningRequest::create(&keys.signing, &keys.decryption.public(), &[], former.as_ref()).unwrap();
    UserKey {
        id: KeyId(request.key_id().0),
        request: request.object().to_vec(),
        private: keys.encrypt(&RealmKey(Secret::new(&[9; 64])), &[3; 16]).unwrap(),
        clear: keys.object().to_vec(),
    }
}

/// The answer to a challenge; `first` is what the client began with.
pub fn stacie_answer(
    first: &[u8],
    challenge: &[u8],
    password: &str,
    exporter: Option<[u8; 32]>,
) -> Result<StacieAnswer, String> {
    let parsed = Challenge::parse(challenge).map_err(|error| error.to_string())?;
    let username = parsed.username.clone().ok_or("the challenge has no name")?;
    let password = Password::new(password.as_bytes()).map_err(|error| error.to_string())?;
    let inputs = Inputs { username: &username, password: &password, salt: &parsed.salt, bonus: parsed.bonus };
    let token = inputs.derive().verification_token;
    let nonce = exporter.map_or(parsed.nonce, |exporter| parsed.nonce.bound_to(&exporter));
    let proof = proof_message(&token.login_token(&username, &parsed.salt, &nonce)).into_bytes();
    let server_proof = ServerProof::new(&token, first, challenge, &proof).message().into_bytes();
    Ok(StacieAnswer { proof, server_proof })
}

impl World {
    /// The account can be logged in to by STACIE, with the long password; by PLAIN as before.
    pub fn add_stacie(&mut self, user: &str) {
        let stacie = verifier(&address(user));
        let password = PasswordRecord { stacie: Some(stacie), ..PasswordRecord::from(super::PASSWORD) };
        self.service.directory().set_password(self.account(user).id(), &password).unwrap();
    }
    /// A key called like the user, which only its owner opens, if wanted; and the mode.
    pub fn set_mode(&mut self, user: &str, mode: Mode, has_key: bool) {
        self.add_stacie(user);
        let account = self.account(user);
        if has_key {
            let UserKey { id, request, private, .. } = user_key(user, None);
            let private = (mode != Mode::Paranoid).then_some(private);
            let new = NewKey { id, request, private, expires_at: None };
            account.add_key(&new).unwrap().wait().unwrap();
        }
        account.set_mode(&ModeChange::to(mode)).wait().unwrap();
    }
    /// What a client sends to change the long password to this one: a name for each, and the octets in
    /// base64url.
    pub fn passwd(&self, user: &str, password: &str) -> Result<Vec<(String, String)>, String> {
        let username = address(user).to_string();
        let (old_salt, salt) = (Salt(SALT), Salt([6; 128]));
        let old = derived(&username, LONG_PASSWORD, &old_salt)?;
        let new = derived(&username, password, &salt)?;
        let mut all = vec![
            ("key".to_owned(), base64url_encode(old.password_key.0.expose())),
            ("salt".to_owned(), base64url_encode(&salt.0)),
            ("token".to_owned(), base64url_encode(new.verification_token.0.expose())),
        ];
        for realm in self.account(user).snapshot().and_then(|it| it.realms()).map_err(|e| e.to_string())? {
            let key = RealmKey::derive(&old.master_key, &realm.label, &old_salt, &realm.shard, realm.form);
            let shard = key.shard_for(&new.master_key, &realm.label, &salt);
            all.push((realm.label.as_str().to_owned(), base64url_encode(shard.0.expose())));
        }
        Ok(all)
    }
    /// The mode of an account.
    #[must_use]
    pub fn mode(&self, user: &str) -> Mode {
        self.account(user).snapshot().unwrap().mode()
    }
    /// A message from one user to another, or to an address of the other organisation, ready to be
    /// submitted. Both have keys called like them. To `bob/other-key` it is for a key that the organisation
    /// does not have.
    pub fn authored(&self, from: &str, to: &str, text: &str) -> Result<Vec<u8>, String> {
        let (to, key) = to.split_once('/').map_or((to, None), |(to, key)| (to, Some(key)));
        let signet = |user: &str| -> Result<UserSignet, String> {
            let signets = self.service.local_signets(&address(user).to_string()).unwrap();
            let newest = signets.and_then(|signets| signets.users.into_iter().next());
            newest.ok_or_else(|| format!("{user} has no signet"))
        };
        let organisation = self.service.organisation(DOMAIN).unwrap();
        let organisation = organisation.signet();
        let elsewhere = to.contains('@').then(|| super::dmtp::elsewhere(to));
        let author = signet(from)?;
        let (recipient, theirs, destination_domain) = match elsewhere {
            Some((user, theirs)) => (user, theirs, super::dmtp::OTHER),
            None => (signet(to)?, organisation.clone(), DOMAIN),
        };
        let named = |user: &UserSignet| Address::parse(user.identifier().unwrap()).unwrap();
        let origin = OriginEnvelope {
            author: named(&author),
            author_signet: author.core_fingerprint(),
            destination: destination_domain.into(),
            destination_signet: key.map_or_else(|| theirs.core_fingerprint(), |_| Fingerprint([7; 64])),
        };
        let destination = DestinationEnvelope {
            recipient: named(&recipient),
            recipient_signet: recipient.core_fingerprint(),
            origin: DOMAIN.into(),
            origin_signet: organisation.core_fingerprint(),
        };
        let readers = Readers {
            author: Some(*author.encryption()),
            origin: Some(*organisation.encryption()),
            destination: Some(*theirs.encryption()),
            recipient: Some(*recipient.encryption()),
        };
        let text = format!("Content-Type: text/plain\r\n\r\n{text}");
        let parts = AuthorParts {
            common_headers: b"Subject: Secret\r\n",
            other_headers: b"",
            parts: &[Part { kind: PartKind::Display, data: text.as_bytes() }],
        };
        let signing = keys_of(Holder::User, from).signing;
        let written = parts.message(&origin, &destination, &readers, &signing, &mut Counted(seed(&text)));
        written.map_err(|error| error.to_string())
    }
}

/// Of the long password.
fn verifier(address: &Address) -> StacieRecord {
    let derived = derived(&address.to_string(), LONG_PASSWORD, &Salt(SALT)).unwrap();
    StacieRecord { bonus: 0, salt: SALT, token: *derived.verification_token.0.expose(), serial: 1 }
}

fn derived(username: &str, password: &str, salt: &Salt) -> Result<Derived, String> {
    let password = Password::new(password.as_bytes()).map_err(|error| error.to_string())?;
    Ok(Inputs { username, password: &password, salt, bonus: 0 }.derive())
}
