//! DMTP: mail and lookups between organisations (docs/DMAP.md, other organisations).
//!
//! [`Organisations`] is who others are, [`Asker`] who wants to know. [`resolver`] asks the DNS, [`client`]
//! speaks with a server, and [`registry`] puts both together and remembers; [`courier`] carries what users
//! have submitted. Must not: believe a signet that the management record of its domain does not name.

pub(crate) mod certificate;
pub(crate) mod client;
pub(crate) mod courier;
mod failures;
pub(crate) mod registry;
pub(crate) mod resolver;
mod turns;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use koi_dime::OrgSignet;
use koi_sessions::{FoundSignets, SignetLookup};
use koi_types::{ErrorKind, MailError};

pub use turns::Asker;

/// What takes a while.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, MailError>> + Send + 'a>>;

/// Who other domains' organisations are.
pub trait Organisations: Send + Sync {
    /// The signet of a domain, ours or not. `Unavailable` when nobody could be asked.
    fn organisation<'a>(&'a self, domain: &'a str, asker: Asker) -> Later<'a, Arc<OrgSignet>>;
    /// Signets of an address that is not ours, or of another domain, verified.
    fn signets<'a>(&'a self, wanted: &'a SignetLookup, asker: Asker) -> Later<'a, FoundSignets>;
}

/// Where nobody is asked.
pub struct Nobody;

impl Organisations for Nobody {
    fn organisation<'a>(&'a self, _domain: &'a str, _asker: Asker) -> Later<'a, Arc<OrgSignet>> {
        Box::pin(async { Err(not_here()) })
    }
    fn signets<'a>(&'a self, _wanted: &'a SignetLookup, _asker: Asker) -> Later<'a, FoundSignets> {
        Box::pin(async { Err(not_here()) })
    }
}

fn not_here() -> MailError {
    MailError::new(ErrorKind::Unavailable, "this server asks no others")
}
