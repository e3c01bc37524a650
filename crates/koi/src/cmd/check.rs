//! `koi check [--repair]`.

use koi_server::admin::{Checked, Reply, Request};
use koi_server::config::Config;
use koi_server::{Exit, Problem};

use crate::cli::Check;
use crate::terminal::say;

pub(crate) fn run(config: &Config, arguments: &Check) -> Result<(), Problem> {
    let Reply::Checked(checked) =
        super::ask_long(config, &Request::Check { repair: arguments.repair }, "check")?
    else {
        return Err(Problem::new("the server did not check", "use the `koi` of the server's version"));
    };
    let Checked { findings, repaired, rows } = checked;
    findings.iter().for_each(say);
    if findings.is_empty() {
        say(format_args!("checked {rows} rows: everything is in order"));
        return Ok(());
    }
    let count = findings.len();
    if arguments.repair {
        say(format_args!("repaired {repaired} of {count} findings"));
        if repaired as usize >= count {
            return Ok(());
        }
    }
    let remedy =
        if arguments.repair { "restore the folder from a backup" } else { "run `koi check --repair`" };
    let problem = Problem::new(format!("{count} findings in {rows} rows"), remedy);
    Err(Problem { exit: Exit::Findings, ..problem })
}
