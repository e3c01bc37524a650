//! `cargo xtask soak`: the kill test of the suite with many more rounds.
//!
//! The test is the same one (`kill` in the koi crate's integration tests); only KOI_SOAK_ROUNDS differs.

use crate::failure::Failure;
use crate::phase::{self, Phases, cargo};
use crate::repo::Repo;
use crate::test::{environment, run_tests};

const ROUNDS: &str = "200";

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let rounds = match arguments {
        [] => ROUNDS,
        [flag, number] if flag == "--rounds" && number.parse::<u32>().is_ok_and(|n| n > 0) => number,
        _ => return Err(Failure::new("wants nothing, or `--rounds N`")),
    };
    let repo = Repo::open()?;
    let mut phases = Phases::new("soak");
    let result = run_phases(&repo, &mut phases, rounds);
    phases.summary();
    result
}

fn run_phases(repo: &Repo, phases: &mut Phases, rounds: &str) -> Result<(), Failure> {
    phases
        .run("build", || phase::run(cargo().args(["build", "--locked", "--workspace", "--all-targets"])))?;
    let mut command = cargo();
    command.args(["test", "--locked", "--package", "koi", "--test", "it", "--", "--nocapture", "kill"]);
    environment(repo, &mut command);
    command.env("KOI_SOAK_ROUNDS", rounds);
    let tally = run_tests(repo, phases, &format!("kill -9 under load, {rounds} rounds"), &mut command)?;
    tally.print();
    tally.verdict()
}
