//! `koi config show`.

use std::path::PathBuf;

use koi_server::Problem;
use koi_server::config::{docs, raw, resolve};

use crate::cli::Config;
use crate::terminal::print;

pub(crate) fn run(arguments: Config, file: impl FnOnce() -> Result<PathBuf, Problem>) -> Result<(), Problem> {
    let Config::Show { defaults } = arguments;
    if defaults {
        print(&docs::defaults_file());
        return Ok(());
    }
    let raw = raw::read(&file()?)?;
    // Shown only when it is valid.
    resolve::resolve(&raw)?;
    print(&docs::in_force(&raw));
    Ok(())
}
