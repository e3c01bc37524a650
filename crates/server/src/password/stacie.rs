//! STACIE (docs/DIME.md): the challenge for a name, then whether a token fits.
//!
//! The mailbox service has salts and tokens, and makes stable ones for names nobody has; here are the nonce,
//! the throttle and the server's own proof. The work is the client's: a few hashes on our side, so that
//! nothing goes to the pool. A nonce is good for one attempt, whatever comes of it.

use std::net::IpAddr;
use std::time::Instant;

use koi_dime::stacie::Nonce;
use koi_dime::stacie::exchange::ServerProof;
use koi_mailbox::dmap::StacieLogin;
use koi_sessions::{Login, StacieName, StacieProof};
use koi_types::{AccessSet, Address, Result};

use super::{Held, Passwords, Proven, counted_name, wrong};

/// The first half of an exchange was answered.
pub struct StacieBegun {
    /// As it came, for the log.
    pub authcid: Box<str>,
    /// How failures are counted.
    name: String,
    login: StacieLogin,
    nonce: Nonce,
    /// Acting as somebody else: nobody may.
    as_other: bool,
}

impl StacieBegun {
    /// What the client is told.
    #[must_use]
    pub fn challenge(&self) -> Box<[u8]> {
        self.login.challenge(self.nonce).message().into_bytes().into()
    }
}

/// A token was found right.
pub struct StacieSigned {
    pub proven: Proven,
    /// With what the server proves itself, as it is sent.
    pub server_proof: Box<[u8]>,
}

impl Passwords {
    /// Looks the name up.
    pub fn stacie_begin(&self, name: &StacieName) -> Result<StacieBegun> {
        let address = self.address(&name.authcid);
        let as_other = self.as_other(name.authzid.as_deref(), address.as_ref());
        let counted = counted_name(address.as_ref(), &name.authcid);
        let address = address.or_else(|| nobody(&counted)).ok_or_else(wrong)?;
        let login = self.directory.stacie(&address)?;
        let nonce = Nonce(crate::clock::random());
        Ok(StacieBegun { authcid: name.authcid.clone(), name: counted, login, nonce, as_other })
    }

    /// Whether the token is that of the password; `AuthenticationFailed` when it is not.
    pub async fn stacie_prove(
        &self,
        begun: StacieBegun,
        proof: &StacieProof,
        peer: IpAddr,
    ) -> Result<StacieSigned> {
        let config = self.config.read().clone();
        let StacieBegun { name, login, nonce, as_other, .. } = begun;
        let challenge = login.challenge(nonce).message();
        let nonce = proof.exporter.map_or(nonce, |exporter| nonce.bound_to(&exporter));
        let right = login.check(&proof.token, &nonce).filter(|_| !as_other);
        let token = login.token();
        let server_proof = ServerProof::new(token, &proof.first, challenge.as_bytes(), &proof.message);
        let cached = right
            .as_ref()
            .map(|right| self.proofs.proof(right.account, peer, &right.serial.to_be_bytes(), b"STACIE"));
        let known = cached.as_ref().is_some_and(|cached| self.proofs.holds(cached, Instant::now()));
        let attempt = self.throttled(&config, &name, peer, known).await?;
        match (right, cached) {
            (Some(right), Some(cached)) => {
                self.throttle.succeeded(&attempt);
                self.remember(cached, &config);
                let (account, address, access) = (right.account, right.address, AccessSet::ALL);
                let login = Login { account, address, access, app_password: None };
                let proven = Proven { login, held: Held::Stacie { serial: right.serial } };
                Ok(StacieSigned { proven, server_proof: server_proof.message().into_bytes().into() })
            }
            _ => {
                self.throttle.failed(&attempt, &config, Instant::now());
                Err(wrong())
            }
        }
    }
}

/// An address that nobody can have, the same for the same name.
fn nobody(name: &str) -> Option<Address> {
    Address::new(&blake3::hash(name.as_bytes()).to_hex(), "invalid")
}
