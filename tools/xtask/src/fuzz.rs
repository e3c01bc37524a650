//! `cargo xtask fuzz`: the libFuzzer targets, which need nightly; the suite runs the same bodies on stable.

use crate::failure::Failure;
use crate::phase::{self, Phases, output, program, succeeds};
use crate::repo::Repo;

const SECONDS: &str = "60";

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut seconds = SECONDS.to_owned();
    let mut wanted = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--secs" => {
                let number = words.next().filter(|number| number.parse::<u32>().is_ok_and(|n| n > 0));
                number
                    .ok_or_else(|| Failure::new("--secs wants a number of seconds"))?
                    .clone_into(&mut seconds);
            }
            flag if flag.starts_with('-') => {
                return Err(Failure::new(format!("does not know `{flag}`; see `cargo xtask help fuzz`")));
            }
            target => wanted.push(target.to_owned()),
        }
    }
    let repo = Repo::open()?;
    if !repo.root.join("fuzz/Cargo.toml").is_file() {
        return Err(Failure::new("fuzz/Cargo.toml is missing: this checkout is not whole"));
    }
    tools()?;
    let targets = targets(&wanted)?;
    let mut phases = Phases::new("fuzz");
    let mut bad = Vec::new();
    for target in targets {
        let limit = format!("-max_total_time={seconds}");
        let mut fuzz = program("cargo");
        fuzz.args(["+nightly", "fuzz", "run", &target, "--", &limit]);
        if phases.run(&format!("{target}, {seconds} s"), || phase::run(&mut fuzz)).is_err() {
            bad.push(target);
        }
    }
    phases.summary();
    match bad.as_slice() {
        [] => Ok(()),
        bad => Err(Failure::new(format!("{} failed; the input is in fuzz/artifacts", bad.join(", ")))),
    }
}

fn tools() -> Result<(), Failure> {
    if !succeeds(program("cargo").args(["+nightly", "--version"])) {
        return Err(Failure::new(
            "libFuzzer needs the nightly toolchain: `rustup toolchain install nightly`; \
             `cargo xtask test` runs the same bodies for 10 s each without it",
        ));
    }
    if !succeeds(program("cargo").args(["+nightly", "fuzz", "--version"])) {
        return Err(Failure::new("cargo-fuzz is missing: `cargo install cargo-fuzz`"));
    }
    Ok(())
}

/// The named targets, all of which must exist; every target when none is named.
fn targets(wanted: &[String]) -> Result<Vec<String>, Failure> {
    let list = output(program("cargo").args(["+nightly", "fuzz", "list"]))?;
    let all: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
    match wanted.iter().find(|name| !all.contains(name)) {
        Some(unknown) => {
            Err(Failure::new(format!("no fuzz target `{unknown}`; there are {}", all.join(", "))))
        }
        None if wanted.is_empty() => Ok(all),
        None => Ok(wanted.to_vec()),
    }
}
