//! `koi disclose`.

use koi_server::Problem;
use koi_server::admin::{Reply, Request};
use koi_server::config::Config;

use crate::cli::Disclose;
use crate::terminal::say;

pub(crate) fn run(config: &Config, arguments: &Disclose) -> Result<(), Problem> {
    let request =
        Request::Disclose { path: super::absolute(&arguments.path)?, account: arguments.account.clone() };
    let Reply::Disclosed(disclosed) = super::ask_long(config, &request, "disclose")? else {
        return Err(Problem::new("the server did not answer that", "use the `koi` of the server's version"));
    };
    disclosed.lines.iter().for_each(say);
    let (opened, messages) = (disclosed.opened, disclosed.messages);
    say(format_args!("{opened} of {messages} messages opened"));
    Ok(())
}
