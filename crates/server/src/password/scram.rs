//! SCRAM-SHA-256 (RFC 5802, RFC 7677): the salt of a name, then whether a proof fits.
//!
//! Names nobody has, disabled accounts and accounts without SCRAM are not to be told apart from others: each
//! name has a salt of its own that never changes (HMAC under the folder's secret), all have the same number
//! of iterations as long as the setting stays, and proofs are checked against keys in every case.

use std::net::IpAddr;
use std::time::Instant;

use koi_proto::sasl::base64_encode;
use koi_proto::sasl::scram::{Proof, Salt, keys};
use koi_sessions::ScramName;
use koi_types::Result;

use super::verifier::ScramVerifier;
use super::{Entry, Held, Passwords, Proven, counted_name, login, wrong};

/// Random octets of our part of the nonce.
const NONCE_OCTETS: usize = 18;

/// The first half of an exchange was answered.
pub struct Begun {
    /// What the client is told.
    pub salt: Salt,
    /// As it came, for the log.
    pub authcid: Box<str>,
    /// How failures are counted.
    name: String,
    /// `None`: nobody can log in with this name so.
    entry: Option<Entry>,
    verifier: ScramVerifier,
}

/// A proof was found right.
pub struct Signed {
    pub proven: Proven,
    /// With what the server proves itself.
    pub signature: [u8; 32],
}

impl Passwords {
    /// Looks the name up.
    pub fn scram_begin(&self, name: &ScramName) -> Result<Begun> {
        let address = self.address(&name.authcid);
        let as_other = self.as_other(name.authzid.as_deref(), address.as_ref());
        let counted = counted_name(address.as_ref(), &name.authcid);
        let found = self.entry(address.as_ref())?;
        let nobody = ScramVerifier {
            salt: keys::salt_of(&self.secret, &counted),
            iterations: self.config.read().scram_iterations,
            keys: self.nobody_keys.clone(),
        };
        let known = found.as_ref().and_then(|entry| entry.scram.clone());
        let entry = found.filter(|_| known.is_some() && !as_other);
        let verifier = known.unwrap_or(nobody);
        let nonce = base64_encode(&crate::clock::random::<NONCE_OCTETS>()).into();
        let salt = Salt { salt: verifier.salt.into(), iterations: verifier.iterations, nonce };
        Ok(Begun { salt, authcid: name.authcid.clone(), name: counted, entry, verifier })
    }

    /// Whether the proof is that of the password; `AuthenticationFailed` when it is not.
    pub async fn scram_prove(&self, begun: Begun, proof: &Proof, peer: IpAddr) -> Result<Signed> {
        let config = self.config.read().clone();
        let keys = begun.verifier.keys;
        let signature = keys.verify(&proof.auth_message, &proof.proof);
        let right = signature.zip(begun.entry);
        let proof = right.as_ref().map(|(_, e)| self.proofs.proof(e.account, peer, &keys.stored_key, b""));
        let known = proof.as_ref().is_some_and(|p| self.proofs.holds(p, Instant::now()));
        let attempt = self.throttled(&config, &begun.name, peer, known).await?;
        match (right, proof) {
            (Some((signature, entry)), Some(proof)) => {
                self.throttle.succeeded(&attempt);
                self.remember(proof, &config);
                let proven = Proven { login: login(&entry), held: Held::Scram(keys) };
                Ok(Signed { proven, signature })
            }
            _ => {
                self.throttle.failed(&attempt, &config, Instant::now());
                Err(wrong())
            }
        }
    }
}
