//! `cargo xtask guess`: what one guess at a stolen password costs on this machine, for docs/LOGIN.md.

use crate::failure::Failure;
use crate::phase::{self, cargo};

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    if let Some(word) = arguments.first() {
        return Err(Failure::new(format!("wants no `{word}`; see `cargo xtask help guess`")));
    }
    let mut example = cargo();
    example.args([
        "run",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "koi-server",
        "--example",
        "guess",
    ]);
    phase::run(&mut example)
}
