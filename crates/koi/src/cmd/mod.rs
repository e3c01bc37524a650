//! One file per subcommand.

mod account;
mod check;
mod config;
mod disclose;
mod dmap;
mod dns;
mod export;
mod import;
mod index;
mod organisation;
mod queue;
mod quickstart;
mod serve;
mod status;
mod stop;

use std::path::{Path, PathBuf};

use koi_server::Problem;
use koi_server::admin::{Reply, Request, client};
use koi_server::config::{Config, resolve};

use crate::cli::{Cli, Command};
use crate::terminal::Bar;

/// Does what was typed.
pub(crate) fn run(cli: Cli) -> Result<(), Problem> {
    let file = || config_file(cli.config.as_deref());
    match cli.command {
        Command::Quickstart(arguments) => quickstart::run(&arguments, cli.config.as_deref()),
        Command::Serve => serve::run(&file()?),
        Command::Account(arguments) => account::run(&load(&file()?)?, arguments),
        Command::Import(arguments) => import::run(&load(&file()?)?, arguments),
        Command::Export(arguments) => export::run(&load(&file()?)?, &arguments),
        Command::Index(arguments) => index::run(&load(&file()?)?, arguments),
        Command::Disclose(arguments) => disclose::run(&load(&file()?)?, &arguments),
        Command::Check(arguments) => check::run(&load(&file()?)?, &arguments),
        Command::Status(arguments) => status::run(&load(&file()?)?, &arguments),
        Command::Organisation(arguments) => organisation::run(&load(&file()?)?, arguments),
        Command::Queue(arguments) => queue::run(&load(&file()?)?, arguments),
        Command::Dns(arguments) => dns::run(&load(&file()?)?, &arguments),
        Command::Dmap(arguments) => dmap::run(arguments),
        Command::Stop => stop::run(&load(&file()?)?),
        Command::Config(arguments) => config::run(arguments, file),
        Command::ProbeIndex { folder, how } => koi_server::probe::run(&folder, &how),
    }
}

/// The file that was named, or the one that is there.
fn config_file(named: Option<&Path>) -> Result<PathBuf, Problem> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let usual = ["koi.toml", "koi-data/koi.toml"].map(PathBuf::from);
    usual.into_iter().find(|f| f.is_file()).ok_or_else(|| {
        Problem::usage(
            "no configuration file: there is no koi.toml here and no koi-data/koi.toml",
            "name it with --config, or begin with `koi quickstart`",
        )
    })
}

fn load(file: &Path) -> Result<Config, Problem> {
    resolve::load(file)
}

/// Asks without a progress bar.
fn ask(config: &Config, request: &Request) -> Result<Reply, Problem> {
    client::ask(config, request, &mut |_| {})
}

/// Asks with one.
fn ask_long(config: &Config, request: &Request, what: &'static str) -> Result<Reply, Problem> {
    let mut bar = Bar::new(what);
    let reply = client::ask(config, request, &mut |p| bar.show(&p));
    bar.finish();
    reply
}

/// A reply that does not fit its request.
fn unexpected(_reply: Reply) -> Problem {
    Problem::new("the server's answer does not fit the question", "use the `koi` of the server's version")
}

/// For requests: the server may have another working directory.
fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path)
        .map_err(|e| Problem::usage(format!("{}: {e}", path.display()), "check the path"))
}
