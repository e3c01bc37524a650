//! Integration tests of the store, one module per scenario.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod check;
mod crash_points;
mod damage;
mod faults;
mod fixtures;
mod full_disk;
mod index_damage;
mod known;
mod kv_rules;
mod model;
mod pack_damage;
mod power;
mod power_loss;
mod pressure;
mod renew;
mod reopen;
mod rescue;
mod rig;
mod sim;
mod space;
mod trace;
mod views;
mod workload;
