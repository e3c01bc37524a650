//! The administrator's requests: one set, answered by the running server over `admin.sock`, or by the command
//! itself on the files when no server runs.
//!
//! On the socket (mode 0600, in a folder of mode 0700) each request and each answer is one line of JSON: a
//! request, then any number of `progress`, then one `done` or `failed`.

mod app_password;
mod check;
pub mod client;
pub mod execute;
mod index;
mod mode;
mod organisation;
mod queue;
mod share;
pub mod socket;

pub use index::{IndexAction, IndexFacts, IndexLine, IndexTotals};
pub use organisation::OrganisationLine;
pub use queue::{QUEUE_IDS_MAX, Queue, QueueAction, QueueLine, QueueWhich};
use serde::{Deserialize, Serialize};

use crate::metrics::{Counter, NamedLatency};
use crate::problem::{Exit, Problem};
use crate::transfer::{Format, Moved};

/// A line of a request at most.
const LINE_OCTETS_MAX: u64 = 64 * 1024;

/// What can be asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Request {
    Status,
    AccountAdd {
        address: String,
        password: String,
    },
    AccountPasswd {
        address: String,
        password: String,
    },
    AccountRemove {
        address: String,
    },
    AccountList,
    /// With a password: on. Without: off.
    AccountScram {
        address: String,
        password: Option<String>,
    },
    AppPasswordAdd {
        address: String,
        name: String,
        /// By name.
        scopes: Vec<String>,
    },
    AppPasswordList {
        address: String,
    },
    AppPasswordRemove {
        address: String,
        name: String,
    },
    TokenAdd {
        address: String,
        name: String,
    },
    TokenList {
        address: String,
    },
    TokenRemove {
        address: String,
        name: String,
    },
    /// Shows the mode, after setting it if one is given.
    AccountMode {
        address: String,
        /// By name, in any case.
        mode: Option<String>,
        /// Private keys that the new mode forbids may go.
        drops_keys: bool,
    },
    /// A setting of an account: `sent-copy`, `on` or `off`.
    AccountSet {
        address: String,
        setting: String,
        value: String,
    },
    /// Gives a user, `anyone`, or either with `-` in front, these rights on a mailbox instead of those
    /// it had.
    ShareSet {
        address: String,
        mailbox: String,
        user: String,
        /// Letters, or a word for some of them.
        rights: String,
    },
    ShareRemove {
        address: String,
        mailbox: String,
        user: String,
    },
    /// Of one mailbox, or of all.
    ShareList {
        address: String,
        mailbox: Option<String>,
    },
    /// Shows the limits, after setting those that are given.
    AccountQuota {
        address: String,
        octets: Option<Limit>,
        messages: Option<Limit>,
        mailboxes: Option<Limit>,
    },
    /// Paths are absolute: the server may have another working directory.
    Import {
        format: Format,
        path: std::path::PathBuf,
        account: String,
        mailbox: Option<String>,
    },
    Export {
        path: std::path::PathBuf,
        account: String,
    },
    /// What is known of other organisations.
    OrganisationList,
    OrganisationForget {
        domain: String,
    },
    /// What waits for other servers.
    Queue {
        action: QueueAction,
        which: QueueWhich,
    },
    /// Opens what the server's own keys open, of one account or of all, into a new folder.
    Disclose {
        path: std::path::PathBuf,
        account: Option<String>,
    },
    Check {
        repair: bool,
    },
    /// Of one account, or of all.
    Index {
        action: IndexAction,
        account: Option<String>,
    },
    Shutdown,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Done,
    Accounts(Vec<AccountLine>),
    /// An app password or a token that was made: the only time it is shown.
    AppPassword(String),
    AppPasswords(Vec<AppPasswordLine>),
    Shares(Vec<ShareLine>),
    Quota(AccountQuota),
    /// The mode of an account, by name.
    Mode(String),
    Status(Box<Status>),
    Moved(Moved),
    /// What was opened, and what was not.
    Disclosed(crate::disclose::Disclosure),
    Checked(Checked),
    Indexes(Vec<IndexLine>),
    Organisations(Vec<OrganisationLine>),
    /// What was asked for, before anything was done with it.
    Queue(Queue),
}

/// One account in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AccountLine {
    pub address: String,
    pub disabled: bool,
    /// SCRAM logins are possible.
    pub scram: bool,
    pub messages: u64,
    pub octets: u64,
    /// The setting `sent-copy`.
    #[serde(default)]
    pub sent_copy: bool,
    /// By name; empty: TRUSTFUL.
    #[serde(default)]
    pub mode: String,
}

/// One app password in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AppPasswordLine {
    pub name: String,
    pub scopes: Vec<String>,
    /// Dates with time, in UTC.
    pub created: String,
    /// To about a minute.
    pub used: Option<String>,
}

/// What one user may do with one mailbox of another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShareLine {
    pub mailbox: String,
    pub user: String,
    /// Letters.
    pub rights: String,
}

/// A limit of one account (RFC 9208 §3.1.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// What the configuration says for all accounts.
    Default,
    /// No limit.
    None,
    Number(u64),
}

/// What an account uses of its limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AccountQuota {
    pub octets: Used,
    pub messages: Used,
    pub mailboxes: Used,
}

/// One resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Used {
    pub used: u64,
    /// `None`: no limit.
    pub limit: Option<u64>,
    /// The limit is the account's own, not that of all.
    pub own: bool,
}

/// What `koi check` found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Checked {
    /// One line each: which record, what is wrong.
    pub findings: Vec<String>,
    /// Rows that were put right.
    pub repaired: u64,
    /// Findings that are still there.
    pub left: u64,
}

/// What `koi status` shows.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// `None`: no server runs, the files were read.
    pub running: Option<Running>,
    pub data: String,
    pub accounts: u64,
    pub messages: u64,
    pub octets: u64,
    pub store: Vec<Counter>,
    /// Of all search indexes.
    #[serde(default)]
    pub index: IndexTotals,
    /// Messages that wait for other servers.
    #[serde(default)]
    pub queued: u64,
    /// Of the store: why it takes no more writes.
    pub store_trouble: Option<String>,
    /// Of the DNS: why no other organisation can be looked up.
    #[serde(default)]
    pub dns_trouble: Option<String>,
}

/// The server process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Running {
    pub pid: u32,
    pub version: String,
    pub up_secs: u64,
    pub listeners: Vec<String>,
    pub connections: u64,
    pub counters: Vec<Counter>,
    pub latencies: Vec<NamedLatency>,
}

/// How far a long request has come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Progress {
    pub done: u64,
    /// 0: not known.
    pub total: u64,
    /// What is counted, and where it is now.
    pub unit: String,
}

/// A line from the server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Progress(Progress),
    Done(Reply),
    Failed(Failure),
}

/// A [`Problem`] on the socket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    pub what: String,
    pub remedy: String,
    pub exit: u8,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { what: problem.what.into(), remedy: problem.remedy.into(), exit: problem.exit as u8 }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let exits = [Exit::Failed, Exit::Usage, Exit::InUse, Exit::Findings];
        let exit = exits.into_iter().find(|e| *e as u8 == failure.exit).unwrap_or(Exit::Failed);
        Self { what: failure.what.into(), remedy: failure.remedy.into(), exit }
    }
}

/// Where progress goes.
pub type OnProgress<'p> = dyn FnMut(Progress) + Send + 'p;
