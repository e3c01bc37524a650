//! The decoders from outside: examples of the standards and lines of known clients, cut everywhere, and any
//! octets at all.

// Whatever goes wrong in a test is a test that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod clients;
mod dmap_round_trip;
mod dmap_session;
mod imap_examples;
mod jmap_examples;
mod octets;
mod round_trip;
mod seen;
mod smtp_examples;
