//! The project's own commands: `cargo xtask <command>`, one file per command.
//!
//! Built from `std` and `serde_json` only, so that it is there in seconds on a fresh machine. It starts
//! `cargo`, `git` and `apt-get`, reads sources, and touches no server but those it starts.
#![allow(clippy::print_stdout, clippy::print_stderr)] // it speaks to the person who typed it

mod bench;
mod failure;
mod fresh;
mod fuzz;
mod guess;
mod help;
mod imaptest;
mod packages;
mod phase;
mod quick;
mod repo;
mod soak;
mod spec;
mod test;
mod tidy;

use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = if arguments.is_empty() { "help".to_owned() } else { arguments.remove(0) };
    match run(&command, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cargo xtask {command}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, arguments: &[String]) -> Result<(), Failure> {
    if arguments.iter().any(|word| word == "--help" || word == "-h") && command != "bench" {
        return help::command(command);
    }
    match command {
        "help" | "--help" | "-h" => match arguments.first() {
            Some(topic) => help::command(topic),
            None => help::all(),
        },
        "test" => test::run(arguments),
        "quick" => quick::run(arguments),
        "tidy" => tidy::run(arguments),
        "spec" => spec::run(arguments),
        "fuzz" => fuzz::run(arguments),
        "soak" => soak::run(arguments),
        "bench" => bench::run(arguments),
        "imaptest" => imaptest::run(arguments),
        "guess" => guess::run(arguments),
        "fresh" => fresh::run(arguments),
        unknown => {
            Err(Failure::new(format!("there is no command `{unknown}`; `cargo xtask help` lists them all")))
        }
    }
}
