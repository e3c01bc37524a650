//! The tests of the sessions: every script of `tests/scripts` is one test, under its own name; beside them
//! the tests that no script can say.
//!
//! `cargo test -p koi-sessions NAME` runs what has NAME in its name.

// A test binary without libtest: clippy does not know that all of it is a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod coi;
mod contexts;
mod damaged_rows;
mod dmap_fetch;
mod harness;
mod hidden;
mod jmap_changes;
mod jmap_mail;
mod jmap_steps;
mod list;
mod mailboxes;
mod memory;
mod metadata;
mod notify;
mod qresync;
mod scripts;
mod store_parts;
mod submit_faults;
mod threads;
mod view;

fn main() -> std::process::ExitCode {
    let tests = scripts::tests().into_iter().chain(view::tests());
    let tests = tests.chain(list::tests()).chain(coi::tests()).chain(qresync::tests());
    let tests = tests.chain(metadata::tests()).chain(notify::tests()).chain(hidden::tests());
    let tests = tests.chain(contexts::tests()).chain(memory::tests()).chain(threads::tests());
    let tests = tests.chain(mailboxes::tests()).chain(jmap_mail::tests()).chain(jmap_changes::tests());
    let tests = tests.chain(jmap_steps::tests()).chain(dmap_fetch::tests());
    let tests = tests.chain(submit_faults::tests()).chain(damaged_rows::tests()).chain(store_parts::tests());
    harness::run(tests.collect())
}
