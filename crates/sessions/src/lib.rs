//! One state machine per protocol between proto and mailbox. No sockets, no clock, no threads.
//!
//! [`session`] is the border to the driver; `selected` a client's view of its mailbox, and what IMAP and DMAP
//! make of it alike; `names` how both go through names, `pace` how fast commands are taken, `rates` how
//! often one address may do what; `auth` what all
//! protocols have of SASL, `account_rates` how much one account may send by any of them; one module per
//! protocol.

pub mod account_rates;
pub mod auth;
pub mod dmap;
pub mod dmtp;
pub mod imap;
pub mod jmap;
pub mod selected;
pub mod session;
pub mod smtp;

mod bucket;
mod names;
mod pace;
mod rates;

pub use session::{
    Credentials, Effect, EffectResult, FoundSignets, Login, Note, Peer, ScramName, ScramProved, Secret,
    Session, SignetLookup, StacieName, StacieProof, StacieProved, Step, TlsFacts,
};
