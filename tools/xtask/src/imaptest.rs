//! `cargo xtask imaptest PATH`: Dovecot's ImapTest, built elsewhere, against a fresh Koi: all its scripted
//! groups, then its random commands with state checking.
//!
//! Nothing of ImapTest is in this project; PATH is a checkout of it with the program built in it.

mod server;
mod verdict;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crate::failure::Failure;
use crate::phase::{self, Phases, cargo, program};
use crate::repo::Repo;
use server::{PASSWORD, Server};
use verdict::Groups;

/// How long one scripted run may take.
const SCRIPTS_MAX: Duration = Duration::from_secs(600);

struct Arguments {
    checkout: PathBuf,
    secs: u64,
    clients: u32,
    only: Option<String>,
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
    let wrong = || Failure::new("wants PATH [--secs N] [--clients N] [--only GROUP]; see `help imaptest`");
    let (checkout, options) = arguments.split_first().ok_or_else(wrong)?;
    let checkout = std::path::absolute(checkout).map_err(|_| wrong())?;
    let mut read = Arguments { checkout, secs: 600, clients: 20, only: None };
    for option in options.chunks(2) {
        let [name, value] = option else { return Err(wrong()) };
        match name.as_str() {
            "--secs" => read.secs = value.parse().map_err(|_| wrong())?,
            "--clients" => read.clients = value.parse().map_err(|_| wrong())?,
            "--only" => read.only = Some(value.clone()),
            _ => return Err(wrong()),
        }
    }
    Ok(read)
}

fn run_phases(repo: &Repo, phases: &mut Phases, arguments: &Arguments) -> Result<(), Failure> {
    let checkout = &arguments.checkout;
    let (imaptest, tests) = (checkout.join("src/imaptest"), checkout.join("src/tests"));
    for needed in [&imaptest, &tests] {
        if !needed.exists() {
            return Err(Failure::new(format!(
                "there is no {}: build ImapTest there first",
                needed.display()
            )));
        }
    }
    phases.run("build", || phase::run(cargo().args(["build", "--locked", "--package", "koi"])))?;
    let koi = repo.target_dir().join("debug/koi");
    let groups = Groups::read(&tests)?;
    phases.run("scripted groups", || {
        let server = Server::start(&koi)?;
        let mut command = program(&imaptest);
        server.tell(&mut command);
        let folder = match &arguments.only {
            Some(group) => server.only(&tests, group)?,
            None => tests.clone(),
        };
        command.arg(format!("user={}", server.user(1))).arg(format!("user2={}", server.user(2)));
        command.arg(format!("test={}", folder.display()));
        command.arg(format!("mbox={}", tests.join("default.mbox").display()));
        let said = server.run(&mut command, SCRIPTS_MAX)?;
        println!("{said}");
        let skipped = if arguments.only.is_some() { Vec::new() } else { groups.skipped(&server)? };
        verdict::scripts(&said, &skipped)
    })?;
    if arguments.secs == 0 || arguments.only.is_some() {
        return Ok(());
    }
    phases.run(&format!("{} clients for {} s", arguments.clients, arguments.secs), || {
        let server = Server::start(&koi)?;
        let mut command = program(&imaptest);
        server.tell(&mut command);
        command.arg(format!("user={}", server.user(1)));
        command.arg(format!("clients={}", arguments.clients)).arg(format!("secs={}", arguments.secs));
        command.args(["checkpoint=30", "random", "stalled_disconnect_timeout=120"]);
        command.arg(format!("mbox={}", tests.join("default.mbox").display()));
        let said = server.run(&mut command, Duration::from_secs(arguments.secs + 120))?;
        verdict::stress(&said)
    })
}

impl Server {
    /// Where the server is.
    fn tell(&self, command: &mut std::process::Command) {
        command.args(["host=127.0.0.1", &format!("port={}", self.port), &format!("pass={PASSWORD}")]);
        command.current_dir(&self.folder).stdin(Stdio::null());
    }
}
