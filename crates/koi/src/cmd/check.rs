//! `koi check [--repair]`.

use koi_server::admin::{Checked, Reply, Request};
use koi_server::config::Config;
use koi_server::{Exit, Problem};

use crate::cli::Check;
use crate::terminal::say;

pub(crate) fn run(config: &Config, arguments: &Check) -> Result<(), Problem> {
    if let Some(why) = koi_server::probe::whole(&koi_server::folder::store(&config.data)) {
        say(format_args!(
            "the index is damaged ({why}); it is built again from the journal when the store is opened"
        ));
        if koi_server::admin::client::connect(config)?.is_some() {
            return Err(Problem {
                exit: Exit::Findings,
                ..Problem::new("the running server has a damaged index", "start it again; no mail is lost")
            });
        }
    }
    let Reply::Checked(checked) =
        super::ask_long(config, &Request::Check { repair: arguments.repair }, "check")?
    else {
        return Err(Problem::new("the server did not check", "use the `koi` of the server's version"));
    };
    let Checked { findings, repaired, left } = checked;
    findings.iter().for_each(say);
    let count = findings.len();
    if count == 0 {
        say("everything is in order");
        return Ok(());
    }
    if arguments.repair {
        say(format_args!("{count} findings, {repaired} rows put right, {left} findings left"));
        if left == 0 {
            return Ok(());
        }
    }
    let remedy = if arguments.repair {
        "restore the folder from a backup, or `koi export` what is readable"
    } else {
        "run `koi check --repair`"
    };
    let problem = Problem::new(format!("the check found {count} things that are wrong"), remedy);
    Err(Problem { exit: Exit::Findings, ..problem })
}
