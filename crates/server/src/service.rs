//! The mailbox service on the files of a data folder, with what the edge lends it: clock, randomness,
//! password hashing.
//!
//! Used by the running server, and by the command line when no server runs.

use std::sync::Arc;

use koi_dime::stacie;
use koi_mailbox::dmap::{DmapOptions, StacieLogin};
use koi_mailbox::push::PushOptions;
use koi_mailbox::{
    AccountRow, Env, MailboxService, NewAppPassword, Options, PasswordRecord, Quota, ScramRecord,
    StacieRecord,
};
use koi_proto::sasl::scram::keys;
use koi_store::engine::{Embedded, OpenError};
use koi_types::{AccessSet, AccountId, Address, ErrorKind, MailError, Result, Timestamp};

use crate::config::Config;
use crate::password::token::{self, Made};
use crate::password::verifier::{self, Cost, ScramVerifier};
use crate::password::{Directory, Entry, app};
use crate::problem::Problem;
use crate::watch::Watch;
use crate::webpush::VapidKey;

/// An open data folder.
#[derive(Clone)]
pub struct Service {
    pub mailbox: MailboxService,
    pub store: Arc<Embedded>,
    pub watch: Arc<Watch>,
    /// The store had not been closed: a crash, or `kill -9`.
    pub(crate) was_unclean: bool,
    /// What the salts of SCRAM come from; stored in the folder.
    pub secret: [u8; 32],
    /// What signs pushes; nothing where push is not offered.
    pub vapid: Option<Arc<VapidKey>>,
    cost: Cost,
    /// Accounts made from now on get SCRAM keys.
    scram: bool,
    scram_iterations: u32,
    domains: Arc<[String]>,
}

/// A shorter password takes more than 2^17 rounds beside the bonus.
const STACIE_CHARACTERS_MIN: u32 = 8;

/// The clock and the randomness of this machine.
pub(crate) struct System;

impl Env for System {
    fn now(&self) -> Timestamp {
        crate::clock::now()
    }
    fn random(&self) -> [u8; 10] {
        crate::clock::random()
    }
    fn fill(&self, octets: &mut [u8]) {
        crate::clock::fill(octets);
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
        let options = koi_store::engine::Options {
            segment_octets: config.segment_octets,
            ..koi_store::engine::Options::default()
        };
        let folder = crate::folder::store(&config.data);
        let was_unclean = koi_store::engine::unclean_ends(&folder) > 0;
        crate::probe::before_opening(&folder);
        let open = if repairing { Embedded::open_repairing } else { Embedded::open };
        let store = Arc::new(open(&folder, options, commits).map_err(|e| open_problem(&config.data, e))?);
        log_report(&store);
        let quota = Quota {
            octets_max: config.mailbox.quota_octets_max.unwrap_or(u64::MAX),
            messages_max: config.mailbox.quota_messages_max.unwrap_or(u64::MAX),
            mailboxes_max: config.mailbox.quota_mailboxes_max.unwrap_or(u64::MAX),
        };
        let kv = Arc::clone(&store) as Arc<dyn koi_store::kv::Kv>;
        let vapid = config.webpush.as_ref().map(|_| VapidKey::of(&*kv)).transpose()?.map(Arc::new);
        let options = Options {
            hostname: config.hostname.as_str().into(),
            push: push_options(config, vapid.as_deref()),
            message_octets_max: config.limits.message_octets_max,
            quota,
            postmaster: config.smtp.postmaster.clone(),
            server_comment: config.comment.as_deref().map(Into::into),
            server_admin: config.admin.as_deref().map(Into::into),
            coi: config.coi.clone(),
            index: config.index,
            query_bounds: config.jmap_search,
            dmap: Some(dmap_options(config)?),
            ..Options::default()
        };
        let mailbox = MailboxService::new(kv, options, Arc::new(System));
        for domain in &config.domains {
            mailbox.directory().create_domain(domain)?;
        }
        let secret = mailbox.directory().secret(crate::clock::random())?;
        Ok(Self {
            mailbox,
            store,
            watch,
            secret,
            vapid,
            cost: Cost::of(&config.auth),
            scram: config.auth.scram,
            scram_iterations: config.auth.scram_iterations,
            domains: config.domains.clone().into(),
            was_unclean,
        })
    }

