//! Load driver for any IMAP, LMTP and JMAP server; runs Koi beside a peer and writes the ratio table
//! (docs/BENCHMARKS.md). Started by `cargo xtask bench`. Must not be a dependency of anything.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool that speaks to a person at a terminal")]

mod case;
mod corpus;
mod device;
mod failure;
mod net;
mod plan;
mod report;
mod rng;
mod server;
mod sheet;
mod store;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use case::GROUPS;
use failure::{Outcome, fail};
use plan::{Instead, Plan, USAGE};
use report::Session;
use server::Server;
use server::cyrus::Cyrus;
use server::dovecot::Dovecot;
use server::koi::Koi;
use sheet::Sheet;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let plan = Plan::from_arguments(std::env::args().skip(1))?;
    let repository = plan::repository()?;
    let table = repository.join("docs/BENCHMARKS.md");
    match plan.instead {
        Some(Instead::Help) => println!("{USAGE}"),
        Some(Instead::List) => list(),
        None => measure(&plan, &repository, &table)?,
    }
    Ok(())
}

fn list() {
    for group in GROUPS {
        println!("{}", group.name);
        for row in group.rows {
            println!("  {:<16} {} ({})", row.name, row.what, report::owed(row, None));
        }
    }
}

fn measure(plan: &Plan, repository: &Path, table: &Path) -> Outcome<()> {
    let known = |case: &String| {
        case == "all"
            || GROUPS.iter().any(|group| group.name == case || group.rows.iter().any(|row| row.name == case))
    };
    if let Some(case) = plan.cases.iter().find(|case| !known(case)) {
        return fail(format!("there is no case {case}; see --list"));
    }
    let folder = plan::work_folder()?;
    let load = device::load();
    let mut servers = servers(plan, repository, &folder)?;
    let mut versions = Vec::new();
    for server in &servers {
        versions.push(server.version()?);
    }
    let session = Session { commit: report::commit(repository)?, load, versions };
    let mut sheet = Sheet::default();
    for group in GROUPS {
        let done = group.run(&mut servers, plan, &mut sheet, &folder);
        if !plan.no_write {
            report::write(table, &sheet, plan, &session, &folder)?;
        }
        if let Err(failure) = done {
            // One group that fails must not hide what the others say.
            eprintln!("bench: {failure}");
            // What went wrong may name files of this machine: that is for the terminal.
            sheet.note(group.name, "failed, the last time it was tried".to_string());
        }
    }
    Ok(())
}

fn servers(plan: &Plan, repository: &Path, folder: &Path) -> Outcome<Vec<Box<dyn Server>>> {
    let only = |name: &str| plan.only.as_deref().is_none_or(|only| only == name);
    // A peer's packages are needed for its own groups only.
    let is_peer = |name: &str| GROUPS.iter().any(|group| group.peer == name && group.is_wanted(plan));
    let wanted = |name: &str| only(name) && (name == "koi" || is_peer(name));
    let mut servers: Vec<Box<dyn Server>> = Vec::new();
    if wanted("koi") {
        let given = plan.koi.clone().or_else(|| std::env::var_os("KOI_BIN").map(PathBuf::from));
        let program = given.map_or_else(|| build_koi(repository), Ok)?;
        servers.push(Box::new(Koi::new(&program, &folder.join("koi"))?));
    }
    if wanted("dovecot") {
        servers.push(Box::new(Dovecot::new(&folder.join("dovecot"))?));
    }
    if wanted("cyrus") {
        servers.push(Box::new(Cyrus::new(&folder.join("cyrus"))?));
    }
    if servers.is_empty() {
        return fail("--only koi, --only dovecot or --only cyrus, which has the cases of JMAP only");
    }
    Ok(servers)
}

/// Builds Koi's release binary where this tool was built.
fn build_koi(repository: &Path) -> Outcome<PathBuf> {
    let own = std::env::current_exe()?;
    let mut build = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string()));
    build.current_dir(repository).args(["build", "--release", "--quiet", "--package", "koi"]);
    match build.status()?.success() {
        true => Ok(own.with_file_name("koi")),
        false => fail("koi does not build"),
    }
}
