//! What can be typed: subcommands, options and their help.

pub(crate) mod dmap;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use koi_server::admin::Limit;

const AFTER: &str = "\
Exit codes: 0 done; 1 failed; 2 wrong configuration or arguments; 3 a port or the data folder is in use by
another process; 4 `koi check` found damage.

Commands that need the data folder speak to the server running on it, or open the files when none runs.";

/// Koi, a mail server: mail in by SMTP and LMTP, out by IMAP and JMAP, encrypted by DMAP, and never lost
#[derive(Parser, Debug)]
#[command(name = "koi", version, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The configuration file [default: koi.toml here, else koi-data/koi.toml]
    #[arg(long, short = 'c', global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Make a data folder with everything in it, if it is not there, and serve on loopback
    #[command(after_help = QUICKSTART)]
    Quickstart(Quickstart),
    /// Serve what a configuration file says
    #[command(
        after_help = "SIGHUP reads configuration and certificates again; SIGINT and SIGTERM end cleanly."
    )]
    Serve,
    /// Add, list, change and remove accounts
    #[command(subcommand)]
    Account(Account),
    /// Bring mail from files into an account
    #[command(subcommand)]
    Import(Import),
    /// Write all mail of an account to a new folder, as Maildir++ with sidecars that `koi import` understands
    Export(Export),
    /// Open what somebody can read who has the data folder and the server's own keys, and nothing else
    #[command(after_help = DISCLOSE)]
    Disclose(Disclose),
    /// Show, build and drop the indexes that make searches quick
    #[command(subcommand)]
    Index(Index),
    /// Read every message, and verify every record against every other
    Check(Check),
    /// Show what the server does and what the folder holds
    Status(Status),
    /// See and forget what this server knows of other organisations, which encrypted mail goes to
    #[command(subcommand, after_help = ORGANISATION)]
    Organisation(Organisation),
    /// See what waits for other servers; try it now, or end it
    #[command(after_help = QUEUE)]
    Queue(Queue),
    /// Print the DNS records that the domains need
    Dns(Dns),
    /// Ask the running server to shut down
    Stop,
    /// Read and write encrypted mail by DMAP, as a client of this or any other server
    #[command(after_help = dmap::DMAP)]
    Dmap(dmap::Dmap),
    /// Look at the configuration
    #[command(subcommand)]
    Config(Config),
    /// Read the index in a process that may be lost
    #[command(name = koi_server::probe::SUBCOMMAND, hide = true)]
    ProbeIndex { folder: PathBuf, how: String },
}

const ORGANISATION: &str = "\
A key that was seen is not replaced by another unless the domain's record in the DNS names both, or the old
key has agreed. Until an administrator says `koi organisation forget DOMAIN`, nothing goes to such a domain
and nothing is taken from it. Ask its administrator over another channel first.";

/// Other organisations.
#[derive(Subcommand, Debug)]
pub(crate) enum Organisation {
    /// List those that are known, with their keys
    List,
    /// Forget one, so that whatever key it has next is believed
    Forget {
        #[arg(value_name = "DOMAIN")]
        domain: String,
    },
}

const QUEUE: &str = "\
Without a subcommand it lists. What is being sent in this moment may arrive although it is ended.
Nothing of a message is shown; of encrypted mail this server knows no more than the domain it goes to.";