    /// Adds an account.
    pub fn add_account(&self, address: &Address, password: &str) -> Result<AccountId> {
        if !self.domains.iter().any(|d| d == address.domain()) {
            let text = format!(
                "{} is not one of this server's domains ({}), which server.domains in koi.toml lists",
                address.domain(),
                self.domains.join(", ")
            );
            return Err(MailError::new(ErrorKind::InvalidInput, text));
        }
        if self.mailbox.directory().by_address(address)?.is_some() {
            return Err(MailError::new(ErrorKind::AlreadyExists, format!("{address} exists already")));
        }
        let password = self.password_record(address, password, self.scram)?;
        self.mailbox.directory().create_account(address, password)
    }

    /// Changes the password; open sessions of the account end, cached proofs are worthless. SCRAM stays on or
    /// off.
    pub fn set_password(&self, address: &Address, password: &str) -> Result<()> {
        let found = self.found(address)?;
        let record = self.password_record(address, password, found.scram)?;
        self.mailbox.directory().set_password(found.id, &record)?;
        self.watch.account_gone(found.id);
        Ok(())
    }

    /// Makes SCRAM logins possible, which needs the account's password, or impossible.
    pub fn set_scram(&self, address: &Address, password: Option<&str>) -> Result<()> {
        let missing = || MailError::new(ErrorKind::NotFound, format!("there is no open account {address}"));
        let found = self.mailbox.directory().verifier(address)?.ok_or_else(missing)?;
        let stored = found.password.verifier;
        let Some(password) = password else {
            return self.mailbox.directory().set_scram(found.account, &stored, None);
        };
        let prepared = verifier::prepare(password)?;
        let mut memory = Vec::new();
        if !verifier::check(&stored, prepared.as_bytes(), &mut memory)?
            && !verifier::check(&stored, password.as_bytes(), &mut memory)?
        {
            let text = format!("this is not the password of {address}");
            return Err(MailError::new(ErrorKind::AuthenticationFailed, text));
        }
        let scram = self.scram_record(address, &prepared);
        self.mailbox.directory().set_scram(found.account, &stored, Some(scram))
    }

    /// Makes an app password and answers it; only its hash is kept.
    pub fn add_app_password(&self, address: &Address, name: &str, access: AccessSet) -> Result<String> {
        let account = self.account(address)?;
        let password = app::generate();
        let failed = || MailError::new(ErrorKind::Internal, "internal error").context("no app password");
        let hash = app::hash(account, password.as_bytes()).ok_or_else(failed)?;
        let new = NewAppPassword { name: name.into(), access, hash };
        self.mailbox.directory().add_app_password(account, &new)?;
        Ok(password)
    }

    /// Makes a bearer token and answers it; only its hash is kept.
    pub fn add_token(&self, address: &Address, name: &str, access: AccessSet) -> Result<String> {
        let account = self.account(address)?;
        let Made { token, hash } = token::generate(account);
        let new = NewAppPassword { name: name.into(), access: access.of_token(), hash };
        self.mailbox.directory().add_app_password(account, &new)?;
        Ok(token)
    }

    /// Removes an app password; the sessions that came with it end.
    pub fn remove_app_password(&self, address: &Address, name: &str) -> Result<()> {
        let account = self.account(address)?;
        let removed = self.mailbox.directory().remove_app_password(account, name)?;
        self.watch.app_password_gone(account, removed.number);
        Ok(())
    }

