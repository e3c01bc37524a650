//! Mail in and out of an account as files: mbox (RFC 4155) and Maildir++.
//!
//! `export` writes every mailbox as a Maildir++ folder, with keywords as Dovecot writes them, and beside each
//! a sidecar of JSON lines for what a Maildir has no place for, rights of others among it, and a file of
//! annotations, and encrypted messages lie beside the texts that stand for them. `import` of such a folder
//! restores octets, dates, flags, keywords, rights, annotations and what the account has decided for itself.
//! UIDs are given anew.

mod account;
mod annotations;
mod dmap;
mod export;
mod import;
mod inside;
mod left_out;
mod lines;
mod maildir;
mod mbox;
mod sidecar;
mod subscriptions;
#[cfg(test)]
mod tests;

pub(crate) use export::create;
pub use export::export;
pub use import::import;
pub use left_out::LeftOut;

use koi_mailbox::{Account, MailboxService};
use koi_types::{Flags, Timestamp};
use serde::{Deserialize, Serialize};

use crate::admin::Failure;

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    Mbox,
    Maildir,
}

/// Where messages go.
pub struct Target<'s> {
    pub service: &'s MailboxService,
    pub account: Account,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Moved {
    pub mailboxes: u64,
    pub messages: u64,
    pub octets: u64,
    pub left_out: LeftOut,
    /// What ended it before all was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Failure>,
}

/// A message on its way from a file.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Found {
    /// For messages about it.
    place: String,
    octets: Vec<u8>,
    flags: Flags,
    /// `None`: the Date field, or now.
    received_at: Option<Timestamp>,
    zone_minutes: i16,
}
