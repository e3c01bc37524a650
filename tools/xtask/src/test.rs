//! `cargo xtask test`: the whole suite from a clean checkout, in the dev profile, nothing skipped in silence.
//!
//! Only plain `cargo test` is assumed. It must not know single tests: what needs a program finds it through
//! the packages of the list, and what has a number to tell prints a line `suite: …`.

mod tally;
mod watch;

use crate::failure::Failure;
use crate::packages::{self, Section};
use crate::phase::{self, Phases, cannot_start, cargo, output, program, show};
use crate::repo::Repo;
use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::process::Command;
use watch::Watch;

pub(crate) use tally::Tally;

/// Everything the test programs wrote, in the target folder.
const OUTPUT: &str = "test-output.txt";
/// What is worth reading of it when something failed; not there when nothing did.
const FAILURES: &str = "test-failures.txt";

fn run_phases(repo: &Repo, phases: &mut Phases, may_install: bool) -> Result<(), Failure> {
    forget(repo);
    phases.run("git: a clean look at what is tested", || checkout(repo))?;
    phases.run("packages: tests/packages.txt", || packages::ensure(repo, Section::Test, may_install))?;
    phases.run("build: the whole workspace, dev profile", || {
        let mut build = cargo();
        build.args(["build", "--locked", "--workspace", "--all-targets"]);
        // Hundreds of lines that nobody watches would bury what matters in a kept log.
        if !io::stdout().is_terminal() {
            build.arg("--quiet");
        }
        phase::run(&mut build)
    })?;
    let mut command = cargo();
    command.args(["test", "--locked", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    // What passing tests print is wanted too: their lines `suite: …` are told at the end.
    command.args(["--", "--show-output"]);
    environment(repo, &mut command);
    command.env("KOI_FUZZ_SECS", std::env::var_os("KOI_FUZZ_SECS").unwrap_or_else(|| "10".into()));
    // A red run is the change's own fault, and is red again; `cargo xtask fuzz` looks for what nobody knows.
    command.env("KOI_FUZZ_SEED", std::env::var_os("KOI_FUZZ_SEED").unwrap_or_else(|| "1".into()));
    let tests =
        run_tests(repo, phases, "tests: unit, scripts, real clients, kill tests, fuzz bodies", &mut command);
    let mut command = cargo();
    command.args(["test", "--locked", "--workspace", "--no-fail-fast", "--doc"]);
    environment(repo, &mut command);
    let examples = run_tests(repo, phases, "doc tests", &mut command);
    let mut all = Tally::default();
    all.add(tests?);
    all.add(examples?);
    all.print();
    all.keep_failures(&repo.target_dir().join(FAILURES))?;
    all.verdict()
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut may_install = true;
    for word in arguments {
        match word.as_str() {
            "--no-packages" => may_install = false,
            other => {
                return Err(Failure::new(format!("does not know `{other}`; see `cargo xtask help test`")));
            }
        }
    }
    let repo = Repo::open()?;
    let mut phases = Phases::new("test");
    let result = run_phases(&repo, &mut phases, may_install);
    phases.summary();
    result
}

/// What tests find in their environment: the path of the server they start as a process.
pub(crate) fn environment(repo: &Repo, command: &mut Command) {
    command.env("KOI_BIN", repo.target_dir().join("debug/koi"));
}

fn checkout(repo: &Repo) -> Result<(), Failure> {
    if !repo.root.join(".git").exists() {
        println!("no git checkout (an unpacked archive): testing what is here");
        return Ok(());
    }
    let head = output(program("git").args(["log", "-1", "--format=%h %s"]))?;
    let changed = output(program("git").args(["status", "--porcelain"]))?.lines().count();
    println!("commit {}", head.trim());
    if changed > 0 {
        println!("{changed} files differ from it: the result is about the working tree, not the commit");
    }
    Ok(())
}

/// Begins the kept output anew.
pub(crate) fn forget(repo: &Repo) {
    for name in [OUTPUT, FAILURES] {
        // One that is not there is as good as one removed.
        let _ = fs::remove_file(repo.target_dir().join(name));
    }
}

/// Runs `cargo test` as a phase; a failing test makes it a failed one, and does not stop those that follow.
pub(crate) fn run_tests(
    repo: &Repo,
    phases: &mut Phases,
    name: &str,
    command: &mut Command,
) -> Result<Tally, Failure> {
    let tally = phases.run(name, || tests(repo, command))?;
    if tally.is_bad() {
        phases.last_failed();
    }
    Ok(tally)
}

/// Runs `cargo test`: a line per test program as it ends, everything else into the kept output.
fn tests(repo: &Repo, command: &mut Command) -> Result<Tally, Failure> {
    let shown = show(command);
    let path = repo.target_dir().join(OUTPUT);
    let kept = fs::create_dir_all(repo.target_dir())
        .and_then(|()| fs::OpenOptions::new().create(true).append(true).open(&path))
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    // One pipe for both streams: cargo names the program on one, the program answers on the other.
    let (reader, writer) = io::pipe().map_err(|error| cannot_start(&shown, &error))?;
    let errors = writer.try_clone().map_err(|error| cannot_start(&shown, &error))?;
    let mut child =
        command.stdout(writer).stderr(errors).spawn().map_err(|error| cannot_start(&shown, &error))?;
    // The command holds our ends of the pipe; as long as it does, reading does not end.
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    // Who asks cargo for the output of tests as they run wants to see it.
    let live = command.get_args().any(|word| word == "--nocapture");
    let mut watch = Watch::new(kept, path, live);
    let mut lines = BufReader::new(reader);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        watch.line(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    let status = child.wait().map_err(|error| Failure::new(format!("lost `{shown}`: {error}")))?;
    Ok(watch.end(status.success()))
}