    /// Whether the server files a copy of what the account submits.
    pub fn set_files_sent(&self, address: &Address, on: bool) -> Result<()> {
        self.mailbox.account(self.account(address)?)?.set_files_sent(on).wait()
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

    fn found(&self, address: &Address) -> Result<AccountRow> {
        let id = self.account(address)?;
        let missing = || MailError::new(ErrorKind::NotFound, format!("there is no account {address}"));
        self.mailbox.directory().row(id)?.ok_or_else(missing)
    }

    /// All that is stored of a password. Without SCRAM one that cannot be prepared is taken as it is.
    fn password_record(&self, address: &Address, password: &str, scram: bool) -> Result<PasswordRecord> {
        let prepared = match verifier::prepare(password) {
            Err(_) if !scram && !password.is_empty() => password.to_owned(),
            prepared => prepared?,
        };
        let made = verifier::make(self.cost, prepared.as_bytes(), &mut Vec::new())?;
        let scram = scram.then(|| self.scram_record(address, &prepared));
        let stacie = self.stacie_record(address, &prepared);
        Ok(PasswordRecord { verifier: made.into(), scram, stacie })
    }

    /// What a client of DMAP proves the same password against. Nothing where DMAP is not offered, or when the
    /// password is so short that its derivation would take minutes: then DMAP has no login for the account.
    fn stacie_record(&self, address: &Address, prepared: &str) -> Option<StacieRecord> {
        let bonus = self.mailbox.options().dmap.as_ref()?.stacie_bonus;
        let password = stacie::Password::new(prepared.as_bytes()).ok()?;
        let username = stacie::Username::new(&address.account_key().to_string()).ok()?;
        if password.characters() < STACIE_CHARACTERS_MIN {
            return None;
        }
        let salt = stacie::Salt(crate::clock::random());
        let inputs = stacie::Inputs { username: username.as_str(), password: &password, salt: &salt, bonus };
        let token = *inputs.derive().verification_token.0.expose();
        Some(StacieRecord { bonus, salt: salt.0, token, serial: 1 })
    }

    fn scram_record(&self, address: &Address, prepared: &str) -> ScramRecord {
        let salt = keys::salt_of(&self.secret, &address.account_key().to_string());
        ScramVerifier::make(prepared, salt, self.scram_iterations).into()
    }
}

fn push_options(config: &Config, vapid: Option<&VapidKey>) -> Option<PushOptions> {
    let (config, vapid) = (config.webpush.as_ref()?, vapid?);
    Some(PushOptions {
        subscriptions_max: config.subscriptions_max,
        waiting_max: config.waiting_max,
        ..PushOptions::new(&vapid.public_pem())
    })
}

/// What signs and opens encrypted mail is made with the folder, for every domain.
fn dmap_options(config: &Config) -> std::result::Result<DmapOptions, Problem> {
    let organisations = crate::organisation::open(config)?.into_iter().map(Arc::new).collect();
    Ok(DmapOptions { organisations, sends: config.courier.sends, ..DmapOptions::default() })
}

/// The directory of the service, for password checks.
pub struct ServiceDirectory(pub MailboxService);

impl Directory for ServiceDirectory {
    fn entry(&self, address: &Address) -> Result<Option<Entry>> {
        let found = self.0.directory().verifier(address)?;
        Ok(found.map(|v| Entry {
            account: v.account,
            address: v.address,
            verifier: v.password.verifier.into(),
            scram: v.password.scram.map(ScramVerifier::from),
            app_passwords: v.app_passwords,
            stacie: v.password.stacie.map(|stacie| stacie.serial),
        }))
    }
    fn address(&self, account: AccountId) -> Result<Option<Address>> {
        Ok(self.0.directory().row(account)?.map(|row| row.address.account_key()))
    }
    fn stacie(&self, name: &Address) -> Result<StacieLogin> {
        self.0.stacie(name)
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
    for what in &report.mended {
        tracing::warn!(what, "damaged, and nothing is lost; `koi check --repair` puts it right");
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
            Problem::in_use(
                what,
                "stop that process first, or use another folder (server.data; quickstart --dir)",
            )
        }
        other => Problem::new(other, ""),
    }
}
