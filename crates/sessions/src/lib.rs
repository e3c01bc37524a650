//! One state machine per protocol between proto and mailbox. No sockets, no clock, no threads.
//!
//! [`session`] is the border to the driver; `selected` a client's view of its mailbox; `auth` what all
//! protocols have of SASL; one module per protocol.

pub mod auth;
pub mod imap;
pub mod jmap;
pub mod selected;
pub mod session;
pub mod smtp;

pub use session::{
    Credentials, Effect, EffectResult, Login, Note, Peer, ScramName, ScramProved, Secret, Session, Step,
    TlsFacts,
};
