//! `koi index`.

use koi_server::Problem;
use koi_server::admin::{IndexAction, IndexLine, Reply, Request};
use koi_server::config::Config;

use crate::cli::Index;
use crate::terminal::say;

pub(crate) fn run(config: &Config, arguments: Index) -> Result<(), Problem> {
    let (action, account) = match arguments {
        Index::Show(of) => (IndexAction::Show, of.account),
        Index::Build(of) => (IndexAction::Build, of.account),
        Index::Rebuild(of) => (IndexAction::Rebuild, of.account),
        Index::Drop(of) => (IndexAction::Drop, of.account),
    };
    match super::ask_long(config, &Request::Index { action, account }, "index")? {
        Reply::Indexes(lines) => lines.iter().for_each(show),
        other => return Err(super::unexpected(other)),
    }
    Ok(())
}

fn show(line: &IndexLine) {
    let address = &line.address;
    let Some(index) = line.index else { return say(format_args!("{address}: no index")) };
    let state = if index.complete { "complete" } else { "not yet complete" };
    say(format_args!(
        "{address}: {} emails, {} of at most {} octets, {} segments, {state}",
        index.emails, index.octets, index.octets_max, index.segments
    ));
}
