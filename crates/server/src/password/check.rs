//! A password that came as it is: LOGIN and PLAIN (RFC 9051 §6.2.3, RFC 4616 §2).

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Instant;

use koi_proto::sasl::saslprep;
use koi_sessions::{Credentials, Login};
use koi_types::Result;

use super::{Entry, Held, Passwords, Proven, app, counted_name, login, wrong};
use crate::metrics::count;

impl Passwords {
    /// The login of these credentials; `AuthenticationFailed` when they are wrong, `Unavailable` when too
    /// many wait.
    pub async fn check(&self, credentials: &Credentials, peer: IpAddr) -> Result<Proven> {
        let config = self.config.read().clone();
        let address = self.address(&credentials.authcid);
        let entry = self.entry(address.as_ref())?;
        let as_other = self.as_other(credentials.authzid.as_deref(), address.as_ref());
        let password = credentials.password.expose();
        let name = counted_name(address.as_ref(), &credentials.authcid);
        if let Some(proven) = self.app_password(&entry, as_other, credentials) {
            // Nobody guesses 125 bits: what others failed at does not slow this client.
            self.throttled(&config, &name, peer, true).await?;
            return Ok(proven);
        }
        let proof = entry
            .as_ref()
            .map(|e| self.proofs.proof(e.account, peer, e.verifier.as_bytes(), password))
            .filter(|_| !as_other);
        let cached = proof.as_ref().is_some_and(|p| self.proofs.holds(p, Instant::now()));
        let attempt = self.throttled(&config, &name, peer, cached).await?;
        if let (Some(entry), true) = (&entry, cached) {
            count(&self.metrics.login_proofs_hit);
            return Ok(proven(entry));
        }
        let verifier = entry.as_ref().map_or_else(|| self.nobody.read().clone(), |e| e.verifier.clone());
        let right = self.fits(verifier, password).await?;
        match (entry, proof) {
            (Some(entry), Some(proof)) if right => {
                self.throttle.succeeded(&attempt);
                self.remember(proof, &config);
                Ok(proven(&entry))
            }
            _ => {
                self.throttle.failed(&attempt, &config, Instant::now());
                Err(wrong())
            }
        }
    }

    /// The login of an app password. One that is not for this use is wrong like any other: what follows then
    /// takes its time.
    fn app_password(
        &self,
        entry: &Option<Entry>,
        as_other: bool,
        credentials: &Credentials,
    ) -> Option<Proven> {
        let entry = entry.as_ref().filter(|_| !as_other)?;
        let found = app::find(&entry.app_passwords, entry.account, credentials.password.expose())?;
        let access = found.record.access;
        access.allows(credentials.access).then(|| {
            self.uses.add(entry.account, found);
            let (number, hash) = (found.number, found.record.hash);
            Proven { login: Login { access, ..login(entry) }, held: Held::App { number, hash } }
        })
    }

    /// The prepared form first, which is what is stored (RFC 4616 §2); then, if it differs, what came, for
    /// passwords stored before they were prepared. What is tried depends on what came alone.
    async fn fits(&self, verifier: String, password: &[u8]) -> Result<bool> {
        if let Some(prepared) = prepared(password).filter(|p| p.as_bytes() != password)
            && self.pool.verify(verifier.clone(), prepared.as_bytes()).await?
        {
            return Ok(true);
        }
        self.pool.verify(verifier, password).await
    }
}

/// The form passwords are stored in; `None` when there is none.
fn prepared(password: &[u8]) -> Option<Cow<'_, str>> {
    std::str::from_utf8(password).ok().and_then(saslprep)
}

fn proven(entry: &Entry) -> Proven {
    Proven { login: login(entry), held: Held::Password(entry.verifier.clone()) }
}
