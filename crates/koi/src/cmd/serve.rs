//! `koi serve`.

use std::path::Path;

use koi_server::{Problem, server};

use crate::terminal::say;

pub(crate) fn run(file: &Path) -> Result<(), Problem> {
    let start = server::start(file)?;
    server::run(
        start,
        |_| Ok(()),
        || {
            say("ready");
            Ok(())
        },
    )
}
