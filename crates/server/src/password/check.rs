//! A password that came as it is: LOGIN and PLAIN (RFC 9051 §6.2.3, RFC 4616 §2).

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Instant;

use koi_proto::sasl::saslprep;
use koi_sessions::auth::not_as_other;
use koi_sessions::{Credentials, Login};
use koi_types::{Access, AccountId, Result};

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
        // From here on everything is done for nobody too, though it can come to nothing.
        let nobody = self.nobody.read().clone();
        let account = entry.as_ref().map_or(AccountId::GLOBAL, |e| e.account);
        // An account that is not `Trustful` has none, and a password for it is wrong like nobody's.
        let own = entry.as_ref().map(|e| &e.verifier).filter(|verifier| !verifier.is_empty());
        let verifier = own.unwrap_or(&nobody);
        let app_hash = app::hash(account, password);
        let proof = self.proofs.proof(account, peer, verifier.as_bytes(), password);
        let cached = self.proofs.holds(&proof, Instant::now()) && !as_other;
        if let Some(proven) = self.app_password(&entry, as_other, app_hash, credentials.access) {
            // Nobody guesses 125 bits: what others failed at does not slow this client.
            self.throttled(&config, &name, peer, true).await?;
            return Ok(proven);
        }
        let attempt = self.throttled(&config, &name, peer, cached).await?;
        if let (Some(entry), true) = (&entry, cached) {
            count(&self.metrics.login_proofs_hit);
            return Ok(proven(entry));
        }
        let right = self.fits(verifier.clone(), password).await?;
        match entry {
            Some(entry) if right && !as_other => {
                self.throttle.succeeded(&attempt);
                self.remember(proof, &config);
                Ok(proven(&entry))
            }
            entry => {
                self.throttle.failed(&attempt, &config, Instant::now());
                // RFC 5530 §3: the password was right, what it was to be good for is not allowed.
                Err(if right && entry.is_some() { not_as_other() } else { wrong() })
            }
        }
    }

    /// The login of an app password. One that is not for this use is wrong like any other: what follows then
    /// takes its time.
    fn app_password(
        &self,
        entry: &Option<Entry>,
        as_other: bool,
        hash: Option<[u8; 32]>,
        access: Access,
    ) -> Option<Proven> {
        let entry = entry.as_ref().filter(|_| !as_other)?;
        let found = app::find(&entry.app_passwords, &hash?)?;
        if !found.record.access.allows(access) {
            return None;
        }
        self.uses.add(entry.account, found);
        let (number, hash) = (found.number, found.record.hash);
        let (access, app_password) = (found.record.access, Some(found.record.name.clone()));
        let login = Login { access, app_password, ..login(entry) };
        Some(Proven { login, held: Held::App { number, hash } })
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
