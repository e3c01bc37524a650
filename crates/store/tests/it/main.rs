//! Integration tests of the store, one module per scenario.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod kv_rules;
mod reopen;
mod rig;
