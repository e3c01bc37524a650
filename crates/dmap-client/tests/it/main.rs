//! The client against a peer that plays a server: the sample session, what a lying server cannot do, and
//! whole conversations between accounts.

// Whatever goes wrong in a test is a test that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod conversation;
mod lies;
mod opening;
mod peer;
mod sample;
mod wallet;
mod world;
