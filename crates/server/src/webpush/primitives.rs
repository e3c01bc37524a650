//! The arithmetic of web push by the library that TLS uses, and the key that signs requests (RFC 8292 §2).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, UnparsedPublicKey};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use koi_store::kv::{Kv, transact_and_wait};
use koi_store::mail::push;
use koi_webpush::{Agreed, Failed, Primitives, PublicKey, Signer};

use crate::problem::Problem;

/// What the key is stored under.
const PURPOSE: u8 = 1;

/// Chance, curve, HMAC and AES.
#[derive(Clone, Copy, Debug)]
pub struct Crypto;

impl Primitives for Crypto {
    fn salt(&mut self) -> Result<[u8; 16], Failed> {
        Ok(crate::clock::random())
    }
    fn agree(&mut self, theirs: &PublicKey) -> Result<Agreed, Failed> {
        let ours = agreement::EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new());
        let ours = ours.map_err(|_| Failed)?;
        let public = ours.compute_public_key().map_err(|_| Failed)?;
        let public = public_key(public.as_ref())?;
        let theirs = UnparsedPublicKey::new(&ECDH_P256, theirs.octets());
        let secret = agreement::agree_ephemeral(ours, theirs, Failed, |secret| {
            <[u8; 32]>::try_from(secret).map_err(|_| Failed)
        })?;
        Ok(Agreed { public, secret })
    }
    fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        parts.iter().for_each(|part| context.update(part));
        let mut tag = [0; 32];
        tag.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        tag
    }
    fn aes128gcm_seal(&self, key: &[u8; 16], nonce: &[u8; 12], text: &mut Vec<u8>) -> Result<(), Failed> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).map_err(|_| Failed)?);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        key.seal_in_place_append_tag(nonce, Aad::empty(), text).map_err(|_| Failed)
    }
}

/// The server's key.
pub struct VapidKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl VapidKey {
    /// The key of a data folder, made when it has none. It is a row of the store, not a file beside it: push
    /// subscriptions are bound to it (RFC 8292 §4.1) and are rows too, so that whoever restores the one has
    /// the other.
    pub fn of(kv: &dyn Kv) -> Result<Self, Problem> {
        let stored = push::stored_server_key(&*kv.view()?, PURPOSE)?;
        let stored = match stored {
            Some(key) => key,
            None => {
                let fresh = Self::generate()?;
                transact_and_wait(kv, move |txn| push::server_key(txn, PURPOSE, &fresh))?
            }
        };
        Self::read(&stored)
    }
    /// As clients read it (COI-webpush §vapid-key).
    #[must_use]
    pub fn public_pem(&self) -> String {
        koi_webpush::public_key_pem(&self.public)
    }
    /// As clients of JMAP read it (RFC 9749 §3).
    #[must_use]
    pub fn public_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public.octets())
    }
    /// A new private key in the form it is stored in (PKCS #8).
    fn generate() -> Result<Vec<u8>, Problem> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let failed = |_| Problem::new("cannot make a key for web push", "report this as a bug");
        Ok(made.map_err(failed)?.as_ref().to_vec())
    }
    fn read(pkcs8: &[u8]) -> Result<Self, Problem> {
        let failed = || {
            let remedy =
                "restore the data folder from a backup; with `webpush.enabled = false` the server runs";
            Problem::new("the stored key for web push cannot be read", remedy)
        };
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| failed())?;
        let public = public_key(pair.public_key().as_ref()).map_err(|_| failed())?;
        Ok(Self { pair, public })
    }
}

impl Signer for VapidKey {
    fn public_key(&self) -> PublicKey {
        self.public
    }
    fn es256_sign(&self, message: &[u8]) -> Result<[u8; 64], Failed> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| Failed)?;
        signature.as_ref().try_into().map_err(|_| Failed)
    }
}

fn public_key(octets: &[u8]) -> Result<PublicKey, Failed> {
    octets.try_into().ok().and_then(PublicKey::new).ok_or(Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    /// spec: RFC 8292 §2
    #[test]
    fn a_stored_key_signs_as_the_one_that_was_made() {
        let stored = VapidKey::generate().unwrap();
        let key = VapidKey::read(&stored).unwrap();
        let signature = key.es256_sign(b"text").unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().octets().to_vec());
        assert!(public.verify(b"text", &signature).is_ok() && public.verify(b"test", &signature).is_err());
        assert_eq!(VapidKey::read(&stored).unwrap().public_key(), key.public_key());
        assert!(VapidKey::read(&stored[1..]).is_err());
    }

    /// spec: RFC 8291 §3.1; RFC 8291 §7
    #[test]
    fn two_sides_agree_and_a_point_off_the_curve_is_refused() {
        let theirs = agreement::PrivateKey::generate(&ECDH_P256).unwrap();
        let public = public_key(theirs.compute_public_key().unwrap().as_ref()).unwrap();
        let Agreed { public: ours, secret } = Crypto.agree(&public).unwrap();
        let ours = agreement::UnparsedPublicKey::new(&ECDH_P256, ours.octets());
        let same = agreement::agree(&theirs, ours, Failed, |s| Ok::<_, Failed>(s == secret)).unwrap();
        assert!(same);
        let mut off = *public.octets();
        off[64] ^= 1;
        assert!(Crypto.agree(&PublicKey::new(off).unwrap()).is_err());
    }

    #[test]
    fn known_answers_of_hmac_and_aes() {
        // The second test case that was published for HMAC with SHA-2, and the second of GCM's authors.
        let tag = Crypto.hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(tag[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        let mut text = vec![0; 16];
        Crypto.aes128gcm_seal(&[0; 16], &[0; 12], &mut text).unwrap();
        assert_eq!((text[..4].to_vec(), text.len()), (vec![0x03, 0x88, 0xda, 0xce], 32));
    }
}
