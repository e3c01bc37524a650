//! Passwords: Argon2id at rest, a pool that hashes, a cache of proofs, a throttle on failures.
//!
//! An unknown user, a wrong password and a disabled account get the same answer after the same work. The
//! pool's queue and threads, the cache and the throttle are all bounded.

mod pool;
mod proof;
mod throttle;
pub mod verifier;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use koi_sessions::{Credentials, Login};
use koi_types::{AccountId, Address, ErrorKind, MailError, Result};
use parking_lot::RwLock;

use crate::config::AuthConfig;
use crate::metrics::{Metrics, count};
use pool::Pool;
use proof::{Proof, Proofs};
use throttle::{Attempt, Subject, Throttle};
use verifier::Cost;

/// Where verifiers are: the mailbox service's directory, or a table in tests.
pub trait Directory: Send + Sync {
    /// The account of an address and its verifier (a PHC string); `None` for unknown and disabled ones.
    fn verifier(&self, address: &Address) -> Result<Option<Entry>>;
}

/// An account that may log in.
#[derive(Clone, Debug)]
pub struct Entry {
    pub account: AccountId,
    pub address: Address,
    pub verifier: String,
}

/// A password that was found right.
#[derive(Clone, Debug)]
pub struct Proven {
    pub login: Login,
    /// What it was right for.
    pub verifier: String,
}

/// Checks passwords.
pub struct Passwords {
    directory: Box<dyn Directory>,
    /// Addresses without a domain get this one.
    domain: Box<str>,
    pool: Pool,
    proofs: Proofs,
    throttle: Throttle,
    config: RwLock<AuthConfig>,
    /// Verifier of nobody, made with the configured cost; what unknown users are checked against.
    nobody: RwLock<String>,
    metrics: Arc<Metrics>,
}

impl Passwords {
    pub fn new(
        directory: Box<dyn Directory>,
        domain: &str,
        config: &AuthConfig,
        metrics: Arc<Metrics>,
    ) -> Result<Self> {
        Ok(Self {
            directory,
            domain: domain.into(),
            pool: Pool::new(config.hashing_threads_max, config.hashing_queue_max),
            proofs: Proofs::new(config.proof_cache_entries_max),
            throttle: Throttle::default(),
            nobody: RwLock::new(nobody(config)?),
            config: RwLock::new(config.clone()),
            metrics,
        })
    }

    /// Takes over new settings (those that SIGHUP changes).
    pub fn reload(&self, config: &AuthConfig) -> Result<()> {
        let fresh = nobody(config)?;
        *self.nobody.write() = fresh;
        *self.config.write() = config.clone();
        Ok(())
    }

    /// The login of these credentials; `AuthenticationFailed` when they are wrong, `Unavailable` when too
    /// many wait.
    pub async fn check(&self, credentials: &Credentials, peer: IpAddr) -> Result<Proven> {
        let config = self.config.read().clone();
        let address = self.address(&credentials.authcid);
        let entry = match &address {
            Some(address) => self.directory.verifier(&address.account_key())?,
            None => None,
        };
        // RFC 4616 §2: nobody may act as somebody else yet.
        let other = credentials.authzid.as_deref().filter(|z| !z.is_empty());
        let as_other = other.is_some_and(|z| {
            self.address(z).map(|a| a.account_key()) != address.as_ref().map(Address::account_key)
        });
        let password = credentials.password.expose();
        let proof = entry.as_ref().map(|e| self.proofs.proof(e.account, &e.verifier, password));
        if let (Some(proof), Some(entry)) = (&proof, &entry)
            && !as_other
            && self.proofs.holds(proof, Instant::now())
        {
            count(&self.metrics.login_proofs_hit);
            return Ok(proven(entry));
        }
        let attempt = self.throttled(&config, &address, &credentials.authcid, peer).await?;
        let verifier = entry.as_ref().map_or_else(|| self.nobody.read().clone(), |e| e.verifier.clone());
        let right = self.pool.verify(verifier, password).await?;
        match entry {
            Some(entry) if right && !as_other => {
                self.throttle.succeeded(&attempt);
                self.remember(proof, &config);
                Ok(proven(&entry))
            }
            _ => {
                self.throttle.failed(&attempt, &config, Instant::now());
                Err(MailError::new(ErrorKind::AuthenticationFailed, "Invalid login or password"))
            }
        }
    }

    /// Whether the verifier a login was checked with is still the account's.
    pub fn still_holds(&self, address: &Address, verifier: &str) -> Result<()> {
        match self.directory.verifier(&address.account_key())? {
            Some(entry) if entry.verifier == verifier => Ok(()),
            _ => Err(MailError::new(ErrorKind::AuthenticationFailed, "Invalid login or password")),
        }
    }

    /// A verifier for a new password.
    pub async fn hash(&self, password: &[u8]) -> Result<String> {
        let cost = Cost::of(&self.config.read());
        self.pool.hash(cost, password).await
    }

    fn address(&self, name: &str) -> Option<Address> {
        Address::parse(name).or_else(|| Address::new(name, &self.domain))
    }

    async fn throttled(
        &self,
        config: &AuthConfig,
        address: &Option<Address>,
        name: &str,
        peer: IpAddr,
    ) -> Result<Attempt> {
        let account = address.as_ref().map_or_else(|| name.to_lowercase(), |a| a.account_key().to_string());
        let subjects = [Subject::address(peer), Subject::account(&account)];
        let (attempt, wait) = self.throttle.attempt(subjects, config, Instant::now());
        if wait > config.failure_wait_max {
            return Err(MailError::new(ErrorKind::LimitReached, "Too many failed logins, try again later"));
        }
        tokio::time::sleep(wait).await;
        Ok(attempt)
    }

    fn remember(&self, proof: Option<Proof>, config: &AuthConfig) {
        if let Some(proof) = proof {
            let now = Instant::now();
            self.proofs.remember(proof, now, now + config.proof_cache);
        }
    }
}

fn proven(entry: &Entry) -> Proven {
    let login = Login { account: entry.account, address: entry.address.clone() };
    Proven { login, verifier: entry.verifier.clone() }
}

fn nobody(config: &AuthConfig) -> Result<String> {
    verifier::make(Cost::of(config), &crate::clock::random::<32>(), &mut Vec::new())
}

#[cfg(test)]
mod tests;
