//! The mailbox service on the files of a data folder, with what the edge lends it: clock, randomness,
//! password hashing.
//!
//! Used by the running server, and by the command line when no server runs.

use std::sync::Arc;

use koi_mailbox::{Env, MailboxService, Options, Quota};
use koi_store::engine::{Embedded, OpenError};
use koi_types::{AccountId, Address, ErrorKind, MailError, Result, Timestamp};

use crate::config::Config;
use crate::password::verifier::{self, Cost};
use crate::password::{Directory, Entry};
use crate::problem::Problem;
use crate::watch::Watch;

/// An open data folder.
#[derive(Clone)]
pub struct Service {
    pub mailbox: MailboxService,
    pub store: Arc<Embedded>,
    pub watch: Arc<Watch>,
    /// The store had not been closed: a crash, or `kill -9`.
    pub(crate) was_unclean: bool,
    cost: Cost,
    domains: Arc<[String]>,
}

struct System;

impl Env for System {
    fn now(&self) -> Timestamp {
        crate::clock::now()
    }
    fn random(&self) -> [u8; 10] {
        crate::clock::random()
    }
}

impl Service {
    /// Opens the folder (and makes it, if it is not there); makes the configured domains.
    pub fn open(config: &Config) -> std::result::Result<Self, Problem> {
        Self::open_as(config, false)
    }

    /// Opens a folder whose journal is damaged with what can be read.
    pub fn open_repairing(config: &Config) -> std::result::Result<Self, Problem> {
        Self::open_as(config, true)
    }

    fn open_as(config: &Config, repairing: bool) -> std::result::Result<Self, Problem> {
        crate::folder::make_private(&config.data)?;
        let watch = Arc::new(Watch::default());
        let commits = Arc::clone(&watch) as Arc<dyn koi_store::kv::Commits>;
        let options = koi_store::engine::Options::default();
        let folder = crate::folder::store(&config.data);
        let was_unclean = koi_store::engine::unclean_ends(&folder) > 0;
        crate::probe::before_opening(&folder);
        let open = if repairing { Embedded::open_repairing } else { Embedded::open };
        let store = Arc::new(open(&folder, options, commits).map_err(|e| open_problem(&config.data, e))?);
        log_report(&store);
        let quota = match config.mailbox.quota_octets_max {
            Some(octets_max) => Quota { octets_max, ..Quota::UNLIMITED },
            None => Quota::UNLIMITED,
        };
        let options =
            Options { message_octets_max: config.limits.message_octets_max, quota, ..Options::default() };
        let kv = Arc::clone(&store) as Arc<dyn koi_store::kv::Kv>;
        let mailbox = MailboxService::new(kv, options, Arc::new(System));
        for domain in &config.domains {
            mailbox.directory().create_domain(domain)?;
        }
        Ok(Self {
            mailbox,
            store,
            watch,
            cost: Cost::of(&config.auth),
            domains: config.domains.clone().into(),
            was_unclean,
        })
    }

    /// Adds an account.
    pub fn add_account(&self, address: &Address, password: &str) -> Result<AccountId> {
        if !self.domains.iter().any(|d| d == address.domain()) {
            let text = format!(
                "{} is not one of this server's domains ({})",
                address.domain(),
                self.domains.join(", ")
            );
            return Err(MailError::new(ErrorKind::InvalidInput, text));
        }
        if self.mailbox.directory().by_address(address)?.is_some() {
            return Err(MailError::new(ErrorKind::AlreadyExists, format!("{address} exists already")));
        }
        self.mailbox.directory().create_account(address, &self.hash(password)?)
    }

    /// Changes the password; open sessions of the account end, cached proofs are worthless.
    pub fn set_password(&self, address: &Address, password: &str) -> Result<()> {
        let account = self.account(address)?;
        self.mailbox.directory().set_verifier(account, &self.hash(password)?)?;
        self.watch.account_gone(account);
        Ok(())
    }

    /// Removes an account and its mail; its open sessions end.
    pub fn remove_account(&self, address: &Address) -> Result<()> {
        let account = self.account(address)?;
        self.mailbox.directory().remove(account)?;
        self.watch.account_gone(account);
        Ok(())
    }

    /// The account of an address.
    pub fn account(&self, address: &Address) -> Result<AccountId> {
        let missing = || MailError::new(ErrorKind::NotFound, format!("there is no account {address}"));
        self.mailbox.directory().by_address(address)?.ok_or_else(missing)
    }

    fn hash(&self, password: &str) -> Result<String> {
        if password.is_empty() {
            return Err(MailError::new(ErrorKind::InvalidInput, "the password is empty"));
        }
        verifier::make(self.cost, password.as_bytes(), &mut Vec::new())
    }
}

/// The directory of the service, for password checks.
pub struct ServiceDirectory(pub MailboxService);

impl Directory for ServiceDirectory {
    fn entry(&self, address: &Address) -> Result<Option<Entry>> {
        let found = self.0.directory().verifier(address)?;
        Ok(found.map(|v| Entry {
            account: v.account,
            address: v.address,
            verifier: v.verifier.into(),
            scram: None,
        }))
    }
}

/// What opening had to do after a crash.
fn log_report(store: &Embedded) {
    let report = store.report();
    if report.replayed_groups > 0 || report.torn_tail {
        let (groups, rows, torn_tail) = (report.replayed_groups, report.replayed_rows, report.torn_tail);
        tracing::info!(groups, rows, torn_tail, "recovered the journal's tail");
    }
    if let Some(why) = &report.index_rebuilt {
        tracing::warn!(why, "the index was built again from the journal");
    }
    for what in &report.given_up {
        tracing::error!(what, "given up by repair");
    }
}

fn open_problem(data: &std::path::Path, error: OpenError) -> Problem {
    match error {
        OpenError::Locked { holder, .. } => {
            let holder = holder.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
            let what = format!("the data folder {} is in use by {holder}", data.display());
            Problem::in_use(what, "stop that process first, or give another folder (--dir)")
        }
        other => Problem::new(other, ""),
    }
}
