//! `cargo xtask imaptest PATH`: Dovecot's ImapTest, built elsewhere, against a fresh Koi: all its scripted
//! groups, then its random commands with state checking, in several rounds.
//!
//! Nothing of ImapTest is in this project; PATH is a checkout of it with the program built in it.

mod mail;
pub(crate) mod mends;
mod rounds;
mod server;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::failure::Failure;
use crate::phase::{self, Phases, cargo, program};
use crate::repo::Repo;
use rounds::{COPIES, ROUNDS, Round};
use server::{PASSWORD, Server};
use verdict::Groups;

/// How long one scripted run may take.
const SCRIPTS_MAX: Duration = Duration::from_secs(600);
/// How often a round is begun.
const STARTS_MAX: u32 = 4;

struct Arguments {
    checkout: PathBuf,
    secs: u64,
    clients: u32,
    only: Option<String>,
    profile: Profile,
    /// One that is built already.
    koi: Option<PathBuf>,
}

/// How koi is built.
#[derive(Clone, Copy)]
enum Profile {
    Debug,
    Release,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let arguments = read(arguments)?;
    let repo = Repo::open()?;
    let mut phases = Phases::new("imaptest");
    let result = run_phases(&repo, &mut phases, &arguments);
    phases.summary();
    result
}

fn read(arguments: &[String]) -> Result<Arguments, Failure> {
    let wrong = || {
        Failure::new(
            "wants PATH [--release|--koi FILE] [--secs N] [--clients N] [--only NAME]; see `help imaptest`",
        )
    };
    let (checkout, options) = arguments.split_first().ok_or_else(wrong)?;
    let checkout = std::path::absolute(checkout).map_err(|_| wrong())?;
    let mut read =
        Arguments { checkout, secs: 600, clients: 20, only: None, profile: Profile::Debug, koi: None };
    let mut options = options.iter();
    while let Some(name) = options.next() {
        if name == "--release" {
            read.profile = Profile::Release;
            continue;
        }
        let value = options.next().ok_or_else(wrong)?;
        match name.as_str() {
            "--secs" => read.secs = value.parse().map_err(|_| wrong())?,
            "--clients" => read.clients = value.parse().map_err(|_| wrong())?,
            "--only" => read.only = Some(value.clone()),
            "--koi" => read.koi = Some(std::path::absolute(value).map_err(|_| wrong())?),
            _ => return Err(wrong()),
        }
    }
    Ok(read)
}

fn run_phases(repo: &Repo, phases: &mut Phases, arguments: &Arguments) -> Result<(), Failure> {
    let (imaptest, tests) = (arguments.checkout.join("src/imaptest"), arguments.checkout.join("src/tests"));
    for needed in [&imaptest, &tests] {
        if !needed.exists() {
            return Err(Failure::new(format!(
                "there is no {}: build ImapTest there first",
                needed.display()
            )));
        }
    }
    let koi = match &arguments.koi {
        Some(koi) => koi.clone(),
        None => phases.run("build", || build(repo, arguments.profile))?,
    };
    let only = arguments.only.as_deref();
    let is_round = only.is_some_and(|only| ROUNDS.iter().any(|round| round.name.starts_with(only)));
    if !is_round {
        phases.run("scripted groups", || scripted(repo, &koi, &imaptest, &tests, only))?;
        if arguments.secs == 0 || only.is_some() {
            return Ok(());
        }
    }
    let mut wrong = Vec::new();
    let wanted = |round: &&Round| arguments.only.as_deref().is_none_or(|only| round.name.starts_with(only));
    for round in ROUNDS.iter().filter(wanted) {
        let name = format!("{}: {} clients, {} s", round.name, arguments.clients, round.secs(arguments.secs));
        if let Err(failure) = phases.run(&name, || random(&koi, &imaptest, round, arguments)) {
            wrong.push(format!("{}:\n  {failure}", round.name));
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(wrong.join("\n"))),
    }
}

fn build(repo: &Repo, profile: Profile) -> Result<PathBuf, Failure> {
    let (options, folder): (&[&str], _) = match profile {
        Profile::Debug => (&[], "debug"),
        Profile::Release => (&["--release"], "release"),
    };
    phase::run(cargo().args(["build", "--locked", "--package", "koi"]).args(options))?;
    Ok(repo.target_dir().join(folder).join("koi"))
}

/// All groups, or one.
fn scripted(
    repo: &Repo,
    koi: &Path,
    imaptest: &Path,
    tests: &Path,
    only: Option<&str>,
) -> Result<(), Failure> {
    let groups = Groups::read(tests)?;
    let server = Server::start(koi)?;
    let folder = server.folder.join("groups");
    mends::copy(tests, &folder, only, &mends::read(repo)?)?;
    let mut command = program(imaptest);
    server.tell(&mut command);
    command.arg(format!("user2={}", server.user(2)));
    command.arg(format!("test={}", folder.display()));
    command.arg(format!("mbox={}", folder.join("default.mbox").display()));
    let said = server.run(&mut command, SCRIPTS_MAX)?;
    println!("{said}");
    let skipped = if only.is_some() { Vec::new() } else { groups.skipped(&server)? };
    verdict::scripts(&said, &skipped)
}

/// Once more where ImapTest stopped by itself: that says nothing of the server.
fn random(koi: &Path, imaptest: &Path, round: &Round, arguments: &Arguments) -> Result<(), Failure> {
    let mut said = once(koi, imaptest, round, arguments)?;
    for _ in 1..STARTS_MAX {
        if !verdict::stopped_itself(&said) {
            break;
        }
        println!("ImapTest stopped at its own assertion; once more");
        said = once(koi, imaptest, round, arguments)?;
    }
    verdict::stress(&said, round.uses_everything())
}

/// What ImapTest says at the end of a round on a fresh server.
fn once(koi: &Path, imaptest: &Path, round: &Round, arguments: &Arguments) -> Result<String, Failure> {
    let server = Server::start(koi)?;
    server.commands(1, &[&format!("CREATE {COPIES}"), rounds::KEYWORDS])?;
    let mbox = server.folder.join("messages.mbox");
    std::fs::write(&mbox, mail::mbox())
        .map_err(|error| Failure::new(format!("{}: {error}", mbox.display())))?;
    let mut command = program(imaptest);
    server.tell(&mut command);
    command.arg(format!("clients={}", arguments.clients));
    round.tell(arguments.secs, &mbox, &mut command);
    server.run(&mut command, Duration::from_secs(round.secs(arguments.secs) + 120))
}

impl Server {
    /// Where the server is, and who comes.
    fn tell(&self, command: &mut Command) {
        command.args(["host=127.0.0.1", &format!("port={}", self.port), &format!("pass={PASSWORD}")]);
        command.arg(format!("user={}", self.user(1)));
        command.current_dir(&self.folder).stdin(Stdio::null());
    }
}
