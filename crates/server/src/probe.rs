//! Has the index of the store read through by a process of its own, because reading a page that was damaged
//! on the disk can end the process that does it (`koi_store::engine::probe_index`). When the probe does not
//! come back well, the index is marked, and built again from the journal at the next opening.
//!
//! Must not: run where nothing is suspected, except for `koi check`; the mail is safe in the journal either
//! way.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use koi_store::engine::{Embedded, Probe, mark_index_damaged, probe_index, unclean_ends};

use crate::problem::Problem;

/// The hidden subcommand of `koi` that is the probe; followed by the folder of the store and one of the
/// words.
pub const SUBCOMMAND: &str = "probe-index";
const OPENING: &str = "opening";
const WHOLE: &str = "whole";
/// After so many unclean ends in a row the whole index is read before it is opened: it may be what ends us.
const UNCLEAN_ENDS_MAX: u32 = 3;

/// The probe's process: reads, and says what is wrong.
pub fn run(folder: &Path, how: &str) -> Result<(), Problem> {
    let probe = if how == WHOLE { Probe::Whole } else { Probe::Opening };
    probe_index(folder, probe).map_err(|why| Problem::new(why, ""))
}

/// Before a store is opened that was not closed: does not let the index end us too.
pub(crate) fn before_opening(folder: &Path) {
    match unclean_ends(folder) {
        0 => {}
        1..UNCLEAN_ENDS_MAX => drop(ask(folder, OPENING)),
        _ => drop(ask(folder, WHOLE)),
    }
}

/// Reads everything; what was wrong, in words for a person. The index is marked then.
pub fn whole(folder: &Path) -> Option<String> {
    ask(folder, WHOLE)
}

/// The same behind a running server that found the store unclosed.
pub(crate) fn behind(folder: &Path, store: &Arc<Embedded>) {
    let began = std::time::Instant::now();
    match ask(folder, WHOLE) {
        None => tracing::info!(took = ?began.elapsed(), "the index was read through after an unclean end"),
        Some(why) => {
            tracing::error!(why, "the index is damaged; start again, and it is built from the journal")
        }
    }
    store.forget_dead_readers();
}

fn ask(folder: &Path, how: &str) -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let mut command = Command::new(program);
    command.arg(SUBCOMMAND).arg(folder).arg(how);
    let output = command.stdin(Stdio::null()).output().ok()?;
    if output.status.success() {
        return None;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let why = said.lines().next().filter(|_| output.status.code().is_some()).unwrap_or("it cannot be read");
    if let Err(error) = mark_index_damaged(folder) {
        tracing::error!(%error, "the damaged index cannot be marked; remove it by hand: it is built again");
    }
    Some(why.to_owned())
}
