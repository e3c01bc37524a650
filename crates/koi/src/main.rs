//! Koi's command line: one file per subcommand. Nothing but words, arguments and exit codes lives here.
//!
//! Memory is overwritten when it is given back (docs/decisions/0011-memory-is-wiped.md).

mod cli;
mod cmd;
mod terminal;

use std::alloc::System;
use std::process::ExitCode;

use clap::Parser as _;
use zeroizing_alloc::ZeroAlloc;

/// What somebody sent, or typed, is not to be found in memory that nobody uses any more.
#[global_allocator]
static WIPING: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cmd::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            terminal::complain(&problem);
            ExitCode::from(problem.exit as u8)
        }
    }
}
