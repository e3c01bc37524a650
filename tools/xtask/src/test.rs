//! `cargo xtask test`: the whole suite from a clean checkout, in the dev profile, nothing skipped in silence.
//!
//! Only plain `cargo test` is assumed. It must not know single tests: what needs a program finds it through
//! the packages of the list, and what has a number to tell prints a line `suite: …`.

use crate::failure::Failure;
use crate::packages::{self, Section};
use crate::phase::{self, Phases, cannot_start, cargo, output, program, show};
use crate::repo::Repo;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

fn run_phases(repo: &Repo, phases: &mut Phases, may_install: bool) -> Result<(), Failure> {
    phases.run("git: a clean look at what is tested", || checkout(repo))?;
    phases.run("packages: tests/packages.txt", || packages::ensure(repo, Section::Test, may_install))?;
    phases.run("build: the whole workspace, dev profile", || {
        phase::run(cargo().args(["build", "--locked", "--workspace", "--all-targets"]))
    })?;
    let mut command = cargo();
    command.args(["test", "--locked", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    // What passing tests print is shown too: counts of crash points, rounds, seeds.
    command.args(["--", "--show-output"]);
    environment(repo, &mut command);
    command.env("KOI_FUZZ_SECS", std::env::var_os("KOI_FUZZ_SECS").unwrap_or_else(|| "10".into()));
    let tests =
        run_tests(phases, "tests: unit, scripts, real clients, kill tests, fuzz bodies", &mut command);
    let mut command = cargo();
    command.args(["test", "--locked", "--workspace", "--no-fail-fast", "--doc"]);
    environment(repo, &mut command);
    let examples = run_tests(phases, "doc tests", &mut command);
    let mut all = Tally::default();
    all.add(tests?);
    all.add(examples?);
    all.print();
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

/// What the test programs reported.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
    /// Lines `suite: …` that tests wrote.
    told: Vec<String>,
    /// The command itself ended badly: a test failed, or something did not compile or crashed.
    ended_badly: bool,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.told.extend(other.told);
        self.ended_badly |= other.ended_badly;
    }

    fn line(&mut self, line: &str) {
        if let Some((_, text)) = line.split_once("suite: ") {
            self.told.push(text.to_owned());
        }
        if !line.starts_with("test result: ") {
            return;
        }
        for part in line.split([';', '.']) {
            let mut words = part.split_whitespace();
            let count = words.next().and_then(|word| word.parse::<usize>().ok());
            match (count, words.next()) {
                (Some(count), Some("passed")) => self.passed += count,
                (Some(count), Some("failed")) => self.failed += count,
                (Some(count), Some("ignored")) => self.ignored += count,
                _ => {}
            }
        }
    }

    pub(crate) fn print(&self) {
        println!("\n--- what the tests told");
        self.told.iter().for_each(|line| println!("  {line}"));
        println!("  {} tests passed, {} failed, {} ignored", self.passed, self.failed, self.ignored);
    }

    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        if self.failed > 0 {
            return Err(Failure::new(format!("{} tests failed, above", self.failed)));
        }
        if self.ended_badly {
            return Err(Failure::new("a test program did not build or did not end by itself, above"));
        }
        if self.ignored > 0 {
            return Err(Failure::new(format!("{} ignored tests; they prove nothing", self.ignored)));
        }
        if self.passed == 0 {
            return Err(Failure::new("not one test ran"));
        }
        Ok(())
    }
}

/// Runs `cargo test` as a phase; a failing test makes it a failed one, and does not stop those that follow.
pub(crate) fn run_tests(phases: &mut Phases, name: &str, command: &mut Command) -> Result<Tally, Failure> {
    let tally = phases.run(name, || tests(command))?;
    if tally.failed > 0 || tally.ended_badly {
        phases.last_failed();
    }
    Ok(tally)
}

/// Runs `cargo test`, shows everything as it comes, and counts.
fn tests(command: &mut Command) -> Result<Tally, Failure> {
    let shown = show(command);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| cannot_start(&shown, &error))?;
    let errors = child.stderr.take();
    let from_errors = std::thread::spawn(move || errors.map(copy).unwrap_or_default());
    let mut tally = child.stdout.take().map(copy).unwrap_or_default();
    tally.add(from_errors.join().unwrap_or_default());
    let status = child.wait().map_err(|error| Failure::new(format!("lost `{shown}`: {error}")))?;
    tally.ended_badly |= !status.success();
    Ok(tally)
}

/// Copies lines to standard output while reading them.
fn copy(from: impl Read) -> Tally {
    let mut tally = Tally::default();
    let mut lines = BufReader::new(from);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        // A closed standard output must not end the tests: the exit code is still wanted.
        let _ = std::io::stdout().write_all(&line);
        tally.line(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    tally
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn results_are_counted() {
        let text = "running 3 tests\nsuite: 5,321 crash points\n\
                    test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let mut tally = Tally::default();
        text.lines().for_each(|line| tally.line(line));
        let told = vec!["5,321 crash points".to_owned()];
        assert_eq!(tally, Tally { passed: 4, failed: 2, ignored: 1, told, ended_badly: false });
    }

    #[test]
    fn a_verdict_needs_tests_and_no_ignored_ones() {
        let good = Tally { passed: 1, ..Tally::default() };
        assert!(good.verdict().is_ok());
        assert!(Tally::default().verdict().is_err());
        assert!(Tally { passed: 1, ignored: 1, ..Tally::default() }.verdict().is_err());
        assert!(Tally { passed: 1, ended_badly: true, ..Tally::default() }.verdict().is_err());
    }
}
