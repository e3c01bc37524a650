//! Script runner, in-memory peers, fake clock, fixtures. Only a dev-dependency.
//!
//! [`script`] reads `tests/scripts/**.script` (the format is in the README there), [`world`] is a whole
//! server without sockets and with a clock that moves only when told, [`runner`] plays a script in a world.

// This crate is a test: whatever goes wrong in it is a test that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod expect;
pub mod failing;
pub mod fault;
pub mod fuzz;
pub mod runner;
pub mod script;
pub mod world;

mod packing;
mod pushed;
mod requests;
