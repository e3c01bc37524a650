//! Logins: Argon2id and SCRAM keys at rest, a pool that hashes, a cache of proofs, a throttle on failures.
//!
//! An unknown user, a wrong password and a disabled account get the same answer after the same work. The
//! pool's queue and threads, the cache and the throttle are all bounded.

pub mod app;
mod check;
mod kept;
mod pool;
mod proof;
mod scram;
mod stacie;
mod tally;
mod throttle;
pub mod token;
pub mod verifier;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use koi_mailbox::dmap::StacieLogin;
use koi_mailbox::{AppPassword, AppPasswordUse};
use koi_proto::sasl::scram::ScramKeys;
use koi_sessions::Login;
use koi_types::{AccessSet, AccountId, Address, ErrorKind, MailError, Result};
use parking_lot::RwLock;

use crate::config::AuthConfig;
use crate::metrics::Metrics;
use app::Uses;
pub use kept::KeptProof;
use pool::Pool;
use proof::{Proof, Proofs};
pub use scram::{Begun, Signed};
pub use stacie::{StacieBegun, StacieSigned};
use throttle::{Attempt, Subject, Throttle};
use verifier::{Cost, ScramVerifier};

/// Where verifiers are: the mailbox service's directory, or a table in tests.
pub trait Directory: Send + Sync {
    /// What is known of an address; `None` for unknown and disabled ones.
    fn entry(&self, address: &Address) -> Result<Option<Entry>>;
    /// The address of an account; `None` when there is no such account.
    fn address(&self, account: AccountId) -> Result<Option<Address>>;
    /// What STACIE asks whoever gives this name, be it somebody's or not.
    fn stacie(&self, name: &Address) -> Result<StacieLogin> {
        let _ = name;
        Err(MailError::new(ErrorKind::Unsupported, "STACIE is not offered here"))
    }
}

/// An account that may log in.
#[derive(Clone, Debug)]
pub struct Entry {
    pub account: AccountId,
    pub address: Address,
    /// A PHC string.
    pub verifier: String,
    /// Only of accounts that allow SCRAM.
    pub scram: Option<ScramVerifier>,
    pub app_passwords: Vec<AppPassword>,
    /// The number of the verifier of STACIE, if there is one.
    pub stacie: Option<u32>,
}

/// A login that was found right.
#[derive(Clone, Debug)]
pub struct Proven {
    pub login: Login,
    held: Held,
}

/// What it was right for.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Held {
    Password(String),
    Scram(ScramKeys),
    App {
        number: u32,
        hash: [u8; 32],
    },
    /// The number of the verifier.
    Stacie {
        serial: u32,
    },
    /// The same before the server was started.
    Kept(KeptProof),
}

impl Proven {
    #[cfg(test)]
    pub(crate) fn for_tests(account: AccountId) -> Self {
        let address = Address::new("test", "example.org").expect("an address");
        let login = Login { account, address, access: AccessSet::ALL, app_password: None };
        Self { login, held: Held::Password(String::new()) }
    }
    /// The app password it came with.
    #[must_use]
    pub fn app_password(&self) -> Option<u32> {
        match self.held {
            Held::App { number, .. } => Some(number),
            Held::Kept(proof) => proof.app_password,
            Held::Password(_) | Held::Scram(_) | Held::Stacie { .. } => None,
        }
    }
}

/// Checks passwords and proofs.
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
    /// What the salts of names come from.
    secret: [u8; 32],
    /// Keys of nobody.
    nobody_keys: ScramKeys,
    uses: Uses,
    metrics: Arc<Metrics>,
}

/// Settings that can be taken over.
pub struct Settings {
    config: AuthConfig,
    nobody: String,
}

impl Settings {
    /// All that may fail about it.
    pub fn of(config: &AuthConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), nobody: nobody(config)? })
    }
}

