//! `koi stop`: asks for the end and waits for it.

use koi_server::Problem;
use koi_server::admin::{Request, client};
use koi_server::config::Config;

use crate::terminal::say;

pub(crate) fn run(config: &Config) -> Result<(), Problem> {
    if client::connect(config)?.is_none() {
        say("no server is running on this folder");
        return Ok(());
    }
    super::ask(config, &Request::Shutdown)?;
    say("the server has stopped");
    Ok(())
}
