//! Whoever a subscription belongs to: it has the keys, writes the subscription, and reads what is pushed
//! (RFC 8291 §3.4, the user agent's side).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey as Verifier};
use aws_lc_rs::{hkdf, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::recorded::Recorded;

/// A phone with an app on it.
pub struct Device {
    private_key: PrivateKey,
    auth: [u8; 16],
}

impl Default for Device {
    fn default() -> Self {
        Self::new()
    }
}

impl Device {
    /// With new keys.
    #[must_use]
    pub fn new() -> Self {
        let mut auth = [0; 16];
        rand::fill(&mut auth).unwrap();
        Self { private_key: PrivateKey::generate(&ECDH_P256).unwrap(), auth }
    }

    /// Its public key in uncompressed form, base64url.
    #[must_use]
    pub fn p256dh(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.private_key.compute_public_key().unwrap())
    }

    #[must_use]
    pub fn auth(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.auth)
    }

    /// A subscription as COI-webpush §subscribe has it.
    #[must_use]
    pub fn subscription(&self, endpoint: &str, msgtype: &str) -> String {
        let keys = json!({ "p256dh": self.p256dh(), "auth": self.auth() });
        let resource = json!({ "endpoint": endpoint, "keys": keys });
        json!({ "client": "a test", "device": "a rig", "msgtype": msgtype, "resource": resource }).to_string()
    }

    /// The payload of a message.
    ///
    /// # Panics
    /// When it was not encrypted for this device, as RFC 8291 says.
    #[must_use]
    pub fn decrypt(&self, body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(16);
        let (record_octets, rest) = rest.split_at(4);
        assert_eq!(rest[0], 65, "the length of the key");
        let (theirs, sealed) = rest[1..].split_at(65);
        let record_octets = u32::from_be_bytes(record_octets.try_into().unwrap());
        assert!(sealed.len() < record_octets as usize, "one record, and not a full one");
        let ours = self.private_key.compute_public_key().unwrap();
        let ikm = agree(&self.private_key, UnparsedPublicKey::new(&ECDH_P256, theirs), (), |secret| {
            Ok(expand::<32>(&self.auth, secret, &[b"WebPush: info\0", ours.as_ref(), theirs]))
        });
        let ikm = ikm.expect("the key is on the curve");
        let key = expand::<16>(salt, &ikm, &[b"Content-Encoding: aes128gcm\0"]);
        let nonce = expand::<12>(salt, &ikm, &[b"Content-Encoding: nonce\0"]);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let mut text = sealed.to_vec();
        let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text);
        let text = opened.expect("it was encrypted for this device");
        let end = text.iter().rposition(|octet| *octet != 0).expect("a delimiter");
        assert_eq!(text[end], 2, "the delimiter of the last record");
        text[..end].to_vec()
    }

    /// The payload as JSON.
    ///
    /// # Panics
    /// When it was not encrypted for this device, or is no JSON.
    #[must_use]
    pub fn read(&self, request: &Recorded) -> Value {
        serde_json::from_slice(&self.decrypt(&request.body)).expect("JSON")
    }
}

impl Recorded {
    /// The claims of its VAPID token, after the signature was verified with the key beside it (RFC 8292 §3).
    ///
    /// # Panics
    /// When there is no valid token.
    #[must_use]
    pub fn vapid_claims(&self) -> Value {
        let value = self.header("authorization").expect("an Authorization field");
        let parameters = value.strip_prefix("vapid ").expect("the scheme vapid");
        let parameter = |name: &str| {
            let mut all = parameters.split(',').map(str::trim);
            all.find_map(|one| one.strip_prefix(name)?.strip_prefix('=')).expect("both parameters")
        };
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url without padding");
        let (signed, signature) = parameter("t").rsplit_once('.').expect("three parts");
        let verifier = Verifier::new(&ECDSA_P256_SHA256_FIXED, decode(parameter("k")));
        verifier.verify(signed.as_bytes(), &decode(signature)).expect("a valid signature");
        let (header, claims) = signed.split_once('.').expect("three parts");
        let header: Value = serde_json::from_slice(&decode(header)).expect("JSON");
        assert_eq!(header, json!({ "typ": "JWT", "alg": "ES256" }));
        serde_json::from_slice(&decode(claims)).expect("JSON")
    }
}

struct Octets(usize);

impl hkdf::KeyType for Octets {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF with SHA-256, extract and expand (RFC 8188 §2.2).
fn expand<const N: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> [u8; N] {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let mut out = [0; N];
    prk.expand(info, Octets(N)).unwrap().fill(&mut out).unwrap();
    out
}

#[cfg(test)]
mod tests;
