//! `koi dmap`: what can be typed, and its help.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use koi_types::Address;

pub(crate) const DMAP: &str = "\
A client for encrypted mail. It needs no server on this machine: it connects to one by DMAP (TLS 1.3, port
9933).

  koi dmap login alice@example.org --server mail.example.org
  koi dmap keys create
  koi dmap send --to bob@example.net --subject Hello < letter.txt
  koi dmap list
  koi dmap read 7

Passwords are asked for, or read from --password-file, or taken from the environment (KOI_DMAP_PASSWORD),
never from the command line. The password stays on this machine; so do private keys and all that is written
and read. What the server says is verified here; docs/DMAP-CLIENT.md says how, and what each verdict means.

The profile folder remembers the server, and which keys were seen. In PARANOID accounts it also holds your
private keys, encrypted with your password: keep a copy of it, without it your mail is lost.";

const WHO: &str = "Account and server";

/// Encrypted mail by DMAP, as a client.
#[derive(Args, Debug)]
pub(crate) struct Dmap {
    #[command(flatten)]
    pub(crate) who: Who,
    #[command(subcommand)]
    pub(crate) command: DmapCommand,
}

#[derive(Args, Debug)]
pub(crate) struct Who {
    /// The account, user@domain [default: the only one of the profile folder]
    #[arg(long, global = true, help_heading = WHO, value_name = "ADDRESS", value_parser = address)]
    pub(crate) account: Option<Address>,
    /// The server, HOST or HOST:PORT; remembered by `login` [default: as remembered]
    #[arg(long, global = true, help_heading = WHO, value_name = "HOST[:PORT]")]
    pub(crate) server: Option<String>,
    /// Certificates (PEM) to trust instead of those of the system; remembered by `login`
    #[arg(long, global = true, help_heading = WHO, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The profile folder [default: KOI_DMAP_PROFILE, else koi-dmap in the folder for data]
    #[arg(long, global = true, help_heading = WHO, value_name = "FOLDER")]
    pub(crate) profile: Option<PathBuf>,
    /// A file whose first line is the password
    #[arg(long, global = true, help_heading = WHO, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Accept another salt or a less strict mode than before: password or mode were changed elsewhere
    #[arg(long, global = true, help_heading = WHO)]
    pub(crate) accept_new_salt: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum DmapCommand {
    /// Log in once and remember server and account
    Login {
        /// The account, user@domain
        #[arg(value_parser = address)]
        address: Address,
    },
    /// Show the account's mode, and what the server may know in it
    Mode,
    /// Your keys: others encrypt to you with them
    #[command(subcommand)]
    Keys(Keys),
    /// Other people's keys: whom you believe, and why
    #[command(subcommand)]
    Signet(Signet),
    /// List mailboxes
    Mailboxes,
    /// List the newest messages of a mailbox, as they claim to be; `read` verifies
    List {
        /// By the name you know it by
        #[arg(default_value = "INBOX")]
        mailbox: String,
        /// How many
        #[arg(long, short = 'n', default_value_t = 20, value_parser = count)]
        count: u32,
    },
    /// Read a message: decrypted and verified here; what does not verify is not shown
    #[command(after_help = READ)]
    Read(ReadMessage),
    /// Encrypt, sign and send a message; its text comes from standard input or --text
    #[command(after_help = SEND)]
    Send(Send),
    /// Change the password; keys and mail stay readable, other sessions end
    Passwd {
        /// A file whose first line is the new password
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
    },
}

const READ: &str = "\
Verdicts:
  signed by ADDRESS       that person's key signed all of it, and its organisation signed where it came from
  written by yourself     a draft, or your copy of what you sent
  ordinary mail           it came unencrypted and was encrypted on arrival: nobody has proved who wrote it";

const SEND: &str = "\
Each recipient gets a message of its own. The recipient's key is looked up and verified first: the first time
it is taken as the server gives it and remembered; later ones must be signed by the one before.";

#[derive(Subcommand, Debug)]
pub(crate) enum Keys {
    /// List your keys, the newest first
    List,
    /// Make a key, have it signed by the organisation, and verify what came of it
    #[command(after_help = CREATE)]
    Create,
    /// Keep the private part of a key in the profile folder too, before the account becomes PARANOID
    Keep {
        /// Its id, or how it begins; without it, all keys
        id: Option<String>,
    },
    /// Remove a key that has expired and that no message needs
    Delete {
        /// Its id, or how it begins
        id: String,
    },
}

const CREATE: &str = "\
The private part is encrypted with a key from your password before it leaves this machine (CAUTIOUS,
TRUSTFUL), or stays in the profile folder (PARANOID). A second key is signed by the one before, so that others
can follow.";

#[derive(Subcommand, Debug)]
pub(crate) enum Signet {
    /// Show somebody's key, verified, with its fingerprint to compare over another channel
    Show {
        /// user@domain, or the domain of an organisation; without it, your own
        address: Option<String>,
    },
    /// List those that are remembered
    List,
    /// Note what you think of somebody's newest key
    Trust {
        /// user@domain
        #[arg(value_parser = address)]
        address: Address,
        #[arg(value_enum)]
        trust: TrustWord,
    },
    /// Forget somebody's key
    Forget {
        /// user@domain
        #[arg(value_parser = address)]
        address: Address,
    },
    /// Say which key an organisation has: the pok of its TXT record at _dx.DOMAIN
    Pin {
        /// The domain
        domain: String,
        /// 43 characters of base64
        pok: String,
    },
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TrustWord {
    /// You compared the fingerprint; also takes a key that does not follow from the one before
    Verified,
    /// Never write to it
    Blocked,
    /// As if never seen
    None,
}

#[derive(Args, Debug)]
pub(crate) struct ReadMessage {
    /// Its number in `koi dmap list`
    pub(crate) uid: u32,
    /// The mailbox it is in
    #[arg(long, default_value = "INBOX")]
    pub(crate) mailbox: String,
    /// Do not mark it as read
    #[arg(long)]
    pub(crate) peek: bool,
    /// Write attached files into this folder; what is there is not overwritten
    #[arg(long, value_name = "FOLDER")]
    pub(crate) save: Option<PathBuf>,
    /// Write the message as it is stored, still encrypted, to standard output
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Send {
    /// A recipient; may be repeated
    #[arg(long, required = true, value_name = "ADDRESS", value_parser = address)]
    pub(crate) to: Vec<Address>,
    /// The subject
    #[arg(long, default_value = "")]
    pub(crate) subject: String,
    /// The text, from a file instead of standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) text: Option<PathBuf>,
    /// A file to go with it; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    /// Not before so many seconds from now
    #[arg(long, value_name = "SECONDS")]
    pub(crate) hold: Option<u32>,
}

fn count(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|count| (1..=1000).contains(count)).ok_or_else(|| "1 to 1000".to_owned())
}

fn address(text: &str) -> Result<Address, String> {
    let address = Address::from_path(text).filter(|address| address.detail().is_none());
    address.map(|address| address.account_key()).ok_or_else(|| "write user@domain".to_owned())
}
