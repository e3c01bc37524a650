//! Koi's command line: one file per subcommand. Nothing but words, arguments and exit codes lives here.

mod cli;
mod cmd;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

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
