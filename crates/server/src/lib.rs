//! The edge: listeners, TLS, drivers, configuration, passwords, admin socket. The only server-side crate with
//! tokio.
//!
//! A connection: `listen` accepts, `admission` lets it in, `driver` moves octets between `wire` and its
//! session,
//! `watch` wakes it. Must not know a protocol's words beyond the one line that refuses a connection.

pub mod admin;
pub mod admission;
pub mod ca;
pub mod clock;
pub mod config;
pub mod dial;
pub mod disclose;
pub mod dmtp;
pub mod dns;
pub mod driver;
pub mod edge;
pub mod folder;
pub mod http;
pub mod indexer;
pub mod jmap;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod network;
mod notes;
pub mod organisation;
mod packing;
pub mod password;
pub mod probe;
pub mod problem;
mod protocols;
pub mod server;
pub mod service;
pub mod tls;
pub mod transfer;
pub mod watch;
pub mod webpush;
mod wire;

pub use problem::{Exit, Problem};
