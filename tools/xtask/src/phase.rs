//! Running programs, and the time each phase of a command took.
//!
//! Every program gets an empty standard input, so that nothing waits for an answer nobody gives.

use crate::failure::Failure;
use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A finished phase.
struct Phase {
    name: String,
    took: Duration,
    good: bool,
}

/// The phases of one command, in order.
pub(crate) struct Phases {
    command: &'static str,
    done: Vec<Phase>,
    began: Instant,
}

impl Phases {
    pub(crate) fn new(command: &'static str) -> Phases {
        Phases { command, done: Vec::new(), began: Instant::now() }
    }

    /// Runs one phase and notes how long it took and whether it was good; hands its result on.
    pub(crate) fn run<T>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        println!("=== {name}");
        let began = Instant::now();
        let result = work();
        self.done.push(Phase { name: name.to_owned(), took: began.elapsed(), good: result.is_ok() });
        result
    }

    /// The phase just run went wrong although it came to its end: tests failed in it.
    pub(crate) fn last_failed(&mut self) {
        if let Some(phase) = self.done.last_mut() {
            phase.good = false;
        }
    }

    /// Prints the table of phases; called once, at the end, good or bad.
    pub(crate) fn summary(&self) {
        println!("\n--- cargo xtask {}: time per phase", self.command);
        for phase in &self.done {
            let mark = if phase.good { "ok" } else { "FAILED" };
            println!("{:>9}  {:<6}  {}", seconds(phase.took), mark, phase.name);
        }
        println!("{:>9}          total", seconds(self.began.elapsed()));
    }
}

/// `83.4 s`.
pub(crate) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// A program with an empty standard input, not yet started.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null());
    command
}

/// The cargo that runs us, so that a `+toolchain` chosen by the caller stays chosen.
pub(crate) fn cargo() -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs to the end with output shown; fails when the program does.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = show(command);
    let status = command.status().map_err(|error| cannot_start(&shown, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{shown}` failed ({status})"))) }
}

/// Runs to the end and hands back standard output; fails, with standard error, when the program does.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let shown = show(command);
    let output = command.output().map_err(|error| cannot_start(&shown, &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("`{shown}` failed ({}): {}", output.status, said.trim())));
    }
    String::from_utf8(output.stdout).map_err(|_| Failure::new(format!("`{shown}` answered with non-UTF-8")))
}

/// Whether the program can be started and ends well, silently.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The command line as a person would type it.
pub(crate) fn show(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    if let Some(name) = words.first_mut()
        && let Some(last) = name.rsplit('/').next()
    {
        *name = last.to_owned();
    }
    words.join(" ")
}

/// The failure of a program that could not even be started.
pub(crate) fn cannot_start(shown: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start `{shown}`: {error}"))
}
