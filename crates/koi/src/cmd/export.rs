//! `koi export`.

use std::time::Instant;

use koi_server::Problem;
use koi_server::admin::{Reply, Request};
use koi_server::config::Config;

use crate::cli::Export;

pub(crate) fn run(config: &Config, arguments: &Export) -> Result<(), Problem> {
    let request =
        Request::Export { path: super::absolute(&arguments.path)?, account: arguments.account.clone() };
    let began = Instant::now();
    match super::ask_long(config, &request, "export")? {
        Reply::Moved(moved) => super::import::report("exported", &moved, began),
        other => Err(super::unexpected(other)),
    }
}
