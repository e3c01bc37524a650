//! The edge over real sockets on loopback, with a session that has no protocol to get wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod connections;
mod http;
mod lookups;
mod rig;
mod starttls;
mod webpush;
