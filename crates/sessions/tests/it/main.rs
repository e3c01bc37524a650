//! The tests of the sessions: every script of `tests/scripts` is one test, under its own name; beside them
//! the tests that no script can say.
//!
//! `cargo test -p koi-sessions NAME` runs what has NAME in its name.

mod harness;
mod scripts;

fn main() -> std::process::ExitCode {
    harness::run(scripts::tests())
}
