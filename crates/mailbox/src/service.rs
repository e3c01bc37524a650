//! The service itself: what all accounts share.

use std::sync::Arc;

use koi_store::key;
use koi_store::kv::{Kv, transact_and_wait};
use koi_store::mail::check::{self, Finding};
use koi_store::mail::{Quota, directory};
use koi_store::record::account::AccountRecord;
use koi_store::record::corrupt;
use koi_types::{AccountId, Address, EmailId, ErrorKind, MailError, Result, Timestamp, limits};

use crate::account::Account;
use crate::backlog::Backlog;
use crate::coi::CoiNames;
use crate::contact;
use crate::directory::Directory;
use crate::dmap::DmapOptions;
use crate::dmap::seal::{self, Budget};
use crate::emails::attachments::Attachments;
use crate::emails::log::KeptLogs;
use crate::emails::tables::EmailTables;
use crate::incoming::Stage;
use crate::index::{self, IndexOptions, IndexQueue};
use crate::names::NamesCache;
use crate::push::PushOptions;
use crate::recent::Recents;
use crate::search::SearchBounds;
use crate::sort::columns::Columns;
use crate::uids::UidsCache;
use crate::watch::Watchers;

/// What the edge lends: a clock and randomness.
pub trait Env: Send + Sync {
    fn now(&self) -> Timestamp;
    /// Never the same twice, and not to be guessed.
    fn random(&self) -> [u8; 10];
    /// Overwrites every octet, as `random` would.
    fn fill(&self, octets: &mut [u8]) {
        for piece in octets.chunks_mut(10) {
            piece.iter_mut().zip(self.random()).for_each(|(to, from)| *to = from);
        }
    }
}

/// What an administrator may set.
#[derive(Clone, Debug)]
pub struct Options {
    /// What this server calls itself in the messages it makes and passes on.
    pub hostname: Box<str>,
    pub message_octets_max: u64,
    /// Of every account.
    pub quota: Quota,
    /// Who gets the postmaster's mail where no account has that address.
    pub postmaster: Option<Address>,
    /// A note about the server for all its users: `/shared/comment` (RFC 5464 §6.2.1).
    pub server_comment: Option<Box<str>>,
    /// A URI by which the administrator is reached: `/shared/admin` (RFC 5464 §6.2.2).
    pub server_admin: Option<Box<str>>,
    /// Chat by IMAP (COI) and its mailboxes; nothing where it is not offered.
    pub coi: Option<CoiNames>,
    /// Push to clients; nothing where it is not offered.
    pub push: Option<PushOptions>,
    /// How long an expunged message stays readable for sessions that have not been told, in seconds.
    pub expunge_grace_secs: u32,
    /// Changes kept in the log of an account; whoever is further behind compares instead.
    pub log_modseqs_max: u64,
    /// Age past which lines of the log go, in seconds.
    pub log_age_secs: u32,
    pub index: IndexOptions,
    /// Encrypted mail and DMAP; nothing where it is not offered.
    pub dmap: Option<DmapOptions>,
    /// What one query of emails may cost.
    pub query_bounds: SearchBounds,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            message_octets_max: limits::MESSAGE_OCTETS_MAX,
            quota: Quota::UNLIMITED,
            postmaster: None,
            server_comment: None,
            server_admin: None,
            coi: CoiNames::usual(),
            push: None,
            expunge_grace_secs: 3600,
            log_modseqs_max: 20_000,
            log_age_secs: 90 * 86_400,
            index: IndexOptions::default(),
            dmap: None,
            query_bounds: SearchBounds::default(),
        }
    }
}

/// The one API that all protocols call. Cheap to clone.
#[derive(Clone)]
pub struct MailboxService {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) kv: Arc<dyn Kv>,
    pub(crate) options: Arc<Options>,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) names: NamesCache,
    pub(crate) uids: UidsCache,
    pub(crate) columns: Columns,
    pub(crate) emails: EmailTables,
    pub(crate) attachments: Attachments,
    pub(crate) logs: KeptLogs,
    pub(crate) recents: Recents,
    pub(crate) watchers: Watchers,
    pub(crate) backlog: Backlog,
    pub(crate) index: IndexQueue,
    /// Memory for mail that may not be written yet.
    pub(crate) confidential: Arc<Budget>,
    /// What was begun before is nobody's any more.
    pub(crate) started_at: Timestamp,
}

/// What the service lends to a transaction. The service itself must not go with one: the last to let go of it
/// would be the engine's own thread.
#[derive(Clone)]
pub(crate) struct Lent {
    pub(crate) options: Arc<Options>,
    pub(crate) env: Arc<dyn Env>,
}

impl Inner {
    /// Something of the account changed: what nobody waits for may have become due.
    pub(crate) fn changed(&self, account: AccountId) {
        self.backlog.add(account);
        self.index.waiting().add(account);
    }
    pub(crate) fn lend(&self) -> Lent {
        Lent { options: Arc::clone(&self.options), env: Arc::clone(&self.env) }
    }
    pub(crate) fn new_email_id(&self) -> EmailId {
        EmailId::new(u64::try_from(self.env.now().0).unwrap_or(0), self.env.random())
    }
}