impl Passwords {
    /// `secret`: of this data folder, the same after every start.
    pub fn new(
        directory: Box<dyn Directory>,
        domain: &str,
        secret: [u8; 32],
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
            secret,
            nobody_keys: ScramKeys { stored_key: crate::clock::random(), server_key: crate::clock::random() },
            uses: Uses::default(),
            metrics,
        })
    }

    /// Takes over new settings (those that SIGHUP changes).
    pub fn take(&self, settings: Settings) {
        *self.nobody.write() = settings.nobody;
        *self.config.write() = settings.config;
    }

    /// Whether what a login was checked with is still the account's.
    pub fn still_holds(&self, proven: &Proven) -> Result<()> {
        let entry = self.directory.entry(&proven.login.address.account_key())?;
        let holds = entry.is_some_and(|entry| match &proven.held {
            Held::Password(verifier) => entry.verifier == *verifier,
            Held::Scram(keys) => entry.scram.is_some_and(|s| s.keys == *keys),
            Held::App { number, hash } => {
                entry.app_passwords.iter().any(|p| p.number == *number && p.record.hash == *hash)
            }
            Held::Stacie { serial } => entry.stacie == Some(*serial),
            Held::Kept(proof) => proof.is_of(&entry),
        });
        if holds { Ok(()) } else { Err(wrong()) }
    }

    /// Which app passwords were used since this was last asked.
    #[must_use]
    pub fn take_uses(&self) -> Vec<AppPasswordUse> {
        self.uses.take()
    }

    /// A verifier for a new password.
    pub async fn hash(&self, password: &[u8]) -> Result<String> {
        let cost = Cost::of(&self.config.read());
        self.pool.hash(cost, password).await
    }

    fn address(&self, name: &str) -> Option<Address> {
        let address = Address::from_path(name).or_else(|| Address::new(name, &self.domain));
        address.map(|a| a.account_key())
    }

    fn entry(&self, address: Option<&Address>) -> Result<Option<Entry>> {
        tally::did("directory");
        address.map_or(Ok(None), |address| self.directory.entry(address))
    }

    /// RFC 4616 §2, RFC 5802 §5.1: nobody may act as somebody else yet; as oneself is allowed.
    fn as_other(&self, authzid: Option<&str>, address: Option<&Address>) -> bool {
        let named = authzid.filter(|z| !z.is_empty());
        named.is_some_and(|z| self.address(z).as_ref() != address)
    }

    /// `known`: the login is one that is in use from this address.
    async fn throttled(
        &self,
        config: &AuthConfig,
        account: &str,
        peer: IpAddr,
        known: bool,
    ) -> Result<Attempt> {
        let mut subjects = vec![Subject::pair(peer, account)];
        if !known {
            subjects.push(Subject::account(account));
            if !config.counts_nothing_for(peer) {
                subjects.push(Subject::address(peer));
            }
        }
        let (attempt, wait) = self.throttle.attempt(subjects, config, Instant::now());
        if wait > config.failure_wait_max {
            return Err(MailError::new(ErrorKind::LimitReached, "Too many failed logins, try again later"));
        }
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(attempt)
    }

    fn remember(&self, proof: Proof, config: &AuthConfig) {
        let now = Instant::now();
        self.proofs.remember(proof, now, now + config.proof_cache);
    }
}

/// How a name is counted and salted: the address it means, or what was typed.
fn counted_name(address: Option<&Address>, typed: &str) -> String {
    address.map_or_else(|| typed.to_lowercase(), ToString::to_string)
}

fn wrong() -> MailError {
    koi_sessions::auth::wrong()
}

fn login(entry: &Entry) -> Login {
    let (account, address) = (entry.account, entry.address.clone());
    Login { account, address, access: AccessSet::ALL, app_password: None }
}

fn nobody(config: &AuthConfig) -> Result<String> {
    verifier::make(Cost::of(config), &crate::clock::random::<32>(), &mut Vec::new())
}

#[cfg(test)]
mod tests;
