//! The primitives for tests, by aws-lc-rs as the server has them, and a client that can read its messages.

// This file is a test: whatever goes wrong in it is a test that fails.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use aws_lc_rs::{hmac, rand};

use crate::key::{Auth, Keys, PublicKey};
use crate::primitives::{Agreed, Failed, Primitives, Signer};

/// Octets in base64url.
pub(crate) fn octets<const N: usize>(text: &str) -> [u8; N] {
    use base64::Engine as _;
    let octets = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap();
    octets.try_into().unwrap()
}

/// By chance, or playing a known salt and one-time key.
#[derive(Default)]
pub(crate) struct Oracle {
    salt: Option<[u8; 16]>,
    private_key: Option<[u8; 32]>,
}

impl Oracle {
    pub(crate) fn playing(salt: [u8; 16], private_key: [u8; 32]) -> Self {
        Self { salt: Some(salt), private_key: Some(private_key) }
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    rand::fill(&mut octets).unwrap();
    octets
}

impl Primitives for Oracle {
    fn salt(&mut self) -> Result<[u8; 16], Failed> {
        Ok(self.salt.unwrap_or_else(random))
    }
    fn agree(&mut self, theirs: &PublicKey) -> Result<Agreed, Failed> {
        let ours = match self.private_key {
            Some(known) => PrivateKey::from_private_key(&ECDH_P256, &known).unwrap(),
            None => PrivateKey::generate(&ECDH_P256).unwrap(),
        };
        let secret = shared(&ours, theirs.octets())?;
        Ok(Agreed { public: public_key(&ours), secret })
    }
    fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let mut context = hmac::Context::with_key(&key);
        parts.iter().for_each(|part| context.update(part));
        context.sign().as_ref().try_into().unwrap()
    }
    fn aes128gcm_seal(&self, key: &[u8; 16], nonce: &[u8; 12], text: &mut Vec<u8>) -> Result<(), Failed> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        key.seal_in_place_append_tag(nonce, Aad::empty(), text).map_err(|_| Failed)
    }
}

fn public_key(of: &PrivateKey) -> PublicKey {
    PublicKey::new(of.compute_public_key().unwrap().as_ref().try_into().unwrap()).unwrap()
}

fn shared(ours: &PrivateKey, theirs: &[u8]) -> Result<[u8; 32], Failed> {
    let theirs = UnparsedPublicKey::new(&ECDH_P256, theirs);
    agree(ours, theirs, Failed, |secret| Ok(secret.try_into().unwrap()))
}

/// Whoever a subscription belongs to (RFC 8291 §3.4, the user agent's side).
pub(crate) struct Receiver {
    private_key: PrivateKey,
    auth: [u8; 16],
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Self { private_key: PrivateKey::generate(&ECDH_P256).unwrap(), auth: random() }
    }
    pub(crate) fn keys(&self) -> Keys {
        Keys { p256dh: public_key(&self.private_key), auth: Auth(self.auth) }
    }
    pub(crate) fn decrypt(&self, body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(16);
        assert_eq!(rest[..5], [0, 0, 16, 0, 65], "record size and length of the key");
        let (theirs, sealed) = rest[5..].split_at(65);
        let oracle = Oracle::default();
        let secret = shared(&self.private_key, theirs).unwrap();
        let prk_key = oracle.hmac_sha256(&self.auth, &[&secret]);
        let keys = self.keys();
        let ikm = oracle.hmac_sha256(&prk_key, &[b"WebPush: info\0", keys.p256dh.octets(), theirs, &[1]]);
        let prk = oracle.hmac_sha256(salt, &[&ikm]);
        let key = oracle.hmac_sha256(&prk, &[b"Content-Encoding: aes128gcm\0\x01"]);
        let nonce = oracle.hmac_sha256(&prk, &[b"Content-Encoding: nonce\0\x01"]);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key[..16]).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&nonce[..12]).unwrap();
        let mut text = sealed.to_vec();
        let length = key.open_in_place(nonce, Aad::empty(), &mut text).unwrap().len();
        text.truncate(length);
        let end = text.iter().rposition(|octet| *octet != 0).unwrap();
        assert_eq!(text[end], 2, "the delimiter of the last record");
        text.truncate(end);
        text
    }
}

/// A signing key made for the occasion.
pub(crate) struct Key(EcdsaKeyPair);

impl Key {
    pub(crate) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }
}

impl Signer for Key {
    fn public_key(&self) -> PublicKey {
        PublicKey::new(self.0.public_key().as_ref().try_into().unwrap()).unwrap()
    }
    fn es256_sign(&self, message: &[u8]) -> Result<[u8; 64], Failed> {
        let signature = self.0.sign(&SystemRandom::new(), message).map_err(|_| Failed)?;
        signature.as_ref().try_into().map_err(|_| Failed)
    }
}
