//! A person's client of DMAP (DMAP-00, docs/DMAP-CLIENT.md): it logs in with STACIE, makes keys, verifies
//! signets, opens messages and says how far they are to be believed, writes messages and submits them.
//!
//! The server is not believed: what it says of keys, signets and messages is verified here, and what it must
//! not learn (password, private keys, plaintext) never goes to it. Octets go over any `Read + Write`; random
//! octets and times are arguments. Must not: open a connection, read a file, ask the DNS.

mod account;
mod compose;
mod connection;
mod error;
mod key;
mod login;
mod mailbox;
mod meta;
mod open;
mod passwd;
mod read;
mod realm;
mod ring;
mod send;
mod signet;
mod wallet;

pub use account::Account;
pub use compose::{Attachment, BadLetter, Letter};
pub use connection::{Answer, Connection};
pub use error::{Error, Result};
pub use key::{KeyEntry, MadeKey, OwnKey};
pub use login::{Credentials, Pin};
pub use mailbox::{Glimpse, MailboxLine, Selected};
pub use meta::{SealedMeta, open_meta, seal_meta};
pub use open::{
    Note, OpenedMessage, OpenedPart, Unbelievable, Verdict, Witness, claimed_author, field, open, short,
};
pub use passwd::NewPassword;
pub use read::{Fetched, Reading};
pub use realm::Realm;
pub use ring::{Contact, RingEntry};
pub use send::{Placed, SendOptions, Sent, encrypt};
pub use signet::{OrgTrust, SignetProblem, VerifiedOrg, VerifiedUser, verify_org, verify_user};
pub use wallet::{BadWallet, LocalKey, LocalShard, Pending, PinnedOrg, WALLET_OCTETS_MAX, Wallet};

pub use koi_dime::stacie::{BONUS_DEFAULT, Password};
pub use koi_proto::dmap::Mode;
