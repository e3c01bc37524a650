//! Known answers, round trips, and what happens to octets that were changed or cut.

// Whatever goes wrong in a test is a test that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod armor;
mod curves;
mod dmtp;
mod fields;
mod keys;
mod material;
mod messages;
mod meta;
mod organisation;
mod records;
mod signets;
mod stacie;
