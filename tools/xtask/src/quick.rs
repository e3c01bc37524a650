//! `cargo xtask quick`: what to run before every commit; under a minute when warm.
//!
//! Unit and script tests only. Packages whose tests start processes or real clients are left to `test`, and
//! it says so.

use crate::failure::Failure;
use crate::phase::{self, Phases, cargo};
use crate::repo::Repo;
use crate::test::{Tally, environment, run_tests};
use crate::tidy;

/// Their integration tests start servers, real clients or other daemons.
const WITH_PROCESSES: &[&str] = &["koi", "bench"];

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    if let Some(word) = arguments.first() {
        return Err(Failure::new(format!("does not know `{word}`; see `cargo xtask help quick`")));
    }
    let repo = Repo::open()?;
    let mut phases = Phases::new("quick");
    let result = run_phases(&repo, &mut phases);
    phases.summary();
    result
}

/// Every phase runs, so that one round shows everything that is wrong.
fn run_phases(repo: &Repo, phases: &mut Phases) -> Result<(), Failure> {
    let format = phases.run("format", || phase::run(cargo().args(["fmt", "--all", "--check"])));
    let tidy = phases.run("tidy", || tidy::run(&[]));
    crate::test::forget(repo);
    let mut command = cargo();
    command.args(["test", "--locked", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    for package in WITH_PROCESSES {
        command.args(["--exclude", package]);
    }
    environment(repo, &mut command);
    command.env("KOI_QUICK", "1").env("KOI_FUZZ_SECS", "0").env("KOI_FUZZ_SEED", "1");
    let scripts = run_tests(repo, phases, "unit and script tests, few seeds", &mut command);
    let mut command = cargo();
    command.args(["test", "--locked", "--no-fail-fast", "--bins"]);
    for package in WITH_PROCESSES {
        command.args(["--package", package]);
    }
    let commands = run_tests(repo, phases, "unit tests of the commands", command.env("KOI_QUICK", "1"));
    let mut all = Tally::default();
    all.add(scripts?);
    all.add(commands?);
    all.print();
    let left = WITH_PROCESSES.join(" and ");
    println!("  left to `cargo xtask test`: real clients, kill tests, the other tests of {left}");
    format?;
    tidy?;
    all.verdict()
}