impl MailboxService {
    /// A service on an engine. Nothing is read or written yet.
    #[must_use]
    pub fn new(kv: Arc<dyn Kv>, options: Options, env: Arc<dyn Env>) -> Self {
        let started_at = env.now();
        let inner = Inner {
            kv,
            options: Arc::new(options),
            env,
            names: NamesCache::default(),
            uids: UidsCache::default(),
            columns: Columns::default(),
            emails: EmailTables::default(),
            attachments: Attachments::default(),
            logs: KeptLogs::default(),
            recents: Recents::default(),
            watchers: Watchers::default(),
            backlog: Backlog::default(),
            index: IndexQueue::default(),
            confidential: Arc::default(),
            started_at,
        };
        Self { inner: Arc::new(inner) }
    }
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }
    /// Who has an account here.
    #[must_use]
    pub fn directory(&self) -> Directory<'_> {
        Directory { inner: &self.inner }
    }
    /// An account of the directory; `NotFound` when there is none.
    pub fn account(&self, id: AccountId) -> Result<Account> {
        let view = self.inner.kv.view()?;
        let known = directory::directory_record(&*view, id)?;
        let missing = || MailError::new(ErrorKind::NotFound, "no such account");
        known.map(|_| Account { inner: Arc::clone(&self.inner), id, guest: None }).ok_or_else(missing)
    }
    /// Whose mail this address gets: without regard to case and to `+detail` (RFC 5233 §4).
    pub fn resolve_recipient(&self, address: &Address) -> Result<AccountId> {
        let view = self.inner.kv.view()?;
        let missing = || MailError::new(ErrorKind::NotFound, "no such mailbox here");
        directory::account_of(&*view, address)?.ok_or_else(missing)
    }
    /// Whether mail for this domain is ours to take.
    pub fn is_local(&self, domain: &str) -> Result<bool> {
        directory::scope_of(&*self.inner.kv.view()?, domain).map(|scope| scope.is_some())
    }
    /// Who gets mail for the postmaster when nobody has that address: the account of the options, else the
    /// first that was made (RFC 5321 §4.5.1).
    pub fn postmaster(&self) -> Result<AccountId> {
        if let Some(address) = &self.inner.options.postmaster
            && let Ok(account) = self.resolve_recipient(address)
        {
            return Ok(account);
        }
        let missing = || MailError::new(ErrorKind::NotFound, "no account for the postmaster's mail");
        self.directory().first()?.ok_or_else(missing)
    }
    /// Whether a message of so many octets fits the account's quota now. Costs one row: it is asked for every
    /// recipient.
    pub fn has_room(&self, account: AccountId, octets: u64) -> Result<bool> {
        let (view, key) = (self.inner.kv.view()?, key::account(account));
        let missing = || MailError::new(ErrorKind::NotFound, "no such account");
        let row = view.get(&key)?.ok_or_else(missing)?;
        let usage = AccountRecord::decode(&row).ok_or_else(|| corrupt("account", &key))?;
        let quota = self.inner.options.quota.with_own(usage.own_quota);
        Ok(usage.octets.saturating_add(octets) <= quota.octets_max && usage.messages < quota.messages_max)
    }
    /// An id that is given out once, and that nobody can guess.
    #[must_use]
    pub fn unique(&self) -> EmailId {
        self.inner.new_email_id()
    }
    /// Compares every row with every other, on one view. For tools: it takes as long as there are rows.
    pub fn check(&self) -> Result<Vec<Finding>> {
        let view = self.inner.kv.view()?;
        let mut findings = check::check(&*view)?;
        let mut accounts = Vec::new();
        if let Some(names) = &self.inner.options.coi {
            findings.extend(contact::findings(&*view, names.contacts())?);
        }
        self.each_account(&mut |account| accounts.push(account))?;
        for account in accounts {
            findings.extend(index::check::finding(&*view, account)?);
        }
        Ok(findings)
    }
    /// Puts right what follows from other rows; check again until nothing with a fix is found. Answers how
    /// many rows were changed.
    pub fn repair(&self, findings: &[Finding]) -> Result<usize> {
        let findings: Arc<[Finding]> = findings.into();
        let repaired = transact_and_wait(&*self.inner.kv, move |txn| check::repair(txn, &findings))?;
        self.inner.names.forget_all();
        Ok(repaired)
    }
    /// Takes in the octets of a message, of which some may be written at once. For accounts that may keep
    /// encrypted mail only, [`MailboxService::stage_for`] or [`Account::stage`].
    #[must_use]
    pub fn stage(&self) -> Stage {
        Stage::new(Arc::clone(&self.inner.kv), self.inner.options.message_octets_max)
    }
    /// Takes in the octets of a message that is delivered to these: while one of them keeps encrypted mail
    /// only, nothing of it is written before it is encrypted.
    #[must_use]
    pub fn stage_for(&self, accounts: &[AccountId]) -> Stage {
        let in_clear = self.inner.kv.view().and_then(|view| {
            accounts
                .iter()
                .try_fold(true, |all, account| Ok(all && seal::mode_of(&*view, *account)?.keeps_clear_mail()))
        });
        match in_clear {
            Ok(true) => self.stage(),
            Ok(false) => self.stage().confidential(Arc::clone(&self.inner.confidential)),
            Err(error) => self.stage().refusing(error),
        }
    }
}