/// What waits for other servers.
#[derive(Args, Debug)]
pub(crate) struct Queue {
    #[command(subcommand)]
    pub(crate) action: Option<QueueAction>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum QueueAction {
    /// List what waits: from whom, to where, how often it was tried, when it is tried again, and why it waits
    List {
        #[command(flatten)]
        which: QueueWhich,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Try it now
    Retry(QueueWhich),
    /// End it, and tell who has sent it
    Bounce(QueueWhich),
    /// End it, and tell nobody
    Drop(QueueWhich),
}

#[derive(Args, Debug)]
pub(crate) struct QueueWhich {
    /// Messages, as `koi queue` names them
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// All that go to this domain
    #[arg(long, value_name = "DOMAIN", conflicts_with = "ids")]
    pub(crate) to: Option<String>,
    /// All
    #[arg(long, conflicts_with_all = ["ids", "to"])]
    pub(crate) all: bool,
}

const SETTINGS: &str = "\
Settings:
  sent-copy on|off   the server files a copy of what the account submits in its Sent mailbox [off];
                     not when the mail client is known to do so itself";

const QUICKSTART: &str = "\
Makes the folder (mode 0700) with koi.toml, a local certificate authority and a certificate, and accounts
alice@ and bob@ of the domain, whose passwords it prints once. Listens on 127.0.0.1 and ::1 at the port base
plus the standard port: IMAP 143, IMAPS 993, LMTP 24, SMTP 25, submission 587 and 465, HTTPS 443, DMAP 9933,
DMTP 26. Prints `ready` when everything is bound. A second start just starts.";

const DISCLOSE: &str = "\
Uses what lies in the data folder and the organisations' keys, no password. Of TRUSTFUL accounts that is all:
mail in clear, private keys that the server made or was given, encrypted mail. Of CAUTIOUS and PARANOID
accounts it says for each message that it cannot be opened; an organisation reads their envelopes, which say
by whom and for whom a message is, to deliver it. Mail that was there before an account became stricter is in
clear. What opens is written below the new folder; docs/DMAP.md says more.
Use a copy of the folder.";

#[derive(Args, Debug)]
pub(crate) struct Disclose {
    /// Where to write what opens: a folder that does not exist yet
    pub(crate) path: PathBuf,
    /// The account, user@domain [default: all]
    #[arg(long)]
    pub(crate) account: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Quickstart {
    /// The data folder
    #[arg(long, default_value = "koi-data", value_name = "FOLDER")]
    pub(crate) dir: PathBuf,
    /// The mail domain of a new folder [default: example.org]
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) domain: Option<String>,
    /// Instead of alice and bob; for an account that exists, sets its password. May be repeated
    #[arg(long = "account", value_name = "USER@DOMAIN:PASSWORD")]
    pub(crate) accounts: Vec<String>,
    /// Added to the standard ports [default: 10000, or what koi.toml says]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) port_base: Option<u16>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Account {
    /// Add an account; its password is asked for, or read as one line from standard input
    Add(Password),
    /// List all accounts
    List,
    /// Change a password; open sessions of the account end
    Passwd(Password),
    /// Turn SCRAM logins on (needs the account's password) or off
    #[command(after_help = SCRAM)]
    Scram {
        /// The account, user@domain
        address: String,
        #[arg(value_enum)]
        state: Switch,
    },
    /// Passwords for single clients, each of which can be taken back alone
    #[command(subcommand)]
    AppPassword(AppPassword),
    /// Bearer tokens, by which programs ask over HTTPS without a password
    #[command(subcommand)]
    Token(Token),
    /// Say who may do what with the mailboxes of an account
    #[command(subcommand, after_help = SHARING)]
    Share(Share),
    /// Change a setting of an account
    #[command(after_help = SETTINGS)]
    Set {
        /// The account, user@domain
        address: String,
        /// Its name
        setting: String,
        /// Its value
        value: String,
    },
    /// Show how much the server may know of an account's mail, or change it; open sessions of it end
    #[command(after_help = MODE)]
    Mode {
        /// The account, user@domain
        address: String,
        /// trustful, cautious or paranoid
        mode: Option<String>,
        /// Remove private keys that the new mode forbids: their owner has them elsewhere
        #[arg(long, requires = "mode")]
        drop_keys: bool,
    },
    /// Show what an account may hold, after setting what is given
    Quota(Quota),
    /// Remove an account and all its mail; its open sessions end
    Remove {
        /// The account, user@domain
        address: String,
    },
}

const SCRAM: &str = "\
With SCRAM a client proves that it knows the password without sending it, and the server proves the same.
For it the server keeps keys that a graphics card searches for the password faster than the Argon2id hash
(docs/LOGIN.md). It is offered when `auth.scram` is set.";

const MODE: &str = "\
  trustful   mail and keys are the server's too: IMAP, JMAP and search work with the password
  cautious   mail that comes in is encrypted before it is written; private keys only encrypted by their owner
  paranoid   the same, and no private keys at all; ordinary mail is refused

In cautious and paranoid accounts only DMAP takes the password (STACIE): what else was stored of it is
deleted, and IMAP, JMAP and submission need app passwords, which open nothing that is encrypted. Mail that
lies there in clear stays so. Before ordinary mail can come in, the owner makes a key: `koi dmap keys create`.
The owner of a paranoid account keeps the private key (`koi dmap keys keep`) before the mode is changed: mail
that only a key removed by --drop-keys opens is lost.
docs/DMAP.md says what the server knows in each mode.";

const SHARING: &str = "\
Others see the mailbox as `Other Users/OWNER/MAILBOX`, at once; docs/SHARING.md says what each right allows.

Rights are letters of RFC 4314 in any order, or one of these words:
  read    lrs          sees and reads it, and keeps for himself what he has read
  write   lrswite      also sets flags, puts messages into it and removes them
  full    lrswipkxtea  all of it, with mailboxes below and giving rights to others";

#[derive(Subcommand, Debug)]
pub(crate) enum Share {
    /// Give rights, instead of those there were
    Set {
        #[command(flatten)]
        of: ShareOf,
        /// Letters, or read, write or full
        rights: String,
    },
    /// Take all rights from somebody
    Remove {
        #[command(flatten)]
        of: ShareOf,
    },
    /// Show who may do what; without a mailbox, with all that are shared
    List {
        /// The owner, user@domain
        owner: String,
        /// One mailbox
        mailbox: Option<String>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct ShareOf {
    /// The owner, user@domain
    pub(crate) owner: String,
    /// The mailbox, as the owner calls it
    pub(crate) mailbox: String,
    /// user@domain, or `anyone` of the owner's domain; with `-` in front, for rights that are denied
    #[arg(allow_hyphen_values = true)]
    pub(crate) user: String,
}

#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Subcommand, Debug)]
pub(crate) enum AppPassword {
    /// Make one and print it, once
    Add {
        /// The account, user@domain
        address: String,
        /// What to call it, e.g. the client it is for
        name: String,
        /// What it may be used for
        #[arg(long, value_name = "SCOPES", value_delimiter = ',', default_value = "imap,submission")]
        scope: Vec<String>,
    },
    /// List those of an account, with when they were last used
    List {
        /// The account, user@domain
        address: String,
    },
    /// Remove one; sessions that came with it end
    Remove {
        /// The account, user@domain
        address: String,
        /// As it was called when it was made
        name: String,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Token {
    /// Make one and print it, once; it is good for JMAP
    Add {
        /// The account, user@domain
        address: String,
        /// What to call it, e.g. the program it is for; app passwords have names of the same kind
        name: String,
    },
    /// List those of an account, with when they were last used
    List {
        /// The account, user@domain
        address: String,
    },
    /// Remove one: from now on it is good for nothing
    Remove {
        /// The account, user@domain
        address: String,
        /// As it was called when it was made
        name: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Password {
    /// The account, user@domain
    pub(crate) address: String,
    /// Make a password up and print it
    #[arg(long)]
    pub(crate) generate: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Quota {
    /// The account, user@domain
    pub(crate) address: String,
    /// Octets of mail it may hold: a number, `none` for no limit, `default` for what koi.toml says
    #[arg(long, value_name = "LIMIT", value_parser = limit)]
    pub(crate) octets: Option<Limit>,
    /// Messages it may hold: a number, `none` or `default`
    #[arg(long, value_name = "LIMIT", value_parser = limit)]
    pub(crate) messages: Option<Limit>,
    /// Mailboxes it may have: a number, `none` or `default`
    #[arg(long, value_name = "LIMIT", value_parser = limit)]
    pub(crate) mailboxes: Option<Limit>,
}

fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit::None),
        "default" => Ok(Limit::Default),
        number => number.parse().map(Limit::Number).map_err(|_| "a number, `none` or `default`".into()),
    }
}

const MAILDIR: &str = "\
What is left out is named, counted, and makes the command fail in the end; all else is imported. Symbolic
links in the folder are left out: they may lead to what the maker of the folder could not read, and whoever
imports it can. Copy what they lead to (`cp -rL`) if all of it is yours. Left out without a word, as Maildir
has it: `tmp`, and what begins with a dot in `cur` and `new`.";

#[derive(Subcommand, Debug)]
pub(crate) enum Import {
    /// One mbox file
    Mbox(Source),
    /// One Maildir folder; without --mailbox, a whole Maildir++ tree to the mailboxes it names
    #[command(after_help = MAILDIR)]
    Maildir(Source),
}

#[derive(Args, Debug)]
pub(crate) struct Source {
    /// The file or folder
    pub(crate) path: PathBuf,
    /// The account, user@domain
    #[arg(long)]
    pub(crate) account: String,
    /// Where to put it; made if it is not there [default: INBOX, or what the Maildir++ tree names]
    #[arg(long)]
    pub(crate) mailbox: Option<String>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Index {
    /// What each index holds
    Show(IndexOf),
    /// Bring indexes up to date now, and make those that are not there
    Build(IndexOf),
    /// Make indexes anew
    Rebuild(IndexOf),
    /// Take indexes away; the server makes them again unless `search.index` is off
    Drop(IndexOf),
}

#[derive(Args, Debug)]
pub(crate) struct IndexOf {
    /// Of this account only, user@domain
    #[arg(long)]
    pub(crate) account: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Export {
    /// A folder that does not exist yet
    pub(crate) path: PathBuf,
    /// The account, user@domain
    #[arg(long)]
    pub(crate) account: String,
}

#[derive(Args, Debug)]
pub(crate) struct Dns {
    /// Of this domain only
    pub(crate) domain: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Repair what can be repaired; what cannot be read is given up and named
    #[arg(long)]
    pub(crate) repair: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Status {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Config {
    /// Print a configuration file
    Show {
        /// Every key at its default, with what it means
        #[arg(long)]
        defaults: bool,
    },
}
