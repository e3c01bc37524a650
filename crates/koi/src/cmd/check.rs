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
    let count = findings.len() as u64;
    if count == 0 {
        say("everything is in order");
        return Ok(());
    }
    if arguments.repair {
        say(format_args!(
            "{}, {} put right, {left} left",
            counted(count, "finding"),
            counted(repaired, "thing")
        ));
        if left == 0 {
            return Ok(());
        }
    }
    let remedy = if arguments.repair {
        "restore what is damaged from a backup, or `koi export` what can be read"
    } else {
        "run `koi check --repair`: it puts right what can be"
    };
    let wrong = if count == 1 {
        "1 thing that is wrong".to_owned()
    } else {
        format!("{count} things that are wrong")
    };
    let problem = Problem::new(format!("the check found {wrong}"), remedy);
    Err(Problem { exit: Exit::Findings, ..problem })
}

fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
